"""The values that each layer of a network computed for a batch, to compare with the equations."""

from typing import Any, NamedTuple

import numpy as np

from fastnn.backends.bound_layers import BoundLayer
from fastnn.backends.numpy_backend.activations import activate


class LayerTrace(NamedTuple):
    """The values of layer l of a network for a batch of n samples.

    Attributes
    ----------
    Z : ndarray of shape (n, n_l)
        Pre-activations, Z_l = A_{l-1} W_l + b_l; in a normalised layer, the normalised, scaled and shifted ones.
    A : ndarray of shape (n, n_l)
        Activations, A_l = f_l(Z_l), before dropout.
    dZ : ndarray of shape (n, n_l)
        Errors, the derivative of each sample's loss with respect to A_{l-1} W_l + b_l.
    """

    Z: np.ndarray
    A: np.ndarray
    dZ: np.ndarray  # noqa: N815 (dZ is not DZ)


def trace_of(layers: list[BoundLayer], X: Any) -> list[LayerTrace]:
    """Copies of the layers' values after the backward pass of a batch X."""
    n = X.shape[0]
    hidden, output = layers[:-1], layers[-1]
    traces = [
        LayerTrace(*(np.array(block[:n], order="C") for block in (layer.Z, _activations(layer), layer.dZ)))
        for layer in hidden
    ]
    inputs = layers[0].inputs
    X = X if inputs is None else inputs.A[:n]
    # The output layer's Z may have been overwritten, and its A is not computed if the loss starts from Z.
    Z = np.asarray((hidden[-1].passed_on[:n] if hidden else X) @ output.W + output.b)
    A = np.empty_like(Z)
    activate(A, Z, output.activation)  # type: ignore[no-untyped-call]
    return [*traces, LayerTrace(Z, A, output.dZ[:n].copy())]


def _activations(layer: BoundLayer) -> np.ndarray:
    """A before dropout, which is applied in place if the activation is parametric."""
    return layer.Z + layer.slope * (layer.F - layer.Z) if layer.is_parametric else layer.A
