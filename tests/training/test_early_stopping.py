"""Early stopping restores the best parameters, for any monitored value."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, get_scorer, make_scorer, r2_score, roc_auc_score

import fastnn
from fastnn.training import descent
from fastnn.training.callbacks import Callback, EarlyStopping
from tests.cases import every_backend
from tests.training.fits import LABELS, OTHERS, Recorder, X, fit, new_network, watched


@every_backend
@pytest.mark.parametrize("monitor", ["validation_loss", "validation_accuracy", "loss"])
def test_training_stops_after_so_many_epochs_without_improvement_at_the_best(monitor, backend):
    network, recorder = new_network(backend), Recorder()
    stopping = EarlyStopping(monitor, patience=3)
    history = fit(network, validation_data=OTHERS, epochs=500, callbacks=[stopping, recorder])
    values = getattr(history, monitor)
    best = int(np.argmax(values) if monitor == "validation_accuracy" else np.argmin(values))
    assert len(history) == best + 1 + 3
    assert history.best_epoch == stopping.best_epoch == best + 1
    assert stopping.best_value == values[best]
    assert history.stop_reason == f"{monitor} has not improved for 3 epochs"
    assert network._learned.tobytes() == recorder.learned[best].tobytes()


@every_backend
@pytest.mark.parametrize("ends", ["stops", "last epoch", "callback", "interrupt", "interrupt within", "diverges"])
def test_the_best_parameters_are_restored_however_training_ends(ends, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", 0)
    network, recorder = new_network(backend), Recorder()
    patience = 3 if ends == "stops" else 100
    error = {"callback": RuntimeError("no"), "interrupt": KeyboardInterrupt()}.get(ends)

    def progress(share, history):
        if ends == "interrupt within" and share > 0.8:
            raise KeyboardInterrupt
        if ends == "diverges" and len(history) == 5:
            network.parameters[0] = np.nan

    options = {
        "callbacks": [Recorder(5, None, error), recorder, EarlyStopping(watched(best=2), patience)],
        "progress": progress,
        "validation_data": OTHERS,
    }
    if ends in ("stops", "last epoch"):
        history = fit(network, **options)
        assert history.best_epoch == 2
        assert len(history) == (5 if ends == "stops" else 6)
    else:
        raised = {"callback": RuntimeError, "diverges": fastnn.DivergenceError}.get(ends, KeyboardInterrupt)
        with pytest.raises(raised):
            fit(network, **options)
    assert network._learned.tobytes() == recorder.learned[1].tobytes()
    assert np.isfinite(fit(network).loss).all()


@every_backend
def test_the_running_statistics_of_the_best_epoch_are_restored_too(backend):
    network = fastnn.Network([3, 8, 2], normalization="batch", backend=backend, dtype="float64", seed=0)
    recorder = Recorder()
    fit(network, validation_data=OTHERS, callbacks=[recorder, EarlyStopping(watched(best=2))])
    assert network._learned.tobytes() == recorder.learned[1].tobytes()


def test_nothing_is_restored_where_no_epoch_ended():
    network, twin = new_network(), new_network()
    with pytest.raises(KeyboardInterrupt):
        fit(network, callbacks=[EarlyStopping("loss"), Recorder(1, error=KeyboardInterrupt())])
    fit(twin, epochs=1)
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    twin = new_network()
    twin.parameters[0] = np.nan
    with pytest.raises(fastnn.DivergenceError):
        fit(twin, callbacks=[EarlyStopping("loss")])


@pytest.mark.parametrize(
    ("values", "options", "n_epochs", "best"),
    [
        ([5, 4, 3, 2, 1, 0], {"mode": "min"}, 6, 6),
        ([5, 4, 3, 2, 1, 0], {}, 3, 1),  # a function's values are scores
        ([1, 1, 1, 1, 1, 1], {}, 3, 1),
        ([1.0, 1.4, 1.8, 2.2, 2.6, 3.0], {"min_delta": 0.5}, 6, 6),  # two steps together are enough
        ([1.0, 1.1, 1.2, 1.3, 1.4, 1.5], {"min_delta": 0.5}, 3, 3),  # too little, but the best
        ([math.nan, math.nan, 1, 1, 1, 1], {}, 2, None),
        ([math.nan, 1, math.nan, math.nan, 5, 5], {}, 4, 2),
        ([-math.inf, -math.inf, 1, 1, 1, 1], {}, 5, 3),
        ([0, 1, 0, 2, 1, 3], {}, 6, 6),
        ([0, 1, 0, 1, 2, 3], {}, 4, 2),
    ],
)
def test_what_counts_as_an_improvement(values, options, n_epochs, best):
    left, recorder = list(values), Recorder()
    network = new_network()
    stopping = EarlyStopping(lambda network, X, y: left.pop(0), patience=2, **options)
    history = fit(network, validation_data=OTHERS, callbacks=[stopping, recorder])
    assert len(history) == n_epochs
    assert history.found_best == best
    np.testing.assert_array_equal(history.scores["<lambda>"], values[:n_epochs])
    assert network._learned.tobytes() == recorder.learned[(best or n_epochs) - 1].tobytes()


@every_backend
@pytest.mark.parametrize(
    ("loss", "n_outputs", "y", "monitor", "expected"),
    [
        ("softmax_cross_entropy", 2, OTHERS[1], "f1", lambda net: f1_score(OTHERS[1], net.predict(OTHERS[0]))),
        (
            "softmax_cross_entropy",
            2,
            np.eye(2)[OTHERS[1]],
            "roc_auc",
            lambda net: roc_auc_score(OTHERS[1], net.forward(OTHERS[0])[:, 1]),
        ),
        (
            "binary_cross_entropy",
            1,
            OTHERS[1],
            "roc_auc",
            lambda net: roc_auc_score(OTHERS[1], net.forward(OTHERS[0])[:, 0]),
        ),
        ("squared_error", 3, OTHERS[0], "r2", lambda net: r2_score(OTHERS[0], net.predict(OTHERS[0]))),
        ("squared_error", 3, OTHERS[0], make_scorer(r2_score), lambda net: r2_score(OTHERS[0], net.predict(OTHERS[0]))),
        (
            "squared_error",
            3,
            OTHERS[0],
            lambda net, X, y: -net.evaluate(X, y),
            lambda net: -net.evaluate(*[OTHERS[0]] * 2),
        ),
    ],
)
def test_scorers_of_scikit_learn_and_functions_are_monitored(loss, n_outputs, y, monitor, expected, backend):
    network = new_network(backend, loss, n_outputs)
    targets = X if loss == "squared_error" else LABELS
    history = fit(network, y=targets, validation_data=(OTHERS[0], y), epochs=1, callbacks=EarlyStopping(monitor))
    ((name, values),) = history.scores.items()
    assert name == (monitor if isinstance(monitor, str) else getattr(monitor, "__name__", "score"))
    assert values == [pytest.approx(expected(network), rel=1e-12)]


WEIGHTS = np.random.default_rng(4).uniform(0, 3, len(OTHERS[0]))


@pytest.mark.parametrize(
    ("loss", "n_outputs", "y", "monitor", "expected"),
    [
        (
            "softmax_cross_entropy",
            2,
            OTHERS[1],
            "f1_macro",
            lambda net: f1_score(OTHERS[1], net.predict(OTHERS[0]), average="macro", sample_weight=WEIGHTS),
        ),
        (
            "softmax_cross_entropy",
            2,
            OTHERS[1],
            "roc_auc",
            lambda net: roc_auc_score(OTHERS[1], net.forward(OTHERS[0])[:, 1], sample_weight=WEIGHTS),
        ),
        (
            "squared_error",
            1,
            OTHERS[0][:, 0],
            make_scorer(r2_score),
            lambda net: r2_score(OTHERS[0][:, 0], net.predict(OTHERS[0])[:, 0], sample_weight=WEIGHTS),
        ),
        (
            "squared_error",
            1,
            OTHERS[0][:, 0],
            "neg_max_error",
            lambda net: -abs(OTHERS[0][:, 0] - net.predict(OTHERS[0])[:, 0]).max(),
        ),
        (
            "squared_error",
            1,
            OTHERS[0][:, 0],
            lambda net, X, y: -net.evaluate(X, y),
            lambda net: -net.evaluate(OTHERS[0], OTHERS[0][:, 0]),
        ),
    ],
)
def test_weights_of_validation_data_count_in_scorers_that_know_them(loss, n_outputs, y, monitor, expected):
    network = new_network(loss=loss, n_outputs=n_outputs)
    targets = X[:, 0] if loss == "squared_error" else LABELS
    history = fit(
        network, y=targets, validation_data=(OTHERS[0], y, WEIGHTS), epochs=1, callbacks=EarlyStopping(monitor)
    )
    assert next(iter(history.scores.values())) == [pytest.approx(expected(network), rel=1e-12)]


def test_scorers_are_greater_where_better():
    network = new_network(loss="squared_error", n_outputs=3)
    history = fit(network, y=X, validation_data=(X, X), callbacks=EarlyStopping("neg_mean_squared_error"))
    assert history.best_epoch == np.argmax(history.scores["neg_mean_squared_error"]) + 1
    assert get_scorer("neg_mean_squared_error") is not None


def test_accuracy_is_no_monitor_for_numbers():
    network = new_network(loss="squared_error", n_outputs=3)
    with pytest.raises(ValueError, match="needs a classification loss, and this network has squared_error"):
        fit(network, y=X, validation_fraction=0.1, callbacks=EarlyStopping("validation_accuracy"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"monitor": 3}, TypeError, "monitor must be a name or a function"),
        ({"patience": 0}, ValueError, "patience must be a positive integer"),
        ({"min_delta": -1}, ValueError, "min_delta must be at least 0"),
        ({"mode": "auto"}, ValueError, "mode must be 'min', 'max' or None"),
    ],
)
def test_bad_options_of_early_stopping_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        EarlyStopping(**options)


def test_the_same_early_stopping_may_be_used_again():
    stopping = EarlyStopping("loss", patience=2)
    first, second = (fit(new_network(), epochs=100, callbacks=stopping) for _ in range(2))
    assert first.loss == second.loss


def test_backward_is_not_fooled_by_restored_parameters():
    class Loss(Callback):
        def on_epoch_end(self, network, history):
            network.loss(X, LABELS)

    network = new_network()
    fit(network, callbacks=[EarlyStopping("loss"), Loss()])
    with pytest.raises(ValueError, match="backward needs the loss of a batch first"):
        network.backward()


@pytest.mark.parametrize("monitor", ["validation_accuracy", "validation_loss", "f1_macro"])
@pytest.mark.parametrize("options", [{"solver": "adam", "scoring": "loss"}, {"solver": "adam"}, {"solver": "lbfgs"}])
def test_early_stopping_accompanies_estimators(monitor, options):
    stopping = EarlyStopping(monitor, patience=3)
    classifier = fastnn.MLPClassifier(8, callbacks=[stopping], random_state=0, backend="numpy", **options)
    classifier.fit(X, LABELS, X_val=OTHERS[0], y_val=OTHERS[1])
    history = classifier.history_
    assert len(history) == stopping.best_epoch + 3
    assert history.stop_reason == f"{monitor} has not improved for 3 epochs"
    right = np.mean(classifier.predict(OTHERS[0]) == OTHERS[1])
    assert history.validation_accuracy[stopping.best_epoch - 1] == pytest.approx(right)
    assert len(history.validation_accuracy) == len(history)


def test_a_regressor_has_no_validation_accuracy():
    regressor = fastnn.MLPRegressor(hidden_layer_sizes=8, n_iter_no_change=2, tol=10.0, random_state=0, backend="numpy")
    regressor.fit(X, X[:, 0], X_val=OTHERS[0], y_val=OTHERS[0][:, 0])
    assert regressor.history_.validation_accuracy == []
    assert len(regressor.history_.validation_loss) == len(regressor.history_) > 0
