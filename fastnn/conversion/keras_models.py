"""Stacks of Keras layers."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn.activations import ACTIVATIONS
from fastnn.backends.numpy_backend.normalization import EPSILON
from fastnn.conversion.packages import imported
from fastnn.conversion.stack import Activate, Affine, Drop, Norm, Part, network_of, with_epsilon
from fastnn.losses import Loss
from fastnn.network import Network

#: Keras's names of activations that differ from fastnn's, and those with the same name that compute something else.
NAMES = {"linear": "identity", "swish": "silu"}
OTHERS = {"leaky_relu": "whose slope in Keras is 0.2, and in fastnn 0.01"}

#: Layers that are one activation: its name, and the value that an option must have.
LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ReLU": ("relu", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}),
    "LeakyReLU": ("leaky_relu", {"negative_slope": 0.01}),
    "ELU": ("elu", {"alpha": 1.0}),
    "Softmax": ("softmax", {"axis": -1}),
}


def from_keras(
    model: Any,
    loss: str | Loss | None = None,
    *,
    backend: str = "numba",
    seed: int | None = None,
    n_threads: int | None = None,
) -> Network:
    """The network that computes what a stack of Keras layers computes at inference.

    Parameters
    ----------
    model : keras.Model
        A built ``Sequential`` model, or a functional one without branches, of ``Dense`` layers, each followed by perhaps a
        ``BatchNormalization`` or ``LayerNormalization``, then an activation, then ``Dropout``. A ``Flatten`` at the start
        is passed over. A ``Dense`` layer that is normalised must not have an activation of its own, since fastnn
        normalises before the activation.
    loss : str or Loss, optional
        The loss of the network, for further training. By default the softmax cross-entropy after a softmax, the binary
        cross-entropy after a sigmoid, and otherwise the squared error. If the model ends without an activation, the loss
        must be given, and the network ends with the activation that goes with it: with ``loss="softmax_cross_entropy"``,
        the outputs of the model are `Network.logits`.
    backend, seed, n_threads
        As in `Network`.

    Returns
    -------
    Network
        With copies of all parameters and running statistics, in their dtype, float32 or float64.

    Raises
    ------
    ValueError, TypeError
        If a part has no counterpart in fastnn; the message names it.
    ImportError
        If Keras is not installed.

    Notes
    -----
    A ``BatchNormalization`` with another epsilon than 1e-5, such as Keras's own 1e-3, gets a running variance that makes up
    for the difference, so that predictions are the same. Further training has fastnn's epsilon, and moves running
    statistics a tenth of the way to those of each batch; Keras's momentum of 0.99 moves them a hundredth. A
    ``LayerNormalization`` must have an epsilon of 1e-5: ``LayerNormalization(epsilon=1e-5)``.

    Examples
    --------
    >>> network = from_keras(keras.saving.load_model("digits.keras"))
    """
    keras = imported("keras", "from_keras")
    if not isinstance(model, keras.Model):
        raise TypeError(f"from_keras takes a keras.Model, got {type(model).__name__}.")
    return network_of(_parts(keras, model), loss, backend=backend, seed=seed, n_threads=n_threads)


def _parts(keras: Any, model: Any) -> Iterator[tuple[str, Part]]:
    """The parts of a stack, each with its name."""
    begun = False
    for number, layer in enumerate(_flattened(keras, model), start=1):
        label = f"Layer {number} ({type(layer).__name__} {layer.name!r})"
        if type(layer) is keras.layers.Flatten and not begun:
            continue
        begun = True
        _check_dtype(layer, label)
        yield from ((label, part) for part in _parts_of(keras, layer, label))


def _flattened(keras: Any, model: Any) -> Iterator[Any]:
    """The layers of a model in their order, without those that only declare inputs."""
    if not model.built:
        raise ValueError(f"The model {model.name!r} is not built yet, so it has no weights: call it once, or fit it.")
    if not isinstance(model, keras.Sequential):
        _check_straight(model)
    for layer in model.layers:
        if isinstance(layer, keras.Sequential):
            yield from _flattened(keras, layer)
        elif type(layer) is not keras.layers.InputLayer:
            yield layer


def _check_straight(model: Any) -> None:
    """Raise ValueError unless each layer of a functional model takes the output of the one before."""
    try:
        tensor = model.inputs[0]
        is_straight = len(model.inputs) == len(model.outputs) == 1
        for layer in model.layers:
            is_straight &= layer.output is tensor or layer.input is tensor
            tensor = layer.output
        is_straight &= tensor is model.outputs[0]
    except (AttributeError, ValueError):  # a layer that is used twice, or a model of another kind
        is_straight = False
    if not is_straight:
        raise ValueError(
            f"The model {model.name!r} is not a straight stack in which each layer takes the output of the one before."
        )


def _check_dtype(layer: Any, label: str) -> None:
    if layer.compute_dtype not in ("float32", "float64") or layer.compute_dtype != layer.variable_dtype:
        raise ValueError(
            f"{label} computes in {layer.compute_dtype}, but fastnn computes in float32 and float64, as its parameters are."
        )


def _parts_of(keras: Any, layer: Any, label: str) -> Iterator[Part]:
    """The parts of one layer: a dense one may have its activation."""
    layers, kind = keras.layers, type(layer)
    if kind is layers.Dense:
        _check_matrix(layer, label)
        yield Affine(_array(keras, layer.kernel), _optional(keras, layer.bias))
        yield from _activation(keras, layer.activation, label)
    elif kind is layers.Activation:
        yield from _activation(keras, layer.activation, label)
    elif kind in (layers.BatchNormalization, layers.LayerNormalization):
        yield _norm(keras, layer, label)
    elif kind is layers.Dropout:
        yield Drop(float(layer.rate))
    elif kind.__name__ in LAYERS and kind is getattr(layers, kind.__name__):
        yield _activation_layer(layer, label)
    else:
        raise ValueError(
            f"{label} has no counterpart in fastnn: a stack can have Dense, BatchNormalization, LayerNormalization, "
            f"Activation, Dropout, Flatten at the start, and the activations {', '.join(LAYERS)}."
        )


def _check_matrix(layer: Any, label: str) -> None:
    """Raise ValueError for a dense layer that does more than A W + b with a matrix A."""
    if len(layer.input.shape) != 2:
        raise ValueError(
            f"{label} has inputs of shape {layer.input.shape}, but fastnn takes matrices: flatten them first."
        )
    if layer.quantization_mode or layer.lora_enabled:
        raise ValueError(f"{label} is quantized or has LoRA weights, which fastnn lacks.")


def _activation(keras: Any, function: Any, label: str) -> Iterator[Activate]:
    """The activation of a Keras function; none for the identity."""
    given = keras.activations.serialize(function)
    name = NAMES.get(given, given) if isinstance(given, str) else given
    if name in OTHERS:
        raise ValueError(f"{label} has the activation {name}, {OTHERS[name]}.")
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(f"{label} has the activation {given!r}, which fastnn lacks.")
    if name != "identity":
        yield Activate(name)


def _activation_layer(layer: Any, label: str) -> Activate:
    name, options = LAYERS[type(layer).__name__]
    for option, expected in options.items():
        value = getattr(layer, option)
        value = value if value is None or isinstance(value, int) else float(value)
        if value != expected:
            raise ValueError(f"{label} has {option}={value!r}, but fastnn's {name} has {expected!r}.")
    return Activate(name)


def _norm(keras: Any, layer: Any, label: str) -> Norm:
    kind = "batch" if type(layer) is keras.layers.BatchNormalization else "layer"
    if layer.axis not in (-1, 1, [-1], [1]):
        raise ValueError(f"{label} must normalise the last axis as fastnn does, got axis={layer.axis!r}.")
    if getattr(layer, "rms_scaling", False):
        raise ValueError(f"{label} has rms_scaling=True, which fastnn lacks.")
    scales, shifts = _optional(keras, layer.gamma), _optional(keras, layer.beta)
    n_units = int(layer.input.shape[-1])
    if kind == "layer":
        if layer.epsilon != EPSILON:
            raise ValueError(
                f"{label} has epsilon={layer.epsilon:g}, but fastnn's is {EPSILON:g}, and nothing can make up for that: "
                f"use LayerNormalization(epsilon={EPSILON:g})."
            )
        return Norm(kind, n_units, scales, shifts)
    variance = with_epsilon(_array(keras, layer.moving_variance), layer.epsilon, label)
    return Norm(kind, n_units, scales, shifts, _array(keras, layer.moving_mean), variance)


def _array(keras: Any, variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))


def _optional(keras: Any, variable: Any) -> np.ndarray | None:
    return None if variable is None else _array(keras, variable)
