"""Losses, summed over the outputs of each sample, and their gradients.

`FROM_LOGITS` include the output activation, because its exponentials cancel: they read Z and compute dZ. `FROM_OUTPUTS` read
A and compute dA. Targets Y are rows (n, K); a class is a one-hot row. `options` (m,) are those of the loss, in double
precision. With label smoothing s, targets become y' = (1 - s) y + s / K. A ceiling limits the reported loss, not the
gradient.
"""

from collections.abc import Callable

import numpy as np

from fastnn.backends.numpy_backend.activations import _over_arrays


def target_shares(options, n_values):
    """(1 - s, s / c), the coefficients of smoothed targets y' = (1 - s) y + s / c over c values; s is the first option."""
    smoothing = float(options[0])
    return 1 - smoothing, smoothing / n_values


def softmax_cross_entropy(losses, dZ, Z, Y, options):
    """L_i = sum_k y_ik (log sum_j exp(z_ij) - z_ik), dZ = softmax(Z) - Y; Z, Y (n, K) -> L (n,), dZ (n, K)."""
    kept, added = target_shares(options, Z.shape[1])
    Y = kept * Y + added
    log_probabilities = Z - Z.max(axis=1, keepdims=True)
    log_probabilities -= np.log(np.exp(log_probabilities).sum(axis=1, keepdims=True))
    dZ[:] = np.exp(log_probabilities) - Y
    losses[:] = np.minimum(-np.sum(Y * log_probabilities, axis=1), options[1])


def binary_cross_entropy_with_logits(losses, dZ, Z, Y, options):
    """L_i = sum_k max(z_ik, 0) - y_ik z_ik + log(1 + exp(-|z_ik|)), dZ = sigmoid(Z) - Y; Z, Y (n, K) -> L (n,), dZ (n, K)."""
    kept, added = target_shares(options, 2)
    Y, exponentials = kept * Y + added, np.exp(-np.abs(Z))
    dZ[:] = np.where(Z >= 0, 1, exponentials) / (1 + exponentials) - Y
    losses[:] = np.sum(np.minimum(np.maximum(Z, 0) - Y * Z + np.log1p(exponentials), options[1]), axis=1)


def binary_cross_entropy_with_softmax(losses, dZ, Z, Y, options):
    """L_i = -sum_k y_ik log(p_ik) + (1 - y_ik) log(1 - p_ik), P = softmax(Z); Z, Y (n, K) -> L (n,), dZ (n, K).

    1 - p_k is the probability of all classes but k: log(1 - p_k) = log sum_{j != k} exp(z_j) - log sum_j exp(z_j). With q^k
    the softmax over all classes but k, the derivative is dz_j = K p_j - y_j - sum_k (1 - y_k) q^k_j.
    """
    kept, added = target_shares(options, 2)
    Y, n_outputs = kept * Y + added, Z.shape[1]
    Z = Z - Z.max(axis=1, keepdims=True)
    exponentials = np.exp(Z).sum(axis=1, keepdims=True)
    log_sum = np.log(exponentials)
    others = np.where(np.eye(n_outputs, dtype=bool), -np.inf, Z[:, np.newaxis, :])
    largest = others.max(axis=2, keepdims=True)
    rest = np.exp(others - largest).sum(axis=2, keepdims=True)
    Q, log_rest = np.exp(others - largest) / rest, (largest + np.log(rest))[:, :, 0]
    dZ[:] = n_outputs * np.exp(Z) / exponentials - Y - np.einsum("ik,ikj->ij", 1 - Y, Q)
    losses[:] = np.sum(np.minimum(Y * (log_sum - Z) + (1 - Y) * (log_sum - log_rest), options[1]), axis=1)


def poisson(losses, dZ, Z, Y, options):
    """L_i = sum_k exp(z_ik) - y_ik z_ik, dZ = exp(Z) - Y; Z, Y (n, K) -> L (n,), dZ (n, K)."""
    rates = np.exp(Z)
    dZ[:] = rates - Y
    losses[:] = np.sum(rates - Y * Z, axis=1)


def squared_error(losses, dA, A, Y, options):
    """L_i = c sum_k (a_ik - y_ik)^2, dA = 2 c (A - Y); A, Y (n, K) -> L (n,), dA (n, K); c is the only option."""
    scale, difference = float(options[0]), A - Y
    dA[:] = 2 * scale * difference
    losses[:] = np.sum(scale * difference * difference, axis=1)


def absolute_error(losses, dA, A, Y, options):
    """L_i = sum_k |a_ik - y_ik|, dA = sign(A - Y); A, Y (n, K) -> L (n,), dA (n, K)."""
    difference = A - Y
    dA[:] = np.sign(difference)
    losses[:] = np.sum(np.abs(difference), axis=1)


def huber(losses, dA, A, Y, options):
    """L_i = sum_k c_ik (r_ik - c_ik / 2), R = A - Y, dA = C = min(max(R, -d), d); A, Y (n, K) -> L (n,), dA (n, K).

    That is r^2 / 2 where |r| <= d, and d (|r| - d / 2) beyond; d is the only option.
    """
    delta, difference = float(options[0]), A - Y
    clipped = np.clip(difference, -delta, delta)
    dA[:] = clipped
    losses[:] = np.sum(clipped * (difference - clipped / 2), axis=1)


def quantile(losses, dA, A, Y, options):
    """L_i = sum_k max(-q_k r_ik, (1 - q_k) r_ik), R = A - Y, dA = [R > 0] - q, 0 at 0; A, Y (n, K) -> L (n,), dA (n, K).

    The levels q are the options, repeated for each target: outputs are grouped by target, with one output per level.
    """
    levels, difference = np.resize(options, A.shape[1]).astype(A.dtype), A - Y
    dA[:] = np.where(difference == 0, 0, (difference > 0) - levels)
    losses[:] = np.sum(np.maximum(-levels * difference, (1 - levels) * difference), axis=1)


def weigh(losses, dZ, relative_weights):
    """L_i <- c_i L_i, dz_i <- c_i dz_i, so that means become weighted means; c (n,), dZ (n, K)."""
    losses *= relative_weights
    dZ *= relative_weights[:, np.newaxis].astype(dZ.dtype)


FROM_LOGITS = (softmax_cross_entropy, binary_cross_entropy_with_logits, binary_cross_entropy_with_softmax, poisson)
FROM_OUTPUTS = (squared_error, absolute_error, huber, quantile)

#: Registered losses, by code.
ADDED: dict[int, Callable] = {}


def add_loss(code, function, derivative):
    """Register L_i = sum_k l(a_ik, y_ik) and dA: functions of arrays, or scalar functions compiled by Numba."""
    function, derivative = _over_arrays(function), _over_arrays(derivative)

    def compute(losses, dA, A, Y, options):
        values = function(A, Y)
        losses[:] = values if values.ndim == 1 else np.sum(values, axis=1)
        dA[:] = derivative(A, Y)

    ADDED[code] = compute


def find_loss(code):
    """The loss with that code."""
    return ADDED[code] if code in ADDED else (FROM_LOGITS + FROM_OUTPUTS)[code]
