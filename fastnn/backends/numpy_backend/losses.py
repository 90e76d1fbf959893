"""Losses, summed over the outputs of each sample, and their gradients.

`FROM_LOGITS` take the output activation into the formula, where its exponentials cancel: they read Z and give dZ.
`FROM_OUTPUTS` read A and give dA. Targets Y are rows (n, K); a class is a one-hot row.
"""

import numpy as np


def softmax_cross_entropy(losses, dZ, Z, Y):
    """L_i = sum_k y_ik (log sum_j exp(z_ij) - z_ik), dZ = softmax(Z) - Y; Z, Y (n, K) -> L (n,), dZ (n, K)."""
    log_probabilities = Z - Z.max(axis=1, keepdims=True)
    log_probabilities -= np.log(np.exp(log_probabilities).sum(axis=1, keepdims=True))
    dZ[:] = np.exp(log_probabilities) - Y
    losses[:] = -np.sum(Y * log_probabilities, axis=1)


def binary_cross_entropy_with_logits(losses, dZ, Z, Y):
    """L_i = sum_k max(z_ik, 0) - y_ik z_ik + log(1 + exp(-|z_ik|)), dZ = sigmoid(Z) - Y; Z, Y (n, K) -> L (n,), dZ (n, K)."""
    exponentials = np.exp(-np.abs(Z))
    dZ[:] = np.where(Z >= 0, 1, exponentials) / (1 + exponentials) - Y
    losses[:] = np.sum(np.maximum(Z, 0) - Y * Z + np.log1p(exponentials), axis=1)


def binary_cross_entropy_with_softmax(losses, dZ, Z, Y):
    """L_i = -sum_k y_ik log(p_ik) + (1 - y_ik) log(1 - p_ik), P = softmax(Z); Z, Y (n, K) -> L (n,), dZ (n, K).

    1 - p_k is the probability of all classes but k: log(1 - p_k) = log sum_{j != k} exp(z_j) - log sum_j exp(z_j), whose
    derivative brings in q^k, the softmax over all classes but k: dz_j = K p_j - y_j - sum_k (1 - y_k) q^k_j.
    """
    n_outputs = Z.shape[1]
    Z = Z - Z.max(axis=1, keepdims=True)
    exponentials = np.exp(Z).sum(axis=1, keepdims=True)
    log_sum = np.log(exponentials)
    others = np.where(np.eye(n_outputs, dtype=bool), -np.inf, Z[:, np.newaxis, :])
    largest = others.max(axis=2, keepdims=True)
    rest = np.exp(others - largest).sum(axis=2, keepdims=True)
    Q, log_rest = np.exp(others - largest) / rest, (largest + np.log(rest))[:, :, 0]
    dZ[:] = n_outputs * np.exp(Z) / exponentials - Y - np.einsum("ik,ikj->ij", 1 - Y, Q)
    losses[:] = np.sum(Y * (log_sum - Z) + (1 - Y) * (log_sum - log_rest), axis=1)


def squared_error(losses, dA, A, Y):
    """L_i = sum_k (a_ik - y_ik)^2, dA = 2 (A - Y); A, Y (n, K) -> L (n,), dA (n, K)."""
    difference = A - Y
    dA[:] = 2 * difference
    losses[:] = np.sum(difference * difference, axis=1)


FROM_LOGITS = (softmax_cross_entropy, binary_cross_entropy_with_logits, binary_cross_entropy_with_softmax)
FROM_OUTPUTS = (squared_error,)
