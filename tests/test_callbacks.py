"""What is held out, what is called between epochs, and that early stopping gives the best parameters back."""

import logging
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, get_scorer, make_scorer, r2_score, roc_auc_score

import fastnn
from fastnn import training
from fastnn.callbacks import Callback, EarlyStopping
from fastnn.history import History

every_backend = pytest.mark.parametrize("backend", fastnn.available_backends())

random = np.random.default_rng(0)
X = random.standard_normal((60, 3))
LABELS = (X[:, 0] + 0.8 * random.standard_normal(60) > 0).astype(int)
OTHERS = (random.standard_normal((40, 3)), random.integers(2, size=40))
OPTIMIZER = fastnn.SGD(learning_rate=0.3, momentum=0.9)


def new_network(backend="numpy", loss="softmax_cross_entropy", n_outputs=2, seed=0):
    return fastnn.Network([3, 8, n_outputs], "tanh", loss, backend=backend, dtype="float64", seed=seed)


def fit(network, X=X, y=LABELS, **options):
    return network.fit(X, y, **{"optimizer": OPTIMIZER, "epochs": 6, "batch_size": 16, "progress": False, **options})


class Recorder(Callback):
    """Keeps the parameters after each epoch, and what was called; raises or stops when it is told to."""

    def __init__(self, stop_at=None, answer=True, error=None, every=1):
        self.stop_at, self.answer, self.error, self.every = stop_at, answer, error, every
        self.called, self.parameters = [], []

    def on_fit_begin(self, network, history):
        self.called.append(("begin", len(history)))

    def on_epoch_end(self, network, history):
        self.called.append(("epoch", len(history)))
        self.parameters.append(network.parameters.copy())
        if len(history) == self.stop_at:
            if self.error is not None:
                raise self.error
            return self.answer
        return None

    def on_fit_end(self, network, history):
        self.called.append(("end", len(history)))


def watched(best):
    """A monitor that rises until the epoch `best` and then falls."""
    seen = []

    def score(network, X, y):
        seen.append(1)
        return -abs(len(seen) - best)

    return score


# Held-out data


@every_backend
@pytest.mark.parametrize(
    ("loss", "n_outputs", "y"),
    [
        ("softmax_cross_entropy", 2, LABELS),
        ("softmax_cross_entropy", 2, np.eye(2)[LABELS]),
        ("binary_cross_entropy", 1, LABELS),
        ("binary_cross_entropy", 2, np.eye(2)[LABELS]),
        ("squared_error", 2, X[:, :2]),
    ],
)
@pytest.mark.parametrize("batch_size", [16, None])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_fraction_is_held_out_and_the_rest_trained_on(loss, n_outputs, y, batch_size, shuffle, backend):
    network, twin = (new_network(backend, loss, n_outputs) for _ in range(2))
    rows, others = training.split(y, twin.architecture, 0.25, twin.random)
    assert sorted([*rows, *others]) == list(range(60))
    assert len(others) == 15
    history = fit(network, y=y, validation_fraction=0.25, batch_size=batch_size, shuffle=shuffle)
    expected = fit(
        twin, X[rows], y[rows], validation_data=(X[others], y[others]), batch_size=batch_size, shuffle=shuffle
    )
    assert history.loss == expected.loss
    assert history.validation_loss == expected.validation_loss
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    assert network.random.bit_generator.state == twin.random.bit_generator.state


def test_both_backends_hold_out_the_same():
    first, second = (
        fit(new_network(backend), validation_fraction=0.2, epochs=1) for backend in fastnn.available_backends()
    )
    np.testing.assert_allclose(first.validation_loss, second.validation_loss, rtol=1e-12)


