"""Properties that all optimizers share, on both backends; single steps are tested in `test_operations`."""

import copy

import numpy as np
import pytest

import fastnn
from fastnn.optimizers import SETTINGS, UPDATES
from fastnn.schedules import Constant
from fastnn.training.courses import Courses
from fastnn.training.descent import Descent
from fastnn.training.objective import Objective
from fastnn.training.samples import Samples
from fastnn.training.sampling import Sampler
from fastnn.training.state import TrainState
from tests.cases import assert_agree, every_backend, tolerance

X = np.random.default_rng(0).standard_normal((23, 3))
LABELS = np.random.default_rng(1).integers(2, size=23)

#: Every update of the backends.
OPTIMIZERS = (
    fastnn.SGD(0.1),
    fastnn.SGD(0.1, momentum=0.9),
    fastnn.SGD(0.1, momentum=0.9, nesterov=True),
    fastnn.Adagrad(0.1),
    fastnn.RMSprop(0.01),
    fastnn.RMSprop(0.01, momentum=0.9),
    fastnn.Adam(0.01),
    fastnn.Adam(0.01, amsgrad=True),
    fastnn.AdamW(0.01),
)
every_optimizer = pytest.mark.parametrize(
    "optimizer", OPTIMIZERS, ids=lambda optimizer: f"{type(optimizer).__name__}-{UPDATES[optimizer.update]}"
)

#: The compiled backend trains narrow networks in columns and wide ones in rows; the reference makes no difference.
every_way = pytest.mark.parametrize(("n_hidden", "backend"), [(4, "numba"), (40, "numba"), (4, "numpy")])


def new_network(backend="numpy", n_hidden=4):
    network = fastnn.Network([3, n_hidden, 2], "tanh", backend=backend, dtype="float64", seed=0)
    for b in network.biases:
        b[:] = 0.5
    return network


def fit(network, optimizer, **options):
    return network.fit(X, LABELS, **{"optimizer": optimizer, "epochs": 2, "batch_size": 5, "shuffle": False, **options})


def moved_by(optimizer, gradient, backend):
    """The change of the parameters in a step along a gradient."""
    network = new_network(backend)
    before = network.parameters.copy()
    network.gradient[:] = gradient
    network.step(optimizer)
    return network.parameters - before


def test_the_optimizers_of_this_file_are_all_there_are():
    assert sorted({optimizer.update for optimizer in OPTIMIZERS}) == [*range(len(UPDATES))]


@every_way
@every_optimizer
def test_a_fit_makes_the_steps_that_a_loop_of_ones_own_makes(optimizer, n_hidden, backend):
    fitted, by_hand = new_network(backend, n_hidden), new_network(backend, n_hidden)
    fit(fitted, optimizer)
    for start in [*range(0, 23, 5)] * 2:
        by_hand.loss(X[start : start + 5], LABELS[start : start + 5])
        by_hand.backward()
        by_hand.step(optimizer)
    # A gradient of nearly 0, all rounding, may be divided by its own length.
    relative = 10 * tolerance("float64", 3, n_hidden, 2, 5) * (1 if isinstance(optimizer, fastnn.SGD) else 1e4)
    assert_agree(fitted.parameters, by_hand.parameters, relative)
    states = (network.optimizer_state(optimizer) for network in (fitted, by_hand))
    assert [state.n_steps for state in states] == [10, 10]


@every_backend
@every_optimizer
def test_steps_are_counted_from_fit_to_fit_and_what_is_kept_is_taken_up(optimizer, backend):
    once, twice = new_network(backend), new_network(backend)
    fit(once, optimizer, epochs=4)
    fit(twice, optimizer, epochs=1)
    fit(twice, optimizer, epochs=3)
    assert twice.parameters.tobytes() == once.parameters.tobytes()
    assert twice.optimizer_state(optimizer).n_steps == 20
    assert twice.optimizer_state(optimizer).vectors.shape == (optimizer.n_states, len(twice.parameters))


