"""How the words in a table's cells are interpreted: as numbers, missing values, or words."""

import math
import re
from typing import Any

import numpy as np

#: Cells that denote a missing value.
MISSING = frozenset(
    [
        *("", "?", "-", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "None", "null", "Null", "NULL"),
        *("nan", "NaN", "-nan", "-NaN", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    ]
)

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_PLAIN_WHOLE_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0*)?")
_CODE = re.compile(r"0[0-9]+")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+")


def to_number(word: str, decimal: str = ".") -> float:
    """The word as a number, or NaN if it is not one, such as 1_100."""
    if decimal == ",":
        word = word.translate({ord(","): ".", ord("."): ","})
    return float(word) if _NUMBER.fullmatch(word) else math.nan


def is_fraction(word: str) -> bool:
    """Whether a word is a number such as 0.5."""
    number = to_number(word)
    return math.isfinite(number) and not number.is_integer()


def is_code(word: str) -> bool:
    """Whether a word consists of digits, some of which would be lost in a number, such as 007."""
    return _CODE.fullmatch(word) is not None


def plain_whole_number(word: str) -> str | None:
    """The usual spelling of 1, 1. or 1.0, and None for other words, including 1E2 and 007."""
    match = _PLAIN_WHOLE_NUMBER.fullmatch(word)
    if match is None:
        return None
    return "0" if match[1] == "-0" else match[1]


def has_decimal_comma(word: str) -> bool:
    """Whether a word is a number such as 0,5; true also of 1,000, which may mean a thousand."""
    return _DECIMAL_COMMA.fullmatch(word) is not None


def may_have_thousands(word: str) -> bool:
    """Whether the commas in a word may be thousands separators."""
    return _THOUSANDS.fullmatch(word) is not None


def stripped_words(words: np.ndarray) -> np.ndarray:
    """Words without surrounding whitespace, as objects; missing ones become empty."""
    stripped = (str(word).strip() for word in words)
    return np.array(["" if word in MISSING else word for word in stripped], dtype=object)


def is_missing(targets: np.ndarray) -> np.ndarray:
    """Which targets are missing: NaN among numbers, the empty word among words.

    Parameters
    ----------
    targets : ndarray of shape (n_samples,)
        As returned by `load_samples`.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
    """
    missing: np.ndarray = np.zeros(len(targets), bool)
    if targets.dtype.kind == "f":
        missing = np.isnan(targets)
    elif targets.dtype.kind in "OU":
        missing = np.array([word == "" for word in targets], bool)
    return missing


def cell_number(cell: Any, decimal: str) -> float | None:
    """The number in a cell, 1 or 0 for True or False, NaN if it is missing, and None if it is a word."""
    if not isinstance(cell, str):
        try:
            return float(cell)
        except (TypeError, ValueError, OverflowError):
            return None
    word = cell.strip()
    if word in MISSING:
        return math.nan
    if word.casefold() in ("true", "false"):
        return float(word.casefold() == "true")
    number = to_number(word, decimal)
    return None if math.isnan(number) else number
