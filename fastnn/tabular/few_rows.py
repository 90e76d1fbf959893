"""A few rows, read cell by cell: to make arrays of all their columns would take most of the time.

Nothing is reported here. A table with anything unusual is left to `fastnn.tabular.tables`, which knows all types and says
what is wrong.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import narwhals as nw
import numpy as np

from fastnn.tabular.layout import Layout
from fastnn.tabular.levels import Levels

#: Tables with more rows are read column by column.
MAX_ROWS = 16

_REAL = frozenset(
    (float, int, bool, np.bool_, np.float64, np.float32, np.int64, np.int32, np.int16, np.int8, np.uint8, np.uint16)
)


class _UnusualError(Exception):
    """A cell that is not read here."""


def read_few_rows(
    X: Any, layout: Layout, names: Sequence[str] | None, n_columns: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """What `Layout.encode` takes, numbers and codes, if X has few rows, the training table's columns and usual cells."""
    rows = _rows(X, names, n_columns)
    if not rows or len(rows) > MAX_ROWS:
        return None
    with suppress(_UnusualError, OverflowError):
        numbers = [[_number(row[column]) for column in layout.numeric] for row in rows]
        codes = [[_code(row[column], levels) for column, levels in layout.categorical] for row in rows]
        return (
            np.array(numbers, np.float64).reshape(len(rows), len(layout.numeric)),
            np.array(codes, np.int32).reshape(len(rows), len(layout.categorical)),
        )
    return None


def _rows(X: Any, names: Sequence[str] | None, n_columns: int) -> Sequence[Sequence[Any]]:
    """The cells of X row by row, or nothing if it has many rows or other columns."""
    if nw.dependencies.is_pandas_dataframe(X):
        is_usual = X.shape[0] <= MAX_ROWS and tuple(X.columns.tolist()) == names
        return X.to_numpy(dtype=object).tolist() if is_usual else ()
    if nw.dependencies.is_polars_dataframe(X):
        return X.rows() if X.shape[0] <= MAX_ROWS and tuple(X.columns) == names else ()
    if nw.dependencies.is_pyarrow_table(X):
        is_usual = X.shape[0] <= MAX_ROWS and tuple(X.column_names) == names
        return list(zip(*(column.to_pylist() for column in X.columns), strict=True)) if is_usual else ()
    if type(X) is np.ndarray:
        return (
            X.tolist()
            if X.dtype == object and X.ndim == 2 and X.shape[0] <= MAX_ROWS and X.shape[1] == n_columns
            else ()
        )
    if isinstance(X, list) and len(X) <= MAX_ROWS:
        return X if all(isinstance(row, list | tuple) and len(row) == n_columns for row in X) else ()
    return ()


def _number(cell: Any) -> Any:
    """A real number, or NaN for a missing cell."""
    if type(cell) in _REAL:
        return cell
    if _is_missing(cell):
        return np.nan
    raise _UnusualError


def _code(cell: Any, levels: Levels) -> int:
    """The code of a cell in a categorical column."""
    if levels.is_text:
        if type(cell) is str:
            return levels.code_of.get(cell, 0)
    elif type(cell) in _REAL:
        return levels.code_of.get(float(cell), 0)
    if _is_missing(cell):
        return 0
    raise _UnusualError


def _is_missing(cell: Any) -> bool:
    return cell is None or (type(cell) is float and cell != cell) or type(cell).__name__ == "NAType"
