"""Schedules of decay and dropout, batches without the last one, and resuming all of it."""

import numpy as np
import pytest

import fastnn
from fastnn.schedules import Cosine, FlatCosine, LogCosine, OneCycle, ReduceOnPlateau, StepDecay
from fastnn.training import descent
from fastnn.training.callbacks import Callback, EarlyStopping
from fastnn.training.checkpoints import Checkpoint
from tests.backends.table_networks import CASES, WITHOUT_DROPOUT, table
from tests.cases import assert_agree, every_backend
from tests.training.fits import LABELS, OTHERS, Recorder, X, fit, new_network

PLAIN = fastnn.SGD(0.1)

# Decay


@every_backend
def test_weight_decay_is_multiplied_by_its_schedule(backend):
    """With the rates and the decays of every step by hand; 4 steps an epoch."""
    found, by_hand = new_network(backend), new_network(backend)
    fit(
        found,
        optimizer=fastnn.SGD(0.1, weight_decay=0.5),
        weight_decay_schedule=lambda t: 1 / (1 + t),
        schedule=StepDecay(0.5, epochs=1),
        epochs=2,
        shuffle=False,
    )
    for t in range(8):
        rows = slice(16 * (t % 4), 16 * (t % 4) + 16)
        by_hand.loss(X[rows], LABELS[rows])
        gradient, eta = by_hand.backward(), 0.1 * 0.5 ** (t // 4)
        for W in by_hand.weights:
            W *= 1 - eta * 0.5 / (1 + t)
        by_hand.parameters -= eta * gradient
    assert_agree(found.parameters, by_hand.parameters, 1e-13)


@every_backend
def test_a_decay_of_nothing_stays_nothing_and_a_factor_of_1_is_no_schedule(backend):
    for decay, schedule in ((0.0, FlatCosine()), (0.5, lambda t: 1.0)):
        results = []
        for options in ({}, {"weight_decay_schedule": schedule}):
            network = new_network(backend)
            fit(network, optimizer=fastnn.AdamW(0.01, weight_decay=decay), **options)
            results.append(network.parameters.tobytes())
        assert results[0] == results[1]


@every_backend
def test_the_schedule_of_the_decay_spares_other_penalties(backend):
    results = []
    for options in ({}, {"weight_decay_schedule": lambda t: 0.0}):
        network = new_network(backend)
        fit(network, optimizer=fastnn.SGD(0.1, l1=0.01, l2=0.1), **options)
        results.append(network.parameters.tobytes())
    assert results[0] == results[1]


# Dropout


def dropping(backend, rate=0.5, **options):
    return fastnn.Network([3, 8, 2], "tanh", dropout=rate, backend=backend, dtype="float64", seed=0, **options)


@every_backend
def test_with_a_factor_of_0_nothing_is_dropped(backend):
    found, without = dropping(backend), new_network(backend)
    fit(found, optimizer=PLAIN, dropout_schedule=lambda t: 0.0)
    fit(without, optimizer=PLAIN)
    assert_agree(found.parameters, without.parameters, 1e-13)


@every_backend
def test_the_rate_of_a_step_is_the_networks_rate_times_its_factor(backend):
    networks = [dropping(backend, rate) for rate in (0.5, 0.2, 0.5)]
    for network, factor in zip(networks, (0.4, 1.0, 3.0), strict=True):  # beyond 1 it is 1
        fit(network, optimizer=PLAIN, dropout_schedule=lambda t, factor=factor: factor)
    assert_agree(networks[0].parameters, networks[1].parameters, 1e-13)
    unscheduled = dropping(backend)
    fit(unscheduled, optimizer=PLAIN)
    assert networks[2].parameters.tobytes() == unscheduled.parameters.tobytes()
    assert not np.allclose(networks[0].parameters, unscheduled.parameters)


@every_backend
@pytest.mark.parametrize("seconds", [0, 1e9])
def test_the_dropout_rate_falls_step_by_step(seconds, backend, monkeypatch):
    """Epochs with dropout and then without are one fit whose factor jumps to 0, however many steps are made per call."""
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
    once, twice = dropping(backend), dropping(backend)
    fit(once, optimizer=PLAIN, dropout_schedule=lambda t: float(t < 8), epochs=4)
    fit(twice, optimizer=PLAIN, epochs=2)
    fit(twice, optimizer=PLAIN, epochs=2, dropout_schedule=lambda t: 0.0)
    assert once.parameters.tobytes() == twice.parameters.tobytes()


# What is no schedule of factors


@pytest.mark.parametrize("name", ["weight_decay_schedule", "dropout_schedule"])
@pytest.mark.parametrize(
    ("schedule", "error", "message"),
    [
        (ReduceOnPlateau(), ValueError, "must depend on the step alone, which ReduceOnPlateau does not"),
        (OneCycle(), ValueError, "must depend on the step alone, which OneCycle does not"),
        (0.5, TypeError, "must be a schedule or a function of the step number, got 0.5"),
        ("cosine", TypeError, "must be a schedule or a function of the step number, got 'cosine'"),
        (Cosine(warmup_steps=1000), ValueError, "warmup_steps must be below the 24 steps"),
    ],
    ids=str,
)
def test_a_schedule_that_is_none_of_factors_is_refused_before_training(schedule, error, message, name):
    network = new_network()
    before = network.parameters.tobytes()
    with pytest.raises(error, match=message):
        fit(network, **{name: schedule})
    assert network.parameters.tobytes() == before
    fit(network, optimizer=fastnn.SGD(0.1), **{name: OneCycle(cycle_momentum=False)})


@pytest.mark.parametrize("name", ["weight_decay_schedule", "dropout_schedule"])
def test_lbfgs_takes_no_schedules(name):
    with pytest.raises(ValueError, match="accepts neither schedules nor resume_from"):
        fit(new_network(), optimizer="lbfgs", batch_size=None, **{name: FlatCosine()})


# Without the last batch


class Batches(Callback):
    """The number of updates after each epoch."""

    def __init__(self):
        self.updates = []

    def on_epoch_end(self, network, history):
        self.updates.append(network.n_updates)


@every_backend
@pytest.mark.parametrize("seconds", [0, 1e9])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_the_remainder_is_left_out(shuffle, weighted, seconds, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
    weights = np.random.default_rng(1).exponential(size=60) if weighted else None
    found, by_hand, batches = new_network(backend), new_network(backend), Batches()
    history = found.fit(
        X, LABELS, weights, optimizer=PLAIN, epochs=3, batch_size=16, shuffle=shuffle, drop_last=True, callbacks=batches
    )
    assert batches.updates == [3, 6, 9]
    relative = np.ones(60) if weights is None else weights
    for epoch in range(3):
        order, total = by_hand.random.permutation(60) if shuffle else np.arange(60), 0.0
        for start in (0, 16, 32):
            rows = order[start : start + 16]
            loss = by_hand.loss(X[rows], LABELS[rows], relative[rows])
            total += loss * relative[rows].sum()
            by_hand.backward()
            by_hand.step(PLAIN)
        if not weighted:  # the weighted mean is over samples, too
            assert_agree(history.loss[epoch], total / 48, 1e-12)
    assert_agree(found.parameters, by_hand.parameters, 1e-12)


@every_backend
@pytest.mark.parametrize(
    ("n_samples", "batch_size", "n_batches"),
    [(60, 16, 3), (60, 20, 3), (60, 100, 1), (60, None, 1), (60, 59, 1), (33, 16, 2)],
)
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_a_last_batch_is_left_out_only_if_it_is_smaller(normalization, n_samples, batch_size, n_batches, backend):
    network = fastnn.Network([3, 4, 2], normalization=normalization, backend=backend, seed=0)
    batches = Batches()
    fit(
        network,
        X[:n_samples],
        LABELS[:n_samples],
        optimizer=PLAIN,
        epochs=2,
        batch_size=batch_size,
        drop_last=True,
        callbacks=batches,
    )
    assert batches.updates == [n_batches, 2 * n_batches]


@every_backend
def test_under_batch_normalisation_a_single_sample_is_left_out_and_no_batch(backend):
    one, other = (
        fastnn.Network([3, 4, 2], normalization="batch", backend=backend, dtype="float64", seed=0) for _ in range(2)
    )
    fit(one, X[:33], LABELS[:33], optimizer=PLAIN, shuffle=False, drop_last=True)
    fit(other, X[:32], LABELS[:32], optimizer=PLAIN, shuffle=False)
    assert one.parameters.tobytes() == other.parameters.tobytes()


@every_backend
def test_another_sample_is_left_out_in_every_epoch_even_beside_a_single_batch(backend):
    """With one batch of 59 of 60 samples, an order matters."""
    network, by_hand = new_network(backend), new_network(backend)
    fit(network, optimizer=PLAIN, batch_size=59, drop_last=True, epochs=3)
    left_out = set()
    for _ in range(3):
        order = by_hand.random.permutation(60)
        left_out.add(int(order[-1]))
        by_hand.loss(X[order[:59]], LABELS[order[:59]])
        by_hand.backward()
        by_hand.step(PLAIN)
    assert len(left_out) > 1
    assert_agree(network.parameters, by_hand.parameters, 1e-12)


@every_backend
def test_the_remainder_of_the_samples_that_are_not_held_out_is_left_out(backend):
    batches = Batches()
    fit(new_network(backend), validation_fraction=0.25, drop_last=True, epochs=2, batch_size=20, callbacks=batches)
    assert batches.updates == [2, 4]  # of 45 samples


def test_drop_last_is_true_or_false():
    with pytest.raises(TypeError, match="drop_last must be True or False"):
        fit(new_network(), drop_last=1)


# Early stopping


@every_backend
@pytest.mark.parametrize(("ties", "best"), [("first", 2), ("last", 4)])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_of_equal_epochs_the_first_or_the_last_is_the_best(mode, ties, best, backend):
    values = iter([3, 1, 2, 1, 5, 4] if mode == "min" else [3, 6, 2, 6, 5, 4])
    network, recorder = new_network(backend), Recorder()
    stopping = EarlyStopping(lambda *_: next(values), patience=None, mode=mode, ties=ties)
    history = fit(network, validation_data=OTHERS, callbacks=[recorder, stopping])
    assert len(history) == 6
    assert history.best_epoch == stopping.best_epoch == best
    assert network._learned.tobytes() == recorder.learned[best - 1].tobytes()


def test_an_equal_epoch_does_not_prolong_the_patience():
    history = fit(
        new_network(), validation_data=OTHERS, epochs=50, callbacks=EarlyStopping(lambda *_: 1.0, 3, ties="last")
    )
    assert len(history) == 4
    assert history.best_epoch == 4


def test_without_patience_training_never_stops():
    values = iter(range(20))
    stopping = EarlyStopping(lambda *_: -next(values), patience=None, mode="max")
    history = fit(new_network(), validation_data=OTHERS, epochs=20, callbacks=stopping)
    assert len(history) == 20
    assert history.best_epoch == 1
    assert "patience=None" in repr(stopping)
    assert "ties='first'" in repr(stopping)


@pytest.mark.parametrize("ties", ["both", None, True])
def test_other_ties_are_refused(ties):
    with pytest.raises(ValueError, match="ties must be 'first' or 'last'"):
        EarlyStopping(ties=ties)


# Resuming

OPTIMIZER = fastnn.AdamW(
    0.01,
    weight_decay=0.1,
    learning_rate_factors={"biases": 0.1, "periodic": 0.5},
    weight_decay_factors={"input_scales": 0.5},
)
OPTIONS = {
    "optimizer": OPTIMIZER,
    "schedule": LogCosine(),
    "weight_decay_schedule": FlatCosine(),
    "dropout_schedule": FlatCosine(0.3),
    "drop_last": True,
    "epochs": 7,
    "batch_size": 16,
    "progress": False,
}


class Interrupt(Callback):
    def on_epoch_end(self, network, history):
        if len(history) == 3:
            raise KeyboardInterrupt


@every_backend
@pytest.mark.parametrize("seconds", [0, 1e9])
@pytest.mark.parametrize("case", [CASES[8], CASES[9]], ids=str)
def test_a_training_goes_on_as_if_it_had_not_been_interrupted(case, seconds, backend, tmp_path, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
    data, callbacks = table(40), lambda: [EarlyStopping("loss", patience=None, ties="last")]
    alone, interrupted, resumed = (case.network(backend) for _ in range(3))
    history = alone.fit(*data, **OPTIONS, callbacks=callbacks())
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(*data, **OPTIONS, callbacks=[*callbacks(), Interrupt(), Checkpoint(tmp_path / "one")])
    resumed.parameters[:] = 0
    found = resumed.fit(*data, **OPTIONS, callbacks=callbacks(), resume_from=tmp_path / "one")
    assert found.loss == history.loss
    assert found.best_epoch == history.best_epoch
    assert resumed._learned.tobytes() == alone._learned.tobytes()
    states = [network.optimizer_state(OPTIMIZER) for network in (alone, resumed)]
    assert states[0].vectors.tobytes() == states[1].vectors.tobytes()
    assert states[0].n_steps == states[1].n_steps == 14


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop_last": False}, "drop_last"),
        ({"weight_decay_schedule": None}, "weight_decay_schedule"),
        ({"dropout_schedule": FlatCosine(0.4)}, "dropout_schedule"),
        ({"optimizer": fastnn.AdamW(0.01, weight_decay=0.1)}, "optimizer"),
        ({"case": WITHOUT_DROPOUT[8]}, "dropout"),
        ({"case": CASES[7]}, "layer sizes"),
    ],
    ids=str,
)
def test_another_training_does_not_go_on(change, message, tmp_path):
    path, data = tmp_path / "one", table(40)
    CASES[8].network("numpy").fit(*data, **OPTIONS | {"epochs": 2, "callbacks": Checkpoint(path)})
    network = change.get("case", CASES[8]).network("numpy")
    before = network.parameters.tobytes()
    options = {name: value for name, value in change.items() if name != "case"}
    with pytest.raises(ValueError, match=message):
        network.fit(*data, **OPTIONS | {"epochs": 2} | options, resume_from=path)
    assert network.parameters.tobytes() == before
