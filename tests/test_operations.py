"""Operations of the compiled backend: each equals its NumPy twin, whatever its results held before, on any part of the work."""

import inspect
from importlib import import_module

import numpy as np
import pytest

from fastnn.activations import ELEMENTWISE
from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.kernels import find_body
from fastnn.backends.numba_backend.operations import NOTHING, PART, SAMPLES, STREAM_PART, Operation, View
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.losses import LOSS_KERNELS
from fastnn.optimizers import SETTINGS, UPDATES
from tests.cases import DTYPES

pytestmark = pytest.mark.kernels

MODULES = ("activations", "dropout", "layers", "losses", "normalization", "optimizers", "sparse")
TWINS = {"previous_error_of_few": "previous_error"}  # of operations that compute the same in other ways
N, N_IN, N_OUT = 70, 9, 5  # more samples than an operation keeps on the stack at a time


def twin(name):
    """The NumPy function of that name, or None."""
    for module in MODULES:
        function = getattr(import_module(f"fastnn.backends.numpy_backend.{module}"), TWINS.get(name, name), None)
        if function is not None:
            return function
    return None


class Arrays:
    """Random arguments in one type; results begin as NaN."""

    def __init__(self, dtype):
        self.random, self.dtype = np.random.default_rng(0), np.dtype(dtype)

    def __call__(self, *shape):
        return self.random.standard_normal(shape).astype(self.dtype)

    def columns(self, n, k):
        """Samples in columns."""
        return np.asfortranarray(self(n, k))

    def rubbish(self, *shape):
        """A result that is to be written."""
        return np.full(shape, np.nan, self.dtype)


def a_step():
    step = np.zeros(1, SETTINGS)
    step["n_samples"], step["learning_rate"], step["l1"], step["l2"], step["weight_decay"] = N, 0.1, 0.01, 0.02, 0.03
    step["momentum"], step["squares_kept"], step["epsilon"], step["penalties_reported"] = 0.9, 0.99, 1e-3, 1
    step["momentum_correction"], step["squares_correction"], step["max_gradient_norm"] = 0.5, 0.4, 0.7
    step["orthogonal_rate"], step["mask_key"] = 0.2, 12345
    return step


def softmaxed(Z):
    exponentials = np.exp(Z)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def loss_arguments(make, name):
    outputs, Y = make.columns(N, N_OUT), np.asfortranarray(softmaxed(make(N, N_OUT)).astype(make.dtype))
    options = {"squared_error": [0.5], "huber": [0.7], "quantile": [0.2]}.get(name, [0.1, np.inf])
    return [np.full(N, np.nan), np.asfortranarray(make.rubbish(N, N_OUT)), outputs, Y, np.array(options)]


#: Arguments of every operation whose twin takes the same, in the order of both.
ARGUMENTS = {
    "affine": lambda make: [make.rubbish(N, N_OUT), make(N, N_IN), make(N_IN, N_OUT), make(N_OUT)],
    "previous_error": lambda make: [make.rubbish(N, N_IN), make(N, N_OUT), make(N_IN, N_OUT)],
    "previous_error_of_few": lambda make: [make.rubbish(N, N_IN), make(N, N_OUT), make(N_IN, N_OUT)],
    "weight_gradient": lambda make: [make.rubbish(N_IN, N_OUT), make(N, N_IN), make(N, N_OUT)],
    "bias_gradient": lambda make: [make.rubbish(N_OUT), make(N, N_OUT)],
    "softmax": lambda make: [np.asfortranarray(make.rubbish(N, N_OUT)), make.columns(N, N_OUT)],
    "softmax_backward": lambda make: [make.columns(N, N_OUT), make.columns(N, N_OUT)],
    "normalize_batch": lambda make: [
        make.rubbish(N, N_OUT), make(N, N_OUT), abs(make(3, N_OUT)), make(N_OUT), make(N_OUT)
    ],
    "normalize_running": lambda make: [
        make.rubbish(N, N_OUT), make(N, N_OUT), abs(make(3, N_OUT)), make(N_OUT), make(N_OUT)
    ],
    "normalize_samples": lambda make: [
        make.rubbish(N, N_OUT), make(N, N_OUT), make.rubbish(N), make(N_OUT), make(N_OUT)
    ],
    "scale_and_shift_gradient": lambda make: [
        make.rubbish(N_OUT), make.rubbish(N_OUT), make(N, N_OUT), make(N, N_OUT)
    ],
    "normalize_batch_backward": lambda make: [
        make(N, N_OUT), make(N, N_OUT), make(3, N_OUT), make(N_OUT), make(N_OUT), make(N_OUT)
    ],
    "normalize_samples_backward": lambda make: [make(N, N_OUT), make(N, N_OUT), make(N), make(N_OUT)],
    "add_penalty_gradient": lambda make: [make(N_IN), make(N_IN)],
    "penalize": lambda make: [make(N_IN), make(N_IN)],
    "follow_mean": lambda make: [make.rubbish(N_IN), make(N_IN), make(N_IN), 0.9, 1.0],
    "move_along": lambda make: [make(N_IN, N_OUT), make(N_IN, N_OUT), 1.5],
    **{name: (lambda make, name=name: loss_arguments(make, name)) for name in LOSS_KERNELS},
}  # fmt: skip

STATES_OF = {"sgd": 0, "rmsprop_momentum": 2, "adam": 2, "amsgrad": 3}
ARGUMENTS |= {
    name: (lambda make, name=name: [make(N_IN), make(N_IN), abs(make(STATES_OF.get(name, 1), N_IN))])
    for name in UPDATES
}


def run(operation: Operation, arguments, partition, step, n_threads=1):
    program = Program(arguments[1].dtype)
    program.add(operation, partition, *(View(a) if isinstance(a, np.ndarray) else a for a in arguments))
    program.run(step, n_threads)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_operation_equals_its_twin(name, dtype):
    expected, found, steps = ARGUMENTS[name](Arrays(dtype)), ARGUMENTS[name](Arrays(dtype)), (a_step(), a_step())
    takes_step = table.OPERATIONS[name].kinds[-1].name == "step"
    with np.errstate(all="ignore"):
        twin(name)(*expected, *[steps[0][0]] * takes_step)
    run(table.OPERATIONS[name], found, (NOTHING, 1), steps[1])
    tolerance = 100 * float(np.finfo(dtype).eps)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_passes_over_activations_equal_the_functions_of_arrays(name):
    make = Arrays("float64")
    z, a, dz = 3 * make(300), make.rubbish(300), make(300)
    function, derivative = twin(name), twin(f"{name}_derivative")
    run(table.OPERATIONS[name], [a, z], (NOTHING, 1), a_step())
    np.testing.assert_allclose(a, function(z), rtol=1e-13, atol=1e-15)
    expected = dz * derivative(z, a)
    run(table.OPERATIONS[f"{name}_derivative"], [dz, z, a], (NOTHING, 1), a_step())
    np.testing.assert_allclose(dz, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_bodies_and_twins_take_arguments_in_the_same_order_and_say_the_same(name):
    body, reference = find_body(name), twin(name)
    assert len(inspect.signature(body).parameters) == len(table.OPERATIONS[name].kinds)
    if name not in UPDATES:  # one body serves every update
        assert list(inspect.signature(body).parameters) == list(inspect.signature(reference).parameters)
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