@every_backend
def test_another_optimizer_begins_anew_and_so_does_one_that_is_forgotten(backend):
    network, optimizer = new_network(backend), fastnn.Adam(0.01)
    fit(network, optimizer)
    fit(network, fastnn.Adam(0.02))
    assert network.optimizer_state(fastnn.Adam(0.02)).n_steps == 10
    network.forget_optimizer()
    state = network.optimizer_state(fastnn.Adam(0.02))
    assert state.n_steps == 0
    assert not state.vectors.any()


@every_backend
@every_optimizer
def test_a_fit_that_diverges_takes_its_steps_back(optimizer, backend):
    network = new_network(backend)
    fit(network, optimizer)
    state = network.optimizer_state(optimizer)
    before = network.parameters.tobytes(), state.vectors.tobytes(), state.n_steps
    with pytest.raises(fastnn.DivergenceError):
        fit(network, optimizer, schedule=lambda t: 1e308)
    assert (network.parameters.tobytes(), state.vectors.tobytes(), state.n_steps) == before


@every_backend
@every_optimizer
def test_a_step_leaves_the_gradient_as_it_is(optimizer, backend):
    network = new_network(backend)
    network.loss(X, LABELS)
    before = network.backward().copy()
    network.step(optimizer)
    assert network.gradient.tobytes() == before.tobytes()


@every_backend
@pytest.mark.parametrize("nesterov", [False, True])
def test_with_a_momentum_of_1_the_velocity_is_the_sum_of_all_gradients(nesterov, backend):
    network, optimizer = new_network(backend), fastnn.SGD(0.1, momentum=1.0, nesterov=nesterov)
    gradients = np.random.default_rng(2).standard_normal((4, 26))
    for step, gradient in enumerate(gradients):
        before = network.parameters.copy()
        network.gradient[:] = gradient
        network.step(optimizer)
        velocity = gradients[: step + 1].sum(axis=0)
        assert_agree(network.parameters - before, -0.1 * (gradient + velocity if nesterov else velocity), 1e-14)


# Clipping


@every_backend
def test_a_gradient_that_is_too_long_is_shortened_and_keeps_its_direction(backend):
    gradient = np.random.default_rng(2).standard_normal(26)
    moved = moved_by(fastnn.SGD(1.0, max_grad_norm=0.3), gradient, backend)
    assert np.linalg.norm(gradient) > 1
    np.testing.assert_allclose(np.linalg.norm(moved), 0.3, rtol=1e-5)
    np.testing.assert_allclose(moved / np.linalg.norm(moved), -gradient / np.linalg.norm(gradient), rtol=1e-9)


@every_backend
def test_a_gradient_that_is_short_enough_stays_as_it_is(backend):
    gradient = np.random.default_rng(2).standard_normal(26)
    longest = np.linalg.norm(gradient) * 1.01
    clipped, unclipped = (moved_by(fastnn.SGD(1.0, max_grad_norm=c), gradient, backend) for c in (longest, None))
    assert clipped.tobytes() == unclipped.tobytes()


@every_backend
def test_penalties_are_not_clipped(backend):
    gradient = np.random.default_rng(2).standard_normal(26)
    optimizer = fastnn.SGD(1.0, l2=10, max_grad_norm=1e-9, penalize_biases=True)
    assert_agree(moved_by(optimizer, gradient, backend), -10 * new_network().parameters, 1e-8)


@every_way
def test_a_fit_clips_the_gradient_of_each_batch(n_hidden, backend):
    optimizer = fastnn.SGD(1.0, max_grad_norm=1e-3)
    for batch_size, n_batches in ((None, 1), (5, 5)):
        network = new_network(backend, n_hidden)
        before = network.parameters.copy()
        fit(network, optimizer, epochs=1, batch_size=batch_size)
        distance = np.linalg.norm(network.parameters - before)
        assert 1e-3 * 0.999 < distance < 1e-3 * n_batches
    clipped, unclipped = new_network(backend, n_hidden), new_network(backend, n_hidden)
    fit(clipped, fastnn.SGD(0.1, max_grad_norm=1e6))
    fit(unclipped, fastnn.SGD(0.1))
    assert_agree(clipped.parameters, unclipped.parameters, 10 * tolerance("float64", 3, n_hidden, 2, 5))


# Penalties and decay

PENALTIES = ({"l1": 0.5}, {"l2": 0.5}, {"weight_decay": 0.5})


