"""One layer, forward and backward: the four equations of backpropagation.

Nielsen, Neural Networks and Deep Learning (2015), chapter 2, equations BP1 to BP4, with one sample a row.
"""

from fastnn.backends.numpy_backend.activations import activate, activate_backward
from fastnn.backends.numpy_backend.dropout import drop
from fastnn.backends.numpy_backend.losses import FROM_LOGITS, find_loss
from fastnn.backends.numpy_backend.normalization import BATCH


def bind(layers, dtype, gives_outputs):
    """The records of the layers as this backend calls them, to compute A_L or only losses.

    The reference looks activations and losses up by their codes, and needs nothing more.
    """
    return layers


def affine(Z, A_previous, W, b):
    """Z = A_previous W + b; A_previous (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out)."""
    Z[:] = A_previous @ W + b


def output_error(losses, dZ, A, Z, Y, layer):
    """L_i = loss(f(z_i), y_i), dZ = dL/dA * f'(Z); Z, Y (n, K) -> L (n,), A, dZ (n, K)."""
    loss, options = layer["loss"], layer["options"][: layer["n_options"]]
    if loss < len(FROM_LOGITS):
        find_loss(loss)(losses, dZ, Z, Y, options)
    else:
        activate(A, Z, layer)
        find_loss(loss)(losses, dZ, A, Y, options)
        activate_backward(dZ, Z, A, layer)


def previous_error(dZ_previous, dZ, W, Z_previous, A_previous, layer, key, first):
    """dZ_previous = (dZ W^T) * f'(Z_previous), of units not dropped; dZ (n, n_out), W (n_in, n_out) -> (n, n_in)."""
    dZ_previous[:] = dZ @ W.T
    if layer["dropout"] > 0:
        drop(dZ_previous, layer, key, first)
    activate_backward(dZ_previous, Z_previous, A_previous, layer)


def weight_gradient(dW, dZ, A_previous):
    """dW = A_previous^T dZ / n; dZ (n, n_out), A_previous (n, n_in) -> dW (n_in, n_out)."""
    dW[:] = A_previous.T @ dZ / len(dZ)


def bias_gradient(db, dZ, layer):
    """db = mean_i dz_i, which is 0 where a batch is normalised: the mean takes b away; dZ (n, n_out) -> db (n_out,)."""
    db[:] = 0 if layer["normalization"] == BATCH else dZ.mean(axis=0)
