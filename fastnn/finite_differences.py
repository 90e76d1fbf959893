"""Finite differences of a network's loss, and the two effects that disturb them: kinks and rounding."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn.architecture import Architecture
from fastnn.network import Network

#: Kinks are examined with a step CLOSER times smaller. Biases are shifted by STEPS_BESIDE of these steps, and GROWTH times
#: further in each following layer, so that the shift of a layer outweighs that of its inputs.
CLOSER, STEPS_BESIDE, GROWTH = 300, 10, 20

#: How far a value may lie outside the range of slopes around a kink, as a fraction of that range.
SLACK = 0.02

#: Number of random roundings, and the allowed error as a multiple of the largest change they cause.
ROUNDINGS, LARGEST_ROUNDING = 4, 10

#: Features, targets and sample weights, as `Network.loss` takes them.
Data = tuple[Any, Any, Any]


def central_differences(network: Network, X: Any, y: Any, epsilon: float, sample_weight: Any = None) -> np.ndarray:
    """(L(theta + epsilon e_p) - L(theta - epsilon e_p)) / (2 epsilon) for every parameter p; the parameters are restored."""
    data = X, y, sample_weight
    with unchanged(network, data):
        entries = np.arange(len(network.parameters))
        return np.asarray(one_sided_differences(network, data, entries, epsilon).mean(axis=0))


def one_sided_differences(network: Network, data: Data, entries: np.ndarray, step: float) -> np.ndarray:
    """(L(theta) - L(theta - h e_p)) / h and (L(theta + h e_p) - L(theta)) / h for some parameters p: (2, n_entries)."""
    parameters, here = network.parameters, network.loss(*data)
    slopes = np.empty((2, len(entries)))
    for column, p in enumerate(entries):
        value = float(parameters[p])
        for row, shift in enumerate((-step, step)):
            parameters[p] = value + shift
            slopes[row, column] = (network.loss(*data) - here) / (float(parameters[p]) - value)
        parameters[p] = value
    return slopes


def gradient_of(network: Network, data: Data) -> np.ndarray:
    """A copy of backpropagation's gradient in float64."""
    network.loss(*data)
    return network.backward().astype(np.float64)


@contextmanager
def unchanged(network: Network, data: Data) -> Iterator[None]:
    """Context manager: restore parameters, running statistics, and the values that `loss` keeps for `backward`."""
    parameters, statistics = network.parameters.copy(), network.statistics.copy()
    network.loss(*data)  # invalid data raise here, before anything changes
    try:
        yield
    finally:
        network.parameters[:] = parameters
        network.loss(*data)
        network.statistics[:] = statistics


def in_double(network: Network, y: Any) -> tuple[Network, Any]:
    """A copy of the network in float64, on the same backend, and its targets; a float64 network is returned unchanged."""
    if network.dtype == np.float64:
        return network, y
    copy = object.__new__(type(network))
    copy.__setstate__({**network.__getstate__(), "dtype": np.dtype(np.float64)})
    if network.architecture.loss.targets == "classes" and np.ndim(y) == 2 and np.shape(y)[1] > 1:
        y = np.asarray(y, np.float64)
        y = y / y.sum(axis=1, keepdims=True)  # in single precision they sum to 1 only up to rounding
    return copy, y


def are_on_kinks(
    network: Network,
    data: Data,
    entries: np.ndarray,
    values: np.ndarray,
    slopes: np.ndarray,
    epsilon: float,
    tolerance: np.ndarray,
) -> np.ndarray:
    """Whether parameters are on a kink of the loss, with derivatives that are acceptable there.

    Where the loss is smooth, the slopes to the left, to the right, and with slightly smaller or larger biases converge as
    the step shrinks. On a kink they stay apart; within `epsilon` of a kink they converge abruptly. In both cases the
    derivative may have any value between them.
    """
    step = epsilon / CLOSER
    close, further = (_slopes_around(network, data, entries, size) for size in (step, 10 * step))
    low, span = close.min(axis=0), np.ptp(close, axis=0)
    slack = tolerance + SLACK * span
    jump, jump_further, jump_at_epsilon = (np.abs(pair[1] - pair[0]) for pair in (close, further, slopes))
    on_kink = (jump > jump_further / 3) | (span > np.ptp(further, axis=0) / 3)  # a tenth where the loss is smooth
    beside_kink = jump_at_epsilon > 10 * CLOSER * jump
    result: np.ndarray = (on_kink | beside_kink) & (values >= low - slack) & (values <= low + span + slack)
    return result


def _slopes_around(network: Network, data: Data, entries: np.ndarray, step: float) -> np.ndarray:
    """Slopes to the left, to the right, and with smaller and larger biases: (4, n_entries)."""
    parameters, before = network.parameters, network.parameters.copy()
    slopes = list(one_sided_differences(network, data, entries, step))
    for direction in (-1, 1):
        for l, (b, beta) in enumerate(zip(network.biases, network.shifts, strict=True)):
            moved = beta if beta.size else b
            moved += direction * STEPS_BESIDE * step * GROWTH**l
        slopes.append(one_sided_differences(network, data, entries, step).mean(axis=0))
        parameters[:] = before
    return np.array(slopes)


def rounding_errors(network: Network, data: Data, gradient: np.ndarray, eps: float) -> np.ndarray:
    """Allowed error of a gradient computed with precision `eps`, per parameter, relative to the one in float64.

    Rounding in a stable computation has the effect of small changes of its inputs (Higham, Accuracy and Stability of
    Numerical Algorithms, section 1.5): parameters, features and targets are rounded at random, and the largest change
    within each weight matrix or vector applies to all of it.
    """
    random, before = np.random.default_rng(0), network.parameters.copy()
    X, y, sample_weight = data
    y, others = _targets_and_others(network, y)
    changes = np.zeros(len(gradient))
    with unchanged(network, data):
        for _ in range(ROUNDINGS):
            network.parameters[:] = before * (1 + eps * random.uniform(-1, 1, len(before)))
            rounded = _rounded(X, eps, random), y + eps * random.random() * (others - y)
            changes = np.maximum(changes, np.abs(gradient_of(network, (*rounded, sample_weight)) - gradient))
    for _, view in named_views(network.architecture, changes):
        view[:] = LARGEST_ROUNDING * view.max()
    return changes


def _rounded(X: Any, eps: float, random: np.random.Generator) -> Any:
    """Features, dense or sparse, each with a random relative error of at most `eps`."""
    if hasattr(X, "toarray"):
        X = X.tocsr().astype(np.float64, copy=True)
        X.data *= 1 + eps * random.uniform(-1, 1, X.data.shape)
        return X
    X = np.asarray(X, np.float64)
    return X * (1 + eps * random.uniform(-1, 1, X.shape))


def _targets_and_others(network: Network, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Targets as rows or numbers, and other valid targets to move them towards: the next class, 1 - y, or 2 y."""
    targets, n_outputs = network.architecture.loss.targets, network.architecture.n_outputs
    y = np.asarray(y)
    if targets == "classes":
        rows = y if y.ndim == 2 and y.shape[1] > 1 else np.eye(n_outputs)[y.astype(np.int64).reshape(-1)]
        return rows, np.roll(rows, 1, axis=1)
    y = y.astype(np.float64)
    return y, (1 - y if targets == "probabilities" else 2 * y)


def named_views(architecture: Architecture, vector: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The views of a flat vector by name, layer by layer: W1, b1, gamma1, beta1, alpha1, W2, ..., P1, E2, ..., s."""
    return [(array.name, array.view(vector)) for array in architecture.arrays]
