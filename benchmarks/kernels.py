"""The table of kernels that pytest-benchmark and asv time: functions that both backends have, at MNIST's sizes."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnn
from benchmarks.workloads import DTYPE, QUICK, SEED
from fastnn.architecture import Architecture
from fastnn.backends.numba_backend.compilation import kernel as compiled


def get_backend(name: str):
    """The package of that backend that still has its kernels one by one."""
    return import_module(f"fastnn.backends.{name}_backend")


N = 16 if QUICK else 128
N_SAMPLES = 100 if QUICK else 10_000

#: How far a kernel may be from its twin, relative to the largest number: sums of up to 784 products, rounded one by one.
TOLERANCE = 784 * float(np.finfo(DTYPE).eps)


@dataclass(frozen=True)
class Kernel:
    """A function of the backends and what it is called with.

    Attributes
    ----------
    name : str
        What it computes, and at which size.
    module, function : str
        Where it is, in either backend.
    arguments : callable
        Makes its arguments for a backend, the same numbers for each.
    outputs : int
        How many of its first arguments it writes.
    """

    name: str
    module: str
    function: str
    arguments: Callable[[str], tuple[Any, ...]]
    outputs: int = 1

    def call(self, backend: str) -> Callable[[], None]:
        """The kernel of a backend with its arguments, ready to be timed: compiled, and found equal to its twin."""
        run = functools.partial(_function(self.module, self.function, backend), *self.arguments(backend))
        expected = self.results("numpy")
        run()
        for result, number in zip(run.args[: self.outputs], expected, strict=True):
            difference, largest = float(np.abs(result - number).max()), float(np.abs(number).max())
            if not difference <= TOLERANCE * largest:
                raise AssertionError(
                    f"{self.name}: the {backend} backend differs from the numpy backend by {difference:.3g} where the "
                    f"largest number is {largest:.3g}; {TOLERANCE:.1g} of it is allowed. Nothing was timed."
                )
        return run

    def results(self, backend: str) -> tuple[NDArray[Any], ...]:
        """What the function of a backend writes."""
        arguments = self.arguments(backend)
        _function(self.module, self.function, backend)(*arguments)
        return arguments[: self.outputs]


@functools.cache
def _function(module: str, name: str, backend: str) -> Callable[..., None]:
    function = getattr(import_module(f"fastnn.backends.{backend}_backend.{module}"), name)
    if backend == "numpy" or not isinstance(function, FunctionType):
        return function

    @compiled
    def call(*arguments):  # a plain function with a typed twin, which only compiled code reaches
        function(*arguments)

    return call


def _normal(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(SEED + len(shape) + sum(shape)).standard_normal(shape).astype(DTYPE)


def _rubbish(*shape: int) -> NDArray[Any]:
    return np.full(shape, np.nan, DTYPE)


def _affine(n_in: int, n_out: int, backend: str) -> tuple[Any, ...]:
    return _rubbish(N, n_out), _normal(N, n_in), _normal(n_in, n_out), _normal(n_out)


def _weight_gradient(n_in: int, n_out: int, backend: str) -> tuple[Any, ...]:
    return _rubbish(n_in, n_out), _normal(N, n_out), _normal(N, n_in)


def _previous_error(n_in: int, n_out: int, backend: str) -> tuple[Any, ...]:
    architecture = Architecture.create((n_in, n_in, n_out), ("relu", "identity"), "squared_error")
    layer = get_backend(backend).bind(architecture.layers, np.dtype(DTYPE), True)[0]
    Z_previous = _normal(N, n_in)
    A_previous = np.maximum(Z_previous, 0)
    no_key, first = None, 0  # nothing is dropped
    return _rubbish(N, n_in), _normal(N, n_out), _normal(n_in, n_out), Z_previous, A_previous, layer, no_key, first


def _gather(backend: str) -> tuple[Any, ...]:
    order = np.random.default_rng(SEED).permutation(N_SAMPLES)
    return _rubbish(N, 784), _normal(N_SAMPLES, 784), order, 0, N


def _loss(
    n_outputs: int, targets: Callable[[], NDArray[Any]], options: tuple[float, ...], backend: str
) -> tuple[Any, ...]:
    # In columns, as the compiled backend keeps what the last layer computes.
    Z, Y = np.asfortranarray(_normal(N, n_outputs)), np.asfortranarray(targets())
    return np.full(N, np.nan), np.asfortranarray(_rubbish(N, n_outputs)), Z, Y, np.array(options)


def _one_hot() -> NDArray[Any]:
    return np.eye(10, dtype=DTYPE)[np.arange(N) % 10]


def _labels() -> NDArray[Any]:
    return (np.arange(N) % 2).astype(DTYPE)[:, np.newaxis]


def _numbers() -> NDArray[Any]:
    return _normal(N, 10) / 2


KERNELS = (
    Kernel(f"A W + b, {N}x784x128", "layers", "affine", functools.partial(_affine, 784, 128)),
    Kernel(f"A W + b, {N}x512x512", "layers", "affine", functools.partial(_affine, 512, 512)),
    Kernel(f"A^T dZ, 784x{N}x128", "layers", "weight_gradient", functools.partial(_weight_gradient, 784, 128)),
    Kernel(f"A^T dZ, 512x{N}x512", "layers", "weight_gradient", functools.partial(_weight_gradient, 512, 512)),
    Kernel(f"dZ W^T * f'(Z), {N}x10x128", "layers", "previous_error", functools.partial(_previous_error, 128, 10)),
    Kernel(f"dZ W^T * f'(Z), {N}x512x512", "layers", "previous_error", functools.partial(_previous_error, 512, 512)),
    Kernel(f"gather, {N} of {N_SAMPLES} images", "batches", "select_rows", _gather),
    Kernel(
        f"softmax and cross-entropy, {N}x10",
        "losses",
        "softmax_cross_entropy",
        functools.partial(_loss, 10, _one_hot, (0.0, np.inf)),
        outputs=2,
    ),
    Kernel(
        f"sigmoid and cross-entropy, {N}x1",
        "losses",
        "binary_cross_entropy_with_logits",
        functools.partial(_loss, 1, _labels, (0.0, np.inf)),
        outputs=2,
    ),
    Kernel(
        f"squared error, {N}x10", "losses", "squared_error", functools.partial(_loss, 10, _numbers, (1.0,)), outputs=2
    ),
)

#: Rows that inference is timed on: its latency, and its throughput.
INFERENCE_ROWS = (1, 100) if QUICK else (1, 10_000)


def inference(n_rows: int, backend: str) -> Callable[[], NDArray[Any]]:
    """``network.forward`` of a 784-128-10 network on some rows, compiled, and found equal to the reference."""
    X = np.abs(_normal(n_rows, 784))
    expected = fastnn.Network([784, 128, 10], backend="numpy", dtype=DTYPE, seed=SEED).forward(X)
    network = fastnn.Network([784, 128, 10], backend=backend, dtype=DTYPE, seed=SEED)
    difference = float(np.abs(network.forward(X) - expected).max())
    if not difference <= TOLERANCE:
        raise AssertionError(
            f"Probabilities of the {backend} backend differ from those of the numpy backend by {difference:.3g}; "
            f"{TOLERANCE:.1g} is allowed. Nothing was timed."
        )
    return functools.partial(network.forward, X)
