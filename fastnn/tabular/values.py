"""The cells of one column as numbers or as words, whichever container they come from.

A missing cell is None, NaN, pandas.NA, NaT or a container's null. Text is never missing: "" and "nan" are words.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from numbers import Complex, Real
from typing import Any

import numpy as np

from fastnn.tabular.labels import quoted


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers or booleans, or of nothing but missing cells.

    Attributes
    ----------
    array : ndarray of shape (n_rows,)
        Real numbers of any dtype; NaN is missing.
    is_boolean : bool
        Whether all cells that are not missing are booleans.
    is_category : bool
        Whether the dtype says that the column holds categories.
    """

    array: np.ndarray
    is_boolean: bool = False
    is_category: bool = False

    def as_float(self) -> np.ndarray:
        """The numbers in float64, (n_rows,)."""
        with np.errstate(over="ignore"):  # long doubles
            return np.asarray(self.array, np.float64)


@dataclass(frozen=True, eq=False)
class Words:
    """A column of text.

    Attributes
    ----------
    places : ndarray of int, of shape (n_rows,)
        The place of each cell's word in `words`; -1 is missing.
    words : list of str
        Distinct words in order of appearance, one at least.
    """

    places: np.ndarray
    words: list[str]

    def example(self) -> str:
        """One word and its row, for error messages."""
        return f"{quoted(self.words[0])} in row {np.flatnonzero(self.places == 0)[0]}"


def values_of(array: np.ndarray, label: str, *, is_category: bool = False) -> Numbers | Words:
    """The cells of a column (n_rows,) of any dtype; TypeError or ValueError, with its label, if they are unusable."""
    kind = array.dtype.kind
    if kind in "fiu":
        return Numbers(array, is_category=is_category)
    if kind == "b":
        return Numbers(array, is_boolean=True, is_category=is_category)
    if kind in "mMcSV":
        raise _refusal(array[0], label, 0)
    return _values_of_objects(np.asarray(array, object), label, is_category)


def _values_of_objects(cells: np.ndarray, label: str, is_category: bool) -> Numbers | Words:
    import pandas as pd

    missing = np.asarray(pd.isna(cells))
    present = cells[~missing]
    kinds = {_kind(kind) for kind in set(map(type, present))}
    if kinds <= {"number", "boolean"}:
        numbers = np.full(len(cells), np.nan)
        numbers[~missing] = _as_float(present, label)
        return Numbers(numbers, kinds == {"boolean"}, is_category)
    if kinds == {"text"}:
        places, words = pd.factorize(cells)
        return Words(places, [str.__str__(word) for word in words])
    raise _problem(cells, missing, kinds, label)


def _as_float(numbers: np.ndarray, label: str) -> np.ndarray:
    try:
        return numbers.astype(np.float64)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{label} holds a number that is no float: {error}.") from None


#: Types of cells, in the order in which they are tried: numpy.timedelta64 is an integer to NumPy.
_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "boolean": (bool, np.bool_),
    "time": (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64),
    "number": (Real, Decimal),
    "complex": (Complex,),
    "bytes": (bytes, bytearray, memoryview),
}


def _kind(kind: type) -> str:
    """What a cell of that type is."""
    found = next((name for name, types in _TYPES.items() if issubclass(kind, types)), "object")
    return "time" if kind.__name__ == "Period" else found


def _problem(cells: np.ndarray, missing: np.ndarray, kinds: set[str], label: str) -> Exception:
    """The error for a column that holds something unusable, or several kinds of cells."""
    rows = np.flatnonzero(~missing).tolist()
    first = {kind: next(row for row in rows if _kind(type(cells[row])) == kind) for kind in kinds}
    unusable = sorted(kinds - {"text", "number", "boolean"})
    if unusable:
        return _refusal(cells[first[unusable[0]]], label, first[unusable[0]])
    text, other = first["text"], first["number" if "number" in kinds else "boolean"]
    return ValueError(
        f"{label} mixes text and {'numbers' if 'number' in kinds else 'booleans'}, {quoted(cells[text])} in row {text} "
        f"and {quoted(cells[other])} in row {other}: turn all of its cells into one or the other."
    )


def _refusal(cell: Any, label: str, row: int) -> Exception:
    """The error for a cell that is neither number, text nor boolean."""
    kind = _kind(type(cell))
    what, advice = _UNUSABLE[kind]
    message = f"{label} holds {what.format(type(cell).__name__)}, {quoted(cell)} in row {row}{advice}"
    if kind == "complex":
        message = f"Complex data not supported. {message}"  # scikit-learn's words
    return TypeError(message) if kind == "object" else ValueError(message)


#: What unusable cells are called, and what to do.
_UNUSABLE = {
    "time": (
        "dates or times",
        ": turn them into numbers first, such as year, month and day of the week, or seconds since a reference.",
    ),
    "complex": ("complex numbers", ": use their real and imaginary parts as two columns."),
    "bytes": ("bytes", ": decode them into strings first."),
    "object": (
        "an object of type {}",
        ", but the argument must be a table of strings, numbers and booleans: turn the column into one or several such.",
    ),
}
