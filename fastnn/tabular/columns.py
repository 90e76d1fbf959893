"""What becomes of each column of a table, decided when the encoder is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from fastnn.tabular.levels import Levels
from fastnn.tabular.scaling import robust_statistics, statistics_of_counts
from fastnn.tabular.values import Numbers, Words


@dataclass(frozen=True)
class Column:
    """A column of the training table.

    Attributes
    ----------
    name : str
        Its name, or x0, x1, ... by position if the columns have no names.
    kind : {'number', 'category', 'constant', 'missing'}
        Constant columns, whose cells are all the same, and columns without a value are not encoded.
    n_levels : int
        Number of different values of a categorical column; 0 for numbers.
    n_missing : int
        Number of missing cells.
    """

    name: str
    kind: Literal["number", "category", "constant", "missing"]
    n_levels: int
    n_missing: int


class Scaled(NamedTuple):
    """An encoded column before scaling, and its scaling.

    Numbers have no codes. A small column of a category is [code == plus] - [code == minus], and an indicator of missing
    numbers is 1 or -1.
    """

    name: str
    median: float
    factor: float
    plus: int = 0
    minus: int = -1


@dataclass(frozen=True)
class NumberEncoding:
    """A numeric column.

    Attributes
    ----------
    column : Column
        What it is.
    number, indicator : Scaled or None
        The number itself, unless it is constant, and whether it is missing, if it ever was.
    """

    column: Column
    number: Scaled | None
    indicator: Scaled | None

    @classmethod
    def of(cls, name: str, values: Numbers) -> "NumberEncoding":
        """The encoding of a column, from its cells in training."""
        numbers = values.as_float()
        n_rows, n_missing = len(numbers), int(np.isnan(numbers).sum())
        median, factor = robust_statistics(numbers)
        number = Scaled(name, median, factor) if factor else None
        indicator = None
        if 0 < n_missing < n_rows:
            statistics = statistics_of_counts((-1, 1), (n_rows - n_missing, n_missing))
            indicator = Scaled(f"{name} is missing", *statistics)
        kind: Literal["number", "constant", "missing"] = "number" if number or indicator else "constant"
        return cls(Column(name, "missing" if n_missing == n_rows else kind, 0, n_missing), number, indicator)


@dataclass(frozen=True)
class CategoryEncoding:
    """A categorical column: small columns if it has few levels, otherwise a column of codes.

    Attributes
    ----------
    column : Column
        What it is.
    levels : Levels
        Its levels.
    small : tuple of Scaled
        Its one-hot columns, or one column for two levels; empty if it has many levels or only one.
    """

    column: Column
    levels: Levels
    small: tuple[Scaled, ...]

    @property
    def has_codes(self) -> bool:
        """Whether it becomes a column of codes."""
        return self.column.kind == "category" and not self.small

    @classmethod
    def of(cls, name: str, levels: Levels, codes: np.ndarray, max_one_hot: int) -> "CategoryEncoding":
        """The encoding of a column, from its codes in training."""
        n_of_code = np.bincount(codes, minlength=len(levels) + 1).tolist()
        n_missing = n_of_code[0]
        if len(levels) == 0 or (len(levels) == 1 and not n_missing):
            return cls(Column(name, "constant" if len(levels) else "missing", len(levels), n_missing), levels, ())
        small: tuple[Scaled, ...] = ()
        if len(levels) <= max_one_hot:
            small = small_columns(name, levels.names, _statistics_of_levels(n_of_code))
        return cls(Column(name, "category", len(levels), n_missing), levels, small)


def _statistics_of_levels(n_of_code: list[int]) -> list[tuple[float, float]]:
    """Median and factor of each small column of a category, from the number of cells with each code."""
    n_rows = sum(n_of_code)
    if len(n_of_code) == 3:
        n_missing, n_first, n_second = n_of_code
        return [statistics_of_counts((-1, 0, 1), (n_first, n_missing, n_second))]
    return [statistics_of_counts((0, 1), (n_rows - n_cells, n_cells)) for n_cells in n_of_code[1:]]


def small_columns(name: str, levels: list[str], statistics: Sequence[tuple[float, float]]) -> tuple[Scaled, ...]:
    """One-hot columns; for two levels one column, which is -1 for the first and 1 for the second."""
    if len(levels) == 2:
        return (Scaled(f"{name}={levels[1]}", *statistics[0], plus=2, minus=1),)
    return tuple(Scaled(f"{name}={level}", *statistics[code - 1], plus=code) for code, level in enumerate(levels, 1))


def encoding_of(
    name: str, label: str, values: Numbers | Words, *, is_category: bool, max_one_hot: int
) -> NumberEncoding | CategoryEncoding:
    """The encoding of a column, from its cells in training."""
    if not is_category:
        return NumberEncoding.of(name, numbers_only(values, label))
    levels = Levels.of(values, label)
    return CategoryEncoding.of(name, levels, levels.codes(values, label), max_one_hot)


def numbers_only(values: Numbers | Words, label: str, *, in_training: bool = True) -> Numbers:
    """The cells of a numeric column; ValueError for text."""
    if isinstance(values, Numbers):
        return values
    if in_training:
        raise ValueError(
            f"{label} holds text, such as {values.example()}, but is not categorical: add it to categorical_features, or "
            "turn it into numbers."
        )
    raise ValueError(f"{label} held numbers in training, and now holds text, such as {values.example()}.")
