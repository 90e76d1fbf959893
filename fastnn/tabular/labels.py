"""How error messages refer to columns, rows and cells."""

import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def quoted(value: Any) -> str:
    """A value as Python writes it, shortened if it is long."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value)
    return _SHORT.repr(value.item() if isinstance(value, np.generic) else value)


def column_label(names: Sequence[str] | None, column: int) -> str:
    """A column by its name, or by its position if columns have no names; to begin a sentence."""
    return f"Column {column}" if names is None else f"Column {quoted(names[column])}"


def listing(names: Iterable[Any]) -> str:
    """Names in quotation marks, ten at most."""
    listed = [quoted(name) for name in names]
    more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
    return ", ".join(listed[:10]) + more


def columns_named(names: Sequence[Any]) -> str:
    """Names in quotation marks after the word column or columns."""
    return f"column{'s' * (len(names) != 1)} {listing(names)}"
