"""The estimators follow scikit-learn's: the same numbers, warnings, printed lines and error texts."""

import contextlib
import inspect
import io
import itertools
import random
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network
from scipy.sparse import csc_matrix, csr_matrix
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError

from fastnn.estimators import MLPClassifier, MLPRegressor

N_SAMPLES, N_FEATURES = 60, 5

ESTIMATORS = {
    "MLPClassifier": (MLPClassifier, sklearn.neural_network.MLPClassifier),
    "MLPRegressor": (MLPRegressor, sklearn.neural_network.MLPRegressor),
}


def features(dtype=np.float64):
    X = np.random.RandomState(0).standard_normal((N_SAMPLES, N_FEATURES))
    return np.where(np.abs(X) < 0.3, 0, X).astype(dtype)


def targets():
    """Of each kind, something that can be learnt from `features`."""
    X = features()
    rate = np.exp(0.5 * X[:, :2])
    classes = np.digitize(X[:, 0], [-0.5, 0.5])
    return {
        "binary": np.where(X[:, 0] > 0, 7, -1),
        "multiclass": 2 * classes,
        "strings": np.array(["ant", "bee", "cat"])[classes],
        "binary strings": np.array(["no", "yes"])[(X[:, 1] > 0).astype(int)],
        "multilabel": (X[:, :3] > 0).astype(int),
        "single class": np.ones(N_SAMPLES, int),
        "one target": X @ np.arange(N_FEATURES) + 1,
        "two targets": np.c_[X[:, 0] ** 2, 3 * X[:, 1]],
        "counts": np.round(2 * rate[:, 0]),
        "two counts": np.round(2 * rate),
    }


TARGETS = targets()
REGRESSIONS = {name: {} for name in ("one target", "two targets")} | {
    name: {"loss": "poisson"} for name in ("counts", "two counts")
}


def weights(kind):
    drawn = np.random.RandomState(1).uniform(0.5, 2, N_SAMPLES)
    return {"none": None, "random": drawn, "with zeros": np.where(np.arange(N_SAMPLES) % 3 == 1, 0, drawn)}[kind]


@dataclass
class Case:
    """What is asked of both libraries' estimators, and on what."""

    targets: str = "multiclass"
    calls: tuple[str, ...] = ("fit",)
    weights: str = "none"
    container: Any = np.asarray
    dtype: Any = np.float64
    backend: str = "numba"
    random_state: str = "int"
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def pair(self):
        return ESTIMATORS["MLPRegressor" if self.targets in REGRESSIONS else "MLPClassifier"]

    def run(self, make, **others):
        """An estimator that has been through it, the state of its random generator, the warnings and what it printed."""
        state = np.random.RandomState(3) if self.random_state == "instance" else 3
        defaults = {"hidden_layer_sizes": (8, 4), "max_iter": 6, "learning_rate_init": 0.01}
        parameters = defaults | REGRESSIONS.get(self.targets, {}) | self.parameters | others
        estimator = make(random_state=state, **parameters)
        X, y, sample_weight = self.container(features(self.dtype)), TARGETS[self.targets], weights(self.weights)
        printed = io.StringIO()
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
            warnings.simplefilter("always")
            for call in self.calls:
                is_first = call == "partial_fit" and self.targets not in REGRESSIONS
                options = {"classes": np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])} if is_first else {}
                getattr(estimator, call)(X, y, sample_weight=sample_weight, **options)
        said = [(warning.category, str(warning.message)) for warning in caught]
        drawn = state.get_state()[1:] if self.random_state == "instance" else None
        return estimator, drawn, said, printed.getvalue()

    def check(self, rtol=1e-6):
        ours, theirs = self.pair
        found, found_drawn, found_said, found_printed = self.run(ours, backend=self.backend)
        expected, expected_drawn, expected_said, expected_printed = self.run(theirs)
        assert_same_attributes(found, expected, rtol)
        np.testing.assert_equal(found_drawn, expected_drawn)
        assert found_said == expected_said
        assert found_printed == expected_printed
        X, y = self.container(features(self.dtype)), TARGETS[self.targets]
        assert_same_predictions(found, expected, X, y, weights(self.weights), rtol)


def fitted_attributes(estimator):
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and name[0] != "_"}


def assert_same_attributes(found, expected, rtol):
    """Whatever attributes scikit-learn's estimator has."""
    ours = fitted_attributes(found)
    for name, theirs in fitted_attributes(expected).items():
        assert_same(ours[name], theirs, rtol, name)


