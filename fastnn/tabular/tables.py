"""Tables of any kind, read column by column: pandas, Polars, Arrow, NumPy, SciPy and lists of rows."""

from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from itertools import chain
from typing import Any

import narwhals as nw
import numpy as np

from fastnn.tabular.labels import column_label, columns_named, listing, quoted
from fastnn.tabular.values import Numbers, Words, values_of
from fastnn.validation import as_csr, check_not_masked, is_sparse

#: The most bytes that a sparse matrix may need as a dense one.
MAX_DENSE_BYTES = 8 << 30

_EXPECTED = (
    "X must be a table: a data frame of pandas or Polars, an Arrow table, a NumPy array, a SciPy sparse matrix or a list "
    "of rows"
)


class Table:
    """A table whose columns are read when they are needed, and once.

    Attributes
    ----------
    names : tuple of str or None
        Names of the columns; None if they are not strings.
    shape : (int, int)
        Numbers of rows and columns.
    matrix : ndarray or None
        The whole table, if it is an array of real numbers or booleans.
    """

    def __init__(self, names: Sequence[Any] | None, shape: tuple[int, int], matrix: np.ndarray | None = None) -> None:
        _check_shape(shape)
        self.names = None if names is None else checked_names(names)
        self.shape, self.matrix = shape, matrix
        self._values: dict[int, Numbers | Words] = {}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return self.shape[1]

    def label(self, column: int) -> str:
        """How messages refer to a column."""
        return column_label(self.names, column)

    def values(self, column: int) -> Numbers | Words:
        """The cells of the column at a position; TypeError or ValueError, with its name, if they are unusable."""
        if column not in self._values:
            array, is_category = self._column(column)
            self._values[column] = values_of(array, self.label(column), is_category=is_category)
        return self._values[column]

    def _column(self, column: int) -> tuple[np.ndarray, bool]:
        """Its cells (n_rows,), and whether its dtype says that they are categories."""
        raise NotImplementedError


class ArrayTable(Table):
    """A two-dimensional array of any dtype."""

    def __init__(self, array: np.ndarray, names: Sequence[Any] | None = None) -> None:
        if array.ndim != 2:
            hint = " Reshape your data: X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row." * (
                array.ndim == 1
            )
            raise ValueError(f"X must be two-dimensional, (n_samples, n_features), got shape {array.shape}.{hint}")
        super().__init__(names, array.shape, array if array.dtype.kind in "fiub" else None)
        self._array = array

    def _column(self, column: int) -> tuple[np.ndarray, bool]:
        return self._array[:, column], False


class PandasTable(Table):
    """A pandas data frame with columns of several dtypes."""

    def __init__(self, frame: Any) -> None:
        super().__init__(frame.columns.tolist(), frame.shape)
        self._frame = frame

    def _column(self, column: int) -> tuple[np.ndarray, bool]:
        import pandas as pd

        series = self._frame.iloc[:, column]
        if isinstance(series.dtype, pd.CategoricalDtype):
            return np.asarray(series), True
        if isinstance(series.dtype, np.dtype):
            return series.to_numpy(), False
        if series.dtype.kind in "fiu":  # nullable, sparse and Arrow numbers
            return series.to_numpy(dtype=np.float64, na_value=np.nan), False
        return series.to_numpy(dtype=object), False


class NarwhalsTable(Table):
    """Any other data frame that narwhals reads: Polars, Arrow, Modin, cuDF."""

    def __init__(self, frame: "nw.DataFrame[Any]") -> None:
        super().__init__(frame.columns, frame.shape)
        self._frame = frame

    def _column(self, column: int) -> tuple[np.ndarray, bool]:
        series = self._frame[:, column]
        is_category = series.dtype in (nw.Categorical, nw.Enum)
        if series.dtype.is_nested():  # an array of such cells may have two dimensions
            return np.fromiter(series.to_list(), object, self.n_rows), False
        native = series.to_native()
        if is_category and nw.dependencies.is_pyarrow_chunked_array(native):  # its to_numpy fills nulls with categories
            series = nw.from_native(native.cast(native.type.value_type), series_only=True)
        if series.dtype in (nw.Int128, nw.UInt128):  # NumPy has none
            series = series.cast(nw.Float64)
        return series.to_numpy(), is_category


