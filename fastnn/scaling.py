"""Standardisation of columns to mean 0 and standard deviation 1, except for columns of 0 and 1, which are left unscaled."""

from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from fastnn.validation import ROWS_PER_CHECK, is_sparse


class ColumnScaler(StandardScaler):  # type: ignore[misc]
    """scikit-learn's `StandardScaler` for features, except that columns of 0 and 1 are left unscaled.

    An indicator column, such as those of a one-hot encoding, is well scaled already; standardised, a rare 1 would outweigh
    everything else in its row. The decision is based on all samples so far: if `partial_fit` finds another value in a
    column, the column is scaled from then on.

    Attributes
    ----------
    is_binary_ : ndarray of bool, of shape (n_features,)
        Columns with no values other than 0 and 1 so far: their `mean_` is 0 and their `scale_` is 1.
    moments_ : StandardScaler
        Mean and variance of all columns.
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "ColumnScaler":
        """Forget earlier samples and fit to these."""
        for name in ("moments_", "is_binary_"):
            self.__dict__.pop(name, None)
        return self.partial_fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "ColumnScaler":
        """Update the statistics with more samples."""
        moments = self.__dict__.get("moments_") or StandardScaler(with_mean=self.with_mean, with_std=self.with_std)
        moments.partial_fit(X, y, sample_weight)
        self.adopt(moments, _binary_columns(X) & self.__dict__.get("is_binary_", True))
        return self

    def adopt(self, moments: StandardScaler, is_binary: np.ndarray) -> None:
        """Scale by the moments of all columns, except binary columns."""
        self.__dict__.update({name: value for name, value in vars(moments).items() if name.endswith("_")})
        self.mean_, self.scale_ = np.where(is_binary, 0.0, moments.mean_), np.where(is_binary, 1.0, moments.scale_)
        self.moments_, self.is_binary_ = moments, is_binary


def _binary_columns(X: Any) -> np.ndarray:
    """Which columns hold only 0 and 1; (n, d) -> (d,)."""
    if is_sparse(X):
        rows = X.tocsr()
        others = (rows.data != 0) & (rows.data != 1)
        return np.asarray(np.bincount(rows.indices[others], minlength=X.shape[1]) == 0)
    X = np.asarray(X)
    is_binary = np.ones(X.shape[1], bool)
    for start in range(0, len(X), ROWS_PER_CHECK):
        block = X[start : start + ROWS_PER_CHECK]
        is_binary &= ((block == 0) | (block == 1)).all(axis=0)
    return is_binary