@every_backend
@every_optimizer
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_penalties_cover_the_weights_and_the_biases_only_if_they_are_meant_to(penalty, optimizer, backend):
    kind, rate = type(optimizer), optimizer.learning_rate
    none = {"weight_decay": 0.0} if kind is fastnn.AdamW else {}
    for biases_too in (False, True):
        penalized = kind(rate, **{**none, **penalty, "penalize_biases": biases_too})
        network, gradient = new_network(backend), np.zeros(26)
        moved = moved_by(penalized, gradient, backend)
        for W in network.architecture.weight_views(moved):
            assert np.all(W != 0)
        for b in network.architecture.bias_views(moved):
            assert np.all((b != 0) == biases_too)


@every_way
def test_decay_is_decoupled_from_what_the_optimizer_makes_of_gradients(n_hidden, backend):
    """Without a gradient, weights shrink by 1 - eta lambda in every step, for every optimizer."""
    for kind in (fastnn.SGD, fastnn.Adagrad, fastnn.RMSprop, fastnn.Adam, fastnn.AdamW):
        network = fastnn.Network([3, n_hidden, 1], "relu", "squared_error", backend=backend, dtype="float64", seed=0)
        network.biases[0][:] = -100  # all units are off
        network.biases[1][:] = 0
        weights = [W.copy() for W in network.weights]
        network.fit(X, np.zeros(23), optimizer=kind(0.1, weight_decay=0.2), epochs=3, batch_size=None)
        for W, before in zip(network.weights, weights, strict=True):
            np.testing.assert_allclose(W, before * 0.98**3, rtol=1e-12)
        assert np.all(network.biases[0] == -100)


# Losses that include the penalty

STRENGTHS = (
    {"l1": 0.3},
    {"l2": 0.5},
    {"l1": 0.3, "l2": 0.5},
    {"l1": 0.3, "l2": 0.5, "penalize_biases": True},
    {"l2": 0.5, "max_grad_norm": 0.1},
    {"weight_decay": 0.5, "penalize_biases": True},
)
every_strength = pytest.mark.parametrize("strengths", STRENGTHS, ids=str)


def penalty_of(network, optimizer):
    """From the definition, over the named views."""
    blocks = list(network.weights)
    if optimizer.penalize_biases:
        blocks += [vector for vectors in (network.biases, network.scales, network.shifts) for vector in vectors]
    theta = np.concatenate([block.ravel() for block in blocks if block is not None]).astype(np.float64)
    return optimizer.l1 * np.abs(theta).sum() + optimizer.l2 / 2 * (theta**2).sum()