@pytest.mark.parametrize("as_rows", [False, True])
@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.25, 0.5, 0.9])
def test_each_class_is_held_out_in_proportion(fraction, as_rows):
    sizes = np.array([1, 2, 30, 67, 0, 100])
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(6), sizes))
    network = fastnn.Network([3, 6], backend="numpy")
    rows, others = training.split(np.eye(6)[y] if as_rows else y, network.architecture, fraction, network.random)
    counts = np.bincount(y[others], minlength=6)
    assert counts.sum() == math.ceil(200 * fraction)
    assert (abs(counts - sizes * fraction) <= 1).all()
    assert (np.bincount(y[rows], minlength=6)[sizes > 0] > 0).all()
    _, again = training.split(y, network.architecture, fraction, network.random)
    assert fraction == 0.001 or (others != again).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_fraction": 0}, "validation_fraction must be positive and finite, got 0"),
        ({"validation_fraction": 1}, "validation_fraction must be above 0 and below 1, got 1"),
        ({"validation_fraction": 0.99}, r"validation_fraction=0\.99 of 60 samples leaves none to train on"),
        ({"validation_fraction": 0.1, "validation_data": OTHERS}, "exclude each other"),
        ({"callbacks": [EarlyStopping()]}, "validation_loss needs validation_data or validation_fraction"),
        ({"callbacks": [EarlyStopping("f1")]}, "f1 needs validation_data or validation_fraction"),
        (
            {"callbacks": [EarlyStopping("charm")], "validation_fraction": 0.1},
            "the name of a scikit-learn scorer .* or a function, got 'charm'",
        ),
    ],
)
def test_what_cannot_be_held_out_or_monitored_is_refused_before_anything_changes(options, message):
    network, twin = new_network(), new_network()
    with pytest.raises(ValueError, match=message):
        fit(network, **options)
    assert network.random.bit_generator.state == twin.random.bit_generator.state
    assert network.parameters.tobytes() == twin.parameters.tobytes()


def test_held_out_samples_that_are_not_finite_are_refused_before_anything_changes():
    network, twin, holes = new_network(), new_network(), X.copy()
    holes[:] = np.nan
    with pytest.raises(ValueError, match="X must be finite"):
        fit(network, holes, validation_fraction=0.1)
    assert network.random.bit_generator.state == twin.random.bit_generator.state


def test_classes_of_a_single_sample_cannot_be_held_out():
    network = fastnn.Network([3, 4], backend="numpy")
    with pytest.raises(ValueError, match="needs a class with two samples or more, got one sample of each"):
        network.fit(X[:4], np.arange(4), validation_fraction=0.25)


# Early stopping


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
    assert network.parameters.tobytes() == recorder.parameters[best].tobytes()


@every_backend
@pytest.mark.parametrize("ends", ["stops", "last epoch", "callback", "interrupt", "interrupt within", "diverges"])
def test_the_best_parameters_are_restored_however_training_ends(ends, backend, monkeypatch):
    monkeypatch.setattr(training, "SECONDS_PER_CHUNK", 0)
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
    assert network.parameters.tobytes() == recorder.parameters[1].tobytes()
    assert np.isfinite(fit(network).loss).all()


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
    assert network.parameters.tobytes() == recorder.parameters[(best or n_epochs) - 1].tobytes()


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
    with pytest.raises(ValueError, match="needs classes, and this network has squared_error"):
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


# Callbacks


@every_backend
@pytest.mark.parametrize("batch_size", [16, None])
def test_callbacks_are_called_before_between_and_after(batch_size, backend):
    recorder = Recorder()
    fit(new_network(backend), epochs=3, batch_size=batch_size, callbacks=recorder)
    assert recorder.called == [("begin", 0), ("epoch", 1), ("epoch", 2), ("epoch", 3), ("end", 3)]


@every_backend
@pytest.mark.parametrize("seconds", [0, 1e9])
def test_callbacks_see_the_epochs_they_want_and_the_last(seconds, backend, monkeypatch):
    monkeypatch.setattr(training, "SECONDS_PER_CHUNK", seconds)
    rare, rarer, network, twin = Recorder(every=4), Recorder(every=6), new_network(backend), new_network(backend)
    history = fit(network, epochs=13, batch_size=None, callbacks=[rare, rarer])
    assert [epoch for what, epoch in rare.called if what == "epoch"] == [4, 8, 12, 13]
    assert [epoch for what, epoch in rarer.called if what == "epoch"] == [6, 12, 13]
    assert fit(twin, epochs=13, batch_size=None).loss == history.loss


