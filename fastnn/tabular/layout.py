"""The columns of the encoded matrix, and how a block of rows is encoded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fastnn.tabular.columns import CategoryEncoding, NumberEncoding, Scaled
from fastnn.tabular.levels import Levels
from fastnn.tabular.scaling import RobustScaling

#: Rows are encoded in blocks of about this many numbers, which stay in the cache.
NUMBERS_PER_BLOCK = 1 << 17


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each encoded column comes from: numbers first, then small columns, then codes.

    Attributes
    ----------
    numeric : list of int
        Positions in the table of the numeric columns that are read.
    categorical : list of (int, Levels)
        Positions and levels of the categorical columns that are read.
    number_sources, indicator_sources : ndarray of int
        For each encoded number and each indicator of missing numbers, its place in `numeric`.
    small_sources, code_sources : ndarray of int
        For each small column of a category and each column of codes, its place in `categorical`.
    plus, minus : ndarray of int32
        The codes for which a small column of a category is 1 and -1.
    scaling : RobustScaling
        The scaling of numbers and small columns.
    names : tuple of str
        Names of the encoded columns.
    """

    numeric: list[int]
    categorical: list[tuple[int, Levels]]
    number_sources: np.ndarray
    indicator_sources: np.ndarray
    small_sources: np.ndarray
    code_sources: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    scaling: RobustScaling
    names: tuple[str, ...]

    @classmethod
    def of(cls, encodings: Sequence[NumberEncoding | CategoryEncoding]) -> "Layout":
        """The layout of a table, from the encodings of all its columns."""
        numeric = [
            (position, encoding)
            for position, encoding in enumerate(encodings)
            if isinstance(encoding, NumberEncoding) and (encoding.number or encoding.indicator)
        ]
        categorical = [
            (position, encoding)
            for position, encoding in enumerate(encodings)
            if isinstance(encoding, CategoryEncoding) and encoding.column.kind == "category"
        ]
        numbers = [(place, each.number) for place, (_, each) in enumerate(numeric) if each.number]
        indicators = [(place, each.indicator) for place, (_, each) in enumerate(numeric) if each.indicator]
        small = [(place, scaled) for place, (_, each) in enumerate(categorical) for scaled in each.small]
        codes = [place for place, (_, each) in enumerate(categorical) if each.has_codes]
        scaled = [column for _, column in (*numbers, *small, *indicators)]
        return cls(
            numeric=[position for position, _ in numeric],
            categorical=[(position, each.levels) for position, each in categorical],
            number_sources=_places(numbers),
            indicator_sources=_places(indicators),
            small_sources=_places(small),
            code_sources=np.array(codes, np.intp),
            plus=np.array([column.plus for _, column in small], np.int32),
            minus=np.array([column.minus for _, column in small], np.int32),
            scaling=RobustScaling.of([(column.median, column.factor) for column in scaled]),
            names=(*(column.name for column in scaled), *(categorical[place][1].column.name for place in codes)),
        )

    @property
    def n_numbers(self) -> int:
        """Number of encoded columns that are numbers."""
        return len(self.number_sources)

    @property
    def n_small(self) -> int:
        """Number of small columns."""
        return len(self.small_sources) + len(self.indicator_sources)

    @property
    def n_levels(self) -> tuple[int, ...]:
        """For each column of codes, the number of codes including 0."""
        return tuple(len(self.categorical[place][1]) + 1 for place in self.code_sources)

    def rows_per_block(self) -> int:
        """How many rows to encode at a time."""
        return max(1, NUMBERS_PER_BLOCK // max(1, len(self.names)))

    def encode(self, numbers: np.ndarray, codes: np.ndarray, out: np.ndarray) -> None:
        """Encode a block of rows.

        Parameters
        ----------
        numbers : ndarray of float64, of shape (n_rows, len(numeric))
            Cells of the numeric columns; NaN is missing.
        codes : ndarray of int32, of shape (n_rows, len(categorical))
            Codes of the categorical columns; 0 is missing or unknown.
        out : ndarray of float32, of shape (n_rows, n_encoded)
            Filled with the result.
        """
        n_scaled, first, last = self.n_numbers + self.n_small, self.n_numbers, self.n_numbers + len(self.small_sources)
        X = np.empty((len(out), n_scaled))
        X[:, :first] = numbers[:, self.number_sources]
        chosen = codes[:, self.small_sources]
        np.subtract(chosen == self.plus, chosen == self.minus, out=X[:, first:last], dtype=np.float64)
        X[:, last:] = 2.0 * np.isnan(numbers[:, self.indicator_sources]) - 1
        out[:, :n_scaled] = self.scaling.transform(X)
        out[:, n_scaled:] = codes[:, self.code_sources]


def _places(columns: Iterable[tuple[int, Scaled]]) -> np.ndarray:
    return np.array([place for place, _ in columns], np.intp)
