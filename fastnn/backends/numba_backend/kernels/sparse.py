"""The two products of the first layer with a sparse X; an operation gets some of its rows (`operations.Sparse`)."""

import numpy as np

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.registry import body


@body()
def affine_sparse(Z, X, W, b):
    """Z = X W + b, a sum over the non-zero entries of each row; X (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out).

    It takes four entries at a time, so that the sums are loaded and stored only once for all four.
    """
    for i in range(len(Z)):
        z, start, stop = Z[i], X.places[i, 0], X.places[i, 1]
        for k in range(len(b)):
            z[k] = b[k]
        rest = stop - (stop - start) % 4
        for p in range(start, rest, 4):
            x0, x1, x2, x3 = X.data[p], X.data[p + 1], X.data[p + 2], X.data[p + 3]
            w0, w1, w2, w3 = _row(W, X, p), _row(W, X, p + 1), _row(W, X, p + 2), _row(W, X, p + 3)
            for k in range(len(b)):
                z[k] = z[k] + x0 * w0[k] + x1 * w1[k] + x2 * w2[k] + x3 * w3[k]
        for p in range(rest, stop):
            x, w = X.data[p], _row(W, X, p)
            for k in range(len(b)):
                z[k] += x * w[k]


@inlined
def _row(W, X, p):
    """The row of W that belongs to entry p of X; an unsigned index needs no check for negative values."""
    return W[np.uint64(X.indices[p])]


@inlined
def _add_products(C, dZ, X, first, factor):
    """C <- C + factor X^T dZ, for the m columns of X from `first` on; dZ (n, n_out) -> C (m, n_out)."""
    for i in range(len(dZ)):
        for p in range(X.places[i, 0], X.places[i, 1]):
            j = X.indices[p] - first
            if 0 <= j < len(C):
                c, z, a = C[np.uint64(j)], dZ[i], factor * X.data[p]
                for k in range(len(c)):
                    c[k] += a * z[k]


@body()
def add_weight_gradient_sparse(dW, dZ, X, first):
    """dW <- dW + X^T dZ / n, for the m rows of dW from `first` on; dZ (n, n_out), X (n, n_in) -> dW (m, n_out)."""
    _add_products(dW, dZ, X, first, dW.dtype.type(1 / len(dZ)))


@body()
def descend_sparse(W, dZ, X, first, step):
    """W <- (1 - eta (l2 + lambda)) W - (eta / n) X^T dZ, for the rows of W from `first` on; skips rows that do not change."""
    real, rate = W.dtype.type, step["learning_rate"]
    keep = real(1 - rate * (step["l2"] + step["weight_decay"]))
    if keep != 1:
        for j in range(len(W)):
            for k in range(W.shape[1]):
                W[j, k] *= keep
    _add_products(W, dZ, X, first, real(-rate / len(dZ)))
