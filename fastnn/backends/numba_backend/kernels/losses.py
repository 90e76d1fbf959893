"""Losses, summed over the outputs of each sample, and their gradients, as operations.

Those computed from logits include the output activation, because its exponentials cancel: they read Z and compute dZ. The
others read A and compute dA. Targets Y are rows (n, K); a class is a one-hot row. `options` (m,) are those of the loss, in
double precision. With label smoothing s, targets become y' = (1 - s) y + s / K. A ceiling limits the reported loss, not the
gradient. Blocks are column-major, so that loops are vectorised over samples, as there are often few outputs. Sums are in
double precision.
"""

import numpy as np

from fastnn.backends.numba_backend.kernels.activations import exponentials
from fastnn.backends.numba_backend.kernels.compilation import inlined, kernel
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.scratch import SCRATCH, scratch
from fastnn.backends.numba_backend.kernels.vector_math import exp, log, log1p
from fastnn.backends.numba_backend.kernels.views import column


@inlined
def target_shares(options, n_values):
    """(1 - s, s / c), the coefficients of smoothed targets y' = (1 - s) y + s / c over c values; s is the first option."""
    return 1 - options[0], options[0] / n_values


@inlined
def _cut(loss, options):
    """The loss, limited to the ceiling, the second option; NaN stays NaN."""
    return options[1] if loss > options[1] else loss


@body()
def softmax_cross_entropy(losses, dZ, Z, Y, options):
    """L_i = sum_k y_ik (log sum_j exp(z_ij) - z_ik), dZ = softmax(Z) - Y; Z, Y (n, K) -> L (n,), dZ (n, K)."""
    n, n_outputs = Z.shape
    real, (kept, added) = Z.dtype.type, target_shares(options, n_outputs)
    kept, added = real(kept), real(added)
    largest, totals, log_sums = scratch(Z), scratch(Z), scratch(Z)
    for start in range(0, n, SCRATCH):
        stop = min(start + SCRATCH, n)
        exponentials(dZ, largest, totals, Z, start, stop)
        loss = losses[start:stop]
        for i in range(stop - start):
            log_sums[i] = log(totals[i])
        loss[:] = 0
        for k in range(n_outputs):
            z, dz, y = column(Z, k, start, stop), column(dZ, k, start, stop), column(Y, k, start, stop)
            for i in range(stop - start):
                loss[i] += (kept * y[i] + added) * (log_sums[i] - (z[i] - largest[i]))
            for i in range(stop - start):
                dz[i] = dz[i] / totals[i] - (kept * y[i] + added)
        for i in range(stop - start):
            loss[i] = _cut(loss[i], options)


@body()
def binary_cross_entropy_with_logits(losses, dZ, Z, Y, options):
    """L_i = sum_k max(z_ik, 0) - y_ik z_ik + log(1 + exp(-|z_ik|)), dZ = sigmoid(Z) - Y; Z, Y (n, K) -> L (n,), dZ (n, K)."""
    n, n_outputs = Z.shape
    real, (kept, added) = Z.dtype.type, target_shares(options, 2)
    zero, one = real(0), real(1)
    losses[:] = 0
    for k in range(n_outputs):
        for i in range(n):
            z, y = Z[i, k], real(kept) * Y[i, k] + real(added)
            e = exp(-abs(z))
            dZ[i, k] = (one if z >= 0 else e) / (one + e) - y
            losses[i] += _cut(max(z, zero) - y * z + log1p(e), options)


@body()
def binary_cross_entropy_with_softmax(losses, dZ, Z, Y, options):
    """L_i = -sum_k y_ik log(p_ik) + (1 - y_ik) log(1 - p_ik), P = softmax(Z); Z, Y (n, K) -> L (n,), dZ (n, K).

    1 - p_k is the probability of all classes but k: log(1 - p_k) = log sum_{j != k} exp(z_j) - log sum_j exp(z_j). With q^k
    the softmax over all classes but k, the derivative is dz_j = K p_j - y_j - sum_k (1 - y_k) q^k_j.
    """
    n, n_outputs = Z.shape
    real, (kept, added) = Z.dtype.type, target_shares(options, 2)
    one = real(1)
    for i in range(n):
        total = 0.0
        largest, exponentials = _exponentials_of_others(Z, i, -1)
        log_sum = log(exponentials)
        for j in range(n_outputs):
            dZ[i, j] = real(n_outputs) * exp(Z[i, j] - largest) / exponentials - (real(kept) * Y[i, j] + real(added))
        for k in range(n_outputs):
            y = real(kept) * Y[i, k] + real(added)
            largest_rest, rest = _exponentials_of_others(Z, i, k)
            log_rest = (largest_rest - largest) + log(rest)
            total += _cut(y * (log_sum - (Z[i, k] - largest)) + (one - y) * (log_sum - log_rest), options)
            for j in range(n_outputs):
                if j != k:
                    dZ[i, j] -= (one - y) * exp(Z[i, j] - largest_rest) / rest
        losses[i] = total


