"""One layer, forward and backward: the four equations of backpropagation.

Nielsen, Neural Networks and Deep Learning (2015), chapter 2, equations BP1 to BP4, with one sample a row.
"""

import numpy as np
from numba import from_dtype, types

from fastnn.backends.numba_backend.activations import (
    DERIVATIVE_PASSES,
    PASSES,
    activate,
    activate_backward,
    call,
)
from fastnn.backends.numba_backend.compilation import address_of, inlined
from fastnn.backends.numba_backend.losses import FROM_LOGITS, FROM_OUTPUTS
from fastnn.backends.numba_backend.matmul import accumulate, accumulate_rows, multiply, multiply_add_row

N_FROM_LOGITS = len(FROM_LOGITS)
LOSSES = FROM_LOGITS + FROM_OUTPUTS

#: What a layer calls, by address: passes over its activations, and on the output layer the loss.
ADDRESSES = ("activate", "activate_backward", "compute_loss")


def bind(layers, dtype):
    """The records of the layers as this backend calls them.

    They get the addresses of the passes that they call, which are compiled if need be.
    """
    rows = types.Array(from_dtype(dtype), 2, "C")
    bound = np.zeros(len(layers), layers.dtype.descr + [(name, np.int64) for name in ADDRESSES])
    for name in layers.dtype.names:
        bound[name] = layers[name]
    output = bound[-1]
    output["compute_loss"] = address_of(LOSSES[output["loss"]], types.void, types.float64[::1], rows, rows, rows)
    for layer in bound:
        layer["activate"] = address_of(PASSES[layer["activation"]], types.void, rows, rows)
    for layer in bound[:-1] if output["loss"] < N_FROM_LOGITS else bound:
        layer["activate_backward"] = address_of(DERIVATIVE_PASSES[layer["activation"]], types.void, *[rows] * 4)
    bound.flags.writeable = False
    return bound


@inlined
def affine(Z, A_previous, W, b):
    """Z = A_previous W + b; A_previous (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out)."""
    multiply_add_row(Z, A_previous, W, b)


@inlined
def affine_activation(Z, A, A_previous, W, b, layer):
    """Z = A_previous W + b, A = f(Z); A_previous (n, n_in), W (n_in, n_out), b (n_out,) -> Z, A (n, n_out)."""
    multiply_add_row(Z, A_previous, W, b)
    activate(A, Z, layer)


@inlined
def output_error(losses, dZ, A, Z, Y, layer):
    """L_i = loss(f(z_i), y_i), dZ = dL/dA * f'(Z); Z, Y (n, K) -> L (n,), A, dZ (n, K)."""
    if layer["loss"] < N_FROM_LOGITS:
        call(layer["compute_loss"], losses, dZ, Z, Y)
    else:
        activate(A, Z, layer)
        call(layer["compute_loss"], losses, dZ, A, Y)
        activate_backward(dZ, dZ, Z, A, layer)


@inlined
def previous_error(dZ_previous, dZ, W, Z_previous, A_previous, layer):
    """dZ_previous = (dZ W^T) * f'(Z_previous); dZ (n, n_out), W (n_in, n_out) -> dZ_previous (n, n_in)."""
    multiply(dZ_previous, dZ, W.T)
    activate_backward(dZ_previous, dZ_previous, Z_previous, A_previous, layer)


@inlined
def weight_gradient(dW, dZ, A_previous):
    """dW = A_previous^T dZ / n; dZ (n, n_out), A_previous (n, n_in) -> dW (n_in, n_out)."""
    accumulate(dW, A_previous.T, dZ, 1 / len(dZ), 0)


@inlined
def bias_gradient(db, dZ):
    """db = mean_i dz_i; dZ (n, n_out) -> db (n_out,)."""
    accumulate_rows(db, dZ, 1 / len(dZ), 0)


@inlined
def descend_weights(W, dZ, A_previous, learning_rate, l2):
    """W <- W - eta (A_previous^T dZ / n + lambda W); dZ (n, n_out), A_previous (n, n_in), W (n_in, n_out)."""
    accumulate(W, A_previous.T, dZ, -learning_rate / len(dZ), 1 - learning_rate * l2)


@inlined
def descend_biases(b, dZ, learning_rate, l2):
    """b <- b - eta (mean_i dz_i + lambda b); dZ (n, n_out), b (n_out,)."""
    accumulate_rows(b, dZ, -learning_rate / len(dZ), 1 - learning_rate * l2)
