"""Continued training: warm starts, `partial_fit`, copies, and parameters replaced by the user."""

import copy
import pickle

import numpy as np
import pytest

from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.losses import Huber, Quantile
from tests.estimators.data import ESTIMATORS, TARGETS
from tests.estimators.fits import (
    CLASSES,
    DEFAULTS,
    LABELS,
    NUMBERS,
    POINTS,
    SGD_THAT_ADAPTS,
    X,
    assert_same_fit,
    both,
    differ,
    fitted,
    parameters_of,
    small,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("change", [{"hidden_layer_sizes": (8, 3)}, {"hidden_layer_sizes": 5}], ids=str)
@pytest.mark.parametrize("make", [one for one, _ in ESTIMATORS.values()])
def test_a_warm_start_with_other_layers_keeps_those_it_has(make, change):
    found = fitted(make, CLASSES, warm_start=True)
    shapes = [W.shape for W in found.coefs_]
    found.set_params(**change).fit(X, CLASSES)
    assert [W.shape for W in found.coefs_] == shapes


@pytest.mark.parametrize("parameters", [{}, {"solver": "lbfgs"}, {"standardize": True}], ids=str)
@pytest.mark.parametrize("first", ["one target", "two targets"])
def test_training_does_not_go_on_with_another_number_of_targets(first, parameters):
    other = {"one target": "two targets", "two targets": "one target"}[first]
    found = fitted(MLPRegressor, TARGETS[first], warm_start=True, **parameters)
    before, predictions = parameters_of(found).copy(), found.predict(X)
    for method in ("fit", "partial_fit") if hasattr(found, "partial_fit") else ("fit",):
        with pytest.raises(
            ValueError, match=r"Training continues with 5 inputs and . outputs, got X and y for 5 and .\."
        ):
            getattr(found, method)(X, TARGETS[other])
    np.testing.assert_array_equal(parameters_of(found), before)
    np.testing.assert_array_equal(found.predict(X), predictions)


@pytest.mark.parametrize("first", [{"solver": "lbfgs"}, {"early_stopping": True}, {}], ids=str)
@pytest.mark.parametrize("then", [{"early_stopping": True}, {}], ids=str)
@both
def test_a_warm_start_may_change_what_is_measured(then, first, make, y):
    found = fitted(make, y, warm_start=True, **first)
    found.set_params(**{"solver": "adam", "early_stopping": False} | then).fit(X, y)
    assert found.loss_curve_[-1] == found.loss_
    assert (found.validation_scores_ is None) == (found.best_loss_ is not None) == (not then)


@pytest.mark.parametrize("change", [{"activation": "tanh"}, {"activation": ["tanh", "gelu"]}, {"dropout": 0.5},
    {"normalization": "batch"}, {"backend": "numpy"}], ids=str)  # fmt: skip
@both
def test_a_warm_start_takes_up_what_has_been_set_since(change, make, y):
    found, unchanged = fitted(make, y, warm_start=True), fitted(make, y, warm_start=True).fit(X, y)
    weights, biases = ([array.copy() for array in arrays] for arrays in (found.coefs_, found.intercepts_))
    found.set_params(**change).fit(X, y)
    assert differ(found, unchanged) == ("backend" not in change)
    expected = fitted(make, y, warm_start=True, max_iter=1, **change)
    if not {"dropout", "normalization"} & set(change):  # which draw more numbers, or have more parameters
        expected.coefs_, expected.intercepts_ = weights, biases
        expected.set_params(max_iter=6).fit(X, y)
        np.testing.assert_allclose(parameters_of(found), parameters_of(expected))


@pytest.mark.parametrize(("then", "message"), [
    ("poisson", "poisson"),
    (Quantile(levels=(0.1, 0.9)), "Training continues with 5 inputs and 1 outputs"),
], ids=str)  # fmt: skip
def test_a_warm_start_does_not_go_on_with_a_loss_that_wants_other_outputs(then, message):
    found = fitted(MLPRegressor, np.abs(NUMBERS), warm_start=True)
    with pytest.raises(ValueError, match=message):
        found.set_params(loss=then).fit(X, np.abs(NUMBERS))
    found.set_params(loss="huber").fit(X, np.abs(NUMBERS))
    assert found._network.architecture.loss == Huber()


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
def test_a_warm_start_with_another_activation_is_scikit_learns(activation):
    found, expected = (fitted(make, CLASSES, warm_start=True) for make in ESTIMATORS["MLPClassifier"])
    for estimator in (found, expected):
        estimator.set_params(activation=activation, solver="sgd").fit(X, CLASSES)
    assert_same_fit(found, expected)


@both
@pytest.mark.parametrize(
    "parameters", [{}, SGD_THAT_ADAPTS, {"dropout": 0.3}, {"normalization": "batch"}, {"standardize": True}], ids=str
)
@pytest.mark.parametrize(
    "through", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["copied", "pickled"]
)
def test_partial_fit_goes_on_after_a_copy_as_if_there_were_none(through, parameters, make, y):
    classes = {"classes": np.unique(y)} if make is MLPClassifier else {}
    whole, parts = (make(**DEFAULTS | parameters) for _ in range(2))
    for call in range(6):
        whole.partial_fit(X, y, **classes)
        parts = parts.partial_fit(X, y, **classes) if call % 2 else through(parts.partial_fit(X, y, **classes))
    assert_same_fit(parts, whole)
    np.testing.assert_array_equal(parts.predict(X), whole.predict(X))
    assert parts.t_ == whole.t_


@both
def test_a_copy_learns_by_itself(make, y):
    found = fitted(make, y, warm_start=True)
    before, other = parameters_of(found).copy(), copy.deepcopy(found)
    other.fit(X, y)
    np.testing.assert_array_equal(parameters_of(found), before)


@both
def test_parameters_that_a_user_puts_there_are_what_is_computed_and_trained(make, y):
    found, other = fitted(make, y, warm_start=True), fitted(make, y, warm_start=True, random_state=5)
    found.coefs_, found.intercepts_ = [W.tolist() for W in other.coefs_], [b.copy() for b in other.intercepts_]
    np.testing.assert_allclose(found.predict(X), other.predict(X))
    found.set_params(random_state=5)
    for estimator in (found, other):
        estimator.fit(X, y)
    np.testing.assert_allclose(parameters_of(found), parameters_of(other))


@pytest.mark.parametrize(("before", "after"), [(1e-4, 10.0), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_penalty_that_changes_between_calls_holds_at_once(before, after, solver):
    from sklearn.neural_network import MLPClassifier as Original

    models = [small(kind, alpha=before, solver=solver) for kind in (MLPClassifier, Original)]
    for model in models:
        model.partial_fit(POINTS, LABELS, classes=[0, 1, 2]).set_params(alpha=after)
        for _ in range(3):
            model.partial_fit(POINTS, LABELS)
    np.testing.assert_allclose(models[0].coefs_[0], models[1].coefs_[0], rtol=1e-9)
    np.testing.assert_allclose(models[0].loss_, models[1].loss_, rtol=1e-9)


def test_a_warm_start_takes_up_another_type():
    model = small(MLPClassifier, warm_start=True).fit(POINTS, LABELS)
    model.set_params(dtype="float32").fit(POINTS, LABELS)
    assert model.coefs_[0].dtype == np.float32


def test_a_warm_start_with_another_kind_of_outputs_is_refused():
    model = small(MLPRegressor, warm_start=True).fit(POINTS, LABELS).set_params(loss="poisson")
    with pytest.raises(
        ValueError, match="Training continues with output activation 'identity', but loss='poisson' needs 'exp'"
    ):
        model.fit(POINTS, LABELS)


def test_a_warm_start_keeps_the_scale_that_its_weights_know():
    model = small(MLPRegressor, standardize=True, warm_start=True, learning_rate_init=1e-12).fit(POINTS, POINTS[:, 0])
    before = model.predict(POINTS)
    np.testing.assert_allclose(model.fit(POINTS + 9, POINTS[:, 0] * 7).predict(POINTS), before, rtol=1e-6)
