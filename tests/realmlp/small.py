"""Small estimators that train quickly, and tables for them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fastnn import RealMLPClassifier, RealMLPRegressor

N_ROWS = 60


def options(**others: Any) -> dict[str, Any]:
    return {"n_epochs": 4, "hidden_layer_sizes": (6,), "n_members": 1, "random_state": 0} | others


def classifier(**others: Any) -> RealMLPClassifier:
    return RealMLPClassifier(**options(**others))


def regressor(**others: Any) -> RealMLPRegressor:
    return RealMLPRegressor(**options(**others))


def table(n_rows: int = N_ROWS, seed: int = 0) -> pd.DataFrame:
    """Numbers, some missing; categories with embeddings and without; booleans."""
    random = np.random.default_rng(seed)
    size, age = random.normal(size=n_rows), random.integers(18, 90, n_rows).astype(float)
    age[::7] = np.nan
    return pd.DataFrame(
        {
            "size": size,
            "age": age,
            "city": random.choice(["Rome", "Oslo", "Bern", None], n_rows),
            "street": random.choice([f"street {k}" for k in range(12)], n_rows),
            "member": random.integers(0, 2, n_rows).astype(bool),
        }
    )


X = table()
NUMBERS = 3 * X["size"].to_numpy() + X["member"].to_numpy()
LABELS = np.array(["ant", "bee", "cat"])[np.digitize(X["size"], [-0.5, 0.5])]

#: A function that makes an estimator, and its targets.
BOTH = [(classifier, LABELS), (regressor, NUMBERS)]
both = pytest.mark.parametrize(("make", "y"), BOTH, ids=["classifier", "regressor"])


def outputs(estimator: Any, features: Any = X) -> np.ndarray:
    """Probabilities, or predicted numbers."""
    return (estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.predict)(features)