def assert_same(found, expected, rtol, name):
    if name in ("coefs_", "intercepts_"):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * max(1e-3, np.abs(other).max()), err_msg=name)
    elif isinstance(expected, float) or (isinstance(expected, list) and expected):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * 1e-3, err_msg=name)
    elif isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected, strict=True, err_msg=name)
    else:
        assert found == expected, name


def assert_same_predictions(found, expected, X, y, sample_weight, rtol):
    predictions = found.predict(X), expected.predict(X)
    assert predictions[0].dtype == predictions[1].dtype
    if hasattr(expected, "classes_"):
        np.testing.assert_array_equal(*predictions)
        for method in ("predict_proba", "predict_log_proba"):
            ours, theirs = getattr(found, method)(X), getattr(expected, method)(X)
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=10 * rtol, atol=rtol)
    else:
        np.testing.assert_allclose(*predictions, rtol=10 * rtol, atol=rtol)
    scores = found.score(X, y, sample_weight), expected.score(X, y, sample_weight)
    np.testing.assert_allclose(*scores, rtol=10 * rtol, atol=rtol)


SGD = {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True}

#: What varies in the covering array.
FACTORS = {
    "solver": [
        {"solver": "adam"},
        {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"solver": "lbfgs"},
        SGD,
        SGD | {"nesterovs_momentum": False},
        SGD | {"momentum": 0.0},
        SGD | {"momentum": 1.0, "learning_rate_init": 0.001},
        SGD | {"learning_rate": "invscaling", "learning_rate_init": 0.1, "power_t": 0.3},
        SGD | {"learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
    ],
    "activation": [{"activation": name} for name in ("identity", "logistic", "tanh", "relu")],
    "targets": list(TARGETS),
    "hidden": [{"hidden_layer_sizes": sizes} for sizes in (5, (), (8, 4), (100,))],
    "batch_size": [{"batch_size": size} for size in ("auto", 16, 1000)],
    "alpha": [{"alpha": alpha} for alpha in (0.0, 1e-4, 3.0)],
    "early_stopping": [{"early_stopping": stops} for stops in (False, True)],
    "shuffle": [{"shuffle": shuffles} for shuffles in (False, True)],
    "weights": ["none", "random", "with zeros"],
    "calls": [("fit",), ("fit", "fit"), ("partial_fit",) * 3, ("fit", "partial_fit")],
    "container": [np.asarray, csr_matrix],
    "random_state": ["int", "instance"],
    "backend": ["numpy", "numba"],
    "verbose": [{"verbose": verbose} for verbose in (False, True)],
}


def is_possible(row):
    """Whether scikit-learn can do it."""
    steps = "partial_fit" in row["calls"]
    return not (steps and (row["solver"]["solver"] == "lbfgs" or row["early_stopping"]["early_stopping"]))


def covering_array(factors):
    """Rows in which each possible pair of values of two factors occurs: the best of some random rows, again and again."""
    draw = random.Random(0)
    names, options = list(factors), {name: range(len(values)) for name, values in factors.items()}
    pairs = {
        ((first, i), (second, j))
        for first, second in itertools.combinations(names, 2)
        for i, j in itertools.product(options[first], options[second])
    }
    rows, failures = [], 0
    while failures < 60:
        drawn = [{name: draw.choice(options[name]) for name in names} for _ in range(30)]
        drawn = [row for row in drawn if is_possible({name: factors[name][i] for name, i in row.items()})]
        best = max(drawn, key=lambda row: len(pairs & set(itertools.combinations(row.items(), 2))))
        new = pairs & set(itertools.combinations(best.items(), 2))
        failures = 0 if new else failures + 1
        if new:
            pairs -= new
            rows.append({name: factors[name][i] for name, i in best.items()})
    return rows


def as_case(row):
    parameters = {}
    for value in row.values():
        parameters |= value if isinstance(value, dict) else {}
    parameters["warm_start"] = row["calls"] == ("fit", "fit")
    others = {name: value for name, value in row.items() if not isinstance(value, dict)}
    return Case(parameters=parameters, **others)


COVERING = [as_case(row) for row in covering_array(FACTORS)]


@pytest.mark.parametrize("case", COVERING, ids=range(len(COVERING)))
def test_the_trajectory_is_scikit_learns(case):
    case.check()


