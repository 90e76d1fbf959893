"""Detection of how a text file is divided into cells, from its first lines."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from fastnn.datasets.words import is_fraction

#: In order of how likely they are to occur within a cell, least likely first.
DELIMITERS = ("\t", "|", ";", ",")


@dataclass(frozen=True)
class Dialect:
    """Delimiter, whether spaces follow it, column names, and the number of lines before the header."""

    delimiter: str
    has_spaces: bool
    names: tuple[str, ...]
    n_lines_before: int = 0

    @classmethod
    def of(cls, path: object, lines: Sequence[str]) -> "Dialect":
        """The dialect of a file that starts with these lines."""
        delimiter, n_lines_before = None, 0
        if lines and lines[0].casefold() in {f"sep={each}" for each in DELIMITERS}:  # an Excel convention
            delimiter, lines, n_lines_before = lines[0][-1], lines[1:], 1
        delimiter = delimiter or _find_delimiter(lines)
        rows = _rows(lines, delimiter)
        if not rows:
            raise ValueError(f"{path} is empty or not a table; its first line must name the columns.")
        has_spaces = any(f"{delimiter} " in line for line in lines)
        return cls(delimiter, has_spaces, _column_names(path, rows), n_lines_before)


def _find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that is consistent with quotes, gives all lines the same number of cells, and the header the most."""

    def merit(delimiter: str) -> tuple[bool, bool, int, bool]:
        rows, in_order = _rows(lines, delimiter), bool(_rows(lines, delimiter, strict=True))
        n_cells = len(rows[0]) if rows else 0
        are_alike = all(len(row) == n_cells for row in rows)
        return in_order, are_alike and n_cells > 1, n_cells, are_alike

    return max(DELIMITERS, key=merit)


def _rows(lines: Sequence[str], delimiter: str, *, strict: bool = False) -> list[list[str]]:
    """The cells of each row, without the last of several, which may be incomplete; empty if parsing fails."""
    text = (f"{line}\n" for line in lines)
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=strict)
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in reader if row)
    except csv.Error:  # a quote within a cell, or a cell of more than 128 KiB, unlikely with the right delimiter
        if reader.line_num < len(lines):
            return []
    return rows[:-1] if len(rows) > 2 else rows


def _column_names(path: object, rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Column names; a column without a name is called "Unnamed: 2", as in pandas."""
    header, *others = rows
    names = [name.strip() for name in header]
    n_more = len(others[0]) - len(names) if others else 0
    if n_more == 1 and all(len(row) == len(others[0]) for row in others):
        # R writes row names without a column name; other programs end each line with a delimiter.
        at_end = all(not row[-1] for row in others)
        names = [*names, ""] if at_end else ["", *names]
    elif n_more > 0:
        raise ValueError(f"{path}: the first row has {len(others[0])} cells, but the header has {len(names)}.")
    _check_names(path, names)
    return tuple(name or f"Unnamed: {column}" for column, name in enumerate(names))


def _check_names(path: object, names: Sequence[str]) -> None:
    seen = set()
    for name in filter(None, names):
        times = f" {names.count(name)} times" if name in seen else ""
        if times or is_fraction(name):
            raise ValueError(
                f"{path}: the first line must be a header with a unique name for each column, got {name!r}{times}."
            )
        seen.add(name)