def test_epochs_that_nobody_looks_at_are_trained_together(monkeypatch):
    monkeypatch.setattr(training, "SECONDS_PER_CHUNK", 1e9)
    calls = []
    train_epochs = training.Batches.train_epochs
    monkeypatch.setattr(
        training.Batches, "train_epochs", lambda batches, n: calls.append(n) or train_epochs(batches, n)
    )

    class Ends(Callback):
        def on_fit_end(self, network, history):
            calls.append("end")

    for callbacks in ((), [Ends()], [Recorder(every=10)], [Recorder()], [EarlyStopping("loss")]):
        fit(new_network(), epochs=30, batch_size=None, callbacks=callbacks)
        calls.append(None)
    assert calls == [30, None, 30, "end", None, 10, 10, 10, None, None, None]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (True, "Recorder asked for it"),
        (np.True_, "Recorder asked for it"),
        ("enough", "enough"),
        (False, "all 6 epochs are done"),
        (None, "all 6 epochs are done"),
        ("", "all 6 epochs are done"),
    ],
)
def test_a_callback_stops_training(answer, reason):
    other, rare = Recorder(), Recorder(every=100)
    history = fit(new_network(), callbacks=[rare, Recorder(2, answer), other])
    assert history.stop_reason == reason
    n_epochs = 2 if answer else 6
    assert len(history) == n_epochs
    assert other.called[-2:] == [("epoch", n_epochs), ("end", n_epochs)]
    assert rare.called == [("begin", 0), ("epoch", n_epochs), ("end", n_epochs)]


def test_an_answer_that_means_nothing_is_refused():
    with pytest.raises(TypeError, match=r"on_epoch_end of Recorder must return True or a sentence .* got 7"):
        fit(new_network(), callbacks=Recorder(1, answer=7))


@every_backend
@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_what_a_callback_raises_leaves_the_network_of_that_epoch(error, backend):
    network, twin, other = new_network(backend), new_network(backend), Recorder()
    with pytest.raises(type(error)):
        fit(network, callbacks=[Recorder(2, error=error), other])
    assert other.called == [("begin", 0), ("epoch", 1), ("end", 2)]
    fit(twin, epochs=2)
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    assert fit(network).loss == fit(twin).loss


@pytest.mark.parametrize("optimizer", [fastnn.SGD(0.1), fastnn.LBFGS()], ids=["SGD", "LBFGS"])
def test_none_means_no_callbacks(optimizer):
    network, twin = new_network(), new_network()
    assert fit(network, optimizer=optimizer, callbacks=None).loss == fit(twin, optimizer=optimizer, callbacks=()).loss


def test_all_callbacks_that_began_are_told_of_the_end_even_if_one_raises():
    class Broken(Callback):
        def on_fit_end(self, network, history):
            raise RuntimeError("broken")

    class Late(Callback):
        def on_fit_begin(self, network, history):
            raise RuntimeError("late")

    before, after = Recorder(), Recorder()
    with pytest.raises(RuntimeError, match="broken"):
        fit(new_network(), callbacks=[before, Broken(), after])
    assert before.called[-1] == after.called[-1] == ("end", 6)
    before, after = Recorder(), Recorder()
    with pytest.raises(RuntimeError, match="late"):
        fit(new_network(), callbacks=[before, Late(), after])
    assert before.called == [("begin", 0), ("end", 0)]
    assert after.called == []


