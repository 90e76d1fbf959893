"""A straight stack of layers of another library, and the network that computes the same."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn.activations import ACTIVATIONS
from fastnn.backends.numpy_backend.normalization import EPSILON
from fastnn.losses import Loss, find_loss
from fastnn.network import Network

#: The loss that goes with an activation of the output layer; for others it is the squared error.
LOSS_OF_OUTPUT = {"softmax": "softmax_cross_entropy", "sigmoid": "binary_cross_entropy"}


@dataclass(frozen=True, eq=False)
class Affine:
    """z = a W + b; W (n_inputs, n_outputs), b (n_outputs,) or None for 0."""

    weights: np.ndarray
    biases: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Norm:
    """Normalisation, "batch" or "layer", of n units, with gamma and beta (n,), None for 1 and 0.

    Batch normalisation has a running mean and variance (n,).
    """

    kind: str
    n_units: int
    scales: np.ndarray | None
    shifts: np.ndarray | None
    mean: np.ndarray | None = None
    variance: np.ndarray | None = None


@dataclass(frozen=True)
class Activate:
    """One of fastnn's activations."""

    name: str


@dataclass(frozen=True)
class Drop:
    """Dropout at a rate."""

    rate: float


Part = Affine | Norm | Activate | Drop

#: The order of the parts within a layer.
ORDER = (Affine, Norm, Activate, Drop)


@dataclass
class Layer:
    """The parts of one layer of a network, and how messages refer to each kind."""

    affine: Affine
    norm: Norm | None = None
    activation: str | None = None
    dropout: float = 0.0
    labels: dict[type[Part], str] = field(default_factory=dict)

    def add(self, part: Part, label: str) -> None:
        """Add a part."""
        self.labels[type(part)] = label
        match part:
            case Norm():
                self.norm = part
            case Activate():
                self.activation = part.name
            case Drop():
                self.dropout = part.rate

    def check(self, *, is_last: bool) -> None:
        """Raise ValueError for parts that do not fit to each other or to the place of the layer."""
        n = self.affine.weights.shape[1]
        if self.norm is not None and self.norm.n_units != n:
            raise ValueError(f"{self.labels[Norm]} normalises {self.norm.n_units} units, but the layer before has {n}.")
        for kind in (Norm, Drop):
            if is_last and kind in self.labels:
                raise ValueError(
                    f"{self.labels[kind]} belongs to the output layer, but fastnn has normalisation and dropout only in "
                    "hidden layers."
                )
        if not is_last and self.activation is not None and not ACTIVATIONS[self.activation].hidden:
            raise ValueError(
                f"{self.labels[Activate]} is in a hidden layer, but fastnn has {self.activation} only in the output layer."
            )


def network_of(parts: Iterable[tuple[str, Part]], loss: str | Loss | None, **options: Any) -> Network:
    """The network that computes what a stack of parts does.

    Parameters
    ----------
    parts : iterable of (str, part)
        The parts in order, each with its name for messages, such as "Layer 3 (Linear)".
    loss : str, Loss or None
        The loss; None for the one that goes with the last activation.
    **options
        Passed to `Network`.
    """
    layers = list(_layers(parts))
    for layer in layers:
        layer.check(is_last=layer is layers[-1])
    output, found = _output(layers[-1].activation, loss)
    network = Network(
        _sizes(layers),
        [*(layer.activation or "identity" for layer in layers[:-1]), output],
        found,
        normalization=[layer.norm.kind if layer.norm else None for layer in layers[:-1]],
        dropout=[layer.dropout for layer in layers[:-1]],
        dtype=_dtype(layers),
        initializer="zeros",
        **options,
    )
    for number, layer in enumerate(layers):
        _fill(network, number, layer)
    return network


def with_epsilon(variance: np.ndarray, epsilon: float, label: str) -> np.ndarray:
    """The variance that, with fastnn's epsilon, gives the same sqrt(variance + epsilon) as another epsilon."""
    shifted = variance.astype(np.float64) + (epsilon - EPSILON)
    if shifted.min() < 0:
        raise ValueError(
            f"{label} has epsilon={epsilon:g}, which is below fastnn's {EPSILON:g}, and a running variance too small to make "
            f"up for it: {variance.min():g}."
        )
    return shifted.astype(variance.dtype)


def _layers(parts: Iterable[tuple[str, Part]]) -> Iterator[Layer]:
    """The parts, layer by layer; ValueError for another order than fastnn's."""
    layer, rank, before = None, -1, "the input"
    for label, part in parts:
        rank_before, rank = rank, ORDER.index(type(part))
        if isinstance(part, Affine):
            if layer is not None:
                yield layer
            layer = Layer(part, labels={Affine: label})
        elif layer is None or rank <= rank_before:
            raise ValueError(
                f"{label} follows {before}, but a layer of fastnn is linear, normalisation, activation and dropout, in this "
                "order; all except the first may be missing."
            )
        else:
            layer.add(part, label)
        before = label[0].lower() + label[1:]
    if layer is None:
        raise ValueError("There is no linear layer, and so there is nothing to convert.")
    yield layer


def _output(activation: str | None, loss: str | Loss | None) -> tuple[str, str | Loss]:
    """Activation of the output layer, and loss."""
    if activation is not None:
        return activation, loss or LOSS_OF_OUTPUT.get(activation, "squared_error")
    if loss is None:
        raise ValueError(
            "The last layer has no activation, so the loss must be named: loss='softmax_cross_entropy' or "
            "loss='binary_cross_entropy' if its outputs are logits, or loss='squared_error' or another one for numbers."
        )
    return find_loss(loss).matched_activation, loss


def _sizes(layers: list[Layer]) -> list[int]:
    for before, after in pairwise(layers):
        given, expected = before.affine.weights.shape[1], after.affine.weights.shape[0]
        if given != expected:
            raise ValueError(f"{after.labels[Affine]} has {expected} inputs, but the layer before has {given} outputs.")
    return [len(layers[0].affine.weights), *(layer.affine.weights.shape[1] for layer in layers)]


def _dtype(layers: list[Layer]) -> np.dtype:
    """The dtype of all arrays."""
    dtypes = {layer.affine.weights.dtype for layer in layers}
    if len(dtypes) > 1:
        raise ValueError(f"All layers must have the same dtype, got {' and '.join(sorted(map(str, dtypes)))}.")
    return dtypes.pop()


def _fill(network: Network, number: int, layer: Layer) -> None:
    """Copy the arrays of a layer; those that it lacks stay as they are in a new network: 0, and scales 1."""
    network.weights[number][:] = layer.affine.weights
    if layer.affine.biases is not None:
        network.biases[number][:] = layer.affine.biases
    if layer.norm is None:
        return
    if layer.norm.scales is not None:
        network.scales[number][:] = layer.norm.scales
    if layer.norm.shifts is not None:
        network.shifts[number][:] = layer.norm.shifts
    if layer.norm.kind == "batch":
        network.architecture.running_views(network.statistics)[number][:] = layer.norm.mean, layer.norm.variance
