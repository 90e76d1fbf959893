"""Numbers, text and arrays as C writes them."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

#: Width of a line of numbers.
WIDTH = 100

#: Characters that string literals may have, as C99 guarantees.
LONGEST = 4095

#: Bytes with a meaning of their own in a literal; a question mark could begin a trigraph.
_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?", ord("\n"): "\\n", ord("\t"): "\\t"}


def number(value: Any) -> str:
    """The shortest literal that is exactly this float32, float64 or integer.

    >>> number(np.float32(0.1)), number(np.float64(0.1)), number(np.int8(3))
    ('0.1f', '0.1', '3')
    """
    if isinstance(value, np.integer):
        return _integer(int(value))
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{value!s}f" if isinstance(value, np.float32) else str(value)


def _integer(value: int) -> str:
    if -(2**31) < value < 2**31:
        return str(value)
    if value == -(2**63):
        return "INT64_MIN"  # 2^63, of which it would be the negative, is too large
    return f"INT64_C({value})" if value < 2**63 else f"UINT64_C({value})"


def array(values: np.ndarray, indent: str = "") -> str:
    """The initializer of an array with one or more axes, over several lines if it is long."""
    if values.ndim == 1:
        return braced([number(value) for value in values], indent)
    inner = indent + "    "
    rows = f",\n{inner}".join(array(row, inner) for row in values)
    return f"{{\n{inner}{rows}\n{indent}}}"


def braced(items: Sequence[str], indent: str = "") -> str:
    """Items in braces, on one line if they fit."""
    text = ", ".join(items)
    if len(text) + len(indent) <= WIDTH:
        return f"{{{text}}}"
    inner = indent + "    "
    n_each = max(1, WIDTH // (max(map(len, items)) + 2))
    lines = (", ".join(items[start : start + n_each]) for start in range(0, len(items), n_each))
    return f"{{\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}}}"


def string(text: str) -> str:
    r"""A string literal of the UTF-8 bytes of a text, which may also stand in a comment.

    >>> string('a "b"??/')
    '"a \\"b\\"\\?\\?/"'
    """
    characters = "".join(map(_character, _bytes(text)))
    return f'"{characters}"'.replace("*/", "*\\057").replace("/*", "\\057*")


def _character(byte: int) -> str:
    """A byte of a literal. Octal escapes end after three digits, whatever follows."""
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def table_of_strings(name: str, item_name: str, texts: Sequence[str]) -> str:
    """The definition of a constant array of strings, at least one; those too long for a literal are arrays of their own."""
    before, items = [], []
    for place, text in enumerate(texts or [""]):
        if len(_bytes(text)) <= LONGEST:
            items.append(string(text))
        else:
            items.append(f"{item_name}_{place}")
            before.append(f"static const char {items[-1]}[] = {braced(_characters(text))};\n")
    inner = ",\n    ".join(items)
    return f"{''.join(before)}static const char *const {name}[{len(items)}] = {{\n    {inner}\n}};\n"


def _characters(text: str) -> list[str]:
    """The characters of a text one by one, and the final 0."""
    named = (_character(byte).replace("'", "\\'").replace('\\"', '"') for byte in _bytes(text))
    return [*(f"'{character}'" for character in named), "0"]


def quoted(text: str, most: int = 60) -> str:
    r"""A text in quotation marks for a comment, in ASCII and shortened if it is long.

    Nothing in it ends the comment, begins another or is a trigraph: it is written as JSON, which has escapes for all.

    >>> quoted("*/ é ??/")
    '"*\\/ \\u00e9 ?\\u003f/"'
    """
    shown = text if len(text) <= most else f"{text[: most - 3]}..."
    return json.dumps(shown).replace("*/", "*\\/").replace("/*", "/\\u002a").replace("??", "?\\u003f")


def comment(lines: Iterable[str]) -> str:
    """A block comment."""
    body = "\n".join(f" * {line}".rstrip() for line in lines)
    return f"/*\n{body}\n */\n"
