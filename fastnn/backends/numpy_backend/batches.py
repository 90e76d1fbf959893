"""The samples of a batch: views of the data, or rows gathered from them."""

import numpy as np

from fastnn.backends.numpy_backend.sparse import is_sparse


def select_rows(batch, source, order, start, stop):
    """x_i = s_{o_i} for start <= i < stop, converted to the type of the batch, or a view where order is None."""
    if order is None:
        return source[start:stop]
    if is_sparse(source):
        return source[order[start:stop]]
    return gather_rows(batch[: stop - start], source, order, start)


def gather_rows(rows, source, order, start):
    """x_i = s_{o_{start + i}} for every row, or s_{start + i} where order is None; returns the rows."""
    chosen = slice(start, start + len(rows))
    rows[:] = source[chosen if order is None else order[chosen]]
    return rows


def select_targets(batch, targets, order, start, stop):
    """y_i = t_{o_i}, or y_ik = [k = t_{o_i}] from class numbers; targets (n, K) or (n,) -> rows (stop - start, K)."""
    rows = batch[: stop - start]
    chosen = targets[start:stop] if order is None else targets[order[start:stop]]
    rows[:] = chosen if targets.ndim == 2 else np.arange(batch.shape[1]) == chosen[:, np.newaxis]
    return rows
