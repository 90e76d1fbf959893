"""Options beyond scikit-learn's, each compared with another way to do the same."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss
from sklearn.utils.class_weight import compute_sample_weight

import fastnn
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.losses import AbsoluteError, Huber, Quantile, SoftmaxCrossEntropy, SquaredError
from tests.estimators.data import N_FEATURES, N_SAMPLES, TARGETS, weights
from tests.estimators.fits import (
    CLASSES,
    DEFAULTS,
    HELD_OUT,
    LABELS,
    NUMBERS,
    POINTS,
    TRAINED,
    X,
    assert_same_fit,
    both,
    differ,
    fitted,
    parameters_of,
    small,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


#: Parameters that scikit-learn does not have, of either estimator.
BEYOND = {
    "gelu": {"activation": "gelu"},
    "two activations": {"activation": ["tanh", "elu"]},
    "dropout": {"dropout": 0.4},
    "dropout by layer": {"dropout": [0.0, 0.5]},
    "normalization": {"normalization": "batch"},
    "AdamW": {"optimizer": fastnn.AdamW(0.01, weight_decay=0.1)},
    "Muon": {"optimizer": fastnn.Muon(0.01)},
    "RMSprop": {"optimizer": fastnn.RMSprop(0.01)},
    "SGD": {"optimizer": fastnn.SGD(0.01, momentum=0.5)},
    "LBFGS": {"optimizer": fastnn.LBFGS(history_size=4)},
    "max_grad_norm": {"max_grad_norm": 0.1},
    "schedule": {"schedule": fastnn.schedules.Cosine()},
    "standardize": {"standardize": True, "solver": "sgd"},
}


@both
@pytest.mark.parametrize("parameters", BEYOND.values(), ids=BEYOND)
def test_both_backends_give_the_same(parameters, make, y):
    one, other = (fitted(make, y, backend=backend, **parameters) for backend in ("numpy", "numba"))
    assert_same_fit(one, other, rtol=1e-6)
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-6, atol=1e-9)


@both
@pytest.mark.parametrize("parameters", BEYOND.values(), ids=BEYOND)
def test_they_change_what_is_learnt(parameters, make, y):
    assert differ(fitted(make, y, **parameters), fitted(make, y))


@pytest.mark.usefixtures("large_teams")
@both
def test_any_number_of_threads_gives_the_same_bits(make, y):
    fits = [fitted(make, y, n_threads=n_threads) for n_threads in (1, 2, 5)]
    assert {parameters_of(one).tobytes() for one in fits} == {parameters_of(fits[0]).tobytes()}
    assert {one.predict(X).tobytes() for one in fits} == {fits[0].predict(X).tobytes()}


@both
@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype(np.float64)], ids=str)
def test_dtype_is_that_of_parameters_and_outputs(dtype, make, y):
    found = fitted(make, y, dtype=dtype)
    assert {array.dtype for array in (*found.coefs_, *found.intercepts_)} == {np.dtype(dtype)}
    outputs = found.predict_proba(X) if make is MLPClassifier else found.predict(X)
    assert outputs.dtype == dtype
    assert_same_fit(found, fitted(make, y), rtol=1e-3)


def test_a_list_of_one_activation_is_that_activation_on_every_layer():
    assert_same_fit(
        fitted(MLPClassifier, CLASSES, activation=["tanh", "tanh"]), fitted(MLPClassifier, CLASSES, activation="tanh")
    )
    assert_same_fit(fitted(MLPClassifier, CLASSES, activation=("relu", "relu")), fitted(MLPClassifier, CLASSES))
    alike = (
        fitted(MLPClassifier, CLASSES, activation=["logistic"] * 2),
        fitted(MLPClassifier, CLASSES, activation="logistic"),
    )
    assert_same_fit(*alike)


@both
def test_dropout_is_drawn_from_random_state_and_not_used_in_prediction(make, y):
    one, again, other = (fitted(make, y, dropout=0.5, random_state=seed) for seed in (1, 1, 2))
    assert parameters_of(one).tobytes() == parameters_of(again).tobytes()
    assert differ(one, other)
    np.testing.assert_array_equal(one.predict(X), one.predict(X))
    assert_same_fit(fitted(make, y, dropout=0.0), fitted(make, y, dropout=[0.0, 0.0]))


@both
def test_batch_normalisation_predicts_with_the_statistics_of_training(make, y):
    found = fitted(make, y, normalization="batch")
    together, apart = found.predict(X), np.concatenate([found.predict(row) for row in np.split(X, N_SAMPLES)])
    np.testing.assert_allclose(together, apart)


def test_label_smoothing_makes_probabilities_less_sure():
    parameters = {"max_iter": 200, "alpha": 0.0, "n_iter_no_change": 200}
    sure, smoothed = (fitted(MLPClassifier, CLASSES, label_smoothing=share, **parameters) for share in (0.0, 0.3))
    assert sure.predict_proba(X).max() > 0.95 > smoothed.predict_proba(X).max() > 0.5
    np.testing.assert_array_equal(sure.classes_, smoothed.classes_)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 2: 3.0, 4: 0.5}, {2: 5.0}], ids=str)
@pytest.mark.parametrize("given", ["none", "random"])
@pytest.mark.parametrize("parameters", [{}, {"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
def test_weights_of_classes_are_weights_of_their_samples(parameters, given, class_weight):
    own = weights(given)
    both_weights = compute_sample_weight(class_weight, CLASSES) * (1.0 if own is None else own)
    found = fitted(MLPClassifier, CLASSES, sample_weight=own, class_weight=class_weight, **parameters)
    assert_same_fit(found, fitted(MLPClassifier, CLASSES, sample_weight=both_weights, **parameters))


def test_weights_of_labels_that_are_text_and_in_partial_fit():
    names, class_weight = TARGETS["strings"], {"ant": 3.0, "bee": 1.0, "cat": 0.2}
    found, expected = MLPClassifier(**DEFAULTS, class_weight=class_weight), MLPClassifier(**DEFAULTS)
    sample_weight = compute_sample_weight(class_weight, names)
    for rows in (TRAINED, HELD_OUT):
        found.partial_fit(X[rows], names[rows], classes=np.unique(names))
        expected.partial_fit(X[rows], names[rows], sample_weight[rows], classes=np.unique(names))
    assert_same_fit(found, expected)


def drawn_like_an_estimators(network):
    """Give a network the initial weights that an estimator of the same sizes draws."""
    random_state = np.random.RandomState(DEFAULTS["random_state"])
    for W, b in zip(network.weights, network.biases, strict=True):
        bound = np.sqrt(6 / sum(W.shape))
        W[:] = random_state.uniform(-bound, bound, W.shape)
        b[:] = random_state.uniform(-bound, bound, b.shape)
    return network


SCHEDULES = {
    "none": None,
    "cosine": fastnn.schedules.Cosine(warmup_steps=3),
    "function": lambda step: 0.01 / (1 + step),
    "plateau": fastnn.schedules.ReduceOnPlateau(patience=1, monitor="loss"),
}

OPTIMIZERS = {
    "AdamW": fastnn.AdamW(0.01, weight_decay=0.1),
    "Muon": fastnn.Muon(0.01),
    "RMSprop": fastnn.RMSprop(0.01, momentum=0.5),
    "SGD": fastnn.SGD(0.01, momentum=0.9, nesterov=True, l1=0.01),
    "Adagrad": fastnn.Adagrad(0.01, max_grad_norm=0.5),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@both
def test_an_optimizer_and_a_schedule_train_as_a_network_does_with_alpha_for_its_penalty(make, y, optimizer, schedule):
    alpha, size = 2.0, DEFAULTS["batch_size"]
    found = fitted(make, y, alpha=alpha, optimizer=optimizer, schedule=schedule, shuffle=False)
    classifies = make is MLPClassifier
    network = fastnn.Network(
        [N_FEATURES, 8, 4, 3 if classifies else 1],
        ["relu", "relu", "softmax" if classifies else "identity"],
        SoftmaxCrossEntropy() if classifies else SquaredError(scale=0.5),
        dtype="float64",
    )
    drawn_like_an_estimators(network).fit(
        X,
        y // 2 if classifies else y,
        optimizer=replace(optimizer, l2=alpha / size),
        schedule=schedule,
        epochs=DEFAULTS["max_iter"],
        batch_size=size,
        shuffle=False,
    )
    for one, other in zip((*found.coefs_, *found.intercepts_), (*network.weights, *network.biases), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@both
def test_l_bfgs_as_an_optimizer_is_the_solver_with_its_own_limits(make, y):
    optimizer = fastnn.LBFGS(gradient_tolerance=1e-4, loss_tolerance=2.220446049250313e-09)
    assert_same_fit(fitted(make, y, optimizer=optimizer), fitted(make, y, solver="lbfgs"))
    stopped = fitted(make, y, optimizer=fastnn.LBFGS(gradient_tolerance=1e9))
    assert stopped.n_iter_ == 0


@both
def test_gradients_are_clipped(make, y):
    """One step of SGD is as long as the gradient allows."""
    parameters = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "learning_rate_init": 1.0, "batch_size": N_SAMPLES}
    sizes, activations = [N_FEATURES, 8, 4, 3 if make is MLPClassifier else 1], ["relu", "relu", "identity"]
    initial = drawn_like_an_estimators(fastnn.Network(sizes, activations, SquaredError(), dtype="float64"))
    start = np.concatenate([array.ravel() for array in (*initial.weights, *initial.biases)])
    found = fitted(make, y, max_iter=1, max_grad_norm=0.01, **parameters)
    np.testing.assert_allclose(np.linalg.norm(parameters_of(found) - start), 0.01, rtol=1e-3)


LOSSES = {
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "quantile": Quantile(),
    "squared_error": SquaredError(scale=0.5),
}


@pytest.mark.parametrize("targets", ["one target", "two targets"])
@pytest.mark.parametrize(("name", "loss"), LOSSES.items(), ids=LOSSES)
def test_a_loss_by_name_is_that_loss_by_default(name, loss, targets):
    y = TARGETS[targets]
    assert_same_fit(fitted(MLPRegressor, y, loss=name), fitted(MLPRegressor, y, loss=loss))
    assert fitted(MLPRegressor, y, loss=loss).predict(X).shape == y.shape


@pytest.mark.parametrize(("loss", "formula"), [
    ("absolute_error", np.abs),
    ("huber", lambda e: np.where(np.abs(e) < 1, e**2 / 2, np.abs(e) - 0.5)),
    (Huber(delta=0.3), lambda e: np.where(np.abs(e) < 0.3, e**2 / 2, 0.3 * (np.abs(e) - 0.15))),
    (Quantile(levels=0.9), lambda e: np.maximum(0.9 * e, -0.1 * e)),
], ids=["absolute error", "Huber", "Huber, 0.3", "quantile"])  # fmt: skip
def test_losses_are_what_their_formula_says(loss, formula):
    found = fitted(MLPRegressor, NUMBERS, loss=loss, fit={"X_val": X, "y_val": NUMBERS})
    np.testing.assert_allclose(found.validation_loss_curve_[-1], formula(NUMBERS - found.predict(X)).mean())


@pytest.mark.parametrize("standardize", [False, True])
def test_several_levels_give_a_column_each(standardize):
    random = np.random.RandomState(0)
    features = random.uniform(-1, 1, (400, N_FEATURES))
    y = 10 + 5 * features[:, 0] + random.standard_normal(400)
    loss = Quantile(levels=(0.1, 0.5, 0.9))
    parameters = {"standardize": standardize, "max_iter": 300, "batch_size": "auto", "n_iter_no_change": 300}
    found = fitted(MLPRegressor, y, features, loss=loss, **parameters).predict(features)
    assert found.shape == (400, 3)
    np.testing.assert_allclose((y[:, np.newaxis] < found).mean(axis=0), [0.1, 0.5, 0.9], atol=0.07)


def test_levels_of_several_targets_come_target_after_target():
    found = fitted(MLPRegressor, TARGETS["two targets"], loss=Quantile(levels=(0.2, 0.8)), standardize=True)
    assert found.predict(X).shape == (N_SAMPLES, 4)
    assert found.n_outputs_ == 4


@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize("targets", [NUMBERS, TARGETS["two targets"]], ids=["one target", "two targets"])
def test_the_loss_of_several_levels_is_the_sum_of_all_pinball_losses(backend, targets):
    levels, y = (0.2, 0.5, 0.9), targets.reshape(N_SAMPLES, -1)
    validation = {"X_val": X, "y_val": targets}
    found = fitted(MLPRegressor, targets, loss=Quantile(levels), backend=backend, fit=validation)
    predictions = found.predict(X).reshape(N_SAMPLES, y.shape[1], 3)
    expected = sum(
        mean_pinball_loss(y[:, target], predictions[:, target, place], alpha=level)
        for target in range(y.shape[1])
        for place, level in enumerate(levels)
    )
    np.testing.assert_allclose(found.validation_loss_curve_[-1], expected)


@pytest.mark.parametrize("sizes", [(3.5,), (True,), ("4",)])
def test_layers_have_whole_numbers_of_units(sizes):
    with pytest.raises(TypeError):
        small(MLPClassifier, hidden_layer_sizes=sizes).fit(POINTS, LABELS)


@pytest.mark.parametrize("parameters", [{"schedule": lambda step: 0.1}, {"max_grad_norm": 1.0}])
def test_lbfgs_takes_no_schedule_and_no_clipping(parameters):
    with pytest.raises(ValueError, match="L-BFGS chooses its own step sizes"):
        small(MLPClassifier, solver="lbfgs", **parameters).fit(POINTS, LABELS)
