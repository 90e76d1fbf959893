"""Losses, summed over the outputs and over the samples of a batch, and their gradients.

`FROM_LOGITS` are the losses whose output activation cancels out of the gradient: they read Z and give dZ.
`FROM_OUTPUTS` read A and give dA. Targets Y are rows (n, K); a class is a one-hot row.
Sums over samples are kept in double precision.
"""

import math

import numpy as np

from fastnn.backends.numba_backend.activations import row_maximum
from fastnn.backends.numba_backend.compilation import entry_point
from fastnn.backends.numba_backend.vector_math import exp, log1p


@entry_point
def softmax_cross_entropy(dZ, Z, Y):
    """L = sum_ik y_ik (log sum_j exp(z_ij) - z_ik), dZ = softmax(Z) - Y; Z, Y (n, K) -> dZ (n, K)."""
    n, n_outputs = Z.shape
    total = 0.0
    for i in range(n):
        largest = row_maximum(Z, i)
        exponentials = Z.dtype.type(0)
        for k in range(n_outputs):
            dZ[i, k] = exp(Z[i, k] - largest)
        for k in range(n_outputs):
            exponentials += dZ[i, k]
        log_sum = math.log(exponentials)
        for k in range(n_outputs):
            y = Y[i, k]
            total += y * (log_sum - (Z[i, k] - largest))
            dZ[i, k] = dZ[i, k] / exponentials - y
    return total


@entry_point
def binary_cross_entropy_with_logits(dZ, Z, Y):
    """L = sum_ik max(z_ik, 0) - y_ik z_ik + log(1 + exp(-|z_ik|)), dZ = sigmoid(Z) - Y; Z, Y (n, K) -> dZ (n, K)."""
    n, n_outputs = Z.shape
    zero, one = Z.dtype.type(0), Z.dtype.type(1)
    total = 0.0
    for i in range(n):
        for k in range(n_outputs):
            z, y = Z[i, k], Y[i, k]
            e = exp(-abs(z))
            dZ[i, k] = (one if z >= 0 else e) / (one + e) - y
            total += max(z, zero) - y * z + log1p(e)
    return total


@entry_point
def binary_cross_entropy(dA, A, Y):
    """L = -sum_ik y_ik log(a_ik) + (1 - y_ik) log(1 - a_ik), dA = (A - Y) / (A (1 - A)); A, Y (n, K) -> dA (n, K)."""
    n, n_outputs = A.shape
    one, smallest = A.dtype.type(1), np.finfo(A.dtype).eps
    total = 0.0
    for i in range(n):
        for k in range(n_outputs):
            y = Y[i, k]
            a = max(min(A[i, k], one - smallest), smallest)
            dA[i, k] = (a - y) / (a * (one - a))
            total -= y * math.log(a) + (one - y) * math.log1p(-a)
    return total


@entry_point
def squared_error(dA, A, Y):
    """L = sum_ik (a_ik - y_ik)^2, dA = 2 (A - Y); A, Y (n, K) -> dA (n, K)."""
    n, n_outputs = A.shape
    total = 0.0
    for i in range(n):
        for k in range(n_outputs):
            difference = A[i, k] - Y[i, k]
            dA[i, k] = A.dtype.type(2) * difference
            total += difference * difference
    return total


FROM_LOGITS = (softmax_cross_entropy, binary_cross_entropy_with_logits)
FROM_OUTPUTS = (binary_cross_entropy, squared_error)
