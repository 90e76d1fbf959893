"""scikit-learn's estimators become fastnn's and the other way round: they predict the same, and training goes on."""

import copy
import pickle
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

import fastnn
from fastnn import MLPClassifier, MLPRegressor
from fastnn.conversion import from_sklearn, to_sklearn
from fastnn.losses import SquaredError
from tests.estimators.data import ESTIMATORS, REGRESSIONS, TARGETS, features
from tests.estimators.test_trajectories import assert_same_attributes

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = features()
DEFAULTS = {"hidden_layer_sizes": (8, 4), "max_iter": 6, "learning_rate_init": 0.01, "random_state": 3}

SOLVERS: dict[str, dict[str, Any]] = {
    "adam": {"solver": "adam"},
    "adam, other rates": {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    "sgd": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd", "momentum": 0.7},
    "without momentum": {"solver": "sgd", "momentum": 0.0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.02, "power_t": 0.3},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
    "lbfgs": {"solver": "lbfgs"},
}
every_solver = pytest.mark.parametrize("solver", SOLVERS)
stochastic = pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "lbfgs"])
every_target = pytest.mark.parametrize("targets", TARGETS)


def untrained(library: str, targets: str, **options: Any) -> Any:
    """An estimator of either library for these targets."""
    ours, theirs = ESTIMATORS["MLPRegressor" if targets in REGRESSIONS else "MLPClassifier"]
    backend = {"backend": "numpy"} if library == "fastnn" else {}
    options = DEFAULTS | REGRESSIONS.get(targets, {}) | options | backend
    return (ours if library == "fastnn" else theirs)(**options)


def outputs(estimator: Any, samples: Any = X) -> np.ndarray:
    return (estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.predict)(samples)


