"""What the estimators do beyond scikit-learn's: each against something that does the same in another way."""

import copy
import pickle
import warnings
from dataclasses import replace
from html import escape

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

import fastnn
from fastnn.backends.numba_backend import model as epoch
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.losses import AbsoluteError, Huber, Poisson, Quantile, SoftmaxCrossEntropy, SquaredError
from tests.test_estimators import ESTIMATORS, N_FEATURES, N_SAMPLES, TARGETS, features, weights

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, CLASSES, NUMBERS = features(), TARGETS["multiclass"], TARGETS["one target"]
TRAINED, HELD_OUT = slice(0, 40), slice(40, None)

DEFAULTS = {
    "hidden_layer_sizes": (8, 4),
    "max_iter": 6,
    "learning_rate_init": 0.01,
    "random_state": 3,
    "batch_size": 20,
}

#: A learning rate that falls soon.
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


@both
def test_any_number_of_threads_gives_the_same_bits(make, y, monkeypatch):
    monkeypatch.setattr(fastnn.threads, "available_cpus", lambda: 8)
    for name in ("BATCH_WORK_PER_THREAD", "CALL_WORK_PER_THREAD"):
        monkeypatch.setattr(epoch, name, 1)
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


VALIDATION = {"X_val": X[HELD_OUT], "y_val": CLASSES[HELD_OUT]}


def test_validation_data_that_are_given_are_what_is_scored():
    found = fitted(MLPClassifier, CLASSES[TRAINED], X[TRAINED], early_stopping=True, fit=VALIDATION)
    assert found.best_validation_score_ == found.score(X[HELD_OUT], CLASSES[HELD_OUT]) == max(found.validation_scores_)
    assert len(found.validation_scores_) == len(found.validation_loss_curve_) == found.n_iter_
    assert found.t_ == 40 * found.n_iter_


@both
def test_validation_data_without_early_stopping_are_measured_and_change_nothing(make, y):
    own = weights("random")[HELD_OUT]
    fit = {"X_val": X[HELD_OUT], "y_val": y[HELD_OUT], "sample_weight_val": own}
    found = fitted(make, y[TRAINED], X[TRAINED], fit=fit)
    assert_same_fit(found, fitted(make, y[TRAINED], X[TRAINED]))
    np.testing.assert_allclose(found.validation_scores_[-1], found.score(X[HELD_OUT], y[HELD_OUT], own))
    np.testing.assert_allclose(found.history_.validation_loss, found.validation_loss_curve_)


