"""Which columns of a table are categorical."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from fastnn.names import suggestion
from fastnn.tabular.labels import listing, quoted
from fastnn.tabular.tables import Table
from fastnn.tabular.values import Words

_EXPECTED = "'from_dtype', None, or column names, positions or a boolean mask"


def categorical_columns(categorical_features: Any, table: Table) -> list[bool]:
    """For each column of a table, whether it is categorical; TypeError or ValueError if the argument is unusable."""
    if categorical_features is None:
        return [False] * table.n_columns
    if isinstance(categorical_features, str):
        return _from_dtypes(categorical_features, table)
    if not isinstance(categorical_features, Iterable) or isinstance(categorical_features, bytes):
        raise TypeError(f"categorical_features must be {_EXPECTED}, got {quoted(categorical_features)}.")
    chosen = list(categorical_features)
    if chosen and all(isinstance(item, bool | np.bool_) for item in chosen):
        return _from_mask(chosen, table.n_columns)
    if all(isinstance(item, str) for item in chosen):
        return _from_names(chosen, table)
    if all(isinstance(item, Integral) and not isinstance(item, bool | np.bool_) for item in chosen):
        return _from_positions(chosen, table.n_columns)
    kinds = sorted({type(item).__name__ for item in chosen})
    raise TypeError(f"categorical_features must be {_EXPECTED}, got items of type {', '.join(kinds)}.")


def _from_dtypes(word: str, table: Table) -> list[bool]:
    """Categories, enums, strings and booleans."""
    if word != "from_dtype":
        hint = suggestion(word, ["from_dtype"]) or f" For a single column, pass [{word!r}]."
        raise ValueError(f"categorical_features must be {_EXPECTED}, got {quoted(word)}.{hint}")
    if table.matrix is not None and table.matrix.dtype.kind != "b":
        return [False] * table.n_columns
    columns = (table.values(column) for column in range(table.n_columns))
    return [isinstance(values, Words) or values.is_boolean or values.is_category for values in columns]


def _from_mask(mask: Sequence[Any], n_columns: int) -> list[bool]:
    if len(mask) != n_columns:
        raise ValueError(
            f"categorical_features is a mask of {len(mask)} booleans, but must have one for each of the {n_columns} columns."
        )
    return [bool(item) for item in mask]


def _from_names(chosen: Sequence[str], table: Table) -> list[bool]:
    if chosen and table.names is None:
        raise ValueError(
            f"categorical_features has the column names {listing(chosen)}, but the columns of X have no names: pass "
            "positions or a boolean mask."
        )
    names = table.names or ()
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise ValueError(
            f"categorical_features has {listing(unknown)}, but X has only the columns {listing(names)}."
            f"{suggestion(unknown[0], names)}"
        )
    return [name in chosen for name in names] if names else [False] * table.n_columns


def _from_positions(positions: Sequence[Any], n_columns: int) -> list[bool]:
    wrong = [int(position) for position in positions if not 0 <= position < n_columns]
    if wrong:
        raise ValueError(
            f"categorical_features must have positions from 0 to {n_columns - 1} for {n_columns} columns, got {wrong[0]}."
        )
    return [column in positions for column in range(n_columns)]
