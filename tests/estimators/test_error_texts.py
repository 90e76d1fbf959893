"""The estimators reject what scikit-learn's reject, with the same messages, and have the same signatures."""

import inspect
import re
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.exceptions import NotFittedError

from tests.estimators.data import ESTIMATORS, N_FEATURES, N_SAMPLES, TARGETS, features, fitted_attributes


def wrong(make, call):
    """The error message of an estimator for invalid input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((ValueError, TypeError, AttributeError)) as caught:
            call(make)
    return type(caught.value), str(caught.value)


X, Y = features(), TARGETS["multiclass"]
WITH_NAN = np.where(np.arange(N_SAMPLES)[:, np.newaxis] == 7, np.nan, X)


def words(message):
    """The words of a message in alphabetical order, because scikit-learn lists options in the order of a set."""
    return sorted(re.findall(r"[\w.()-]+", message))


#: Parameter values that neither library accepts.
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


#: Trainings on parts of the samples, with few batches.