def test_the_validation_loss_is_the_weighted_cross_entropy():
    own = weights("random")[HELD_OUT]
    found = fitted(MLPClassifier, CLASSES[TRAINED], X[TRAINED], fit=VALIDATION | {"sample_weight_val": own})
    rows = found.predict_log_proba(X[HELD_OUT])[np.arange(20), CLASSES[HELD_OUT] // 2]
    np.testing.assert_allclose(found.validation_loss_curve_[-1], np.average(-rows, weights=own))


@pytest.mark.parametrize("held_out", [{}, VALIDATION], ids=["a share", "given"])
@pytest.mark.parametrize(
    "scoring", ["neg_log_loss", "f1_macro", get_scorer("balanced_accuracy"), lambda one, X, y: -one.score(X, y)]
)
def test_scoring_is_what_early_stopping_watches(scoring, held_out):
    found = fitted(MLPClassifier, CLASSES, early_stopping=True, scoring=scoring, validation_fraction=0.3, fit=held_out)
    assert found.best_validation_score_ == max(found.validation_scores_)
    if held_out:
        scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
        np.testing.assert_allclose(found.best_validation_score_, scorer(found, X[HELD_OUT], CLASSES[HELD_OUT]))


@both
@pytest.mark.parametrize("standardize", [False, True])
def test_scoring_by_loss_keeps_the_parameters_of_the_smallest(standardize, make, y):
    parameters = {"early_stopping": True, "scoring": "loss", "standardize": standardize}
    found = fitted(make, y, **parameters, fit={"X_val": X[HELD_OUT], "y_val": y[HELD_OUT]})
    np.testing.assert_allclose(np.negative(found.validation_scores_), found.validation_loss_curve_)
    assert -found.best_validation_score_ == min(found.validation_loss_curve_)


@pytest.mark.parametrize("scoring", ["r2", "neg_mean_absolute_error"])
@pytest.mark.parametrize("standardize", [False, True])
def test_scores_of_a_regressor_are_in_the_unit_of_its_targets(standardize, scoring):
    fit = {"X_val": X[HELD_OUT], "y_val": NUMBERS[HELD_OUT]}
    parameters = {"early_stopping": True, "standardize": standardize}
    found = fitted(MLPRegressor, NUMBERS, **parameters, scoring=scoring, fit=fit)
    expected = get_scorer(scoring)(found, X[HELD_OUT], NUMBERS[HELD_OUT])
    np.testing.assert_allclose(found.best_validation_score_, expected)
    if scoring == "r2":
        by_default = fitted(MLPRegressor, NUMBERS, **parameters, fit=fit)
        np.testing.assert_allclose(found.validation_scores_, by_default.validation_scores_)


@both
def test_partial_fit_stops_early_with_validation_data_and_has_the_best_parameters(make, y):
    found = make(**DEFAULTS, early_stopping=True, n_iter_no_change=2, tol=10.0)
    classes = {"classes": np.unique(y)} if make is MLPClassifier else {}
    for _ in range(20):
        found.partial_fit(X[TRAINED], y[TRAINED], X_val=X[HELD_OUT], y_val=y[HELD_OUT], **classes)
        if found.stopped_early_:
            break
    assert len(found.validation_scores_) == 4
    np.testing.assert_allclose(found.score(X[HELD_OUT], y[HELD_OUT]), max(found.validation_scores_))
    with pytest.raises(ValueError, match="early_stopping=True without validation data: pass X_val and y_val"):
        found.partial_fit(X, y)


SCALED = 100 * X + 1000


@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
@pytest.mark.parametrize("given", ["none", "random"])
def test_a_standardising_classifier_is_a_pipeline_with_a_scaler(given, container):
    features, own = container(SCALED), weights(given)
    found = fitted(MLPClassifier, CLASSES, features, own, standardize=True)
    pipeline = make_pipeline(StandardScaler(with_mean=container is np.asarray), MLPClassifier(**DEFAULTS))
    pipeline.fit(features, CLASSES, standardscaler__sample_weight=own, mlpclassifier__sample_weight=own)
    assert_same_fit(found, pipeline[-1])
    np.testing.assert_allclose(found.predict_proba(features), pipeline.predict_proba(features))
    np.testing.assert_allclose(found.predict_proba(SCALED[3:4]), pipeline.predict_proba(SCALED[3:4]))


@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
@pytest.mark.parametrize("targets", ["one target", "two targets"])
def test_a_standardising_regressor_scales_its_targets_too(targets, container):
    features, y = container(SCALED), 50 + 1000 * TARGETS[targets]
    found = fitted(MLPRegressor, y, features, standardize=True)
    pipeline = make_pipeline(StandardScaler(with_mean=container is np.asarray), MLPRegressor(**DEFAULTS))
    expected = TransformedTargetRegressor(pipeline, transformer=StandardScaler()).fit(features, y)
    assert_same_fit(found, expected.regressor_[-1])
    np.testing.assert_allclose(found.predict(features), expected.predict(features))
    assert found.predict(features).shape == y.shape


def test_counts_stay_as_they_are():
    found = fitted(MLPRegressor, TARGETS["counts"], SCALED, loss="poisson", standardize=True)
    scaled = StandardScaler().fit_transform(SCALED)
    assert_same_fit(found, fitted(MLPRegressor, TARGETS["counts"], scaled, loss="poisson"))
    assert not hasattr(found, "target_scaler_")


@both
@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
def test_partial_fit_standardises_by_all_samples_so_far(container, make, y):
    found, expected = make(**DEFAULTS, standardize=True), make(**DEFAULTS)
    of_features, of_targets = StandardScaler(with_mean=container is np.asarray), StandardScaler()
    classes = {"classes": np.unique(y)} if make is MLPClassifier else {}
    for rows in (TRAINED, HELD_OUT):
        features, own = container(SCALED[rows]), weights("random")[rows]
        of_features.partial_fit(features, sample_weight=own)
        of_targets.partial_fit(y[rows, np.newaxis], sample_weight=own)
        labels = y[rows] if classes else of_targets.transform(y[rows, np.newaxis]).ravel()
        found.partial_fit(features, y[rows], own, **classes)
        expected.partial_fit(of_features.transform(features), labels, own, **classes)
    assert_same_fit(found, expected)


@both
def test_what_is_held_out_does_not_count_for_the_scale(make, y):
    found = fitted(make, y, SCALED, standardize=True, early_stopping=True, validation_fraction=0.5)
    assert found.feature_scaler_.n_samples_seen_ == N_SAMPLES // 2


class Recorder(fastnn.Callback):
    """Writes down what it sees, and ends the training after some epochs."""

    def __init__(self, n_epochs):
        self.n_epochs, self.seen = n_epochs, []

    def on_epoch_end(self, network, history):
        self.seen.append(history.loss[-1])
        return "enough" if len(self.seen) == self.n_epochs else None


SOLVERS = pytest.mark.parametrize("parameters", [{}, {"solver": "sgd"}, {"solver": "lbfgs"}], ids=str)


@both
@SOLVERS
def test_callbacks_see_each_iteration_and_can_end_the_training(parameters, make, y):
    recorder = Recorder(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        found = fitted(make, y, callbacks=[recorder], **parameters)
    assert found.n_iter_ == len(recorder.seen) == 3
    assert found.history_.stop_reason == "enough"
    assert found.history_.loss == recorder.seen
    np.testing.assert_allclose(found.loss_, recorder.seen[-1])
    unwatched = fitted(make, y, max_iter=3, **parameters)
    np.testing.assert_allclose(parameters_of(found), parameters_of(unwatched))


@both
@SOLVERS
def test_fastnns_early_stopping_gives_back_the_best(parameters, make, y):
    stopping = fastnn.EarlyStopping(patience=2)
    held_out = {"X_val": X[HELD_OUT], "y_val": y[HELD_OUT]}
    found = fitted(make, y[TRAINED], X[TRAINED], callbacks=stopping, fit=held_out, max_iter=40, **parameters)
    losses = found.history_.validation_loss
    assert stopping.best_epoch == 1 + int(np.argmin(losses))
    again = fitted(make, y[TRAINED], X[TRAINED], max_iter=stopping.best_epoch, **parameters)
    np.testing.assert_allclose(parameters_of(found), parameters_of(again))


@both
@SOLVERS
def test_a_checkpoint_is_refused(parameters, make, y, tmp_path):
    with pytest.raises(
        ValueError, match=r"Checkpoint resumes a training of Network.fit; save an estimator with joblib"
    ):
        fitted(make, y, callbacks=[fastnn.Checkpoint(tmp_path / "training")], **parameters)


@both
@SOLVERS
def test_progress_is_told_from_0_to_1(parameters, make, y):
    told = []
    found = fitted(make, y, progress=lambda share, history: told.append((share, len(history))), **parameters)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert told[-1][1] <= found.n_iter_ == len(found.history_)


def test_progress_draws_a_bar(capsys):
    fitted(MLPClassifier, CLASSES, progress=True)
    assert "100%" in capsys.readouterr().err


@both
def test_the_history_is_that_of_a_fit_and_goes_on_in_partial_fit(make, y):
    found = fitted(make, y, solver="sgd", learning_rate="invscaling")
    assert found.history_.loss == found.loss_curve_
    assert len(found.history_.seconds) == len(found.history_.learning_rate) == 6
    np.testing.assert_allclose(found.history_.learning_rate, 0.01 / np.sqrt([1, *(N_SAMPLES * np.arange(1, 6) + 1)]))
    assert len(found.partial_fit(X, y).history_) == 7
    assert len(found.fit(X, y).history_) == 6


@both
def test_layers_are_shown(make, y):
    found = fitted(make, y)
    n_outputs = 3 if make is MLPClassifier else 1
    assert str(5 * 8 + 8 + 8 * 4 + 4 + 5 * n_outputs) in found.summary()
    unfitted, html = make(**DEFAULTS)._repr_html_(), found._repr_mimebundle_()["text/html"]
    assert html.endswith(f"<pre>{escape(found.summary())}</pre>")
    assert not unfitted.endswith("</pre>")
    assert found._repr_html_().endswith("</pre>")
    assert repr(found).startswith(f"{make.__name__}(")
    assert found._repr_mimebundle_()["text/plain"] == repr(found)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_ends_as_scikit_learns_does(estimator, early_stopping, backend):
    """With an error, but for a regressor's early stopping, whose first parameters are the last with a score."""
    ours, theirs = ESTIMATORS[estimator]
    y = CLASSES if ours is MLPClassifier else NUMBERS
    parameters = {
        "solver": "sgd",
        "learning_rate_init": 1e200,
        "activation": "identity",
        "early_stopping": early_stopping,
    }
    if early_stopping and ours is MLPRegressor:
        assert_same_fit(fitted(ours, y, backend=backend, **parameters), fitted(theirs, y, **parameters))
        return
    message = "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    for make, own in ((ours, {"backend": backend}), (theirs, {})):
        with pytest.raises(ValueError, match=message):
            fitted(make, y, **parameters, **own)


#: What contradicts itself, and what the sentence says.
WRONG = {
    "activations": ({"activation": ["relu"]}, {}, r"activation must be one name, or one for each of the 2 hidden layers, got \['relu'\]"),
    "an activation": ({"activation": "softmax"}, {}, "The 'activation' parameter of MLP.* must be"),
    "an activation in a list": ({"activation": ["relu", "no"]}, {}, "no"),
    "dropout": ({"dropout": 1.0}, {}, "dropout"),
    "dropout of layers": ({"dropout": [0.1]}, {}, "dropout"),
    "dropout with L-BFGS": ({"dropout": 0.1, "solver": "lbfgs"}, {}, "L-BFGS needs the same loss wherever it asks twice"),
    "dropout with LBFGS": ({"dropout": 0.1, "optimizer": fastnn.LBFGS()}, {}, "needs the same loss wherever it asks twice"),
    "backend": ({"backend": "cuda"}, {}, "The 'backend' parameter"),
    "dtype": ({"dtype": "float16"}, {}, "dtype"),
    "an integer dtype": ({"dtype": np.int64}, {}, "dtype"),
    "n_threads": ({"n_threads": 0}, {}, "The 'n_threads' parameter"),
    "optimizer": ({"optimizer": "adamw"}, {}, "The 'optimizer' parameter"),
    "schedule": ({"schedule": "cosine"}, {}, "schedule"),
    "max_grad_norm": ({"max_grad_norm": 0}, {}, "The 'max_grad_norm' parameter"),
    "scoring": ({"early_stopping": True, "scoring": "no"}, {}, "'no'"),
    "callbacks": ({"callbacks": ["no"]}, {}, "callback"),
    "schedule that watches": ({"schedule": fastnn.schedules.ReduceOnPlateau(monitor="validation_loss")}, {}, "validation"),
    "EarlyStopping without data": ({"callbacks": [fastnn.EarlyStopping()]}, {}, "validation"),
    "normalization of single samples": ({"normalization": "batch", "batch_size": 1}, {}, "batch"),
    "X_val alone": ({}, {"X_val": X}, "Validation data need both X_val and y_val"),
    "y_val alone": ({}, {"y_val": CLASSES}, "Validation data need both X_val and y_val"),
    "weights alone": ({}, {"sample_weight_val": np.ones(60)}, "sample_weight_val goes with them"),
    "features of X_val": ({}, {"X_val": X[:, :2], "y_val": CLASSES}, "X has 2 features, but MLP.* is expecting 5"),
    "NaN in X_val": ({}, {"X_val": X * np.nan, "y_val": CLASSES}, "Input X contains NaN"),
    "samples of y_val": ({}, {"X_val": X, "y_val": CLASSES[:3]}, "inconsistent numbers of samples"),
}  # fmt: skip


@both
@pytest.mark.parametrize(("parameters", "fit", "message"), WRONG.values(), ids=WRONG)
def test_what_contradicts_itself_gets_a_sentence(parameters, fit, message, make, y):
    with pytest.raises((ValueError, TypeError), match=message):
        fitted(make, y, fit=fit, **parameters)


WRONG_CLASSIFIERS = {
    "class_weight": ({"class_weight": "no"}, {}, "The 'class_weight' parameter"),
    "label_smoothing": ({"label_smoothing": 1.5}, {}, "The 'label_smoothing' parameter"),
    "unknown labels in y_val": ({}, {"X_val": X, "y_val": CLASSES + 1}, "`y` has classes not in"),
}


@pytest.mark.parametrize(("parameters", "fit", "message"), WRONG_CLASSIFIERS.values(), ids=WRONG_CLASSIFIERS)
def test_what_a_classifier_cannot_do_gets_a_sentence(parameters, fit, message):
    with pytest.raises(ValueError, match=message):
        fitted(MLPClassifier, CLASSES, fit=fit, **parameters)
    with pytest.raises(ValueError, match="class_weight='balanced' needs all samples at once"):
        MLPClassifier(class_weight="balanced").partial_fit(X, CLASSES, classes=np.unique(CLASSES))


WRONG_REGRESSORS = {
    "loss": ({"loss": "no"}, NUMBERS, {}, "The 'loss' parameter"),
    "loss of classes": ({"loss": SoftmaxCrossEntropy()}, NUMBERS, {}, "MLPRegressor needs a loss of numbers, got SoftmaxCrossEntropy"),
    "counts below 0": ({"loss": "poisson"}, NUMBERS, {}, "loss='poisson' needs targets of at least 0, got -.* in y"),
    "counts below 0 of a Loss": ({"loss": Poisson()}, NUMBERS, {}, "at least 0"),
    "counts below 0 to validate on": (
        {"loss": "poisson"}, TARGETS["counts"], {"X_val": X, "y_val": NUMBERS}, "at least 0, got -.* in y_val"
    ),
    "targets to validate on": ({}, NUMBERS, {"X_val": X, "y_val": TARGETS["two targets"]}, "y_val must have as many columns as y, 1"),
}  # fmt: skip


@pytest.mark.parametrize(("parameters", "y", "fit", "message"), WRONG_REGRESSORS.values(), ids=WRONG_REGRESSORS)
def test_what_a_regressor_cannot_do_gets_a_sentence(parameters, y, fit, message):
    with pytest.raises(ValueError, match=message):
        fitted(MLPRegressor, y, fit=fit, **parameters)


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
            ValueError, match=r"Training goes on with 5 inputs and . outputs, got X and y for 5 and .\."
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


def test_weights_of_the_validation_samples_may_not_all_be_0():
    sample_weight = (np.arange(N_SAMPLES) == 1).astype(float)
    with pytest.raises(ValueError, match="Sample weights of the validation set must contain at least one non-zero"):
        fitted(MLPClassifier, CLASSES, sample_weight=sample_weight, early_stopping=True)


@pytest.mark.parametrize("labels", ["binary", "multiclass"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_several_labels_after_one_are_refused(method, labels):
    y = np.unique(TARGETS[labels], return_inverse=True)[1]
    found = fitted(MLPClassifier, y, warm_start=True)
    with pytest.raises(ValueError, match="not fitted with multilabel input"):
        getattr(found, method)(X, TARGETS["multilabel"][:, : y.max() + 1])


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
    (Quantile(levels=(0.1, 0.9)), "Training goes on with 5 inputs and 1 outputs"),
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
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_ends_the_training_with_what_is_learnt(early_stopping, make, y):
    class Interrupt(fastnn.Callback):
        def on_epoch_end(self, network, history):
            if len(history.loss) == 3:
                raise KeyboardInterrupt

    parameters = {"early_stopping": early_stopping, "validation_fraction": 0.3}
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        found = fitted(make, y, callbacks=Interrupt(), **parameters)
    assert found.n_iter_ == 3
    assert_same_fit(found, fitted(make, y, max_iter=3, **parameters))


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


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_whole_numbers_are_standardised_as_fractions_are(kind):
    X = np.random.default_rng(0).integers(0, 9, (60, 3))
    model = kind(hidden_layer_sizes=(4,), standardize=True, max_iter=3, random_state=0).fit(X, X[:, 0] > 4)
    np.testing.assert_array_equal(model.predict(X), model.predict(X.astype(np.float64)))


def test_what_was_trained_on_scaled_features_scales_them_until_it_is_trained_on_others():
    X, y = np.random.default_rng(0).normal(5, 3, (60, 3)), np.arange(60) % 2
    model = MLPRegressor(hidden_layer_sizes=(4,), standardize=True, max_iter=3, random_state=0).fit(X, y)
    before = model.predict(X)
    np.testing.assert_array_equal(model.set_params(standardize=False).predict(X), before)
    plain = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.fit(X, y).predict(X), plain.predict(X))


POINTS = np.random.default_rng(1).normal(size=(120, 4))
LABELS = np.arange(120) % 3


def small(kind, **parameters):
    return kind(**{"hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 4} | parameters)


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


def test_a_scorer_may_predict_other_samples_than_those_it_is_given():
    X, seen = POINTS * 1000 + 500, []

    def scorer(model, X_val, y_val):
        seen.append(model.predict(X)[:3].tolist() == model.predict(X.tolist())[:3].tolist())
        seen.append(abs(model.predict(X).mean()) < 10)
        return 1.0

    small(MLPRegressor, standardize=True, early_stopping=True, scoring=scorer, max_iter=1).fit(X, POINTS[:, 0])
    assert seen == [True, True]


REFUSED = {
    "validation data by half": ({}, {"X_val": POINTS[:3]}),
    "dropout for other layers": ({"dropout": [0.1, 0.2]}, {}),
    "callbacks": ({"callbacks": 3}, {}),
    "an unknown score": ({"scoring": "foo"}, {}),
    "too long validation targets": ({}, {"X_val": POINTS[:3], "y_val": [7, 8, 9]}),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(name, method):
    parameters, data = REFUSED[name]
    model = small(MLPClassifier, standardize=True).fit(POINTS, LABELS)
    before, probabilities = set(vars(model)), model.predict_proba(POINTS)
    model.set_params(**parameters)
    with pytest.raises((ValueError, TypeError)):
        getattr(model, method)(POINTS + 100, LABELS if method == "partial_fit" else LABELS > 0, **data)
    assert set(vars(model)) == before
    np.testing.assert_array_equal(model.predict_proba(POINTS), probabilities)
    assert model.classes_.tolist() == [0, 1, 2]


def test_a_warm_start_takes_up_another_type():
    model = small(MLPClassifier, warm_start=True).fit(POINTS, LABELS)
    model.set_params(dtype="float32").fit(POINTS, LABELS)
    assert model.coefs_[0].dtype == np.float32


def test_a_warm_start_with_another_kind_of_outputs_is_refused():
    model = small(MLPRegressor, warm_start=True).fit(POINTS, LABELS).set_params(loss="poisson")
    with pytest.raises(ValueError, match="Training goes on with outputs by 'identity', and loss='poisson' needs 'exp'"):
        model.fit(POINTS, LABELS)


def test_a_warm_start_keeps_the_scale_that_its_weights_know():
    model = small(MLPRegressor, standardize=True, warm_start=True, learning_rate_init=1e-12).fit(POINTS, POINTS[:, 0])
    before = model.predict(POINTS)
    np.testing.assert_allclose(model.fit(POINTS + 9, POINTS[:, 0] * 7).predict(POINTS), before, rtol=1e-6)


def test_early_stopping_watches_the_loss_of_several_quantiles():
    model = small(MLPRegressor, loss=Quantile(levels=(0.1, 0.5, 0.9)), early_stopping=True).fit(POINTS, POINTS[:, 0])
    assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]


def test_stopping_early_is_forgotten_by_the_next_training():
    model = small(MLPClassifier, tol=10.0, n_iter_no_change=1, max_iter=30).fit(POINTS, LABELS)
    assert model.stopped_early_
    assert not model.set_params(solver="lbfgs").fit(POINTS, LABELS).stopped_early_


@pytest.mark.parametrize("sizes", [(3.5,), (True,), ("4",)])
def test_layers_have_whole_numbers_of_units(sizes):
    with pytest.raises(TypeError):
        small(MLPClassifier, hidden_layer_sizes=sizes).fit(POINTS, LABELS)


@pytest.mark.parametrize("parameters", [{"schedule": lambda step: 0.1}, {"max_grad_norm": 1.0}])
def test_lbfgs_takes_no_schedule_and_no_clipping(parameters):
    with pytest.raises(ValueError, match="L-BFGS finds the length of its steps itself"):
        small(MLPClassifier, solver="lbfgs", **parameters).fit(POINTS, LABELS)
