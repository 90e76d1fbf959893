"""The same table in every container."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

Columns = Mapping[str, Sequence[Any]]


def as_objects(columns: Columns) -> np.ndarray:
    """An array of objects, where missing cells are None."""
    n_rows = len(next(iter(columns.values())))
    cells = np.empty((n_rows, len(columns)), object)
    for column, values in enumerate(columns.values()):
        cells[:, column] = values
    return cells


def _as_nullable(columns: Columns) -> pd.DataFrame:
    return pd.DataFrame({name: pd.array(values) for name, values in columns.items()})


def _as_pandas_on_arrow(columns: Columns) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.array(pa.array(values), pd.ArrowDtype(pa.array(values).type)) for name, values in columns.items()}
    )


def _with_categories(columns: Columns) -> pd.DataFrame:
    """Text as categories, whose own order is not that of the alphabet and which do not all occur."""
    return pd.DataFrame({name: _backwards(values) for name, values in columns.items()})


def _backwards(values: Sequence[Any]) -> Any:
    words = {value for value in values if isinstance(value, str)}
    return pd.Categorical(values, ["unused", *sorted(words, reverse=True)]) if words else values


def _with_enums(columns: Columns) -> pl.DataFrame:
    return pl.DataFrame([_enum(name, values) for name, values in columns.items()])


def _enum(name: str, values: Sequence[Any]) -> pl.Series:
    words = {value for value in values if isinstance(value, str)}
    return pl.Series(name, values, pl.Enum(["unused", *sorted(words, reverse=True)]) if words else None)


def _with_dictionaries(columns: Columns) -> pa.Table:
    arrays = {name: pa.array(values) for name, values in columns.items()}
    return pa.table(
        {name: array.dictionary_encode() if pa.types.is_string(array.type) else array for name, array in arrays.items()}
    )


#: Functions that make a table of columns, where missing cells are None.
CONTAINERS: dict[str, Callable[[Columns], Any]] = {
    "pandas": pd.DataFrame,
    "pandas of objects": lambda columns: pd.DataFrame(as_objects(columns), columns=list(columns)),
    "nullable pandas": _as_nullable,
    "pandas on Arrow": _as_pandas_on_arrow,
    "pandas with categories": _with_categories,
    "Polars": pl.DataFrame,
    "Polars with categories": lambda columns: pl.DataFrame(columns).with_columns(
        pl.col(pl.String).cast(pl.Categorical)
    ),
    "Polars with enums": _with_enums,
    "Arrow": pa.table,
    "Arrow with dictionaries": _with_dictionaries,
    "Arrow record batch": lambda columns: pa.table(columns).combine_chunks().to_batches()[0],
    "objects": as_objects,
    "rows": lambda columns: as_objects(columns).tolist(),
    "tuples": lambda columns: [tuple(row) for row in as_objects(columns)],
}


def rows_of(X: Any, rows: slice) -> Any:
    """Some rows of a table in any of these containers."""
    if isinstance(X, pd.DataFrame):
        return X.iloc[rows]
    if isinstance(X, pa.Table | pa.RecordBatch):
        return X.slice(rows.start, rows.stop - rows.start)
    return X[rows]
