"""The table of operations timed by pytest-benchmark and asv: functions of both backends, at MNIST's sizes."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnn
from benchmarks.harness.agreement import assert_close
from benchmarks.settings import DTYPE, QUICK, SEED
from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.operations import NOTHING, Operation, View
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.backends.numpy_backend import layers, losses
from fastnn.updates import SETTINGS

N = 16 if QUICK else 128
N_SAMPLES = 100 if QUICK else 10_000

#: Largest relative difference of an operation from its twin: sums of up to 784 products, each rounded.
TOLERANCE = 784 * float(np.finfo(DTYPE).eps)


@dataclass(frozen=True)
class Kernel:
    """An operation of the compiled backend, its NumPy twin, and the arguments of both.

    Attributes
    ----------
    name : str
        Name and size.
    twin : callable
        The NumPy function.
    operation : Operation
        The operation.
    arguments : callable
        Creates the arguments of both, with the same values each time.
    outputs : int
        Number of arguments that it writes; they come first.
    """

    name: str
    twin: Callable[..., None]
    operation: Operation
    arguments: Callable[[], tuple[NDArray[Any], ...]]
    outputs: int = 1

    def call(self, backend: str) -> Callable[[], None]:
        """The call of one backend, ready to be timed: compiled, and checked against its twin."""
        expected, arguments = self.arguments(), self.arguments()
        self.twin(*expected)
        run = functools.partial(self.twin, *arguments) if backend == "numpy" else _program(self.operation, arguments)
        run()
        for found, number in zip(arguments[: self.outputs], expected, strict=False):
            assert_close(f"{self.name} on the {backend} backend", found, number, TOLERANCE)
        return run


def _program(operation: Operation, arguments: tuple[NDArray[Any], ...]) -> Callable[[], None]:
    """A function that runs the operation alone, on one thread."""
    program, step = Program(np.dtype(DTYPE)), np.zeros(1, SETTINGS)
    program.add(operation, (NOTHING, 1), *map(View, arguments))
    return functools.partial(program.run, step)


def _normal(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(SEED + len(shape) + sum(shape)).standard_normal(shape).astype(DTYPE)


def _rubbish(*shape: int) -> NDArray[Any]:
    return np.full(shape, np.nan, DTYPE)


def _affine(n_in: int, n_out: int) -> tuple[NDArray[Any], ...]:
    return _rubbish(N, n_out), _normal(N, n_in), _normal(n_in, n_out), _normal(n_out)


def _weight_gradient(n_in: int, n_out: int) -> tuple[NDArray[Any], ...]:
    return _rubbish(n_in, n_out), _normal(N, n_in), _normal(N, n_out)


def _previous_error(n_in: int, n_out: int) -> tuple[NDArray[Any], ...]:
    return _rubbish(N, n_in), _normal(N, n_out), _normal(n_in, n_out)


def _gather() -> tuple[NDArray[Any], ...]:
    order = np.random.default_rng(SEED).permutation(N_SAMPLES)[:N]
    return _rubbish(N, 784), _normal(N_SAMPLES, 784), order


def _select_rows(rows: NDArray[Any], data: NDArray[Any], order: NDArray[Any]) -> None:
    rows[:] = data[order]


def _loss(n_outputs: int, targets: Callable[[], NDArray[Any]], options: tuple[float, ...]) -> tuple[NDArray[Any], ...]:
    # In columns, as the compiled backend stores the output of the last layer.
    Z, Y = np.asfortranarray(_normal(N, n_outputs)), np.asfortranarray(targets())
    return np.full(N, np.nan), np.asfortranarray(_rubbish(N, n_outputs)), Z, Y, np.array(options)


def _one_hot() -> NDArray[Any]:
    return np.eye(10, dtype=DTYPE)[np.arange(N) % 10]


def _labels() -> NDArray[Any]:
    return (np.arange(N) % 2).astype(DTYPE)[:, np.newaxis]


def _numbers() -> NDArray[Any]:
    return _normal(N, 10) / 2


def _layer(equation: str, function: str, make: Callable[..., Any], n_in: int, n_out: int) -> Kernel:
    """A product of a layer, whose operation and twin have the same name."""
    arguments = functools.partial(make, n_in, n_out)
    return Kernel(equation, getattr(layers, function), table.OPERATIONS[function], arguments)


def _loss_kernel(name: str, function: str, *arguments: Any) -> Kernel:
    """A loss with its errors, whose operation and twin have the same name."""
    make = functools.partial(_loss, *arguments)
    return Kernel(name, getattr(losses, function), table.OPERATIONS[function], make, outputs=2)


KERNELS = (
    _layer(f"A W + b, {N}x784x128", "affine", _affine, 784, 128),
    _layer(f"A W + b, {N}x512x512", "affine", _affine, 512, 512),
    _layer(f"A^T dZ, 784x{N}x128", "weight_gradient", _weight_gradient, 784, 128),
    _layer(f"A^T dZ, 512x{N}x512", "weight_gradient", _weight_gradient, 512, 512),
    _layer(f"dZ W^T, {N}x10x128", "previous_error", _previous_error, 128, 10),
    _layer(f"dZ W^T, {N}x512x512", "previous_error", _previous_error, 512, 512),
    Kernel(f"gather, {N} of {N_SAMPLES} images", _select_rows, table.GATHERS[DTYPE], _gather),
    _loss_kernel(f"softmax and cross-entropy, {N}x10", "softmax_cross_entropy", 10, _one_hot, (0.0, np.inf)),
    _loss_kernel(f"sigmoid and cross-entropy, {N}x1", "binary_cross_entropy_with_logits", 1, _labels, (0.0, np.inf)),
    _loss_kernel(f"squared error, {N}x10", "squared_error", 10, _numbers, (1.0,)),
)

#: Numbers of rows for inference, to measure latency and throughput.
INFERENCE_ROWS = (1, 100) if QUICK else (1, 10_000)


def inference(n_rows: int, backend: str) -> Callable[[], NDArray[Any]]:
    """``network.forward`` of a 784-128-10 network on some rows, compiled, and checked against the reference."""
    X = np.abs(_normal(n_rows, 784))
    expected = fastnn.Network([784, 128, 10], backend="numpy", dtype=DTYPE, seed=SEED).forward(X)
    network = fastnn.Network([784, 128, 10], backend=backend, dtype=DTYPE, seed=SEED)
    assert_close(f"probabilities on the {backend} backend", network.forward(X), expected, TOLERANCE)
    return functools.partial(network.forward, X)
