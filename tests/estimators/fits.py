"""Short fits of both estimators, and comparisons of their results."""

import numpy as np
import pytest

from fastnn.estimators import MLPClassifier, MLPRegressor
from tests.estimators.data import TARGETS, features

X, CLASSES, NUMBERS = features(), TARGETS["multiclass"], TARGETS["one target"]
TRAINED, HELD_OUT = slice(0, 40), slice(40, None)

DEFAULTS = {
    "hidden_layer_sizes": (8, 4),
    "max_iter": 6,
    "learning_rate_init": 0.01,
    "random_state": 3,
    "batch_size": 20,
}

#: A learning rate that decays quickly.
SGD_THAT_ADAPTS = {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1}

#: An estimator and its targets.
BOTH = [(MLPClassifier, CLASSES), (MLPRegressor, NUMBERS)]
both = pytest.mark.parametrize(("make", "y"), BOTH, ids=["classifier", "regressor"])


def fitted(make, y, features=X, sample_weight=None, fit=(), **parameters):
    return make(**DEFAULTS | parameters).fit(features, y, sample_weight, **dict(fit))


def parameters_of(estimator):
    return np.concatenate([array.ravel() for array in (*estimator.coefs_, *estimator.intercepts_)])


def assert_same_fit(found, expected, rtol=1e-9):
    np.testing.assert_allclose(parameters_of(found), parameters_of(expected), rtol=rtol, atol=rtol)
    if hasattr(expected, "loss_curve_"):
        np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=rtol)


def differ(one, other):
    return not np.allclose(parameters_of(one), parameters_of(other), rtol=1e-3)


POINTS = np.random.default_rng(1).normal(size=(120, 4))
LABELS = np.arange(120) % 3


def small(kind, **parameters):
    return kind(**{"hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 4} | parameters)
