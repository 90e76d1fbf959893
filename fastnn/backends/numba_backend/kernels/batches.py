"""The samples of a batch, gathered from the data and converted to the dtype of the network, as operations.

`order` is a permutation of the rows of the data; an empty one keeps their order.
"""

import numpy as np
from numba import config

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.register_tiles import prefetch_line
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.views import column
from fastnn.backends.numba_backend.table import SOURCE_TYPES

ROWS_AHEAD = 2
ROWS_AT_ONCE = 8
CACHE_LINE = 64  # bytes


@inlined
def _place(order, i):
    """o_i, or i if there is no order."""
    return order[i] if len(order) > 0 else i


def _prefetch_whole_row(data, i):
    """Prefetch a row: the processor cannot predict rows in random order."""
    address, n_bytes = data.ctypes.data + i * data.strides[0], data.shape[1] * data.itemsize
    if data.strides[1] == data.itemsize:
        for offset in range(0, n_bytes, CACHE_LINE):
            prefetch_line(address + offset)


def _prefetch_nothing(data, i):
    """Do nothing: the interpreter has no prefetch instruction."""


_prefetch_row = _prefetch_nothing if config.DISABLE_JIT else inlined(_prefetch_whole_row)


@inlined
def _gather_eight(rows, data, order, start):
    """Eight rows, side by side in columns: one store for eight loads."""
    row_0, row_1 = np.uintp(_place(order, start)), np.uintp(_place(order, start + 1))
    row_2, row_3 = np.uintp(_place(order, start + 2)), np.uintp(_place(order, start + 3))
    row_4, row_5 = np.uintp(_place(order, start + 4)), np.uintp(_place(order, start + 5))
    row_6, row_7 = np.uintp(_place(order, start + 6)), np.uintp(_place(order, start + 7))
    for k in range(data.shape[1]):
        numbers = column(rows, k, start, start + ROWS_AT_ONCE)
        numbers[0], numbers[1], numbers[2], numbers[3] = data[row_0, k], data[row_1, k], data[row_2, k], data[row_3, k]
        numbers[4], numbers[5], numbers[6], numbers[7] = data[row_4, k], data[row_5, k], data[row_6, k], data[row_7, k]


def gather_rows(rows, data, order):
    """x_i = s_{o_i} for every row."""
    n_columns = data.shape[1]
    if rows.strides[0] == rows.itemsize:  # samples in columns
        whole = len(rows) // ROWS_AT_ONCE * ROWS_AT_ONCE
        for start in range(0, whole, ROWS_AT_ONCE):
            _gather_eight(rows, data, order, start)
        for i in range(whole, len(rows)):
            chosen = _place(order, i)
            for k in range(n_columns):
                rows[i, k] = data[chosen, k]
    elif n_columns * data.itemsize <= CACHE_LINE:  # short rows need no prefetching
        for k in range(n_columns):
            for i in range(len(rows)):
                rows[i, k] = data[_place(order, i), k]
    else:
        for i in range(len(rows)):
            _prefetch_row(data, _place(order, min(i + ROWS_AHEAD, len(rows) - 1)))
            chosen = _place(order, i)
            for k in range(n_columns):
                rows[i, k] = data[chosen, k]


for _dtype in SOURCE_TYPES:
    body(f"gather_rows_of_{_dtype}")(gather_rows)


@body()
def one_hot(Y, classes, order):
    """y_ik = [k = t_{o_i}] from class indices; (n,) -> Y (n, K)."""
    n = len(order) if len(order) > 0 else len(classes)  # Y may be longer if it is a tile
    for k in range(Y.shape[1]):
        for i in range(n):
            Y[i, k] = 1 if classes[_place(order, i)] == k else 0


@body()
def select_targets(Y, targets, order):
    """y_i = t_{o_i}; targets (n, K) -> Y (n, K)."""
    for i in range(len(order) if len(order) > 0 else len(targets)):
        chosen = _place(order, i)
        for k in range(Y.shape[1]):
            Y[i, k] = targets[chosen, k]
