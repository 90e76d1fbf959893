"""One table of networks, data and batches, for parity of the backends, gradient checks and comparisons.

The table is a pairwise design. The structure of a program depends on depth, memory layout, batches and dtype, so every value
of these factors is combined with every value of the others. The activation or loss of a layer only changes an address in the
program, and `test_operations` compares each of them with its NumPy twin. So activations and losses need not be combined with
each other; each appears in both dtypes. Other features that change a program have tests of their own: normalisation and
dropout, optimizers, sparse features, sample weights.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import threads
from fastnn.activations import ACTIVATIONS
from fastnn.backends.numba_backend import network
from fastnn.backends.numpy_backend import activations as equations
from fastnn.losses import (
    LOSSES,
    AbsoluteError,
    BinaryCrossEntropy,
    Huber,
    Loss,
    Quantile,
    SoftmaxCrossEntropy,
    SquaredError,
)

every_backend = pytest.mark.parametrize("backend", fastnn.available_backends())

DTYPES = ("float32", "float64")
ELEMENTWISE = tuple(name for name in ACTIVATIONS if name != "softmax")
HIDDEN = tuple(name for name, activation in ACTIVATIONS.items() if activation.hidden)

#: Losses with non-default options.
WITH_OPTIONS = (
    SoftmaxCrossEntropy(label_smoothing=0.1),
    BinaryCrossEntropy(label_smoothing=0.2),
    SquaredError(scale=0.5),
    Huber(delta=0.5),
    Quantile(levels=0.3),
)


def outputs_of(loss: Loss) -> tuple[str, ...]:
    """Output activations with which a loss is tested.

    The squared error tests dA * f'(Z) with all of them; other losses that start from outputs are tested with their matched
    activation and tanh, and losses with options only with the former.
    """
    if loss in WITH_OPTIONS:
        return (loss.matched_activation,)
    if "*" in loss.kernels and not isinstance(loss, SquaredError):
        return (loss.matched_activation, "tanh")
    return loss.output_activations


OUTPUTS = tuple((loss, output) for loss in (*LOSSES.values(), *WITH_OPTIONS) for output in outputs_of(loss))

#: Zero to three hidden layers; narrow networks train in columns, those with many inputs or units in rows.
LAYER_SIZES = ((10, 1), (65, 9), (1, 10, 3), (3, 40, 1), (3, 1, 17, 5), (10, 17, 7, 3, 1), (65, 3, 33, 3, 2))

#: Samples of an epoch, and of a batch: 1, 2, 7, 64, and 16 with a last batch of 5.
BATCHES = ((3, 1), (6, 2), (21, 7), (64, 64), (37, 16))

#: Enough for all the pairs that `test_parity` requires.
N_CASES = 66

STEPS = 10
EPOCHS = 2

#: Error of a scalar function and the operations around it, in units in the last place.
ROUNDINGS_PER_FUNCTION = 8

#: Activations with a kink at 0. Values keep a distance from it, so that neither rounding nor a finite difference moves them
#: across it, where the gradient jumps.
KINKED = ("relu", "leaky_relu", "selu")
CLEARANCE = 1e-4

#: The same for losses with a kink where an output equals its target.
KINKED_LOSSES = (AbsoluteError, Quantile)


def import_torch() -> ModuleType:
    """PyTorch on one thread, or skip the test; on a busy machine, threads that spin cost more than they compute."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it says on import is not ours
        torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


def allow_large_teams(patch: pytest.MonkeyPatch) -> None:
    """Let any work be divided among as many threads as a network asks for, up to eight."""
    patch.setattr(threads, "available_cpus", lambda: 8)
    patch.setattr(network, "BATCH_WORK_PER_THREAD", 1)
    patch.setattr(network, "CALL_WORK_PER_THREAD", 1)


def tolerance(dtype: str | np.dtype, *lengths: int) -> float:
    """Largest difference of two computations of the same number, relative to its scale, through sums of these lengths.

    A sum of n terms, in any order, errs by at most n units in the last place of the sum of their magnitudes (Higham,
    Accuracy and Stability of Numerical Algorithms, 2nd edition, section 4.2); the function applied to each sum adds
    `ROUNDINGS_PER_FUNCTION`. The factor two is there because both computations have errors.
    """
    return 2 * float(np.finfo(dtype).eps) * sum(length + ROUNDINGS_PER_FUNCTION for length in lengths)


def assert_agree(found, expected, relative: float) -> None:
    """Require both to be within `relative` of each other; the scale is the largest entry, but at least 1.

    At least 1 because inputs, weights and targets are of order one: an entry that is small because such terms cancel is no
    more precise than they are.
    """
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * scale)


