"""One layer, forward and backward: the four equations of backpropagation.

Nielsen, Neural Networks and Deep Learning (2015), chapter 2, equations BP1 to BP4, with one sample per row.
"""

from fastnn.backends.numpy_backend.activations import activate, activate_backward
from fastnn.backends.numpy_backend.losses import FROM_LOGITS, find_loss


def affine(Z, A_previous, W, b):
    """Z = A_previous W + b; A_previous (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out)."""
    Z[:] = A_previous @ W + b


def mix(A, Z, F, slope):
    """a = z + alpha (f(z) - z), a parametric activation, F = f(Z); Z, F (n, n_l), alpha (n_l,) -> A (n, n_l).

    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, section 3.
    """
    A[:] = Z + slope * (F - Z)


def mix_backward(dZ, dA, slope):
    """dz = da (1 + alpha (f'(z) - 1)); dZ holds dA * f'(Z) on entry; dZ, dA (n, n_l), alpha (n_l,) -> dZ (n, n_l)."""
    dZ[:] = dA + slope * (dZ - dA)


def slope_gradient(dslope, dA, Z, F):
    """dalpha = mean_i da_i (f(z_i) - z_i); dA, Z, F (n, n_l) -> dalpha (n_l,)."""
    dslope[:] = (dA * (F - Z)).mean(axis=0)


def output_error(losses, Y, layer):
    """L_i = loss(f(z_i), y_i), dZ = dL/dA * f'(Z), for the output layer; Y (n, K) -> L (n,)."""
    if layer.loss < len(FROM_LOGITS):
        find_loss(layer.loss)(losses, layer.dZ, layer.Z, Y, layer.options)
    else:
        activate(layer.A, layer.Z, layer.activation)
        find_loss(layer.loss)(losses, layer.dZ, layer.A, Y, layer.options)
        activate_backward(layer.dZ, layer.Z, layer.A, layer.activation)


def previous_error(dA_previous, dZ, W):
    """dA_previous = dZ W^T; dZ (n, n_out), W (n_in, n_out) -> (n, n_in)."""
    dA_previous[:] = dZ @ W.T


def weight_gradient(dW, A_previous, dZ):
    """dW = A_previous^T dZ / n; dZ (n, n_out), A_previous (n, n_in) -> dW (n_in, n_out)."""
    dW[:] = A_previous.T @ dZ / len(dZ)


def bias_gradient(db, dZ):
    """db = mean_i dz_i; dZ (n, n_out) -> db (n_out,)."""
    db[:] = dZ.mean(axis=0)
