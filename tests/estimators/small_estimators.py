"""Small estimators of both kinds, their data, and whether two have learned the same."""

import numpy as np
import pytest
from sklearn.datasets import make_classification

from fastnn.estimators import MLPClassifier, MLPRegressor

both = pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])

X, LABELS = make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)
X_OTHER = np.random.default_rng(0).standard_normal((30, 6))


def new_classifier(**options):
    return MLPClassifier(**{"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0, **options})


def new_regressor(**options):
    return MLPRegressor(**{"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0, **options})


def parameters_of(estimator):
    return [array.copy() for array in (*estimator.coefs_, *estimator.intercepts_)]


def assert_same_parameters(estimator, other):
    for array, expected in zip(parameters_of(estimator), parameters_of(other), strict=True):
        np.testing.assert_array_equal(array, expected)