def losses_of_steps(network, optimizer, n_steps, batch_size, reports_penalty=True, X=X, labels=LABELS):
    """The reported losses of some steps in one call, on unshuffled batches."""
    objective = Objective()
    objective.reports_penalty = reports_penalty
    samples = Samples(X.astype(network.dtype), labels, np.empty(0))
    descent = Descent(
        TrainState(network, optimizer), objective, Courses(Constant().begin(optimizer.learning_rate, 1, 1))
    )
    descent.reserve(batch_size, samples, gathers=False)
    sampler = Sampler(network, samples, None, batch_size, shuffle=False)
    losses, _ = descent.step(sampler.draw(-(-n_steps // sampler.n_batches)).part(0, n_steps))
    return losses


@every_backend
@pytest.mark.parametrize("normalization", [None, "layer"])
@pytest.mark.parametrize("biases_too", [False, True])
@every_strength
def test_the_penalty_covers_what_its_gradient_covers(strengths, biases_too, normalization, backend):
    options = {"normalization": normalization, "backend": backend, "seed": 0}
    optimizer = fastnn.SGD(**{**strengths, "penalize_biases": biases_too})
    for dtype, sizes in (("float64", [3, 4, 2]), ("float32", [3, 2100, 2])):
        network = fastnn.Network(sizes, dtype=dtype, **options)
        network.parameters[:] = np.random.default_rng(3).standard_normal(len(network.parameters))
        including, without = (
            losses_of_steps(copy.copy(network), optimizer, 1, 5, reports_penalty=r)[0] for r in (True, False)
        )
        assert including == pytest.approx(without + penalty_of(network, optimizer), rel=10 * float(np.finfo(dtype).eps))


@every_way
@pytest.mark.parametrize("kind", [fastnn.SGD, fastnn.Adam, fastnn.Muon])
@every_strength
def test_a_loss_may_include_the_penalty_before_each_step(strengths, kind, n_hidden, backend):
    optimizer, by_hand = kind(0.05, **strengths), new_network(backend, n_hidden)
    expected, penalties = [], []
    for start in [*range(0, 23, 5)] * 2:
        expected.append(by_hand.loss(X[start : start + 5], LABELS[start : start + 5]))
        penalties.append(penalty_of(by_hand, optimizer))
        by_hand.backward()
        by_hand.step(optimizer)
    including, without = new_network(backend, n_hidden), new_network(backend, n_hidden)
    relative = 1e-9
    assert_agree(losses_of_steps(including, optimizer, 10, 5), np.add(expected, penalties), relative)
    assert_agree(losses_of_steps(without, optimizer, 10, 5, reports_penalty=False), expected, relative)
    assert including.parameters.tobytes() == without.parameters.tobytes()


@pytest.mark.parametrize("sizes", [(3, 8, 2), (3, 2100, 2)], ids=["narrow", "wide"])
@pytest.mark.parametrize(("kind", "dtype"), [(fastnn.SGD, "float32"), (fastnn.Adam, "float64")])
@pytest.mark.usefixtures("large_teams")
@every_strength
def test_losses_with_a_penalty_have_the_same_bits_for_any_number_of_threads(strengths, kind, sizes, dtype):
    n, results = 2400, []
    data = np.tile(X, (105, 1))[:n], np.tile(LABELS, 105)[:n]
    for n_threads in (1, 2, 3):
        network = fastnn.Network(sizes, "tanh", dtype=dtype, seed=0, n_threads=n_threads)
        losses = losses_of_steps(network, kind(0.01, **strengths), 4, 1200, X=data[0], labels=data[1])
        results.append((losses.tobytes(), network.parameters.tobytes()))
    assert len(set(results)) == 1
    assert np.isfinite(losses).all()


def test_a_rule_reports_a_penalty_only_where_there_is_one():
    dtype = np.dtype("float32")
    assert not fastnn.SGD(l2=0.1).rule(dtype, False).reports_penalty
    assert not fastnn.SGD(weight_decay=0.1).rule(dtype, True).reports_penalty
    assert fastnn.Adam(l1=0.1).rule(dtype, True).reports_penalty


# Settings


def test_settings_of_several_steps_are_those_of_each_step():
    for optimizer in OPTIMIZERS:
        together = optimizer.settings(3, 5)
        assert together.dtype == SETTINGS
        assert together.tobytes() == b"".join(optimizer.settings(step, 1).tobytes() for step in range(3, 8))


def test_settings_take_rates_and_momenta():
    rates, momenta = np.array([0.1, 0.2]), np.array([0.5, 0.6])
    for optimizer in OPTIMIZERS:
        settings = optimizer.settings(0, 2, rates, momenta if optimizer.has_momentum else None)
        assert settings["learning_rate"].tolist() == [0.1, 0.2]
        if optimizer.has_momentum:
            assert settings["momentum"].tolist() == [0.5, 0.6]
    assert_agree(fastnn.Adam().settings(0, 2, rates, momenta)["momentum_correction"], [1 - 0.5, 1 - 0.36], 1e-15)


@every_backend
@pytest.mark.parametrize(
    "optimizer", [fastnn.Adam(epsilon=1e-50), fastnn.RMSprop(epsilon=1e-46), fastnn.Adagrad(epsilon=1e-50)]
)
def test_an_epsilon_that_single_precision_does_not_have_is_refused(optimizer, backend):
    network = fastnn.Network([3, 4, 2], backend=backend, dtype="float32", seed=0)
    with pytest.raises(ValueError, match=r"epsilon must not round to 0 in float32, got 1e-\d+"):
        fit(network, optimizer)
    assert np.isfinite(fit(new_network(backend), optimizer).loss[-1])
