"""Text with a header line and comma-separated values: FILE.csv."""

import csv
import math
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.datasets.targets import is_fraction


class CsvTable:
    """A ``.csv`` file: its header at once, and its rows when it is known which columns to take."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reader(path) as rows:
            self.names = _checked_header(path, next(rows, []))
        self.n_columns = len(self.names)

    def read(self, features: Sequence[int], target: int | None) -> tuple[np.ndarray, Any]:
        """The columns of features as float64, and the words of the targets' column or None."""
        values, targets = array("d"), []
        with _reader(self.path) as rows:
            next(rows)
            for row in rows:
                if not row:
                    continue  # a blank line, often the last
                if len(row) != self.n_columns:
                    raise ValueError(
                        f"{self.path}, line {rows.line_num}: expected {self.n_columns} cells as in the header, got "
                        f"{len(row)}."
                    )
                values.extend([self._number(row, column, rows.line_num) for column in features])
                if target is not None:
                    targets.append(self._target(row, target, rows.line_num))
        if not values:
            raise ValueError(f"{self.path} has a header and no rows.")
        X = np.frombuffer(values).reshape(-1, len(features))
        return X, None if target is None else np.array(targets)

    def _number(self, row: Sequence[str], column: int, line: int) -> float:
        try:
            number = float(row[column])
            if math.isfinite(number):
                return number
        except ValueError:
            pass
        raise ValueError(
            f"{self.path}, line {line}, column {self.names[column]!r}: expected a finite number, got {row[column]!r}."
        )

    def _target(self, row: Sequence[str], column: int, line: int) -> str:
        cell = row[column].strip()
        if not cell:
            raise ValueError(f"{self.path}, line {line}, column {self.names[column]!r}: the target is missing.")
        return cell


@contextmanager
def _reader(path: Path) -> Iterator[Any]:
    """Rows of cells, and the number of the last line that was read as `line_num`."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            delimiter = max(",;\t", key=file.readline().count)  # some spreadsheets write semicolons or tabs
            file.seek(0)
            yield csv.reader(file, delimiter=delimiter, skipinitialspace=True)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path} must be text in UTF-8 with comma-separated values: {error}.") from None


def _checked_header(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in header)
    if not names:
        raise ValueError(f"{path} is empty or starts with an empty line; its first line must name the columns.")
    for name in names:
        times = f" {names.count(name)} times" if names.count(name) > 1 else ""
        if times or is_fraction(name):
            raise ValueError(
                f"{path}, line 1 must be a header that gives each column a name of its own, got {name!r}{times}."
            )
    return names
