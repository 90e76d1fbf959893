"""Losses, summed over the outputs and over the samples of a batch, and their gradients.

`FROM_LOGITS` are the losses whose output activation cancels out of the gradient: they read Z and give dZ.
`FROM_OUTPUTS` read A and give dA. Targets Y are rows (n, K); a class is a one-hot row.
"""

import numpy as np
from scipy.special import logsumexp


def softmax_cross_entropy(dZ, Z, Y):
    """L = sum_ik y_ik (log sum_j exp(z_ij) - z_ik), dZ = softmax(Z) - Y; Z, Y (n, K) -> dZ (n, K)."""
    log_probabilities = Z - Z.max(axis=1, keepdims=True)
    log_probabilities -= logsumexp(log_probabilities, axis=1, keepdims=True)
    dZ[:] = np.exp(log_probabilities) - Y
    return -np.sum(Y * log_probabilities, dtype=np.float64)


def binary_cross_entropy_with_logits(dZ, Z, Y):
    """L = sum_ik max(z_ik, 0) - y_ik z_ik + log(1 + exp(-|z_ik|)), dZ = sigmoid(Z) - Y; Z, Y (n, K) -> dZ (n, K)."""
    exponentials = np.exp(-np.abs(Z))
    dZ[:] = np.where(Z >= 0, 1, exponentials) / (1 + exponentials) - Y
    return np.sum(np.maximum(Z, 0) - Y * Z + np.log1p(exponentials), dtype=np.float64)


def binary_cross_entropy(dA, A, Y):
    """L = -sum_ik y_ik log(a_ik) + (1 - y_ik) log(1 - a_ik), dA = (A - Y) / (A (1 - A)); A, Y (n, K) -> dA (n, K)."""
    smallest = np.finfo(A.dtype).eps
    A = np.clip(A, smallest, 1 - smallest)
    dA[:] = (A - Y) / (A * (1 - A))
    return -np.sum(Y * np.log(A) + (1 - Y) * np.log1p(-A), dtype=np.float64)


def squared_error(dA, A, Y):
    """L = sum_ik (a_ik - y_ik)^2, dA = 2 (A - Y); A, Y (n, K) -> dA (n, K)."""
    difference = A - Y
    dA[:] = 2 * difference
    return np.sum(difference * difference, dtype=np.float64)


FROM_LOGITS = (softmax_cross_entropy, binary_cross_entropy_with_logits)
FROM_OUTPUTS = (binary_cross_entropy, squared_error)
