"""Standardised columns: mean 0 and standard deviation 1, but for those that hold 0 and 1 only, which are left alone."""

import copy
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from fastnn.validation import is_sparse


class ColumnScaler(StandardScaler):  # type: ignore[misc]  # scikit-learn bears no types
    """scikit-learn's `StandardScaler` for features, in which columns of 0 and 1 stay as they are.

    A column that says yes or no, such as those of a one-hot encoding, is in scale already; standardised, a rare yes would
    weigh more than anything else in its row. What decides is everything that was seen until now: a column in which
    `partial_fit` meets another number is scaled from then on.

    Attributes
    ----------
    is_binary_ : ndarray of bool, of shape (n_features,)
        Columns in which nothing but 0 and 1 was seen.
    """

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "ColumnScaler":
        """Count in more samples."""
        is_first = not hasattr(self, "n_samples_seen_")
        super().partial_fit(X, y, sample_weight)
        binary = _binary_columns(X)
        self.is_binary_: np.ndarray = binary if is_first else self.is_binary_ & binary
        self.scale_[self.is_binary_] = 1.0
        return self

    @property
    def shift_(self) -> np.ndarray:
        """What is taken away from each column: its mean, or nothing."""
        shift: np.ndarray = np.where(self.is_binary_, 0.0, self.mean_)
        return shift

    def transform(self, X: Any, copy: bool | None = None) -> Any:
        """Scale columns."""
        return _shifted_by(self, self.shift_).transform(X, copy)


def _shifted_by(scaler: ColumnScaler, shift: np.ndarray) -> StandardScaler:
    """scikit-learn's scaler with another mean to take away; its result is an array, whatever users have configured."""
    plain = StandardScaler(with_mean=scaler.with_mean).set_output(transform="default")
    vars(plain).update({name: value for name, value in vars(scaler).items() if name.endswith("_")}, mean_=shift)
    return plain


def _binary_columns(X: Any) -> np.ndarray:
    """Which columns hold nothing but 0 and 1."""
    if not is_sparse(X):
        X = np.asarray(X)
        return np.asarray(((X == 0) | (X == 1)).all(axis=0))
    columns = X.tocsc()
    others = copy.copy(columns)
    others.data = (columns.data != 0) & (columns.data != 1)
    binary: np.ndarray = np.asarray(others.sum(axis=0)).ravel() == 0
    return binary
