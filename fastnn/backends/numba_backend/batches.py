"""The samples of a batch: views of the data, or rows gathered from them.

What is chosen by `order` being None is chosen by its type, when a kernel is compiled: a view and a batch differ in type.
"""

from numba import config, types
from numba.extending import overload

from fastnn.backends.numba_backend.compilation import FLAGS, kernel
from fastnn.backends.numba_backend.rows import rows_between
from fastnn.backends.numba_backend.tiles import prefetch_line

ROWS_AHEAD = 2
CACHE_LINE = 64  # bytes


def select_rows(batch, source, order, start, stop):
    """x_i = s_{o_i} for start <= i < stop, converted to the type of the batch, or a view where order is None."""
    if order is None:
        return rows_between(source, start, stop)
    return gather_rows(batch[: stop - start], source, order, start)


@overload(select_rows, jit_options=FLAGS)
def _select_rows(batch, source, order, start, stop):
    if isinstance(order, types.NoneType):
        return lambda batch, source, order, start, stop: rows_between(source, start, stop)
    return lambda batch, source, order, start, stop: gather_rows(batch[: stop - start], source, order, start)


@kernel
def gather_rows(rows, source, order, start):
    """x_i = s_{o_{start + i}} for every row, or s_{start + i} where order is None; returns the rows."""
    n_columns = source.shape[1]
    if n_columns * source.itemsize <= CACHE_LINE:  # such rows are no further than the processor looks ahead
        for k in range(n_columns):
            for i in range(len(rows)):
                rows[i, k] = source[_position(order, start + i), k]
        return rows
    for i in range(len(rows)):
        _prefetch_row(source, _position(order, start + min(i + ROWS_AHEAD, len(rows) - 1)))
        chosen = source[_position(order, start + i)]
        for k in range(n_columns):
            rows[i, k] = chosen[k]
    return rows


@kernel
def _prefetch_row(source, i):
    """Ask for a row before it is needed: rows in random order are beyond what the processor foresees."""
    address, n_bytes = source.ctypes.data + i * source.strides[0], source.shape[1] * source.itemsize
    if source.strides[1] == source.itemsize:
        for offset in range(0, n_bytes, CACHE_LINE):
            prefetch_line(address + offset)


@kernel
def select_targets(batch, targets, order, start, stop):
    """y_i = t_{o_i}, or y_ik = [k = t_{o_i}] from class numbers; targets (n, K) or (n,) -> rows (stop - start, K)."""
    rows = batch[: stop - start]
    for i in range(stop - start):
        chosen = _position(order, start + i)
        for k in range(rows.shape[1]):
            rows[i, k] = targets[chosen, k] if targets.ndim == 2 else k == targets[chosen]
    return rows


def _position(order, i):
    """o_i, which is i where order is None."""
    return i if order is None else order[i]


@overload(_position, inline="always")
def _typed_position(order, i):
    if isinstance(order, types.NoneType):
        return lambda order, i: i
    return lambda order, i: order[i]


if config.DISABLE_JIT:  # an interpreter has no such instruction

    def _prefetch_row(source, i):
        """Ask for nothing."""
