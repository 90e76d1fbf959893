"""Operations of the compiled backend: each equals its NumPy twin, for any previous values of its results, on any chunk."""

import inspect

import numpy as np
import pytest

from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.kernels import find_body
from fastnn.backends.numba_backend.operations import NOTHING, PART, SAMPLES, STREAM_PART, View
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.backends.whole_epochs import Watch, WholeEpochs, state_of_pcg64, words_of
from fastnn.updates import SETTINGS, UPDATES
from tests.backends.operations import (
    DRIVERS,
    NAMES,
    OTHER_NAMES,
    TWINS,
    a_step,
    arguments_of,
    expect,
    results,
    run,
    twin,
)
from tests.cases import DTYPES

pytestmark = pytest.mark.kernels


def test_every_operation_is_in_the_table_of_the_tests():
    assert {*NAMES, *DRIVERS} == set(table.OPERATIONS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_an_operation_equals_its_twin(name, dtype):
    expected, found, steps = arguments_of(name, dtype), arguments_of(name, dtype), (a_step(), a_step())
    expect(name, expected, steps[0][0])
    run(table.OPERATIONS[name], found, steps[1], dtype)
    tolerance = 100 * float(np.finfo(dtype).eps)
    for one, other in zip(results(name, expected), results(name, found), strict=True):
        np.testing.assert_allclose(other, one, rtol=tolerance, atol=tolerance)
    for field in ("loss", "not_finite"):
        np.testing.assert_allclose(steps[1][field], steps[0][field], rtol=tolerance)


@pytest.mark.parametrize("name", TWINS)
def test_bodies_and_twins_take_arguments_in_the_same_order_and_say_the_same(name):
    body, reference = find_body(name), twin(name)
    assert len(inspect.signature(body).parameters) == len(table.OPERATIONS[name].kinds)
    if name not in UPDATES:  # one body serves every update
        assert list(inspect.signature(body).parameters) == list(inspect.signature(reference).parameters)
    if name not in UPDATES and name not in OTHER_NAMES:
        summary = inspect.getdoc(reference).partition("\n")[0]
        assert inspect.getdoc(body).partition("\n")[0] == summary


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
def test_a_part_is_what_the_threads_share_out(n_threads):
    """Each thread computes only its rows of the batch; the batch begins within the data."""
    Z, A, W, b = np.full((30, 3), np.nan), np.arange(80.0).reshape(40, 2), np.ones((2, 3)), np.zeros(3)
    program, step = Program(np.dtype("float64")), a_step()
    step["start"], step["n_samples"] = 7, 20
    program.add(table.affine, (SAMPLES, 8), View(Z, PART), View(A, STREAM_PART), View(W), View(b))
    program.run(step, n_threads)
    np.testing.assert_array_equal(Z[:20], A[7:27] @ W)
    assert np.isnan(Z[20:]).all()


def test_every_operation_has_a_body():
    for name, operation in table.OPERATIONS.items():
        assert callable(find_body(name)), name
        if name not in DRIVERS:
            assert len(inspect.signature(find_body(name)).parameters) == len(operation.kinds)


@pytest.mark.parametrize("n", [1, 2, 3, 64, 65, 1000])
def test_orders_are_those_that_numpy_draws(n):
    step, legacy, modern = np.zeros(3, SETTINGS), np.random.RandomState(n), np.random.default_rng(n)
    modern.random(dtype=np.float32)  # half of a number stays in store
    orders, states = (np.arange(n), np.arange(n)), (words_of(legacy.get_state(legacy=False)), state_of(modern))
    for shuffle, order, state in zip(table.SHUFFLES.values(), orders, states, strict=True):
        program = Program(np.dtype("float32"))
        program.add(shuffle, (NOTHING, 1), View(order), View(state))
        with np.errstate(over="ignore"):  # as in all calls of the backends
            program.run(step)
    expected = np.arange(n)
    for _ in range(3):
        legacy.shuffle(expected)
        permuted = modern.permutation(n)
    np.testing.assert_array_equal(orders[0], expected)
    np.testing.assert_array_equal(orders[1], permuted)
    np.testing.assert_array_equal(states[0], words_of(legacy.get_state(legacy=False)))
    np.testing.assert_array_equal(states[1], state_of(modern))


def state_of(generator):
    return state_of_pcg64(generator.bit_generator)


def test_no_order_is_drawn_within_an_epoch():
    order, step = np.arange(50), np.zeros(1, SETTINGS)
    step["start"] = 7
    program = Program(np.dtype("float32"))
    program.add(table.SHUFFLES["pcg64"], (NOTHING, 1), View(order), View(state_of(np.random.default_rng(0))))
    program.run(step)
    np.testing.assert_array_equal(order, np.arange(50))


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize(
    ("losses", "n_epochs"), [([1, 1, 1, 1, 1], 4), ([5, 4, 3, 2, 1], 5), ([5, np.inf, 3, 2, 1], 2)]
)
def test_a_program_is_left_where_losses_have_not_improved_for_long(losses, n_epochs, n_threads):
    epochs = WholeEpochs.of(np.arange(10), np.empty(0), 2, Watch(tolerance=0.5, patience=2))
    program, steps = Program(np.dtype("float32")), np.zeros(10, SETTINGS)
    steps["loss"] = np.repeat(losses, 2)
    steps["start"], steps["n_samples"] = np.tile([0, 6], 5), np.tile([6, 4], 5)
    program.add(table.watch_epoch, (NOTHING, 1), View(epochs.progress))
    program.wait()
    program.add(table.leave_if_paused, (NOTHING, 1), View(epochs.progress))
    program.wait()
    program.run(steps, n_threads)
    assert epochs.n_steps == 2 * n_epochs
