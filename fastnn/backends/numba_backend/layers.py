"""One layer, forward and backward: the four equations of backpropagation.

Nielsen, Neural Networks and Deep Learning (2015), chapter 2, equations BP1 to BP4, with one sample a row.
"""

import numpy as np
from numba import from_dtype, types

from fastnn.backends.numba_backend.activations import (
    activate,
    activate_backward,
    call,
    find_activation,
)
from fastnn.backends.numba_backend.compilation import address_of, inlined, provide_linked
from fastnn.backends.numba_backend.dropout import _drop_pass, drop
from fastnn.backends.numba_backend.losses import FROM_LOGITS, find_loss
from fastnn.backends.numba_backend.matmul import accumulate, multiply, multiply_add_row, sum_rows
from fastnn.backends.numba_backend.normalization import BATCH
from fastnn.backends.numba_backend.normalizing import bind_normalization

N_FROM_LOGITS = len(FROM_LOGITS)

#: What a layer calls, by address: passes over its activations, on the output layer the loss, and what drops and normalises.
ADDRESSES = ("activate", "activate_backward", "compute_loss", "drop", "normalize", "normalize_backward")


def bind(layers, dtype, gives_outputs):
    """The records of the layers as this backend calls them, to compute A_L or only losses.

    They get the addresses of the passes that they call, which are compiled if need be.
    """
    real = from_dtype(dtype)
    provide_linked(real)
    block, numbers = types.Array(real, 2, "F"), types.float64[::1]
    bound = np.zeros(len(layers), layers.dtype.descr + [(name, np.int64) for name in ADDRESSES])
    for name in layers.dtype.names:
        bound[name] = layers[name]
    output = bound[-1]
    output["compute_loss"] = address_of(find_loss(output["loss"]), types.void, numbers, *[block] * 3, numbers)
    from_logits = output["loss"] < N_FROM_LOGITS
    for layer in bound[:-1] if from_logits and not gives_outputs else bound:
        layer["activate"] = address_of(find_activation(layer["activation"])[0], types.void, block, block)
    for layer in bound[:-1] if from_logits else bound:
        layer["activate_backward"] = address_of(find_activation(layer["activation"])[1], types.void, *[block] * 3)
    record = from_dtype(bound.dtype)
    for layer in bound[:-1]:
        bind_normalization(layer, real, record)
        if layer["dropout"] > 0:
            layer["drop"] = address_of(
                _drop_pass, types.void, block, types.float64, types.uint64, types.int64, types.int64, types.int64
            )
    bound.flags.writeable = False
    return bound


@inlined
def affine(Z, A_previous, W, b):
    """Z = A_previous W + b; A_previous (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out)."""
    multiply_add_row(Z, A_previous, W, b)


@inlined
def output_error(losses, dZ, A, Z, Y, layer):
    """L_i = loss(f(z_i), y_i), dZ = dL/dA * f'(Z); Z, Y (n, K) -> L (n,), A, dZ (n, K).

    Here in columns, all of them.
    """
    options = layer["options"][: layer["n_options"]]
    if layer["loss"] < N_FROM_LOGITS:
        call(layer["compute_loss"], losses, dZ, Z, Y, options)
    else:
        activate(A, Z, layer)
        call(layer["compute_loss"], losses, dZ, A, Y, options)
        activate_backward(dZ, Z, A, layer)


@inlined
def previous_error(dZ_previous, dZ, W, Z_previous, A_previous, layer, key, first):
    """dZ_previous = (dZ W^T) * f'(Z_previous), of units not dropped; dZ (n, n_out), W (n_in, n_out) -> (n, n_in)."""
    multiply(dZ_previous, dZ, W.T)
    if key is not None:  # noqa: SIM102 (what `is None` decides alone is not compiled)
        if layer["dropout"] > 0:
            drop(dZ_previous, layer, key, first)
    activate_backward(dZ_previous, Z_previous, A_previous, layer)


@inlined
def weight_gradient(dW, dZ, A_previous):
    """dW = A_previous^T dZ / n; dZ (n, n_out), A_previous (n, n_in) -> dW (n_in, n_out)."""
    accumulate(dW, A_previous.T, dZ, 1 / len(dZ), 0)


@inlined
def bias_gradient(db, dZ, layer):
    """db = mean_i dz_i, which is 0 where a batch is normalised: the mean takes b away; dZ (n, n_out) -> db (n_out,)."""
    sum_rows(db, dZ, 0.0 if layer["normalization"] == BATCH else 1 / len(dZ))
