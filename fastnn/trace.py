"""What each layer of a network computed for a batch, to be looked at beside the equations."""

from typing import Any, NamedTuple

import numpy as np

from fastnn.backends.bound_layers import BoundLayer
from fastnn.backends.numpy_backend.activations import activate


class LayerTrace(NamedTuple):
    """Layer l of a network, as it was computed for a batch of n samples.

    Attributes
    ----------
    Z : ndarray of shape (n, n_l)
        Pre-activations, Z_l = A_{l-1} W_l + b_l; where the layer is normalised, what the activation gets.
    A : ndarray of shape (n, n_l)
        Activations, A_l = f_l(Z_l), before units are dropped.
    dZ : ndarray of shape (n, n_l)
        Errors, the derivative of each sample's loss with respect to Z_l; where the layer is normalised, to A_{l-1} W_l + b_l.
    """

    Z: np.ndarray
    A: np.ndarray
    dZ: np.ndarray  # noqa: N815 (dZ is not DZ)


def trace_of(layers: list[BoundLayer], X: Any) -> list[LayerTrace]:
    """Copies of what layers hold after the backward pass of samples X."""
    n = X.shape[0]
    hidden, output = layers[:-1], layers[-1]
    traces = [
        LayerTrace(*(np.array(block[:n], order="C") for block in (layer.Z, layer.A, layer.dZ))) for layer in hidden
    ]
    # The output's own Z may serve as scratch memory, and its A is left out where the loss starts from Z.
    Z = np.asarray((hidden[-1].passed_on[:n] if hidden else X) @ output.W + output.b)
    A = np.empty_like(Z)
    activate(A, Z, output.activation)  # type: ignore[no-untyped-call]
    return [*traces, LayerTrace(Z, A, output.dZ[:n].copy())]