def read_table(X: Any) -> Table:
    """X as a `Table`; TypeError or ValueError if it is none."""
    if nw.dependencies.is_pandas_dataframe(X):
        return _pandas_table(X)
    if is_sparse(X):
        return ArrayTable(_dense(X))
    if isinstance(X, list | tuple):
        return ArrayTable(_from_rows(X))
    if isinstance(X, np.ndarray):
        return ArrayTable(_checked_array(X))
    if _is_record_batch(X):
        X = import_module("pyarrow").Table.from_batches([X])
    frame = nw.from_native(X, allow_series=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return NarwhalsTable(frame)
    if isinstance(frame, nw.Series):
        raise ValueError(
            f"X must be two-dimensional, got a {type(X).__name__}, which is one column: pass a data frame."
        )
    if isinstance(frame, nw.LazyFrame):
        raise TypeError(f"X must be in memory, got a {type(X).__name__}: collect it first.")
    if hasattr(X, "__array__"):
        return ArrayTable(_checked_array(np.asarray(X)))
    hint = " Pass pandas.DataFrame(X)." if isinstance(X, dict) else ""
    raise TypeError(f"{_EXPECTED}, got {quoted(X)}, a {type(X).__name__}.{hint}")


def _is_record_batch(X: Any) -> bool:
    """Whether X is a part of an Arrow table, without importing pyarrow."""
    return type(X).__module__.startswith("pyarrow.") and type(X).__name__ == "RecordBatch"


def _pandas_table(frame: Any) -> Table:
    dtypes = set(frame.dtypes)
    if len(dtypes) == 1:
        dtype = dtypes.pop()
        if isinstance(dtype, np.dtype) and dtype.kind in "fiub":
            return ArrayTable(frame.to_numpy(), frame.columns.tolist())
    return PandasTable(frame)


def _checked_array(array: np.ndarray) -> np.ndarray:
    check_not_masked(array, "X")
    if array.dtype.names is not None:
        raise ValueError(
            f"X is a structured array with the fields {listing(array.dtype.names)}: pass pandas.DataFrame(X) instead."
        )
    return np.asarray(array)


def _dense(matrix: Any) -> np.ndarray:
    """A sparse matrix as a dense one; ValueError if that needs too much memory."""
    if len(matrix.shape) == 2 and matrix.dtype.kind in "fiub":
        n_bytes = matrix.shape[0] * matrix.shape[1] * matrix.dtype.itemsize
        if n_bytes > MAX_DENSE_BYTES:
            raise ValueError(
                f"X is sparse, and as a dense matrix {matrix.shape} it would need {n_bytes / 2**30:,.0f} GiB, more than the "
                f"{MAX_DENSE_BYTES >> 30} GiB allowed: pass fewer columns or rows."
            )
        return np.asarray(as_csr(matrix, matrix.dtype).toarray())
    if len(matrix.shape) != 2:
        raise ValueError(f"X must be two-dimensional, (n_samples, n_features), got shape {matrix.shape}.")
    problem = "Complex data not supported. " if matrix.dtype.kind == "c" else ""
    raise ValueError(f"{problem}X must be a sparse matrix of real numbers, got elements of type {matrix.dtype}.")


def _from_rows(rows: Sequence[Any]) -> np.ndarray:
    """An object array (n_rows, n_columns) from a list of rows."""
    check_not_masked(rows, "X")
    wrong = [row for row in rows if not _is_row(row)]
    if wrong:
        hint = (
            " Pass pandas.DataFrame(X)." if isinstance(wrong[0], dict) else " Reshape your data: pass [X] for one row."
        )
        raise ValueError(
            f"X must be two-dimensional, a list of rows, got a list with {quoted(wrong[0])} as a row.{hint}"
        )
    lengths = [len(row) for row in rows]
    odd = next((row for row, length in enumerate(lengths) if length != lengths[0]), None)
    if odd is not None:
        raise ValueError(
            f"Rows of X must have the same length, got {lengths[0]} cells in row 0 and {lengths[odd]} in row {odd}."
        )
    n_columns = lengths[0] if rows else 0
    return np.fromiter(chain.from_iterable(rows), object, len(rows) * n_columns).reshape(len(rows), n_columns)


def _is_row(row: Any) -> bool:
    return isinstance(row, list | tuple) or (isinstance(row, np.ndarray) and row.ndim > 0)


def _check_shape(shape: tuple[int, int]) -> None:
    if shape[0] == 0:
        raise ValueError(f"X has no rows: 0 sample(s) (shape={shape}) while a minimum of 1 is required.")
    if shape[1] == 0:
        raise ValueError(f"X has no columns: 0 feature(s) (shape={shape}) while a minimum of 1 is required.")


def checked_names(names: Sequence[Any]) -> tuple[str, ...] | None:
    """Names of columns; None if none is a string, in which case columns are known by position."""
    others = [name for name in names if not isinstance(name, str)]
    if others and len(others) == len(names):
        return None
    if others:
        raise TypeError(
            f"X has {columns_named(others)}, of type {type(others[0]).__name__}, beside columns whose names are strings: "
            "convert all names, for example with X.columns = X.columns.astype(str)."
        )
    if len(set(names)) < len(names):
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        raise ValueError(f"Names of columns must differ, but X has {columns_named(repeated)} more than once.")
    return tuple(names)