@dataclass(frozen=True)
class Case:
    """A network, its data and their batches, drawn from a seed, so that they are the same in every run."""

    hidden: str | None
    loss: Loss
    output: str
    layer_sizes: tuple[int, ...]
    n_samples: int
    batch_size: int
    dtype: str

    #: Steps so small that they do not amplify earlier differences.
    optimizer = fastnn.SGD(learning_rate=0.01, l2=0.1)

    def __str__(self) -> str:
        sizes = "-".join(map(str, self.layer_sizes))
        loss = "-".join(map(str, (self.loss.name, *self.loss.options)))
        return f"{sizes}-{self.hidden}-{self.output}-{loss}-{self.n_samples}by{self.batch_size}-{self.dtype}"

    @property
    def activations(self) -> tuple[str, ...]:
        """One name per layer."""
        return (str(self.hidden),) * (len(self.layer_sizes) - 2) + (self.output,)

    def network(self, backend: str, n_threads: int | None = None) -> fastnn.Network:
        """The network of this case: the same parameters on every backend and, up to rounding, in every dtype."""
        return self._network(self._seed, backend, self.dtype, n_threads)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """X (n_samples, n_0) in the type of the case, and targets y."""
        return self._data(self._seed)

    @property
    def last_batch(self) -> tuple[np.ndarray, np.ndarray]:
        """The last batch of an unshuffled epoch, which is the short one if there is one."""
        X, y = self.data
        start = list(range(0, self.n_samples, self.batch_size))[-1]
        return X[start:], y[start:]

    def tolerance(self, steps: int = 1) -> float:
        """Tolerance of loss and gradient: sums over inputs, then over outputs, then over the samples of a batch.

        Each of several steps adds the error of one more gradient.
        """
        return steps * tolerance(self.dtype, *self.layer_sizes, *self.layer_sizes[1:], self.batch_size)

    @cached_property
    def _seed(self) -> int:
        """The first seed with which no value comes close to a kink in ten steps and in a fit."""
        return next(seed for seed in count() if all(far >= CLEARANCE for far in self._distances_from_kinks(seed)))

    def _network(self, seed: int, backend: str, dtype: str, n_threads: int | None = None) -> fastnn.Network:
        network = fastnn.Network(
            self.layer_sizes,
            self.activations,
            self.loss,
            backend=backend,
            dtype=dtype,
            initializer="glorot_normal",
            seed=seed,
            n_threads=n_threads,
        )
        random = np.random.default_rng([seed, 1])
        for b in network.biases:
            b[:] = random.uniform(-0.5, 0.5, b.shape)
        return network

    def _data(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng([seed, 2])
        X = random.standard_normal((self.n_samples, self.layer_sizes[0])).astype(np.float32).astype(self.dtype)
        shape = (self.n_samples, self.layer_sizes[-1])
        match self.loss.targets:
            case "classes":
                return X, random.integers(shape[1], size=shape[0])
            case "probabilities":
                y = np.clip(random.uniform(-0.5, 1.5, shape), 0, 1)
            case "counts":
                y = random.poisson(1.0, shape)
            case "numbers":
                y = random.standard_normal(shape)
        return X, y.astype(np.float32).astype(self.dtype)

    def _distances_from_kinks(self, seed: int) -> Iterator[float]:
        """The distance from a kink, batch by batch, in ten steps on the last batch and in a shuffled fit."""
        if not has_kinks(self.activations, self.loss):
            return
        X, y = self._data(seed)
        rows, size = np.arange(self.n_samples), self.batch_size
        batches = [rows[start : start + size] for start in range(0, self.n_samples, size)]
        for fit in (False, True):
            network = self._network(seed, "numpy", "float64")
            for step in range(EPOCHS * len(batches) if fit else STEPS):
                if fit and len(batches) > 1 and step % len(batches) == 0:
                    order = network.random.permutation(self.n_samples)
                    batches = [order[start : start + size] for start in range(0, self.n_samples, size)]
                batch = batches[step % len(batches)] if fit else batches[-1]
                yield distance_from_kinks(network, X[batch], y[batch])
                network.loss(X[batch], y[batch])
                network.backward()
                network.step(self.optimizer)


def has_kinks(activations: tuple[str, ...], loss: Loss) -> bool:
    """Whether there is a unit or loss with a kink at 0."""
    return bool(set(KINKED) & set(activations)) or isinstance(loss, KINKED_LOSSES)


def distance_from_kinks(network: fastnn.Network, X: np.ndarray, y: np.ndarray) -> float:
    """Smallest |z| of all units with a kink at 0, and smallest |a - y| under a loss with one."""
    smallest, A = np.inf, X
    if isinstance(network.architecture.loss, KINKED_LOSSES):
        smallest = float(np.abs(network.forward(X) - y).min())
    for W, b, name in zip(network.weights, network.biases, network.architecture.activations, strict=True):
        Z = A @ W + b
        if name in KINKED:
            smallest = min(smallest, float(np.abs(Z).min()))
        if name != "softmax":
            A = equations.FUNCTIONS[ACTIVATIONS[name].code](Z)
    return smallest


def layer_sizes_for(output: str, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The layer sizes, with at least two outputs under a softmax."""
    return (*sizes[:-1], max(sizes[-1], 2)) if output == "softmax" else sizes


def rows() -> Iterator[tuple]:
    """Hidden activation, loss, output activation, layer sizes, samples, batch size and type of every case.

    Each axis is cycled through at its own length.
    """
    for n in range(N_CASES):
        sizes, (loss, output) = LAYER_SIZES[n % len(LAYER_SIZES)], dealt(OUTPUTS, n)
        hidden = dealt(HIDDEN, n) if len(sizes) > 2 else None
        yield hidden, loss, output, layer_sizes_for(output, sizes), *BATCHES[n % len(BATCHES)], DTYPES[n % len(DTYPES)]


def dealt(values: tuple, n: int) -> Any:
    """The n-th of some values in turn, which are shifted by one in each round if their number is even.

    Otherwise each would appear in one dtype only.
    """
    return values[(n + (len(values) % 2 == 0) * (n // len(values))) % len(values)]


CASES = tuple(Case(*row) for row in rows())

#: One case for each structure: all layer sizes in each dtype.
STRUCTURES = tuple({(case.layer_sizes[:-1], case.dtype): case for case in CASES}.values())

#: The same, all of them in double precision.
DOUBLE_CASES = tuple(case if case.dtype == "float64" else replace(case, dtype="float64") for case in CASES)
