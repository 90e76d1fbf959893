"""Many trainings in parallel: each gives the same results as alone, and an error in one stops the others."""

import threading
import time

import numpy as np
import pytest

import fastnn
from fastnn.training import descent

X = np.random.default_rng(0).standard_normal((60, 3))
LABELS = (X[:, 0] > 0).astype(int)
OPTIONS = {"optimizer": "adam", "epochs": 12, "batch_size": 16}

every_backend = pytest.mark.parametrize("backend", fastnn.available_backends())


def networks(n, backend="numba", **options):
    return [fastnn.Network([3, 5, 2], backend=backend, seed=seed, **options) for seed in range(n)]


def estimators(n):
    return [
        fastnn.MLPClassifier((5,), max_iter=30, tol=0.02, n_iter_no_change=3, random_state=seed) for seed in range(n)
    ]


@every_backend
@pytest.mark.parametrize("n_threads", [None, 1, 3])
def test_each_network_is_to_the_bit_what_it_would_be_alone(n_threads, backend):
    together, alone = networks(5, backend), networks(5, backend)
    histories = fastnn.fit_many(together, (X, LABELS), n_threads=n_threads, **OPTIONS)
    for history, found, expected in zip(histories, together, alone, strict=True):
        assert history.loss == expected.fit(X, LABELS, **OPTIONS).loss
        assert found.parameters.tobytes() == expected.parameters.tobytes()


def test_each_estimator_is_to_the_bit_what_it_would_be_alone():
    together, alone = estimators(4), estimators(4)
    assert fastnn.fit_many(together, (X, LABELS), n_threads=2) == together
    for found, expected in zip(together, alone, strict=True):
        expected.fit(X, LABELS)
        assert found.loss_curve_ == expected.loss_curve_
        assert found.n_iter_ == expected.n_iter_ < 30
        assert found.coefs_[0].tobytes() == expected.coefs_[0].tobytes()


def test_each_model_may_have_data_of_its_own():
    together, alone = networks(2), networks(2)
    data = [(X, LABELS), (X[:40], LABELS[:40], np.arange(40.0))]
    fastnn.fit_many(together, data, epochs=3)
    for found, expected, each in zip(together, alone, data, strict=True):
        expected.fit(*each, epochs=3)
        assert found.parameters.tobytes() == expected.parameters.tobytes()


def test_every_training_takes_one_thread_whatever_a_model_asks_for(monkeypatch):
    monkeypatch.setattr(fastnn.threads, "available_cpus", lambda: 8)
    seen = []

    class Looks(fastnn.Callback):
        def on_epoch_end(self, network, history):
            seen.append(network._team)

    models = [
        *networks(2, n_threads=4),
        fastnn.MLPClassifier(n_threads=4, tol=10, n_iter_no_change=1, callbacks=[Looks()]),
    ]
    for model in models[:2]:
        fastnn.fit_many([model], (X, LABELS), epochs=1, callbacks=[Looks()])
    fastnn.fit_many(models[2:], (X, LABELS))
    assert set(seen) == {1}
    assert len(seen) > 3


def test_an_error_in_one_training_ends_the_others_and_is_raised(monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", 0)
    begun = threading.Event()

    class Fails(fastnn.Callback):
        def on_epoch_end(self, network, history):
            if history.loss and begun.wait(10):
                raise ConnectionError("no disk")

    class Begins(fastnn.Callback):
        def on_epoch_end(self, network, history):
            begun.set()

    failing = fastnn.MLPClassifier((5,), max_iter=10, random_state=0, callbacks=[Fails()])
    endless = fastnn.MLPClassifier((5,), max_iter=10**9, n_iter_no_change=np.inf, callbacks=[Begins()])
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="no disk"):
        fastnn.fit_many([endless, failing], (X, LABELS), n_threads=2)
    assert time.monotonic() - start < 60
    assert np.isfinite(endless.coefs_[0]).all()


@pytest.mark.parametrize(
    ("models", "data", "error", "message"),
    [
        (3, (X, LABELS), TypeError, "models must be a list of networks or estimators, got 3"),
        ([3], (X, LABELS), TypeError, "models must be a list of networks or estimators"),
        (networks(1) * 2, (X, LABELS), ValueError, "models contains the same model twice"),
        (networks(2), X, ValueError, r"data must be a pair \(X, y\)"),
        (networks(2), [(X, LABELS)], ValueError, "a list of 2, one per model, got 1"),
        (networks(1), (X, LABELS[:3]), ValueError, "same number of samples"),
    ],
)
def test_bad_input_gets_a_sentence(models, data, error, message):
    with pytest.raises(error, match=message):
        fastnn.fit_many(models, data, n_threads=2)


def test_no_models_are_trained_at_once():
    assert fastnn.fit_many([], (X, LABELS)) == []


@pytest.mark.parametrize(("random_state", "pauses"), [(None, False), (0, True)])
def test_other_threads_may_draw_from_the_random_numbers_of_the_process_meanwhile(random_state, pauses, monkeypatch):
    """A call that draws orders itself puts back the state of the generator; nobody else's numbers may be drawn again."""
    train, seen = descent.BatchSteps.train, set()
    monkeypatch.setattr(descent.BatchSteps, "train", lambda steps, *a: seen.add(steps.pauses) or train(steps, *a))
    model = fastnn.MLPClassifier((5,), batch_size=16, tol=10, n_iter_no_change=1, random_state=random_state)
    model.fit(X, LABELS)
    assert seen == {pauses}
