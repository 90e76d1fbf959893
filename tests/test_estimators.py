"""The estimators follow scikit-learn's: the same numbers, warnings, printed lines and error texts."""

import contextlib
import inspect
import io
import itertools
import random
import re
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network
from scipy.sparse import csc_matrix, csr_matrix
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import DataConversionWarning, NotFittedError

import fastnn
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


#: What the covering array leaves out: trainings until they stop, other types, other layouts.
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


def wrong(make, call):
    """What an estimator says to wrong input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((ValueError, TypeError, AttributeError)) as caught:
            call(make)
    return type(caught.value), str(caught.value)


X, Y = features(), TARGETS["multiclass"]
WITH_NAN = np.where(np.arange(N_SAMPLES)[:, np.newaxis] == 7, np.nan, X)


def words(message):
    """Its words in the order of the alphabet, as scikit-learn lists options in that of a set."""
    return sorted(re.findall(r"[\w.()-]+", message))


#: Values of parameters that neither library takes.
WRONG_PARAMETERS = [
    {"hidden_layer_sizes": -1},
    {"hidden_layer_sizes": (5, -1)},
    {"hidden_layer_sizes": 0},
    {"hidden_layer_sizes": [0]},
    {"hidden_layer_sizes": "5"},
    {"hidden_layer_sizes": 5.5},
    {"solver": "hadoken"},
    {"alpha": -1},
    {"alpha": "1"},
    {"batch_size": 0},
    {"batch_size": -1},
    {"batch_size": "all"},
    {"batch_size": 1.5},
    {"learning_rate": "converge"},
    {"learning_rate_init": 0.0},
    {"learning_rate_init": -1},
    {"power_t": -1},
    {"max_iter": 0},
    {"max_iter": 2.5},
    {"shuffle": "true"},
    {"random_state": "1"},
    {"tol": -1},
    {"verbose": -1},
    {"warm_start": 3},
    {"momentum": 2},
    {"momentum": -0.5},
    {"nesterovs_momentum": "no"},
    {"early_stopping": "yes"},
    {"validation_fraction": 1},
    {"validation_fraction": -0.5},
    {"beta_1": 1},
    {"beta_1": -0.5},
    {"beta_2": 1},
    {"epsilon": 0},
    {"epsilon": -0.5},
    {"n_iter_no_change": 0},
    {"n_iter_no_change": 1.5},
    {"max_fun": 0},
    {"early_stopping": True, "validation_fraction": 0.01},
    {"early_stopping": True, "validation_fraction": 0.0},
    {"early_stopping": True, "validation_fraction": 0.999},
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("parameters", WRONG_PARAMETERS, ids=str)
def test_wrong_parameters_are_refused_in_scikit_learns_words(parameters, estimator):
    found, expected = (wrong(make, lambda make: make(**parameters).fit(X, Y)) for make in ESTIMATORS[estimator])
    assert found[0] is expected[0]
    assert words(found[1]) == words(expected[1])


#: Wrong input of either estimator.
WRONG_CALLS = {
    "NaN in fit": lambda make: make().fit(WITH_NAN, Y),
    "infinity in fit": lambda make: make().fit(WITH_NAN * np.inf, Y),
    "NaN in partial_fit after fit": lambda make: make(max_iter=1).fit(X, Y).partial_fit(WITH_NAN, Y),
    "NaN in predict": lambda make: make(max_iter=1).fit(X, Y).predict(WITH_NAN),
    "NaN in score": lambda make: make(max_iter=1).fit(X, Y).score(WITH_NAN, Y),
    "NaN in predict of one sample": lambda make: make(max_iter=1).fit(X, Y).predict(WITH_NAN[7:8]),
    "infinity in predict": lambda make: make(max_iter=1).fit(X, Y).predict(np.where(np.isnan(WITH_NAN), np.inf, X)),
    "NaN in sparse predict": lambda make: make(max_iter=1).fit(X, Y).predict(csr_matrix(WITH_NAN)),
    "too few features": lambda make: make(max_iter=1).fit(X, Y).predict(X[:, :3]),
    "too many features": lambda make: make(max_iter=1).fit(X, Y).predict(np.c_[X, X]),
    "other features in partial_fit": lambda make: make(max_iter=1).fit(X, Y).partial_fit(X[:, :3], Y),
    "other features in warm start": lambda make: make(max_iter=1, warm_start=True).fit(X, Y).fit(X[:, :3], Y),
    "no samples to predict": lambda make: make(max_iter=1).fit(X, Y).predict(X[:0]),
    "one row as a vector": lambda make: make(max_iter=1).fit(X, Y).predict(X[0]),
    "three axes in predict": lambda make: make(max_iter=1).fit(X, Y).predict(X[np.newaxis]),
    "text in predict": lambda make: make(max_iter=1).fit(X, Y).predict([["a"] * N_FEATURES]),
    "complex numbers": lambda make: make().fit(X * 1j, Y),
    "text": lambda make: make().fit([["a"], ["b"]], [0, 1]),
    "a vector": lambda make: make().fit(X[:, 0], Y),
    "three axes": lambda make: make().fit(X[np.newaxis], Y),
    "no samples": lambda make: make().fit(X[:0], Y[:0]),
    "no features": lambda make: make().fit(X[:, :0], Y),
    "fewer targets than samples": lambda make: make().fit(X, Y[:-1]),
    "targets with three axes": lambda make: make().fit(X, np.ones((N_SAMPLES, 2, 2))),
    "no targets": lambda make: make().fit(X, None),
    "NaN in targets": lambda make: make().fit(X, np.where(np.arange(N_SAMPLES) == 3, np.nan, Y)),
    "too few weights": lambda make: make().fit(X, Y, np.ones(3)),
    "weights with two axes": lambda make: make().fit(X, Y, np.ones((N_SAMPLES, 2))),
    "NaN in weights": lambda make: make().fit(X, Y, np.full(N_SAMPLES, np.nan)),
    "predict before fit": lambda make: make().predict(X),
    "score before fit": lambda make: make().score(X, Y),
    "one sample with early stopping": lambda make: make(early_stopping=True).fit(X[:1], Y[:1]),
    "few samples with early stopping": lambda make: make(early_stopping=True).fit(X[:9], np.arange(9) // 5),
    "a sparse X of another kind": lambda make: make().fit(csr_matrix(WITH_NAN), Y),
}

FITTED = {"max_iter": 1}

#: Wrong input of a classifier.
WRONG_CLASSES = {
    "predict_proba before fit": lambda make: make().predict_proba(X),
    "predict_log_proba before fit": lambda make: make().predict_log_proba(X),
    "partial_fit without classes": lambda make: make().partial_fit(X, Y),
    "other classes in partial_fit": lambda make: (
        make().partial_fit(X, Y, classes=[0, 2, 4]).partial_fit(X, Y, classes=[0, 2])
    ),
    "unknown labels in the first partial_fit": lambda make: make().partial_fit(X, Y, classes=[0, 2]),
    "unknown labels in partial_fit": lambda make: make(**FITTED).fit(X, Y).partial_fit(X, Y + 1),
    "unknown text in partial_fit": lambda make: (
        make(**FITTED).fit(X, TARGETS["strings"]).partial_fit(X, TARGETS["binary strings"])
    ),
    "fewer labels in warm start": lambda make: make(warm_start=True, **FITTED).fit(X, Y).fit(X, np.minimum(Y, 2)),
    "other labels in warm start": lambda make: make(warm_start=True, **FITTED).fit(X, Y).fit(X, Y + 1),
    "other labels in a warm start of many": lambda make: (
        make(warm_start=True, **FITTED).fit(X, Y).fit(X, TARGETS["multilabel"])
    ),
    "partial_fit of L-BFGS": lambda make: make(solver="lbfgs").partial_fit(X, Y, classes=[0, 2, 4]),
    "numbers that are no classes": lambda make: make().fit(X, X[:, 0]),
    "classes of several outputs": lambda make: make().fit(X, np.c_[Y, Y]),
    "one sample of a class with early stopping": lambda make: make(early_stopping=True).fit(
        X, np.arange(N_SAMPLES) == 0
    ),
}

#: Wrong input of a regressor.
WRONG_TARGETS = {
    "infinite targets": lambda make: make().fit(X, np.full(N_SAMPLES, np.inf)),
}


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("call", WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_wrong_input_is_refused_in_scikit_learns_words(call, estimator):
    ours, theirs = (wrong(make, call) for make in ESTIMATORS[estimator])
    assert ours == theirs


@pytest.mark.parametrize("call", WRONG_CLASSES.values(), ids=WRONG_CLASSES)
def test_wrong_classes_are_refused_in_scikit_learns_words(call):
    ours, theirs = (wrong(make, call) for make in ESTIMATORS["MLPClassifier"])
    assert ours == theirs


@pytest.mark.parametrize("call", WRONG_TARGETS.values(), ids=WRONG_TARGETS)
def test_wrong_targets_are_refused_in_scikit_learns_words(call):
    ours, theirs = (wrong(make, call) for make in ESTIMATORS["MLPRegressor"])
    assert ours == theirs


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("call", [lambda one: one.predict(X), lambda one: one.score(X, Y), lambda one: one.summary()])
def test_before_fit_an_estimator_says_that_it_is_not_fitted(call, estimator):
    with pytest.raises(NotFittedError, match=f"This {estimator} instance is not fitted yet"):
        call(ESTIMATORS[estimator][0]())


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("method", ["__init__", "fit", "partial_fit", "predict", "score"])
def test_signatures_begin_with_scikit_learns(method, estimator):
    ours, theirs = (inspect.signature(getattr(make, method)).parameters for make in ESTIMATORS[estimator])
    shared = list(ours.values())[: len(theirs)]
    assert [(one.name, one.kind, one.default) for one in shared] == [
        (one.name, one.kind, one.default) for one in theirs.values()
    ]
    assert {one.kind for one in list(ours.values())[len(theirs) :]} <= {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_docstring_describes_each_parameter_in_order_and_each_attribute(estimator):
    make, _ = ESTIMATORS[estimator]
    described = [line.split(" : ")[0].strip() for line in inspect.getdoc(make).splitlines() if " : " in line]
    names = [name.strip() for names in described for name in names.split(",")]
    parameters = list(inspect.signature(make).parameters)
    assert [name for name in names if name in parameters] == parameters
    fitted = make(hidden_layer_sizes=5, tol=10.0, n_iter_no_change=1, early_stopping=True, standardize=True)
    fitted.fit(X, TARGETS["binary"])
    assert set(fitted_attributes(fitted)) <= set(names)


#: Trainings whose samples come in parts, of few batches.
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
    monkeypatch.setattr(fastnn.training, "SECONDS_PER_CHUNK", 0)  # one batch at a time
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
