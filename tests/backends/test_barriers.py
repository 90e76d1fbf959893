"""Programs have all the barriers they need: between two of them, threads may run in any order."""

import warnings
from itertools import product

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import fastnn
from fastnn.backends.numba_backend import addresses
from fastnn.backends.numba_backend.operations import address_of
from fastnn.backends.numba_backend.programs import program, team, training

pytestmark = [
    pytest.mark.skipif(addresses.interprets(), reason="programs without the compiler run on one thread"),
    pytest.mark.usefixtures("large_teams"),
]

N_SAMPLES, BATCH_SIZE = 200, 90
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((N_SAMPLES, 70)) * (RANDOM.random((N_SAMPLES, 70)) < 0.5)
LABELS, WEIGHTS = RANDOM.integers(0, 5, N_SAMPLES), RANDOM.exponential(size=N_SAMPLES)

#: Layer sizes, options of the network, optimizer and the container of X: every operation that follows a barrier.
PROGRAMS = {
    "descent": ((70, 40, 33, 5), {}, fastnn.SGD(0.1, l2=0.01), np.asarray),
    "momentum": ((70, 40, 33, 5), {}, fastnn.SGD(0.1, momentum=0.9, l1=0.01), np.asarray),
    "clipping": ((70, 40, 33, 5), {}, fastnn.Adam(0.01, l2=0.01, max_grad_norm=0.1), np.asarray),
    "orthogonal": ((70, 40, 33, 5), {}, fastnn.Muon(0.01, l2=0.01), np.asarray),
    "sparse": ((70, 40, 33, 5), {}, fastnn.Adam(0.01), sparse.csr_array),
    "batch normalisation": ((70, 40, 33, 5), {"normalization": "batch"}, fastnn.SGD(0.1), np.asarray),
    "layer normalisation": (
        (70, 40, 33, 5),
        {"normalization": "layer", "dropout": 0.2},
        fastnn.SGD(0.1),
        np.asarray,
    ),
    "narrow": ((64, 16, 5), {}, fastnn.Adam(0.01, max_grad_norm=0.1), np.asarray),
}


def in_turns(order):
    """Instead of a team: between two barriers, the threads do their work one after the other, in the given order."""

    def run_team(items, steps, n_threads, *, flushes=False):
        parts = [team.Items.of(record * [1, 1, 0, 1]) for record in items.records[:, np.newaxis]]
        together = []
        for step, item in product(range(len(steps)), range(items.n)):
            together.append((address_of(steps[step : step + 1]), parts[item].address))
            if items.records[item, 2] or (step, item) == (len(steps) - 1, items.n - 1):
                for thread, (batch, part) in product(order(range(n_threads)), together):
                    numbers = part, 1, batch, 1, n_threads, 0, 0, team._yield_processor(), flushes
                    team._compute(team._Work(*numbers), thread)
                together.clear()

    return run_team


def everything(name, n_threads):
    """Loss, gradient, outputs, and the parameters after two epochs with a short last batch."""
    sizes, options, optimizer, container = PROGRAMS[name]
    network = fastnn.Network(sizes, "tanh", dtype="float64", seed=0, n_threads=n_threads, **options)
    features = container(X[:, : sizes[0]])
    results = [np.array(network.loss(features, LABELS, WEIGHTS)), network.backward().copy(), network.forward(features)]
    history = network.fit(features, LABELS, WEIGHTS, optimizer=optimizer, epochs=2, batch_size=BATCH_SIZE)
    return [result.tobytes() for result in (*results, np.array(history.loss), network._learned)]


def penalized(hidden, n_threads):
    """Losses and weights of an estimator, whose losses include the penalty before each step."""
    features, options = X[:, :64], {"alpha": 0.5, "batch_size": BATCH_SIZE, "max_iter": 2, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = fastnn.MLPClassifier(hidden, n_threads=n_threads, **options).fit(features, LABELS)
    return np.array(estimator.loss_curve_).tobytes(), estimator.network_.parameters.tobytes()


every_order = pytest.mark.parametrize("order", [list, reversed], ids=["first to last", "last to first"])


@pytest.fixture(autouse=True)
def _many_tiles(monkeypatch):
    monkeypatch.setattr(training, "TILES_PER_THREAD", 1)
    monkeypatch.setattr(training, "TILE_SAMPLES", 32)


@every_order
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_order_of_threads_between_barriers_makes_no_difference(name, order, monkeypatch):
    alone = everything(name, 1)
    monkeypatch.setattr(program, "run_team", in_turns(order))
    assert everything(name, 3) == alone


@every_order
@pytest.mark.parametrize("hidden", [(40, 20), (16, 8)], ids=["wide", "narrow"])
def test_the_order_of_threads_makes_no_difference_to_losses_with_a_penalty(hidden, order, monkeypatch):
    alone = penalized(hidden, 1)
    monkeypatch.setattr(program, "run_team", in_turns(order))
    assert penalized(hidden, 3) == alone
