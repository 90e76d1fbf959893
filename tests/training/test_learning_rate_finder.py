"""The learning-rate range test: what it finds, what it leaves unchanged, and what it rejects."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

import fastnn
from fastnn.training.learning_rate_finder import FEWEST, LARGEST_RISE
from tests.cases import assert_agree, every_backend, tolerance

X, LABELS = load_digits(return_X_y=True)
X = X[:600] / 16
LABELS = LABELS[:600]


def new_network(backend="numpy", **options):
    return fastnn.Network([64, 32, 10], backend=backend, dtype="float64", seed=0, **options)


def search(network, optimizer=None, **options):
    return fastnn.find_learning_rate(network, X, LABELS, optimizer, **options)


@every_backend
@pytest.mark.parametrize(
    "optimizer", [fastnn.SGD(), fastnn.SGD(momentum=0.9), fastnn.Adagrad(), fastnn.RMSprop(), fastnn.Adam()]
)
def test_the_suggestion_trains_and_better_than_a_tenth_of_it(optimizer, backend):
    network = new_network(backend)
    found = search(network, optimizer)
    losses = []
    for rate in (found.suggestion, found.suggestion / 10):
        trained, replaced = copy.deepcopy(network), dataclasses.replace(optimizer, learning_rate=rate)
        losses.append(trained.fit(X, LABELS, optimizer=replaced, epochs=3).loss[-1])
    assert losses[0] < losses[1]
    assert losses[0] < 0.7


@every_backend
@pytest.mark.parametrize("batch_size", [32, 250, None])
def test_the_losses_are_those_of_steps_at_growing_rates(batch_size, backend):
    optimizer = fastnn.SGD(123.0, momentum=0.9, l2=0.01)
    network, by_hand = new_network(backend), new_network(backend)
    found = search(network, optimizer, rates=(1e-3, 0.1), steps=25, batch_size=batch_size)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-3, 0.1, 25))
    assert not found.diverged
    size, losses, order = batch_size or 600, [], []
    for rate in found.rates:
        if len(order) == 0:
            order = by_hand.random.permutation(600) if size < 600 else np.arange(600)
        rows, order = order[:size], order[size:]
        losses.append(
            by_hand.fit(
                X[rows],
                LABELS[rows],
                optimizer=optimizer,
                schedule=lambda t, rate=rate: rate,
                epochs=1,
                batch_size=None,
            ).loss[0]
        )
    assert_agree(found.losses, losses, 25 * tolerance("float64", 64, 32, 10, size))


@every_backend
def test_the_network_stays_as_it_is_with_all_that_belongs_to_it(backend):
    network, optimizer = new_network(backend), fastnn.Adam(0.01)
    network.fit(X, LABELS, optimizer=optimizer, epochs=1)
    network.loss(X, LABELS)
    network.backward()

    def everything():
        state = network.optimizer_state(optimizer)
        vectors = network.parameters, network.gradient, state.vectors
        return [v.tobytes() for v in vectors], state.n_steps, network.random.bit_generator.state

    before = everything()
    for other in (optimizer, fastnn.SGD()):
        search(network, other)
        assert everything() == before
    network.backward()  # the batch of `loss` is still stored
    assert everything() == before


@every_backend
def test_searching_twice_finds_the_same(backend):
    network = new_network(backend)
    first, second = search(network), search(network)
    assert first.losses.tolist() == second.losses.tolist()
    assert first.suggestion == second.suggestion


def test_the_search_ends_where_the_loss_has_grown():
    found = search(new_network(), fastnn.SGD(momentum=0.9))
    assert found.diverged
    assert len(found.rates) == len(found.losses) == len(found.smoothed_losses) < 100
    assert found.losses[-3:].max() > LARGEST_RISE * found.smoothed_losses.min()
    assert found.suggestion in found.rates
    assert found.suggestion < found.rates[np.argmin(found.smoothed_losses)]


def test_a_loss_that_overflows_ends_the_search_and_is_left_out():
    network = fastnn.Network([64, 1], loss="squared_error", backend="numpy", seed=0)
    found = fastnn.find_learning_rate(network, X, LABELS, rates=(1e-170, 1e70), steps=7)
    assert found.diverged
    np.testing.assert_allclose(found.rates, np.geomspace(1e-170, 1e30, 6), rtol=1e-6)
    assert np.isfinite(found.losses).all()
    assert len(found.rates) == len(found.losses)


def test_its_repr_can_be_read():
    text = repr(search(new_network(), fastnn.Adam()))
    assert text.startswith("LearningRateSearch(suggestion=0.0")
    assert "steps from 1e-07, loss 2." in text
    assert "diverged at " in text
    assert repr(search(new_network(), rates=(1e-7, 1e-3))).endswith("did not diverge)")


def test_a_search_can_be_kept():
    found = search(new_network(), steps=FEWEST)
    assert pickle.loads(pickle.dumps(found)).suggestion == found.suggestion


BAD_OPTIONS = {
    "lowest": ({"rates": (0, 1)}, ValueError, "Each of the rates must be positive and finite, got 0"),
    "highest": ({"rates": (1e-7, np.inf)}, ValueError, "Each of the rates must be positive and finite, got inf"),
    "text": ({"rates": (0.1, "1")}, TypeError, "Each of the rates must be a number, got '1'"),
    "order": ({"rates": (1, 0.1)}, ValueError, r"highest of the rates must be above the lowest, got \(1, 0.1\)"),
    "one rate": ({"rates": 0.1}, TypeError, "rates must be a pair, the lowest and the highest rate, got 0.1"),
    "few steps": ({"steps": 4}, ValueError, "steps must be at least 5, got 4"),
    "no steps": ({"steps": None}, TypeError, "steps must be a positive integer, got None"),
    "batch size": ({"batch_size": 0}, ValueError, "batch_size must be a positive integer, got 0"),
    "optimizer": ({"optimizer": 0.1}, TypeError, "optimizer must be a fastnn optimizer.*got 0.1"),
    "threads": ({"n_threads": 0}, ValueError, "n_threads must be a positive integer, got 0"),
    "too high from the start": (
        {"rates": (1e4, 1e9)},
        fastnn.DivergenceError,
        r"The loss became \S+ in step \d: use a lowest rate below 10000",
    ),
}


@pytest.mark.parametrize("fault", BAD_OPTIONS)
def test_bad_options_are_refused(fault):
    options, error, message = BAD_OPTIONS[fault]
    with pytest.raises(error, match=message):
        search(new_network(), **options)


@every_backend
def test_bad_data_are_refused(backend):
    with pytest.raises(ValueError, match="X has 2 features, but this network expects 64"):
        fastnn.find_learning_rate(new_network(backend), X[:, :2], LABELS)
    with pytest.raises(ValueError, match="same number of samples, got 600 and 5"):
        fastnn.find_learning_rate(new_network(backend), X, LABELS[:5])
    strange = X.copy()
    strange[599, 3] = np.nan
    with pytest.raises(ValueError, match="X must be finite in float64, got nan in row 599, column 3"):
        fastnn.find_learning_rate(new_network(backend), strange, LABELS)
