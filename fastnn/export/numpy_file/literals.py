"""Python source of values: text, numbers, nested lists and arrays, laid out as a formatter would."""

import base64
from collections.abc import Iterable
from typing import Any

import numpy as np

#: Longest line.
WIDTH = 88


def literal(value: Any) -> str:
    """A value of a plain type on one line; text in double quotes unless that takes more escapes."""
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(each)}" for key, each in value.items()) + "}"
    return _number(value)


def laid_out(start: str, value: Any, end: str = "", indent: int = 0) -> str:
    """A value between other code: on one line if it fits, otherwise with an element per line."""
    line = f"{' ' * indent}{start}{literal(value)}{end}"
    if len(line) <= WIDTH or not isinstance(value, list | tuple | dict) or not value:
        return line
    opening, closing = tuple(literal(type(value)()))
    keys = [f"{literal(key)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    elements = value.values() if isinstance(value, dict) else value
    lines = [laid_out(key, each, ",", indent + 4) for key, each in zip(keys, elements, strict=True)]
    return "\n".join([f"{' ' * indent}{start}{opening}", *lines, f"{' ' * indent}{closing}{end}"])


def array(name: str, numbers: np.ndarray) -> str:
    """`name = array` for an array of float32 or float64 of any shape: its bytes in base64."""
    kind = numbers.dtype.newbyteorder("<")
    text = base64.b64encode(np.ascontiguousarray(numbers, kind).tobytes()).decode()
    lines = [text[start : start + WIDTH] for start in range(0, len(text), WIDTH)]
    shape = "" if numbers.ndim == 1 else f".reshape{numbers.shape}"
    return "\n".join([f'{name} = {numbers.dtype.name}("""', *lines, f'"""){shape}'])


def columns(positions: Iterable[int]) -> str:
    """An index for some columns of a matrix: a slice if they follow each other, else a list."""
    listed = list(positions)
    if listed == list(range(listed[0], listed[0] + len(listed))):
        return f"{listed[0]}:{listed[-1] + 1}"
    return literal(listed)


def in_docstring(text: str) -> str:
    """Text that reads the same when it stands in a docstring."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _text(text: str) -> str:
    quoted = repr(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in text else quoted


def _number(value: Any) -> str:
    """An integer, float or boolean."""
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return f"math.{text}" if text in ("inf", "nan") else text.replace("-inf", "-math.inf")
