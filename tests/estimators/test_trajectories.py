"""The estimators follow scikit-learn's: the same numbers, warnings and printed lines."""

import contextlib
import io
import itertools
import random
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import DataConversionWarning

import fastnn
from fastnn.estimators import MLPClassifier
from tests.estimators.data import ESTIMATORS, N_SAMPLES, REGRESSIONS, TARGETS, features, fitted_attributes, weights


@dataclass
class Case:
    """A training of both libraries' estimators, and its data."""

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
        """A trained estimator, the state of its random generator, its warnings, and what it printed."""
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


def assert_same_attributes(found, expected, rtol):
    """Require the same attributes as scikit-learn's estimator."""
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

#: The factors of the covering array.
FACTORS = {
    "solver": [
        {"solver": "adam"},
        {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"solver": "lbfgs"},
        SGD,
        SGD | {"nesterovs_momentum": False},
        SGD | {"momentum": 0.0},
        SGD | {"momentum": 1.0, "learning_rate_init": 0.001},
        SGD | {"learning_rate": "invscaling", "learning_rate_init": 0.02, "power_t": 0.3},
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
    """Whether scikit-learn can do it; a second fit with early stopping has a test of its own."""
    steps, stops = "partial_fit" in row["calls"], row["early_stopping"]["early_stopping"]
    return not (steps and row["solver"]["solver"] == "lbfgs") and (row["calls"] == ("fit",) or not stops)


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


#: Cases that the covering array omits: training until it stops, other dtypes, other memory layouts.
PARTICULAR = {
    "adaptive until the rate is too small": Case(
        parameters=SGD
        | {"learning_rate": "adaptive", "learning_rate_init": 1e-3, "tol": 1.0, "n_iter_no_change": 1}
        | {"max_iter": 50, "verbose": True}
    ),
    "adaptive with early stopping until the rate is too small": Case(
        parameters=SGD
        | {"learning_rate": "adaptive", "learning_rate_init": 1e-3, "tol": 1.0, "n_iter_no_change": 1}
        | {"max_iter": 50, "verbose": True, "early_stopping": True, "validation_fraction": 0.3}
    ),
    "until the loss no longer improves": Case(
        "binary", parameters={"tol": 0.01, "n_iter_no_change": 3, "max_iter": 300, "verbose": True}
    ),
    "until the score no longer improves": Case(
        "one target",
        parameters={"early_stopping": True, "n_iter_no_change": 3, "max_iter": 300, "verbose": True},
    ),
    "without a stop": Case(parameters={"n_iter_no_change": np.inf, "tol": 10.0, "max_iter": 20}),
    "warm start after a stop": Case(
        calls=("fit", "fit", "fit"), parameters={"warm_start": True, "tol": 0.1, "n_iter_no_change": 2, "max_iter": 30}
    ),
    "fit again without a warm start": Case(calls=("fit", "fit"), random_state="instance"),
    "partial_fit until it would stop": Case(
        calls=("partial_fit",) * 8, parameters={"tol": 10.0, "n_iter_no_change": 2, "verbose": True}
    ),
    "partial_fit with a rate that falls": Case(
        "one target",
        calls=("partial_fit",) * 8,
        parameters=SGD | {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 2, "verbose": True},
    ),
    "partial_fit, fit and partial_fit": Case(calls=("partial_fit", "fit", "partial_fit")),
    "L-BFGS to its end": Case(
        "strings",
        parameters={"solver": "lbfgs", "max_iter": 100, "hidden_layer_sizes": (), "alpha": 1.0, "verbose": True},
    ),
    "L-BFGS with few evaluations": Case("two targets", parameters={"solver": "lbfgs", "max_fun": 5}),
    "L-BFGS, sparse and weighted": Case(
        "counts", container=csc_matrix, weights="random", parameters={"solver": "lbfgs"}
    ),
    "columns": Case(container=csc_matrix, weights="with zeros", parameters={"early_stopping": True}),
    "Fortran's order": Case(container=np.asfortranarray),
    "lists": Case("strings", container=np.ndarray.tolist),
    "integers": Case(container=lambda X: np.round(X).astype(int)),
    "one unit for several classes": Case("strings", parameters={"hidden_layer_sizes": np.array([1])}),
}


@pytest.mark.parametrize("case", PARTICULAR.values(), ids=PARTICULAR)
def test_the_trajectory_is_scikit_learns_in_particular_cases(case):
    case.check()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("kind", ["multiclass", "binary", "two targets", "counts"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_single_precision_gives_parameters_in_it_and_the_same_losses(solver, kind, backend):
    case = Case(kind, dtype=np.float32, backend=backend, parameters={"solver": solver})
    ours, theirs = case.pair
    (found, *_), (expected, *_) = case.run(ours, backend=backend), case.run(theirs)
    dtypes = [array.dtype for array in (*found.coefs_, *found.intercepts_)]
    if solver != "lbfgs":  # SciPy's answer is in double precision, ours in that of the network
        assert dtypes == [array.dtype for array in (*expected.coefs_, *expected.intercepts_)]
        np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-4)
    assert set(dtypes) == {np.dtype(np.float32)}
    np.testing.assert_allclose(found.loss_, expected.loss_, rtol=1e-4)
    X = features(np.float32)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-3, atol=1e-4)
    assert found.predict(X).dtype == (np.float32 if kind in REGRESSIONS else np.int64)


WHOLE = {
    "digits": (load_digits, {"learning_rate_init": 0.005}),
    "digits, early stopping": (load_digits, {"early_stopping": True}),
    "digits, SGD": (load_digits, {"solver": "sgd", "tol": 0.003}),
    "iris": (load_iris, {"learning_rate_init": 0.01, "max_iter": 500}),
}


@pytest.mark.parametrize(("load", "parameters"), WHOLE.values(), ids=WHOLE)
def test_whole_fits_end_where_scikit_learns_do(load, parameters):
    """Pixels of 0 to 16, so that probabilities come to 0 and 1, and a flat end, where the last digits of a loss matter."""
    X, y = load(return_X_y=True)
    ours, theirs = ESTIMATORS["MLPClassifier"]
    found, expected = (make(20, random_state=1, **parameters).fit(X[:600], y[:600]) for make in (ours, theirs))
    assert_same_attributes(found, expected, 1e-5)
    assert_same_predictions(found, expected, X, y, None, 1e-5)


def test_a_second_fit_with_early_stopping_never_ends_worse_than_the_first():
    """scikit-learn trains its copy of the best parameters along, and so gives back the last; the rest is the same."""
    parameters = {"early_stopping": True, "warm_start": True, "validation_fraction": 0.3}
    case = Case("binary", calls=("fit", "fit"), parameters=parameters)
    (found, *_), (expected, *_) = (case.run(make) for make in case.pair)
    for name in ("validation_scores_", "best_validation_score_", "loss_curve_", "n_iter_", "t_"):
        assert_same(getattr(found, name), getattr(expected, name), 1e-6, name)
    first, *_ = Case("binary", parameters=parameters).run(MLPClassifier)
    assert found.best_validation_score_ == first.best_validation_score_
    for one, other in zip(found.coefs_, first.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


IN_PARTS = {
    "weighted": Case("multiclass", weights="with zeros"),
    "early stopping": Case("binary", weights="random", parameters={"early_stopping": True}),
    "counts": Case("two counts", weights="random"),
    "numbers without shuffling": Case("two targets", weights="random", parameters={"shuffle": False}),
    "L-BFGS": Case("strings", weights="with zeros", parameters={"solver": "lbfgs"}),
}


@pytest.mark.parametrize("container", [np.asarray, csr_matrix, csc_matrix])
@pytest.mark.parametrize("case", IN_PARTS.values(), ids=IN_PARTS)
def test_samples_that_are_taken_in_parts_give_scikit_learns_trajectory(case, container, monkeypatch):
    monkeypatch.setattr(fastnn.training.descent, "SECONDS_PER_CHUNK", 0)  # one batch at a time
    replace(case, container=container, parameters=case.parameters | {"batch_size": 7}).check()


def test_partial_fit_with_some_of_the_classes_at_a_time_follows_scikit_learn():
    X, names = features(), TARGETS["strings"]
    found, expected = (make(5, random_state=2) for make in ESTIMATORS["MLPClassifier"])
    for estimator in (found, expected):
        for rows in (names != "cat", names == "cat", names != "ant"):
            estimator.partial_fit(X[rows], names[rows], classes=["cat", "ant", "bee"])
    assert_same_attributes(found, expected, 1e-6)
    assert_same_predictions(found, expected, X, names, None, 1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_column_of_targets_is_taken_for_a_vector_with_scikit_learns_warning(estimator):
    y = TARGETS["binary"][:, np.newaxis]
    said = []
    for make in ESTIMATORS[estimator]:
        with pytest.warns(DataConversionWarning) as caught:
            fitted = make(hidden_layer_sizes=5, n_iter_no_change=1, tol=1e9).fit(features(), y)
        assert fitted.predict(features()).shape == (N_SAMPLES,)
        said.append([str(warning.message) for warning in caught])
    assert said[0] == said[1]
