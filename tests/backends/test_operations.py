"""Operations of the compiled backend: each equals its NumPy twin, whatever its results held before, on any part of the work."""

import inspect

import numpy as np
import pytest

from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.kernels import find_body
from fastnn.backends.numba_backend.operations import PART, SAMPLES, STREAM_PART, View
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.updates import UPDATES
from tests.backends.operations import NAMES, OTHER_NAMES, TWINS, a_step, arguments_of, expect, results, run, twin
from tests.cases import DTYPES

pytestmark = pytest.mark.kernels


def test_every_operation_is_in_the_table_of_the_tests():
    assert {*NAMES, "run_tiles"} == set(table.OPERATIONS)


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
    """Each thread computes its rows of the batch, and no others; the batch begins within the data."""
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
        if name != "run_tiles":
            assert len(inspect.signature(find_body(name)).parameters) == len(operation.kinds)
