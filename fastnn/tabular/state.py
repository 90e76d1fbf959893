"""The state of a fitted encoder in JSON types, and back, checked: the file it comes from may be damaged or hostile.

The state has no cells of the training table, but the levels of its categories and the medians and scales of its numbers.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from fastnn.tabular.columns import CategoryEncoding, Column, NumberEncoding, Scaled, small_columns
from fastnn.tabular.encoder import TableEncoder
from fastnn.tabular.levels import Levels

#: Kinds of levels.
TEXT, BOOLEANS, NUMBERS = "text", "booleans", "numbers"

#: The most characters in the names of all small columns, those of their levels not counted.
MOST_CHARACTERS = 2**23

Encoding = NumberEncoding | CategoryEncoding


def encoder_state(encoder: TableEncoder) -> dict[str, Any]:
    """Everything that `transform` needs.

    Parameters
    ----------
    encoder : TableEncoder
        A fitted encoder.

    Returns
    -------
    dict
        ``"columns"``, one dictionary for each column of the table, and whether the columns are ``"named"``.
    """
    columns = [_state(encoding) for encoding in encoder.encodings]
    _check_names(columns)
    return {"named": encoder.names is not None, "columns": columns}


def restored_encoder(state: Any, **parameters: Any) -> TableEncoder:
    """The encoder with a state.

    Parameters
    ----------
    state : dict
        Made by `encoder_state`.
    **parameters
        Of the encoder.

    Raises
    ------
    ValueError, TypeError, KeyError
        If the state is not one.
    """
    columns = _checked(state["columns"], list, "columns")
    _check_names(columns)
    encodings = [_encoding(column) for column in columns]
    names = tuple(encoding.column.name for encoding in encodings)
    if len(set(names)) < len(names):
        raise ValueError("columns must have different names")
    encoder = TableEncoder(**parameters)
    encoder._remember(encodings, names if _checked(state["named"], bool, "named") else None)
    if not encoder.encoded_names_:
        raise ValueError("at least one column must be encoded")
    return encoder


def _check_names(columns: list[dict[str, Any]]) -> None:
    """Raise ValueError if columns have names so long that their small columns, each with the name in its own, are too large."""
    n_characters = sum(len(_checked(column["name"], str, "name")) * len(column.get("small", ())) for column in columns)
    if n_characters > MOST_CHARACTERS:
        raise ValueError(
            f"the names of all encoded columns may have {MOST_CHARACTERS:,} characters at most, got {n_characters:,}"
        )


def _state(encoding: Encoding) -> dict[str, Any]:
    column = encoding.column
    state: dict[str, Any] = {"name": column.name, "kind": column.kind, "n_missing": column.n_missing}
    if isinstance(encoding, NumberEncoding):
        return state | {"number": _statistics(encoding.number), "indicator": _statistics(encoding.indicator)}
    levels = encoding.levels
    kind = TEXT if levels.is_text else BOOLEANS if levels.is_boolean else NUMBERS
    return state | {
        "levels": list(levels.code_of),
        "levels_are": kind,
        "small": [_statistics(column) for column in encoding.small],
    }


def _statistics(column: Scaled | None) -> list[float] | None:
    return None if column is None else [float(column.median), float(column.factor)]


def _encoding(state: Any) -> Encoding:
    name, kind = _checked(state["name"], str, "name"), state["kind"]
    n_missing = _checked(state["n_missing"], int, "n_missing")
    if "levels" in state:
        levels = _levels(state["levels"], state["levels_are"])
        _check_kind(kind, ("category", "constant", "missing"))
        small = _small(name, levels, _checked(state["small"], list, "small"))
        if kind != "category" and small:
            raise ValueError(f"a {kind} column must not be encoded")
        return CategoryEncoding(Column(name, kind, len(levels), n_missing), levels, small)
    _check_kind(kind, ("number", "constant", "missing"))
    number, indicator = _scaled(name, state["number"]), _scaled(f"{name} is missing", state["indicator"])
    if (kind == "number") != bool(number or indicator):
        raise ValueError(f"a {kind} column must {'' if kind == 'number' else 'not '}be encoded")
    return NumberEncoding(Column(name, kind, 0, n_missing), number, indicator)


def _levels(levels: Any, kind: Any) -> Levels:
    """Levels of one type in ascending order."""
    _check_kind(kind, (TEXT, BOOLEANS, NUMBERS))
    expected = str if kind == TEXT else float
    if not isinstance(levels, list) or not all(type(level) is expected and level == level for level in levels):
        raise ValueError(f"levels must be a list of {'words' if kind == TEXT else 'numbers'}")
    if not all(first < second for first, second in pairwise(levels)):
        raise ValueError("levels must be in ascending order")
    if kind == BOOLEANS and not set(levels) <= {0.0, 1.0}:
        raise ValueError("booleans must be 0 or 1")
    return Levels({level: code for code, level in enumerate(levels, 1)}, kind == TEXT, kind == BOOLEANS)


def _small(name: str, levels: Levels, statistics: Sequence[Any]) -> tuple[Scaled, ...]:
    if not statistics:
        return ()
    if len(statistics) != (1 if len(levels) == 2 else len(levels)):
        raise ValueError(f"{len(levels)} levels cannot have {len(statistics)} small columns")
    return small_columns(name, levels.names, [_pair(each) for each in statistics])


def _scaled(name: str, statistics: Any) -> Scaled | None:
    return None if statistics is None else Scaled(name, *_pair(statistics))


def _pair(statistics: Any) -> tuple[float, float]:
    """A finite median, and a finite factor that is not negative."""
    if not isinstance(statistics, list) or not all(type(number) is float for number in statistics):
        raise ValueError("statistics must be a median and a factor")
    median, factor = map(float, statistics)
    if not (math.isfinite(median) and math.isfinite(factor) and factor >= 0):
        raise ValueError(f"a median and a factor must be finite, got {median} and {factor}")
    return median, factor


def _check_kind(kind: Any, known: Sequence[str]) -> None:
    if kind not in known:
        raise ValueError(f"a kind must be one of {', '.join(known)}, got {kind!r}")


def _checked(value: Any, kind: type, name: str) -> Any:
    if type(value) is not kind or (isinstance(value, int) and value < 0):
        raise ValueError(f"{name} must be of type {kind.__name__}, got {value!r}")
    return value
