"""What methods need that do not take every table as it is: numbers for the missing ones, and texts for missing categories."""

from typing import Any

import numpy as np
import pandas as pd

#: The category of values that are missing.
MISSING = "missing"


def categories(X: pd.DataFrame) -> list[str]:
    """The names of the columns of dtype category."""
    return [name for name in X.columns if isinstance(X[name].dtype, pd.CategoricalDtype)]


def with_category_for_missing(X: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its categories as texts, of which one says that the value is missing."""
    X = X.copy()
    for name in categories(X):
        X[name] = X[name].astype(object).where(X[name].notna(), MISSING).astype(str)
    return X


class Medians:
    """Replaces missing numbers by the median of the training rows, and adds a column that says where they were."""

    def fit(self, X: pd.DataFrame) -> "Medians":
        """Take the medians, and note which columns of numbers have gaps."""
        numbers = X.drop(columns=categories(X))
        self.medians = numbers.median().fillna(0.0)
        self.with_gaps = [name for name in numbers if numbers[name].isna().any()]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a table without missing numbers."""
        gaps = X[self.with_gaps].isna().astype(np.float64).add_suffix("_missing")
        return pd.concat([X.fillna(self.medians.to_dict()), gaps], axis=1)


class Prepared:
    """An estimator behind a preparation of its table."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def prepare(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the table as the estimator takes it."""
        return with_category_for_missing(X)

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "Prepared":
        """Fit the estimator to the prepared table."""
        self.estimator.fit(self.prepare(X), y, **self.told(X))
        return self

    def told(self, X: pd.DataFrame) -> dict[str, Any]:
        """Arguments of the estimator's fit: which columns are categories."""
        return {"cat_features": categories(X)}

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predictions as one array."""
        return np.asarray(self.estimator.predict(self.prepare(X))).ravel()

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities of the classes."""
        return np.asarray(self.estimator.predict_proba(self.prepare(X)))


class WithoutGaps(Prepared):
    """An estimator that refuses missing numbers, behind medians and indicators."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "WithoutGaps":
        """Fit medians and estimator."""
        self.medians = Medians().fit(X)
        super().fit(X, y)
        return self

    def prepare(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the table without anything missing."""
        return with_category_for_missing(self.medians.transform(X))

    def told(self, X: pd.DataFrame) -> dict[str, Any]:
        """Arguments of the estimator's fit: which columns are categories."""
        return {"cat_col_names": categories(X)}
