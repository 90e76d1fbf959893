"""Both backends give the same numbers, from a single loss to a whole fit."""

from itertools import combinations, product

import numpy as np
import pytest

import fastnn
from fastnn.losses import SoftmaxCrossEntropy
from tests.cases import (
    CASES,
    DTYPES,
    EPOCHS,
    HIDDEN,
    OUTPUTS,
    STEPS,
    STRUCTURES,
    Case,
    assert_agree,
)

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_structure_batch_and_type_meet_and_every_function_stands_in_both_types():
    structures = {(case.layer_sizes[:-1], (case.n_samples, case.batch_size), case.dtype) for case in CASES}
    for first, second in combinations(range(3), 2):
        values = [{row[axis] for row in structures} for axis in (first, second)]
        assert {(row[first], row[second]) for row in structures} == set(product(*values))
    assert {(case.hidden, case.dtype) for case in CASES} == set(product((*HIDDEN, None), DTYPES))
    assert {((case.loss, case.output), case.dtype) for case in CASES} == set(product(OUTPUTS, DTYPES))


@pytest.mark.parametrize("is_narrow", [True, False])
@pytest.mark.parametrize("n_hidden_layers", [0, 1, 3])
def test_the_table_has_networks_of_every_depth_in_columns_and_in_rows(n_hidden_layers, is_narrow):
    cases = [case for case in STRUCTURES if len(case.layer_sizes) == n_hidden_layers + 2]
    assert any(case.network("numba")._model.is_narrow == is_narrow for case in cases)


@every_case
def test_loss_and_gradient_agree(case):
    X, y = case.last_batch
    losses, gradients = [], []
    for backend in fastnn.available_backends():
        network = case.network(backend)
        losses.append(network.loss(X, y))
        gradients.append(network.backward())
    assert_agree(*losses, case.tolerance())
    assert_agree(*gradients, case.tolerance())


@every_case
def test_logits_and_outputs_agree(case):
    X, _ = case.data
    networks = [case.network(backend) for backend in fastnn.available_backends()]
    assert_agree(*[network.logits(X) for network in networks], case.tolerance())
    assert_agree(*[network.forward(X) for network in networks], case.tolerance())


@every_case
def test_ten_steps_agree(case):
    X, y = case.last_batch
    losses, parameters = [], []
    for backend in fastnn.available_backends():
        network = case.network(backend)
        trajectory = []
        for _ in range(STEPS):
            trajectory.append(network.loss(X, y))
            network.backward()
            network.step(case.optimizer)
        losses.append(trajectory)
        parameters.append(network.parameters)
    assert_agree(*losses, case.tolerance(STEPS))
    assert_agree(*parameters, case.tolerance(STEPS))
    assert not np.array_equal(parameters[0], case.network("numpy").parameters)


@every_case
def test_whole_fits_agree(case):
    X, y = case.data
    validation = case.last_batch
    histories, parameters = [], []
    for backend in fastnn.available_backends():
        network = case.network(backend)
        history = network.fit(
            X,
            y,
            optimizer=case.optimizer,
            epochs=EPOCHS,
            batch_size=case.batch_size,
            shuffle=True,
            validation_data=validation,
        )
        histories.append(history)
        parameters.append(network.parameters)
    relative = case.tolerance(EPOCHS * -(-case.n_samples // case.batch_size))
    assert_agree(histories[0].loss, histories[1].loss, relative)
    assert_agree(histories[0].validation_loss, histories[1].validation_loss, relative)
    assert histories[0].validation_accuracy == histories[1].validation_accuracy
    assert_agree(*parameters, relative)


@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize("case", STRUCTURES, ids=str)
def test_what_the_work_buffers_held_before_makes_no_difference(case, backend):
    X, y = case.last_batch
    network = case.network(backend)
    loss, gradient = network.loss(X, y), network.backward().copy()
    for layer in network._model.layers_of_loss:
        for buffer in (layer.Z, layer.A, layer.dZ, layer.normalized, layer.passed_on, layer.precision):
            buffer.fill(np.nan)
    network.gradient.fill(np.nan)
    assert network.loss(X, y) == loss
    assert network.backward().tobytes() == gradient.tobytes()


@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize("case", [case for case in CASES if case.n_samples % case.batch_size], ids=str)
def test_a_fit_is_the_loop_one_would_write_by_hand(case, backend):
    X, y = case.data
    fitted, stepped = case.network(backend), case.network(backend)
    history = fitted.fit(X, y, optimizer=case.optimizer, epochs=1, batch_size=case.batch_size)
    order, total = stepped.random.permutation(len(X)), 0.0
    for start in range(0, len(X), case.batch_size):
        rows = order[start : start + case.batch_size]
        total += len(rows) * stepped.loss(X[rows], y[rows])
        stepped.backward()
        stepped.step(case.optimizer)
    assert_agree(history.loss[0], total / len(X), case.tolerance())
    assert_agree(fitted.parameters, stepped.parameters, case.tolerance(-(-len(X) // case.batch_size)))


# Large matrices, which are multiplied in blocks and partitioned among threads. No activation has a kink here.
LARGE_CASES = tuple(
    Case("tanh", SoftmaxCrossEntropy(), "softmax", layer_sizes, n_samples, batch_size, dtype)
    for layer_sizes, n_samples, batch_size in (
        ((700, 1050, 40, 3), 264, 131),
        ((5, 300, 2), 1600, 1000),
        ((2000, 3), 300, 128),
        ((30, 2049, 33), 70, 35),
        ((20, 32, 5), 2500, 1100),  # in columns, three tiles a batch
    )
    for dtype in DTYPES
)
#: Sample weights for one of the dtypes of each shape, in turn, so that each shape and each dtype is tested with and without:
#: a weight multiplies rows of errors before the products, which do not depend on it.
large_cases = pytest.mark.parametrize(
    ("case", "weighted"), [(case, (place // 2 + place) % 2 == 1) for place, case in enumerate(LARGE_CASES)], ids=str
)


def everything(case, backend, n_threads=None, sample_weight=None):
    """Outputs, loss, gradient, and the parameters and losses of a fit."""
    X, y = case.data
    batch = (X[: case.batch_size], y[: case.batch_size])
    network = case.network(backend, n_threads)
    batch += () if sample_weight is None else (sample_weight[: case.batch_size],)
    loss, gradient = network.loss(*batch), network.backward().copy()
    logits = network.logits(X)
    history = network.fit(X, y, sample_weight, optimizer=case.optimizer, epochs=EPOCHS, batch_size=case.batch_size)
    return logits, np.array([loss]), gradient, network.parameters, np.array(history.loss)


def weights_of(case):
    """A weight for each sample, some of them 0."""
    return np.random.default_rng(0).exponential(size=case.n_samples) * (np.arange(case.n_samples) % 4 > 0)


@large_cases
def test_large_networks_agree(weighted, case):
    steps, weights = EPOCHS * -(-case.n_samples // case.batch_size), weights_of(case) if weighted else None
    results = [everything(case, backend, sample_weight=weights) for backend in fastnn.available_backends()]
    for expected, found in zip(*results, strict=True):
        assert_agree(found, expected, case.tolerance(steps))


@pytest.mark.usefixtures("large_teams")
@large_cases
def test_results_are_the_same_to_the_last_bit_for_any_number_of_threads(weighted, case):
    weights = weights_of(case) if weighted else None
    alone = everything(case, "numba", 1, weights)
    for n_threads in (2, 3, 5, 7):
        team = everything(case, "numba", n_threads, weights)
        assert [one.tobytes() for one in team] == [one.tobytes() for one in alone]