def assert_predict_the_same(one: Any, other: Any, samples: Any = X, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(outputs(one, samples), outputs(other, samples), rtol=rtol, atol=rtol)
    if hasattr(one, "predict_proba"):
        np.testing.assert_array_equal(one.predict(samples), other.predict(samples))


# From scikit-learn


@every_solver
@every_target
def test_scikit_learns_estimators_are_taken_over(targets, solver):
    theirs = untrained("sklearn", targets, **SOLVERS[solver]).fit(X, TARGETS[targets])
    ours = from_sklearn(theirs)
    assert_same_attributes(ours, theirs, rtol=0)
    assert {name: ours.get_params()[name] for name in theirs.get_params()} == theirs.get_params()
    assert_predict_the_same(ours, theirs)


def trained_on(estimator: Any, call: str, y: np.ndarray, n_calls: int) -> Any:
    for _ in range(n_calls):
        getattr(estimator, call)(X, y)
    return estimator


@stochastic
@pytest.mark.parametrize("first", ["fit", "partial_fit"])
@pytest.mark.parametrize("targets", ["multiclass", "one target", "two counts"])
def test_partial_fit_goes_on_as_in_scikit_learn(targets, first, solver):
    y = TARGETS[targets]
    theirs = untrained("sklearn", targets, **SOLVERS[solver])
    classes = {"classes": np.unique(y)} if first == "partial_fit" and targets == "multiclass" else {}
    getattr(theirs, first)(X, y, **classes)
    trained_on(theirs, "partial_fit", y, 2)
    ours = from_sklearn(theirs)
    assert_same_attributes(trained_on(ours, "partial_fit", y, 4), trained_on(theirs, "partial_fit", y, 4), rtol=1e-6)


@every_solver
@pytest.mark.parametrize("targets", ["strings", "multilabel", "two targets"])
def test_a_warm_start_goes_on_as_in_scikit_learn(targets, solver):
    y = TARGETS[targets]
    theirs = untrained("sklearn", targets, warm_start=True, **SOLVERS[solver]).fit(X, y)
    ours = from_sklearn(theirs)
    assert_same_attributes(ours.fit(X, y), theirs.fit(X, y), rtol=1e-6)


def test_random_numbers_go_on_where_they_were():
    theirs = untrained("sklearn", "multiclass", random_state=np.random.RandomState(0)).fit(X, TARGETS["multiclass"])
    ours = from_sklearn(theirs)
    for _ in range(3):
        ours.partial_fit(X, TARGETS["multiclass"])
        theirs.partial_fit(X, TARGETS["multiclass"])
    assert_same_attributes(ours, theirs, rtol=1e-6)


def test_early_stopping_is_taken_over():
    theirs = untrained("sklearn", "multiclass", early_stopping=True, max_iter=40, n_iter_no_change=2)
    theirs.fit(X, TARGETS["multiclass"])
    ours = from_sklearn(theirs)
    assert_same_attributes(ours, theirs, rtol=0)
    assert ours.stopped_early_
    assert_predict_the_same(ours, theirs)


def test_the_state_of_the_optimizer_is_in_a_pickle():
    theirs = untrained("sklearn", "one target").fit(X, TARGETS["one target"])
    ours = pickle.loads(pickle.dumps(from_sklearn(theirs)))
    trained = trained_on(ours, "partial_fit", TARGETS["one target"], 2)
    assert_same_attributes(trained, trained_on(theirs, "partial_fit", TARGETS["one target"], 2), rtol=1e-6)


def test_single_precision_is_kept():
    theirs = untrained("sklearn", "multiclass").fit(X.astype(np.float32), TARGETS["multiclass"])
    ours = from_sklearn(theirs)
    assert ours.network_.dtype == np.float32
    assert_predict_the_same(ours, theirs, X.astype(np.float32), rtol=1e-6)


def test_names_of_features_are_kept():
    frame = pd.DataFrame(X, columns=list("abcde"))
    theirs = untrained("sklearn", "multiclass").fit(frame, TARGETS["multiclass"])
    assert_predict_the_same(from_sklearn(theirs), theirs, frame)


def test_an_estimator_that_is_not_fitted_has_the_same_parameters():
    theirs = untrained("sklearn", "multiclass", activation="logistic", alpha=0.3)
    ours = from_sklearn(theirs)
    assert not hasattr(ours, "coefs_")
    y = TARGETS["multiclass"]
    assert_same_attributes(ours.fit(X, y), theirs.fit(X, y), rtol=1e-6)


def test_what_is_taken_over_is_a_copy():
    theirs = untrained("sklearn", "one target").fit(X, TARGETS["one target"])
    before, curve = theirs.predict(X), list(theirs.loss_curve_)
    trained_on(from_sklearn(theirs), "partial_fit", TARGETS["one target"], 3)
    np.testing.assert_array_equal(theirs.predict(X), before)
    assert theirs.loss_curve_ == curve


# To scikit-learn


@every_solver
@every_target
def test_fastnns_estimators_are_given_over(targets, solver):
    ours = untrained("fastnn", targets, **SOLVERS[solver]).fit(X, TARGETS[targets])
    theirs = to_sklearn(ours)
    assert type(theirs).__module__.startswith("sklearn.")
    assert_same_attributes(ours, theirs, rtol=0)
    assert_predict_the_same(theirs, ours)


@stochastic
@pytest.mark.parametrize("first", ["fit", "partial_fit"])
@pytest.mark.parametrize("targets", ["multiclass", "two targets"])
def test_scikit_learn_goes_on_with_partial_fit(targets, first, solver):
    y = TARGETS[targets]
    ours = untrained("fastnn", targets, **SOLVERS[solver])
    classes = {"classes": np.unique(y)} if first == "partial_fit" and targets == "multiclass" else {}
    getattr(ours, first)(X, y, **classes)
    trained_on(ours, "partial_fit", y, 2)
    theirs = to_sklearn(ours)
    assert_same_attributes(trained_on(ours, "partial_fit", y, 4), trained_on(theirs, "partial_fit", y, 4), rtol=1e-6)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_scikit_learn_goes_on_with_a_warm_start(early_stopping):
    y, options = TARGETS["strings"], {"warm_start": True, "early_stopping": early_stopping}
    ours = untrained("fastnn", "strings", **options).fit(X, y)
    theirs = to_sklearn(ours)
    assert_predict_the_same(theirs.fit(X, y), ours.fit(X, y))


def test_there_and_back_again_is_the_same_estimator():
    ours = untrained("fastnn", "multiclass").fit(X, TARGETS["multiclass"])
    again = from_sklearn(to_sklearn(ours))
    assert again.get_params() == ours.get_params() | {"backend": "numba"}
    np.testing.assert_array_equal(again.network_.parameters, ours.network_.parameters)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("named", [False, True], ids=["array", "frame"])
@pytest.mark.parametrize(("targets", "standardize", "kind"), [
    ("multiclass", True, Pipeline),
    ("one target", "features", Pipeline),
    ("counts", True, Pipeline),
    ("one target", True, TransformedTargetRegressor),
    ("two targets", "target", TransformedTargetRegressor),
])  # fmt: skip
def test_scalers_become_a_pipeline(targets, standardize, kind, named, dtype):
    samples: Any = np.c_[100 * X[:, :4] + 1e3, X[:, 4] > 0]
    samples = pd.DataFrame(samples, columns=list("abcde")) if named else samples
    y = TARGETS[targets] if targets in ("multiclass", "counts") else 1e4 + 10 * TARGETS[targets]
    ours = untrained("fastnn", targets, standardize=standardize, dtype=dtype).fit(samples, y)
    theirs = to_sklearn(ours)
    assert type(theirs) is kind
    found, expected = outputs(theirs, samples), outputs(ours, samples)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= (1e-6 if dtype == "float32" else 1e-12) * np.abs(expected).max()
    clone(theirs).fit(samples, y)  # it can be fitted anew


def test_a_scaler_of_sparse_features_does_not_shift_them():
    ours = untrained("fastnn", "multiclass", standardize=True).fit(csr_array(X), TARGETS["multiclass"])
    assert_predict_the_same(to_sklearn(ours), ours, csr_array(X))


def test_an_estimator_that_is_not_fitted_can_be_given_over():
    ours = untrained("fastnn", "one target", activation=["tanh", "tanh"], loss=SquaredError(scale=0.5))
    theirs = to_sklearn(ours)
    assert not hasattr(theirs, "coefs_")
    y = TARGETS["one target"]
    assert_same_attributes(ours.fit(X, y), theirs.fit(X, y), rtol=1e-6)


def test_arrays_that_the_user_replaced_are_given_over():
    ours = untrained("fastnn", "one target").fit(X, TARGETS["one target"])
    ours.coefs_[0] = np.ones_like(ours.coefs_[0])
    assert (to_sklearn(ours).coefs_[0] == 1).all()


def test_what_is_given_over_is_a_copy():
    ours = untrained("fastnn", "one target").fit(X, TARGETS["one target"])
    before = copy.deepcopy(ours.predict(X))
    trained_on(to_sklearn(ours), "partial_fit", TARGETS["one target"], 3)
    np.testing.assert_array_equal(ours.predict(X), before)


LACKING = {
    "activation 'gelu'": {"activation": "gelu"},
    "layers with different activations": {"activation": ["tanh", "relu"]},
    "dropout=0.2": {"dropout": 0.2},
    "normalization='batch' and batch normalisation": {"normalization": "batch"},
    "label_smoothing=0.1": {"label_smoothing": 0.1},
    "class_weight={0: 2.0}": {"class_weight": {0: 2.0}},
    "max_grad_norm=1.0": {"max_grad_norm": 1.0},
    "scoring='accuracy'": {"scoring": "accuracy"},
    "max_grad_norm=2.0 and optimizer='adamw'": {"optimizer": "adamw", "max_grad_norm": 2.0},
}


@pytest.mark.parametrize("message", LACKING)
def test_what_scikit_learn_lacks_is_named(message):
    ours = untrained("fastnn", "multiclass", **LACKING[message]).fit(X, TARGETS["multiclass"])
    whole = re.escape(f"scikit-learn's MLPClassifier has no counterpart for {message}.")
    with pytest.raises(ValueError, match=f"^{whole}$"):
        to_sklearn(ours)


def test_what_scikit_learn_lacks_is_named_before_training():
    with pytest.raises(ValueError, match=r"no counterpart for activation 'mish'\."):
        to_sklearn(MLPClassifier(activation="mish"))
    with pytest.raises(ValueError, match=r"no counterpart for standardize=True before it is fitted\."):
        to_sklearn(MLPClassifier(standardize=True))
    with pytest.raises(ValueError, match=r"scikit-learn's MLPRegressor has no counterpart for loss='huber'\."):
        to_sklearn(MLPRegressor(loss="huber"))


def test_a_network_that_had_normalisation_is_not_given_over():
    ours = untrained("fastnn", "multiclass", normalization="layer").fit(X, TARGETS["multiclass"])
    with pytest.raises(ValueError, match=r"no counterpart for layer normalisation\."):
        to_sklearn(ours.set_params(normalization=None))


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match=r"from_sklearn takes .*, got MLPClassifier of fastnn\."):
        from_sklearn(MLPClassifier())
    with pytest.raises(TypeError, match=r"to_sklearn takes .*, got MLPClassifier\."):
        to_sklearn(sklearn.neural_network.MLPClassifier())
    with pytest.raises(TypeError, match=r"to_sklearn takes .*, got Network\."):
        to_sklearn(fastnn.Network([2, 3], backend="numpy"))


def test_a_parameter_of_a_newer_scikit_learn_is_named():
    class Newer(sklearn.neural_network.MLPClassifier):
        def __init__(self, *, swarm=3):
            super().__init__()
            self.swarm = swarm

    with pytest.raises(ValueError, match=r"fastnn's MLPClassifier has no parameter swarm\."):
        from_sklearn(Newer())
