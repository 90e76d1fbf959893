"""Rows of a sparse matrix as kernels take them, in place of a block of inputs; which of the two is told by type.

Row i has the numbers data[p] in the columns indices[p], for p from starts[i] to stops[i]: rows are chosen by their starts and
stops, so no entry is copied. Columns come in any order, and one that comes twice in a row counts twice.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from fastnn.backends.numba_backend.compilation import FLAGS, kernel


class Rows(NamedTuple):
    """Rows of a sparse matrix, shape (n, n_in); weight gradients are those of its columns from `first` on."""

    data: Any
    indices: Any
    starts: Any
    stops: Any
    first: int
    shape: tuple[int, int]


def rows_of(X, order=None):
    """The rows of a matrix in SciPy's format CSR, in an order, or as they come where that is None; not to be written."""
    starts, stops = X.indptr[:-1], X.indptr[1:]
    if order is not None:
        starts, stops = starts[order], stops[order]
    parts = X.data, X.indices, starts.astype(np.int64), stops.astype(np.int64)
    data, indices, starts, stops = map(not_to_be_written, parts)
    return Rows(data, indices, starts, stops, 0, (len(starts), X.shape[1]))


def not_to_be_written(array):
    """A view that cannot be written: kernels are compiled once, for arrays they only read."""
    view = array.view()
    view.flags.writeable = False
    return view


@kernel
def columns_from(X, first):
    """The rows of which products leave out the columns before `first`."""
    return Rows(X.data, X.indices, X.starts, X.stops, first, X.shape)


@kernel
def _sparse_rows_between(X, start, stop):
    return Rows(X.data, X.indices, X.starts[start:stop], X.stops[start:stop], X.first, (stop - start, X.shape[1]))


def rows_between(X, start, stop):
    """Rows `start` to `stop`."""
    return _sparse_rows_between(X, start, stop) if isinstance(X, Rows) else X[start:stop]


@overload(rows_between, jit_options=FLAGS, inline="always")
def _typed_rows_between(X, start, stop):
    if has_type_of_rows(X):
        return lambda X, start, stop: _sparse_rows_between(X, start, stop)  # noqa: PLW0108, Numba wants a function
    return lambda X, start, stop: X[start:stop]


def has_type_of_rows(X):
    """Whether a type of Numba's is that of rows of a sparse matrix."""
    return isinstance(X, types.BaseNamedTuple) and X.instance_class is Rows
