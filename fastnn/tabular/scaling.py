"""Robust scaling and smooth clipping: outliers neither set the scale of a column nor reach the network at full size.

Source: D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on
Tabular Data", NeurIPS 2024, arXiv 2407.04491, section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

QUARTILES = (0.25, 0.5, 0.75)

#: Clipped values lie between -LIMIT and LIMIT.
LIMIT = 3.0

#: A value this many times as large as the limit is clipped to the limit exactly, in float64.
FAR = 1e9


def smooth_clip(X: Any, limit: float = LIMIT) -> np.ndarray:
    """x / sqrt(1 + (x / limit)^2), which is close to x near 0 and tends to ±limit.

    Parameters
    ----------
    X : array_like
        Numbers, of any shape. Infinity becomes ±limit; NaN stays NaN.
    limit : float
        Bound of the result.

    Returns
    -------
    ndarray of float64
        In the shape of X.
    """
    far = FAR * limit  # the square of a larger number may overflow
    x = np.minimum(np.maximum(np.asarray(X, np.float64), -far), far)  # a third of the time of np.clip for a few numbers
    return np.asarray(x / np.sqrt(1 + (x / limit) ** 2))


@dataclass(frozen=True, eq=False)
class RobustScaling:
    """(x - median) / scale, column by column, and then `smooth_clip`.

    The scale is the interquartile range, or half the range where that is 0. Statistics leave out missing and infinite
    values. Columns whose finite values are all the same become 0.

    Attributes
    ----------
    medians : ndarray of float64, of shape (n_columns,)
        Medians; 0 in columns without a finite value.
    factors : ndarray of float64, of shape (n_columns,)
        1 / scale; 0 in constant columns.
    """

    medians: np.ndarray
    factors: np.ndarray

    @classmethod
    def fit(cls, X: Any) -> Self:
        """The scaling of a matrix (n_rows, n_columns) of numbers, where NaN is missing."""
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X must be two-dimensional, (n_rows, n_columns), got shape {X.shape}.")
        return cls.of([robust_statistics(column) for column in X.T])

    @classmethod
    def of(cls, statistics: Sequence[tuple[float, float]]) -> Self:
        """The scaling with a median and a factor for each column."""
        medians, factors = np.array(statistics, np.float64).reshape(-1, 2).T.copy()
        return cls(medians, factors)

    def scale(self, X: Any) -> np.ndarray:
        """(x - median) / scale; 0 for missing values and in constant columns; (n_rows, n_columns), float64."""
        with np.errstate(over="ignore", invalid="ignore"):
            x = np.asarray((np.asarray(X, np.float64) - self.medians) * self.factors)
        x[np.isnan(x)] = 0  # missing, or infinity in a constant column
        return x

    def transform(self, X: Any) -> np.ndarray:
        """Both steps; (n_rows, n_columns), float64 from -3 to 3."""
        return smooth_clip(self.scale(X))


def robust_statistics(values: np.ndarray) -> tuple[float, float]:
    """Median and 1 / scale of a column (n,) of numbers, where NaN is missing; (median, 0) if it is constant."""
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return 0.0, 0.0
    eighths = finite * 0.125  # exact, and differences of them do not overflow
    return _statistics(np.quantile(eighths, QUARTILES), (eighths.min(), eighths.max()))


def statistics_of_counts(values: Sequence[float], counts: Sequence[int]) -> tuple[float, float]:
    """`robust_statistics` of a column that holds each of the values, in ascending order, as often as its count."""
    present = [(value * 0.125, count) for value, count in zip(values, counts, strict=True) if count]
    eighths, n_each = np.array([value for value, _ in present]), [count for _, count in present]
    ends = np.cumsum(n_each)
    positions = (ends[-1] - 1) * np.array(QUARTILES)
    lower = eighths[np.searchsorted(ends, np.floor(positions), "right")]
    upper = eighths[np.searchsorted(ends, np.ceil(positions), "right")]
    return _statistics(lower + (upper - lower) * (positions % 1), (eighths[0], eighths[-1]))


def _statistics(quartiles: np.ndarray, ends: tuple[float, float]) -> tuple[float, float]:
    """Median and 1 / scale from an eighth of the quartiles (3,) and of the least and greatest value."""
    first, median, third = quartiles.tolist()
    eighth = third - first or (ends[1] - ends[0]) / 2
    with np.errstate(over="ignore"):
        factor = float(np.divide(0.125, eighth)) if eighth > 0 else 0.0
    return 8 * median, min(factor, float(np.finfo(np.float64).max))