def test_why_training_broke_off_is_in_the_history():
    seen = []

    class Keep(Callback):
        def on_fit_end(self, network, history):
            seen.append(history.stop_reason)

    for error in (RuntimeError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fit(new_network(), callbacks=[Recorder(2, error=error), Keep()])
    assert seen == ["RuntimeError: no", "KeyboardInterrupt"]


@pytest.mark.parametrize(
    ("callbacks", "error", "message"),
    [
        (3, TypeError, r"callbacks must be a list of fastnn\.Callback, got 3"),
        ([print], TypeError, r"instances of subclasses of fastnn\.Callback, got <built-in function print>"),
        ([Recorder], TypeError, r"instances of subclasses of fastnn\.Callback, got <class"),
        ([Recorder(every=0)], ValueError, "every of Recorder must be a positive integer, got 0"),
        ([RECORDER := Recorder(), RECORDER], ValueError, "only once"),
    ],
)
def test_bad_callbacks_are_refused(callbacks, error, message):
    with pytest.raises(error, match=message):
        fit(new_network(), callbacks=callbacks)


# History


@every_backend
def test_a_history_is_a_sequence_of_epochs_and_a_table(backend):
    history = fit(new_network(backend), validation_fraction=0.2, callbacks=EarlyStopping("f1", patience=100))
    assert len(history) == len(list(history)) == 6
    assert history[-1] == history[5] == list(history)[5]
    assert history[0]["loss"] == history.loss[0]
    with pytest.raises(IndexError):
        history[6]
    frame = history.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["loss", "validation_loss", "validation_accuracy", "learning_rate", "seconds", "f1"]
    assert list(frame.index) == [1, 2, 3, 4, 5, 6]
    assert frame["validation_loss"].tolist() == history.validation_loss
    assert history.learning_rate == [0.3] * 6
    assert repr(history).startswith("<History: 6 epochs in ")
    assert f"best epoch {history.best_epoch}; all 6 epochs are done>" in repr(history)


class Decaying(fastnn.SGD):
    """A rate of 1 / (t + 1) in step t, counted from 0."""

    def settings(self, first_step, n_steps, rates=None, momenta=None):
        return super().settings(first_step, n_steps, 1 / np.arange(first_step + 1, first_step + n_steps + 1), momenta)


@every_backend
@pytest.mark.parametrize("seconds", [0, 1e9])
@pytest.mark.parametrize(("batch_size", "n_batches"), [(16, 4), (None, 1)])
def test_learning_rates_are_those_of_the_last_steps(batch_size, n_batches, seconds, backend, monkeypatch):
    monkeypatch.setattr(training, "SECONDS_PER_CHUNK", seconds)
    history = fit(new_network(backend), optimizer=Decaying(), batch_size=batch_size, epochs=20)
    assert history.learning_rate == [1 / (n_batches * epoch) for epoch in range(1, 21)]


def test_columns_that_are_shorter_are_filled_up():
    history = History([1.0, 2.0], scores={"f1": [3.0]})
    assert history.to_frame()["f1"].isna().tolist() == [False, True]
    assert history[1] == {"loss": 2.0}


@pytest.mark.parametrize(
    ("history", "best"),
    [
        (History(), None),
        (History([3.0, 1.0, 2.0]), 2),
        (History([3.0, 1.0, 2.0], [2.0, 3.0, 1.0]), 3),
        (History([3.0, 1.0, 2.0], [math.nan, math.inf, 1.0]), 3),
        (History([3.0, 1.0, 2.0], found_best=1), 1),
    ],
)
def test_the_best_epoch_is_that_of_the_smallest_loss_unless_a_callback_knows_better(history, best):
    assert history.best_epoch == best
    assert "<History: " in repr(history)


def test_training_is_logged_and_never_printed(caplog, capsys):
    with caplog.at_level(logging.DEBUG, logger="fastnn"):
        fit(new_network(), epochs=2)
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG", "INFO"]
    assert caplog.messages[0].startswith("Epoch 1: loss ")
    assert caplog.messages[2] == "Training ended after epoch 2: all 2 epochs are done."
    assert capsys.readouterr() == ("", "")


def test_either_part_of_a_split_needs_some_weight():
    weights = np.zeros(len(X))
    weights[3] = 1
    network = new_network()
    before = network.parameters.tobytes(), network.random.bit_generator.state
    with pytest.raises(ValueError, match=r"leaves no weight for the samples that are (held out|trained on)"):
        network.fit(X, LABELS, weights, validation_fraction=0.3)
    assert (network.parameters.tobytes(), network.random.bit_generator.state) == before


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
