"""The two products of the first layer with a sparse X, and its non-zero entries sorted for an update block by block.

Kernels take X as `rows.Rows`.
"""

from typing import Any, NamedTuple

import numpy as np

from fastnn.backends.numba_backend.compilation import inlined, kernel


class Blocks(NamedTuple):
    """Places of entries and the samples they belong to, block by block of columns; block k ends before `ends[k]`."""

    ends: Any
    entries: Any
    samples: Any


def is_sparse(X):
    """Whether X is a sparse matrix of SciPy's; asked so that nobody has to import its module."""
    return hasattr(X, "indptr")


@kernel
def affine_sparse(Z, X, W, b):
    """Z = X W + b, a sum over the non-zero entries of each row; X (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out).

    Four entries at a time: what they add up to is then loaded and stored once.
    """
    for i in range(len(Z)):
        z, start, stop = Z[i], X.starts[i], X.stops[i]
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
    """The row of W that entry p of X is multiplied with; a number without a sign is not counted from the end."""
    return W[np.uint64(X.indices[p])]


@kernel
def weight_gradient_sparse(dW, dZ, X):
    """dW = X^T dZ / n, to which each non-zero entry adds a row; dZ (n, n_out), X (n, n_in) -> dW (n_in, n_out)."""
    dW[:] = 0
    _add_products(dW, dZ, X, 1 / len(dZ))


@kernel
def _add_products(C, dZ, X, factor):
    """C <- C + factor X^T dZ; dZ (n, n_out), as many columns of X as C has rows -> C (n_in, n_out)."""
    for i in range(len(dZ)):
        for p in range(X.starts[i], X.stops[i]):
            j = X.indices[p] - X.first
            if 0 <= j < len(C):
                _add_multiple(C[j], dZ[i], factor * X.data[p])


@kernel
def _accumulate_sparse(C, dZ, X, factor, keep):
    """C <- factor X^T dZ + keep C, where what is kept as it is takes no time; as `_add_products` otherwise."""
    if keep != 1:
        kept = C.dtype.type(keep)
        for j in range(len(C)):
            for k in range(C.shape[1]):
                C[j, k] *= kept
    _add_products(C, dZ, X, factor)


@kernel
def _add_entries(C, dZ, X, blocks, block, factor):
    """The same as `_add_products` for the columns of one block."""
    for e in range(blocks.ends[block - 1] if block > 0 else 0, blocks.ends[block]):
        p, i = blocks.entries[e], blocks.samples[e]
        _add_multiple(C[X.indices[p] - X.first], dZ[i], factor * X.data[p])


@inlined
def _add_multiple(c, z, factor):
    """c <- c + a z."""
    a = c.dtype.type(factor)
    for k in range(len(c)):
        c[k] += a * z[k]


@kernel
def _sorted_by_blocks(X, n_columns, width):
    """The entries in so many columns of X from the first on, by blocks of `width` columns, in the order of the samples."""
    ends = np.zeros((n_columns + width - 1) // width + 1, np.int64)
    for i in range(X.shape[0]):
        for p in range(X.starts[i], X.stops[i]):
            j = X.indices[p] - X.first
            if 0 <= j < n_columns:
                ends[j // width + 1] += 1
    for block in range(1, len(ends)):
        ends[block] += ends[block - 1]
    entries, samples = np.empty(ends[-1], np.int64), np.empty(ends[-1], np.int64)
    for i in range(X.shape[0]):
        for p in range(X.starts[i], X.stops[i]):
            j = X.indices[p] - X.first
            if 0 <= j < n_columns:
                place = ends[j // width]
                entries[place], samples[place] = p, i
                ends[j // width] = place + 1
    return Blocks(ends[:-1], entries, samples)
