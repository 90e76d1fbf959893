"""One layer, forward and backward: the four equations of backpropagation.

Nielsen, Neural Networks and Deep Learning (2015), chapter 2, equations BP1 to BP4, with one sample a row.
"""

import numpy as np
from numba import from_dtype, types

from fastnn.backends.numba_backend.activations import (
    BIAS_PASSES,
    DERIVATIVE_PASSES,
    PASSES,
    activate,
    activate_backward,
    bias_activate,
)
from fastnn.backends.numba_backend.compilation import address_of, caller, kernel
from fastnn.backends.numba_backend.losses import FROM_LOGITS, FROM_OUTPUTS

N_FROM_LOGITS = len(FROM_LOGITS)
LOSSES = FROM_LOGITS + FROM_OUTPUTS

#: What a layer calls, by address: passes over its activations, and on the output layer the loss.
ADDRESSES = ("activate", "bias_activate", "activate_backward", "compute_loss")


def bind(layers, dtype):
    """The records of the layers as this backend calls them: with the addresses of what they call, compiled if need be."""
    rows, vector = types.Array(from_dtype(dtype), 2, "C"), types.Array(from_dtype(dtype), 1, "C")
    bound = np.zeros(len(layers), layers.dtype.descr + [(name, np.int64) for name in ADDRESSES])
    for name in layers.dtype.names:
        bound[name] = layers[name]
    *hidden, output = bound
    for layer in hidden:
        layer["bias_activate"] = address_of(BIAS_PASSES[layer["activation"]], types.void, rows, rows, vector)
        layer["activate_backward"] = address_of(DERIVATIVE_PASSES[layer["activation"]], types.void, *[rows] * 4)
    output["activate"] = address_of(PASSES[output["activation"]], types.void, rows, rows)
    output["compute_loss"] = address_of(LOSSES[output["loss"]], types.float64, rows, rows, rows)
    if output["loss"] >= N_FROM_LOGITS:
        output["activate_backward"] = address_of(DERIVATIVE_PASSES[output["activation"]], types.void, *[rows] * 4)
    bound.flags.writeable = False
    return bound


call_loss = caller(types.float64)


@kernel
def affine(Z, A_previous, W, b):
    """Z = A_previous W + b; A_previous (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out)."""
    np.dot(A_previous, W, Z)
    n, n_out = Z.shape
    for i in range(n):
        for k in range(n_out):
            Z[i, k] += b[k]


@kernel
def affine_activation(Z, A, A_previous, W, b, layer):
    """Z = A_previous W + b, A = f(Z); A_previous (n, n_in), W (n_in, n_out), b (n_out,) -> Z, A (n, n_out)."""
    np.dot(A_previous, W, Z)
    bias_activate(Z, A, b, layer)


@kernel
def output_error(dZ, A, Z, Y, layer):
    """L = sum_i loss(f(z_i), y_i), dZ = dL/dA * f'(Z); Z, Y (n, K) -> A, dZ (n, K)."""
    if layer["loss"] < N_FROM_LOGITS:
        return call_loss(layer["compute_loss"], dZ, Z, Y)
    activate(A, Z, layer)
    total = call_loss(layer["compute_loss"], dZ, A, Y)
    activate_backward(dZ, dZ, Z, A, layer)
    return total


@kernel
def previous_error(dZ_previous, dZ, W, Z_previous, A_previous, layer):
    """dZ_previous = (dZ W^T) * f'(Z_previous); dZ (n, n_out), W (n_in, n_out) -> dZ_previous (n, n_in)."""
    np.dot(dZ, W.T, dZ_previous)
    activate_backward(dZ_previous, dZ_previous, Z_previous, A_previous, layer)


@kernel
def parameter_gradient(dW, db, dZ, A_previous):
    """dW = A_previous^T dZ / n, db = mean_i dz_i; dZ (n, n_out), A_previous (n, n_in) -> dW (n_in, n_out), db (n_out,)."""
    n, n_out = dZ.shape
    scale = dZ.dtype.type(1) / dZ.dtype.type(n)
    np.dot(A_previous.T, dZ, dW)
    for i in range(dW.shape[0]):
        for k in range(n_out):
            dW[i, k] *= scale
    db[:] = 0
    for i in range(n):
        for k in range(n_out):
            db[k] += dZ[i, k]
    for k in range(n_out):
        db[k] *= scale
