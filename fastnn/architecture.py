"""The architecture of a network: layer sizes, activations and loss, and the offsets of each layer in the flat vectors.

`Architecture.layers` holds everything a backend needs to know about a network, one record per layer. Both backends read the
same records.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from fastnn.activations import find_activation
from fastnn.inputs import InputStage
from fastnn.losses import MOST_OPTIONS, Loss, as_float, find_loss

#: Kinds of normalisation, in the order of their codes. At inference, "batch" becomes "running".
NORMALIZATIONS = ("none", "batch", "layer", "running")

#: One layer, as the backends see it. `activation` and `loss` are positions in the backends' tables, and `normalization` a
#: position in `NORMALIZATIONS`. `weights`, `biases`, `scales`, `shifts`, `slopes` and `end` (the end of the layer's
#: parameters) are offsets into the flat parameter vector, and `statistics` into the vector of running statistics, counted in
#: elements. The first `n_options` of `options` are the loss's.
LAYER = np.dtype(
    [
        ("n_inputs", np.int64),
        ("n_outputs", np.int64),
        ("activation", np.int64),
        ("loss", np.int64),
        ("normalization", np.int64),
        ("dropout", np.float64),
        ("weights", np.int64),
        ("biases", np.int64),
        ("scales", np.int64),
        ("shifts", np.int64),
        ("slopes", np.int64),
        ("end", np.int64),
        ("statistics", np.int64),
        ("n_options", np.int64),
        ("options", np.float64, (MOST_OPTIONS,)),
    ]
)

#: Statistics per batch-normalised unit: running mean, running variance, and 1 / standard deviation of the last batch.
STATISTICS_PER_UNIT = 3

MOST_PARAMETERS = 2**60 - 2**50  # so that sizes in bytes fit in 64 bits

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register

#: Groups of parameters, to which an optimizer can give factors of their own.
GROUPS = ("weights", "biases", "scales", "shifts", "activations", "periodic", "embeddings", "input_scales")

#: How weights are parametrised: by themselves, or W = V / sqrt(n_in), with optimizers working on V.
PARAMETRIZATIONS = ("standard", "ntk")


class ParameterArray(NamedTuple):
    """One array of parameters.

    Attributes
    ----------
    name : str
        ``"W1"``, ``"b1"``, ...
    group : str
        A member of `GROUPS`.
    offset : int
        Its place in the flat vector.
    shape : tuple of int
        Its shape.
    scale : float
        The factor c if it is parametrised as c times the array that the optimizer works on.
    """

    name: str
    group: str
    offset: int
    shape: tuple[int, ...]
    scale: float = 1.0

    def view(self, vector: np.ndarray) -> np.ndarray:
        """The array within a flat vector."""
        return vector[self.offset : self.offset + math.prod(self.shape)].reshape(self.shape)


@dataclass(frozen=True)
class Architecture:
    """Layer sizes, an activation, a normalisation and a dropout rate per layer, and a loss; immutable.

    Parameters
    ----------
    layer_sizes : tuple of int
        Units per layer, inputs first: ``(n_0, n_1, ..., n_L)``.
    activations : tuple of str
        One name per layer, output included: ``(f_1, ..., f_L)``.
    loss : Loss
        The loss, with its options.
    normalizations : tuple of str
        One name per layer, ``"none"`` for the output: ``"none"``, ``"batch"`` or ``"layer"``.
    dropout : tuple of float
        Dropout rate of each layer's outputs in training, 0 for the output layer.
    parametric : tuple of bool
        Whether each layer has a parametric activation, z + alpha (f(z) - z); False for the output layer.
    inputs : InputStage
        The computation of A_0 from X.
    parametrization : str
        A member of `PARAMETRIZATIONS`.
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: Loss
    normalizations: tuple[str, ...]
    dropout: tuple[float, ...]
    parametric: tuple[bool, ...]
    inputs: InputStage
    parametrization: str = "standard"

    @classmethod
    def create(
        cls,
        layer_sizes: Sequence[int],
        activations: str | Sequence[str],
        loss: str | Loss,
        normalization: str | Sequence[str | None] | None = None,
        dropout: float | Sequence[float] = 0.0,
        options: "ArchitectureOptions | None" = None,
    ) -> "Architecture":
        """Check the arguments and expand them: a single activation, normalisation or rate applies to every hidden layer.

        The output layer gets the activation matched with the loss, unless `activations` is a sequence.

        Raises
        ------
        ValueError, TypeError
            If a size is not a positive integer, a name is unknown, or they do not fit together.
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
        normalizations = tuple(map(_checked_normalization, _of_hidden_layers(normalization, n_layers, "normalization")))
        rates = tuple(map(_checked_rate, _of_hidden_layers(dropout, n_layers, "dropout")))
        options = ArchitectureOptions() if options is None else options
        parametric = tuple(map(_checked_flag, _of_hidden_layers(options.parametric, n_layers, "parametric")))
        inputs = InputStage.create(sizes[0], options.embeddings, options.input_scaling)
        _check_size(sizes, inputs)
        several = (*normalizations, "none"), (*rates, 0.0), (*parametric, False)
        return cls(sizes, names, loss, *several, inputs, _checked_parametrization(options.parametrization))

    @property
    def n_layers(self) -> int:
        """Number of layers, L, not counting the inputs."""
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
        """Length of the flat parameter vector.

        The sum over layers of (n_{l-1} + 1) n_l, plus 2 n_l if normalised and n_l if the activation is parametric, where
        n_0 is the length of A_0; plus the parameters of the input stage.
        """
        last = self.arrays[-1]
        return last.offset + math.prod(last.shape)

    @cached_property
    def arrays(self) -> tuple[ParameterArray, ...]:
        """All arrays of parameters: layer by layer, then those of the input stage."""
        return tuple(
            array for array in (*self._arrays_of_layers(), *self._arrays_of_inputs()) if math.prod(array.shape)
        )

    def _arrays_of_layers(self) -> Iterator[ParameterArray]:
        for number, layer in enumerate(self.layers, start=1):
            places = [int(layer[name]) for name in ("biases", "scales", "shifts", "slopes", "end")]
            shape = int(layer["n_inputs"]), int(layer["n_outputs"])
            scale = shape[0] ** -0.5 if self.parametrization == "ntk" else 1.0
            yield ParameterArray(f"W{number}", "weights", int(layer["weights"]), shape, scale)
            for (letter, group), (start, stop) in zip(_VECTORS, pairwise(places), strict=True):
                yield ParameterArray(f"{letter}{number}", group, start, (stop - start,))

    def _arrays_of_inputs(self) -> Iterator[ParameterArray]:
        offset = int(self.layers[-1]["end"])
        for number, embedding in enumerate(self.inputs.embeddings, start=1):
            yield ParameterArray(f"{embedding.letter}{number}", embedding.group, offset, embedding.shape)
            offset += math.prod(embedding.shape)
        if self.inputs.scales:
            yield ParameterArray("s", "input_scales", offset, (self.inputs.n_outputs,))

    def arrays_of(self, group: str) -> list[ParameterArray]:
        """The arrays of a group."""
        return [array for array in self.arrays if array.group == group]

    @cached_property
    def n_statistics(self) -> int:
        """Length of the vector of running statistics: 3 n_l for every batch-normalised layer."""
        units = zip(self.layer_sizes[1:], self.normalizations, strict=True)
        return sum(STATISTICS_PER_UNIT * n_out for n_out, name in units if name == "batch")

    @cached_property
    def layers(self) -> np.ndarray:
        """One `LAYER` record per layer; read-only."""
        records = []
        loss, options = self.loss.kernel(self.activations[-1]), self.loss.options
        weights = statistics = 0
        for n_in, n_out, activation, normalization, dropout, parametric in self._by_layers():
            biases, normalized = weights + n_in * n_out, normalization != "none"
            scales = biases + n_out
            shifts = scales + normalized * n_out
            codes = find_activation(activation).code, loss, NORMALIZATIONS.index(normalization)
            slopes = shifts + normalized * n_out
            end = slopes + parametric * n_out
            places = weights, biases, scales, shifts, slopes, end, statistics
            records.append((n_in, n_out, *codes, dropout, *places, len(options), 0))
            weights = end
            statistics += STATISTICS_PER_UNIT * n_out * (normalization == "batch")
        layers = np.array(records, LAYER)
        layers["options"][:, : len(options)] = options
        layers.flags.writeable = False
        return layers

    @cached_property
    def inference_layers(self) -> np.ndarray:
        """The same records for inference: no dropout, and running statistics instead of the batch's."""
        layers = self.layers.copy()
        layers["dropout"] = 0
        layers["normalization"][layers["normalization"] == NORMALIZATIONS.index("batch")] = NORMALIZATIONS.index(
            "running"
        )
        layers.flags.writeable = False
        return layers

    def _by_layers(self) -> Iterator[tuple[int, int, str, str, float, bool]]:
        """Inputs, outputs, activation, normalisation, dropout rate and parametric activation of each layer."""
        inputs, outputs = (self.inputs.n_outputs, *self.layer_sizes[1:-1]), self.layer_sizes[1:]
        options = self.activations, self.normalizations, self.dropout, self.parametric
        yield from zip(inputs, outputs, *options, strict=True)

    def weight_views(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views W_l (n_{l-1}, n_l) of a flat vector, one per layer."""
        return tuple(
            vector[layer["weights"] : layer["biases"]].reshape(layer["n_inputs"], layer["n_outputs"])
            for layer in self.layers
        )

    def bias_views(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views b_l (n_l,) of a flat vector, one per layer."""
        return tuple(vector[layer["biases"] : layer["biases"] + layer["n_outputs"]] for layer in self.layers)

    def scale_views(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views gamma_l of a flat vector, one per layer: (n_l,), or empty where the layer is not normalised."""
        return tuple(vector[layer["scales"] : layer["shifts"]] for layer in self.layers)

    def shift_views(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views beta_l of a flat vector, one per layer: (n_l,), or empty where the layer is not normalised."""
        return tuple(vector[layer["shifts"] : layer["slopes"]] for layer in self.layers)

    def slope_views(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views alpha_l of a flat vector, one per layer: (n_l,), or empty where the activation is not parametric."""
        return tuple(vector[layer["slopes"] : layer["end"]] for layer in self.layers)

    def running_views(self, statistics: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views (2, n_l) of running mean and variance in the statistics, one per layer: (2, 0) without batch normalisation."""
        batch = NORMALIZATIONS.index("batch")
        sizes = [int(layer["n_outputs"]) * int(layer["normalization"] == batch) for layer in self.layers]
        firsts = [int(layer["statistics"]) for layer in self.layers]
        return tuple(statistics[first : first + 2 * n].reshape(2, n) for first, n in zip(firsts, sizes, strict=True))

    def input_views(self, vector: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Views of the factors of the inputs, (n_0,) or empty, and of the parameters of each embedding."""
        scales = [array.view(vector) for array in self.arrays_of("input_scales")]
        embeddings = (array for array in self.arrays if array.group in ("periodic", "embeddings"))
        return scales[0] if scales else vector[:0], tuple(array.view(vector) for array in embeddings)

    def initialize_parameters(self, parameters: np.ndarray, random: np.random.Generator, draw: Any) -> None:
        """Set initial parameters: weights by `draw`, embeddings by their own distributions, factors 1, everything else 0."""
        for array in self.arrays_of("weights"):
            array.view(parameters)[:] = draw(random, *array.shape)
        for group in ("scales", "activations", "input_scales"):
            for array in self.arrays_of(group):
                array.view(parameters)[:] = 1
        for view, embedding in zip(self.input_views(parameters)[1], self.inputs.embeddings, strict=True):
            view[:] = embedding.draw(random)

    @cached_property
    def is_regularized(self) -> bool:
        """Whether any layer is normalised or drops units."""
        return any(self.dropout) or any(name != "none" for name in self.normalizations)

    def initialize(self, statistics: np.ndarray) -> None:
        """Set running means to 0 and running variances to 1."""
        statistics[:] = 0
        for layer in self.layers[:-1]:
            if layer["normalization"] == NORMALIZATIONS.index("batch"):
                first, n = layer["statistics"], layer["n_outputs"]
                statistics[first + n : first + 2 * n] = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # Cached records are derived: a copy or a pickle holds only the fields.
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


#: Letters in the names of a layer's vectors, and their groups.
_VECTORS = ("b", "biases"), ("gamma", "scales"), ("beta", "shifts"), ("alpha", "activations")


@dataclass(frozen=True)
class ArchitectureOptions:
    """The arguments of `Network` for tables, as given."""

    parametric: Any = False
    embeddings: Any = ()
    input_scaling: Any = False
    parametrization: Any = "standard"


def aligned_zeros(size: int, dtype: np.dtype) -> np.ndarray:
    """A vector of zeros that starts on a cache line: loads and stores that straddle two lines cost a third of the speed."""
    return _aligned(np.zeros(size * dtype.itemsize + ALIGNMENT, np.uint8), size, dtype)


def aligned_empty(size: int, dtype: np.dtype) -> np.ndarray:
    """A vector that starts on a cache line, uninitialised."""
    return _aligned(np.empty(size * dtype.itemsize + ALIGNMENT, np.uint8), size, dtype)


def _aligned(buffer: np.ndarray, size: int, dtype: np.dtype) -> np.ndarray:
    start = -buffer.ctypes.data % ALIGNMENT
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


def _check_size(sizes: tuple[int, ...], inputs: InputStage) -> None:
    """Raise ValueError for layers whose parameters exceed the address space."""
    n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise((inputs.n_outputs, *sizes[1:])))
    n_parameters += sum(math.prod(each.shape) for each in inputs.embeddings)
    if n_parameters > MOST_PARAMETERS:
        raise ValueError(
            f"layer_sizes {list(sizes)} need {float(min(n_parameters, 10**300)):.0e} parameters, which no memory can hold."
        )


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
                f"{name} belongs on the output layer, not on a hidden one, got it on layer {position + 1}."
            )


def _of_hidden_layers(option: Any, n_layers: int, name: str) -> tuple[Any, ...]:
    """The option of each hidden layer."""
    if option is None or isinstance(option, str | Real | np.bool):
        return (option,) * (n_layers - 1)
    try:
        options = tuple(option)
    except TypeError:
        raise TypeError(
            f"{name} must be a single value for all hidden layers or a sequence with one per layer, got {option!r}."
        ) from None
    if len(options) != n_layers - 1:
        raise ValueError(
            f"{name} must be given for each of the {n_layers - 1} hidden layers, got {len(options)}: {options}."
        )
    return options


def _checked_normalization(name: Any) -> str:
    if name is None or name == "none":
        return "none"
    if name not in ("batch", "layer"):
        raise ValueError(f"normalization must be 'batch', 'layer' or None, got {name!r}.")
    return str(name)


def _checked_flag(flag: Any) -> bool:
    if not isinstance(flag, bool | np.bool):
        raise TypeError(f"parametric must be True or False, for all hidden layers or for each, got {flag!r}.")
    return bool(flag)


def _checked_parametrization(name: Any) -> str:
    if name not in PARAMETRIZATIONS:
        raise ValueError(f"parametrization must be 'standard' or 'ntk', got {name!r}.")
    return str(name)


def _checked_rate(rate: Any) -> float:
    if not isinstance(rate, Real) or isinstance(rate, bool):
        raise TypeError(f"dropout must be a number, got {rate!r}.")
    if not 0 <= as_float(rate) < 1:
        raise ValueError(f"dropout must be at least 0 and below 1, got {rate!r}.")
    return float(rate)
