"""Callbacks between epochs, and the effect of their return values."""

import numpy as np
import pytest

import fastnn
from fastnn.training import descent
from fastnn.training.callbacks import Callback, EarlyStopping
from tests.cases import every_backend
from tests.training.fits import Recorder, fit, new_network


@every_backend
@pytest.mark.parametrize("batch_size", [16, None])
def test_callbacks_are_called_before_between_and_after(batch_size, backend):
    recorder = Recorder()
    fit(new_network(backend), epochs=3, batch_size=batch_size, callbacks=recorder)
    assert recorder.called == [("begin", 0), ("epoch", 1), ("epoch", 2), ("epoch", 3), ("end", 3)]


@every_backend
@pytest.mark.parametrize("seconds", [0, 1e9])
def test_callbacks_see_the_epochs_they_want_and_the_last(seconds, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
    rare, rarer, network, twin = Recorder(every=4), Recorder(every=6), new_network(backend), new_network(backend)
    history = fit(network, epochs=13, batch_size=None, callbacks=[rare, rarer])
    assert [epoch for what, epoch in rare.called if what == "epoch"] == [4, 8, 12, 13]
    assert [epoch for what, epoch in rarer.called if what == "epoch"] == [6, 12, 13]
    assert fit(twin, epochs=13, batch_size=None).loss == history.loss


def test_epochs_that_nobody_looks_at_are_trained_together(monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", 1e9)
    calls = []
    train = descent.BatchSteps.train
    monkeypatch.setattr(
        descent.BatchSteps, "train", lambda steps, n, *others: calls.append(n) or train(steps, n, *others)
    )

    class Ends(Callback):
        def on_fit_end(self, network, history):
            calls.append("end")

    for callbacks in ((), [Ends()], [Recorder(every=10)], [Recorder()], [EarlyStopping("loss")]):
        fit(new_network(), epochs=30, batch_size=None, callbacks=callbacks)
        calls.append(None)
    assert calls == [30, None, 30, "end", None, 10, 10, 10, None, *[1] * 30, None, *[1] * 30, None]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (True, "stopped by Recorder"),
        (np.True_, "stopped by Recorder"),
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
    with pytest.raises(TypeError, match=r"on_epoch_end of Recorder must return True or a string .* got 7"):
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
        ([RECORDER := Recorder(), RECORDER], ValueError, "the same callback twice"),
    ],
)
def test_bad_callbacks_are_refused(callbacks, error, message):
    with pytest.raises(error, match=message):
        fit(new_network(), callbacks=callbacks)
