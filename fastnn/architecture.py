"""The shape of a network: layer sizes, activations and loss, and where each layer lives in the flat vectors.

Everything a backend needs to know about a network is in `Architecture.layers`, one record per layer. Both backends read the same records, so neither keeps a description of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np

from fastnn.activations import find_activation
from fastnn.losses import MOST_OPTIONS, Loss, find_loss

#: One layer, as the backends see it. `activation` and `loss` are positions in the backends' tables; `weights` and `biases` are offsets into the flat parameter vector, counted in
#: elements; `first_unit` is the number of units in the layers before, from which the workspace is laid out; the first `n_options` of
#: `options` are those of the loss.
LAYER = np.dtype(
    [
        ("n_inputs", np.int64),
        ("n_outputs", np.int64),
        ("activation", np.int64),
        ("loss", np.int64),
        ("weights", np.int64),
        ("biases", np.int64),
        ("first_unit", np.int64),
        ("n_options", np.int64),
        ("options", np.float64, (MOST_OPTIONS,)),
    ]
)

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


@dataclass(frozen=True)
class Architecture:
    """Layer sizes, one activation per layer, and a loss; checked, and immutable.

    Parameters
    ----------
    layer_sizes : tuple of int
        Units per layer, inputs first: ``(n_0, n_1, ..., n_L)``.
    activations : tuple of str
        One name per layer, output included: ``(f_1, ..., f_L)``.
    loss : Loss
        The loss, with its options.
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: Loss

    @classmethod
    def create(cls, layer_sizes: Sequence[int], activations: str | Sequence[str], loss: str | Loss) -> "Architecture":
        """Check the three, and spell out the activations: one name stands for every hidden layer.

        The output layer then gets the activation that its loss is matched with.

        Raises
        ------
        ValueError, TypeError
            If a size is not a positive integer, a name is unknown, or the three do not fit together.
        """
        sizes = _checked_sizes(layer_sizes)
        loss = find_loss(loss)
        n_layers = len(sizes) - 1
        if isinstance(activations, str):
            names = (activations,) * (n_layers - 1) + (loss.matched_activation,)
            find_activation(activations)
        else:
            names = _checked_names(activations)
        _check_activations(names, n_layers)
        loss.check_output(names[-1], sizes[-1])
        return cls(sizes, names, loss)

    @property
    def n_layers(self) -> int:
        """Number of layers with parameters, L."""
        return len(self.layer_sizes) - 1

    @property
    def n_inputs(self) -> int:
        """Features per sample, n_0."""
        return self.layer_sizes[0]

    @property
    def n_outputs(self) -> int:
        """Outputs per sample, n_L."""
        return self.layer_sizes[-1]

    @cached_property
    def n_parameters(self) -> int:
        """Length of the flat parameter vector: sum over layers of n_{l-1} n_l + n_l."""
        return sum((n_in + 1) * n_out for n_in, n_out in zip(self.layer_sizes, self.layer_sizes[1:], strict=False))

    @cached_property
    def layers(self) -> np.ndarray:
        """One `LAYER` record per layer; read-only."""
        records = []
        loss, options = self.loss.kernel(self.activations[-1]), self.loss.options
        offset = first_unit = 0
        for n_in, n_out, name in zip(self.layer_sizes, self.layer_sizes[1:], self.activations, strict=False):
            biases = offset + n_in * n_out
            records.append((n_in, n_out, find_activation(name).code, loss, offset, biases, first_unit, len(options), 0))
            offset = biases + n_out
            first_unit += n_out
        layers = np.array(records, LAYER)
        layers["options"][:, : len(options)] = options
        layers.flags.writeable = False
        return layers

    def weight_views(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views W_l (n_{l-1}, n_l) of a flat vector, one per layer."""
        return tuple(
            vector[layer["weights"] : layer["biases"]].reshape(layer["n_inputs"], layer["n_outputs"])
            for layer in self.layers
        )

    def bias_views(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views b_l (n_l,) of a flat vector, one per layer."""
        return tuple(vector[layer["biases"] : layer["biases"] + layer["n_outputs"]] for layer in self.layers)

    def __reduce__(self) -> tuple[Any, ...]:
        # The cached records are derived: a copy or a pickle carries the three fields only.
        return type(self), (self.layer_sizes, self.activations, self.loss)


def aligned_zeros(size: int, dtype: np.dtype) -> np.ndarray:
    """Zeros in a vector that starts on a cache line: vectors that straddle two lines cost a third of the speed."""
    return _aligned(np.zeros(size * dtype.itemsize + ALIGNMENT, np.uint8), size, dtype)


def aligned_empty(size: int, dtype: np.dtype) -> np.ndarray:
    """The same, filled with whatever was in memory."""
    return _aligned(np.empty(size * dtype.itemsize + ALIGNMENT, np.uint8), size, dtype)


def _aligned(buffer: np.ndarray, size: int, dtype: np.dtype) -> np.ndarray:
    start = -buffer.__array_interface__["data"][0] % ALIGNMENT
    return buffer[start : start + size * dtype.itemsize].view(dtype)


def _checked_sizes(layer_sizes: Sequence[int]) -> tuple[int, ...]:
    try:
        sizes = tuple(layer_sizes)
    except TypeError:
        raise TypeError(
            f"layer_sizes must be a sequence of positive integers such as [784, 128, 10], got {layer_sizes!r}."
        ) from None
    if len(sizes) < 2:
        raise ValueError(f"layer_sizes must name the inputs and at least one layer, as in [2, 1], got {sizes}.")
    for size in sizes:
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"layer_sizes must be positive integers, got {size!r} in {list(sizes)}.")
    return tuple(int(size) for size in sizes)


def _checked_names(activations: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(activations)
    except TypeError:
        raise TypeError(
            f"activations must be a name such as 'relu', or a sequence of names, one per layer, got {activations!r}."
        ) from None


def _check_activations(names: tuple[str, ...], n_layers: int) -> None:
    if len(names) != n_layers:
        raise ValueError(
            f"activations must name one activation for each of the {n_layers} layers, output included, "
            f"got {len(names)}: {list(names)}."
        )
    for position, name in enumerate(names):
        if not find_activation(name).hidden and position < n_layers - 1:
            raise ValueError(
                f"{name} belongs on the output layer and not on a hidden one, got it on layer {position + 1}."
            )