@kernel
def _exponentials_of_others(Z, i, k):
    """m = max_{j != k} z_ij and sum_{j != k} exp(z_ij - m); Z (n, K)."""
    largest = Z[i, 1] if k == 0 else Z[i, 0]
    for j in range(Z.shape[1]):
        if j != k:
            largest = max(largest, Z[i, j])
    total = Z.dtype.type(0)
    for j in range(Z.shape[1]):
        if j != k:
            total += exp(Z[i, j] - largest)
    return largest, total


@body()
def poisson(losses, dZ, Z, Y, options):
    """L_i = sum_k exp(z_ik) - y_ik z_ik, dZ = exp(Z) - Y; Z, Y (n, K) -> L (n,), dZ (n, K)."""
    n, n_outputs = Z.shape
    losses[:] = 0
    for k in range(n_outputs):
        for i in range(n):
            rate = exp(Z[i, k])
            dZ[i, k] = rate - Y[i, k]
            losses[i] += rate - Y[i, k] * Z[i, k]


@body()
def squared_error(losses, dA, A, Y, options):
    """L_i = c sum_k (a_ik - y_ik)^2, dA = 2 c (A - Y); A, Y (n, K) -> L (n,), dA (n, K); c is the only option."""
    (n, n_outputs), scale, slope = A.shape, A.dtype.type(options[0]), A.dtype.type(2 * options[0])
    losses[:] = 0
    for k in range(n_outputs):
        for i in range(n):
            difference = A[i, k] - Y[i, k]
            dA[i, k] = slope * difference
            losses[i] += scale * difference * difference


@body()
def absolute_error(losses, dA, A, Y, options):
    """L_i = sum_k |a_ik - y_ik|, dA = sign(A - Y); A, Y (n, K) -> L (n,), dA (n, K)."""
    n, n_outputs = A.shape
    losses[:] = 0
    for k in range(n_outputs):
        for i in range(n):
            difference = A[i, k] - Y[i, k]
            dA[i, k] = np.sign(difference)
            losses[i] += abs(difference)


@body()
def huber(losses, dA, A, Y, options):
    """L_i = sum_k c_ik (r_ik - c_ik / 2), R = A - Y, dA = C = min(max(R, -d), d); A, Y (n, K) -> L (n,), dA (n, K).

    That is r^2 / 2 where |r| <= d, and d (|r| - d / 2) beyond; d is the only option.
    """
    (n, n_outputs), delta, half = A.shape, A.dtype.type(options[0]), A.dtype.type(0.5)
    losses[:] = 0
    for k in range(n_outputs):
        for i in range(n):
            difference = A[i, k] - Y[i, k]
            clipped = min(max(difference, -delta), delta)
            dA[i, k] = clipped
            losses[i] += clipped * (difference - half * clipped)


@body()
def quantile(losses, dA, A, Y, options):
    """L_i = sum_k max(-q_k r_ik, (1 - q_k) r_ik), R = A - Y, dA = [R > 0] - q, 0 at 0; A, Y (n, K) -> L (n,), dA (n, K).

    The levels q are the options, repeated for each target: outputs are grouped by target, with one output per level.
    """
    (n, n_outputs), zero, one = A.shape, A.dtype.type(0), A.dtype.type(1)
    losses[:] = 0
    for k in range(n_outputs):
        level = A.dtype.type(options[k % len(options)])
        for i in range(n):
            difference = A[i, k] - Y[i, k]
            above = one if difference > 0 else zero
            dA[i, k] = zero if difference == 0 else above - level
            losses[i] += max(-level * difference, (one - level) * difference)


@body()
def weigh(losses, dZ, relative_weights):
    """L_i <- c_i L_i, dz_i <- c_i dz_i, so that means become weighted means; c (n,), dZ (n, K)."""
    for i in range(len(losses)):
        losses[i] *= relative_weights[i]
        for k in range(dZ.shape[1]):
            dZ[i, k] *= dZ.dtype.type(relative_weights[i])
