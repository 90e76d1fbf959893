"""The whole network: forward, loss, backward, and an epoch of stochastic gradient descent."""

from numba import types
from numba.extending import overload

from fastnn.backends.numba_backend.activations import activate
from fastnn.backends.numba_backend.compilation import FLAGS, entry_point, kernel
from fastnn.backends.numba_backend.layers import (
    affine,
    affine_activation,
    output_error,
    parameter_gradient,
    previous_error,
)
from fastnn.backends.numba_backend.optimizers import sgd
from fastnn.backends.numba_backend.views import activations, biases, errors, pre_activations, weights


@entry_point
def pre_output(workspace, parameters, layers, X):
    """Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l), A_0 = X, up to Z_L; X (n, n_0) -> Z_L (n, n_L)."""
    A, n = X, len(X)
    for layer in layers[:-1]:
        Z, A_previous, A = pre_activations(workspace, layer, n), A, activations(workspace, layer, n)
        affine_activation(Z, A, A_previous, weights(parameters, layer), biases(parameters, layer), layer)
    Z = pre_activations(workspace, layers[-1], n)
    affine(Z, A, weights(parameters, layers[-1]), biases(parameters, layers[-1]))
    return Z


@entry_point
def output(workspace, parameters, layers, X):
    """A_L = f_L(Z_L); X (n, n_0) -> A_L (n, n_L)."""
    Z = pre_output(workspace, parameters, layers, X)
    A = activations(workspace, layers[-1], len(X))
    activate(A, Z, layers[-1])
    return A


@entry_point
def loss(workspace, parameters, layers, X, Y):
    """L = mean_i loss(a_i, y_i), and dZ_L for `backward`; X (n, n_0), Y (n, n_L)."""
    Z = pre_output(workspace, parameters, layers, X)
    dZ, A = errors(workspace, layers[-1], len(X)), activations(workspace, layers[-1], len(X))
    return output_error(dZ, A, Z, Y, layers[-1]) / len(X)


@entry_point
def backward(gradient, workspace, parameters, layers, X):
    """dW_l, db_l for l = L ... 1, from the dZ_L that `loss` left; X (n, n_0) -> gradient, a flat vector."""
    n = len(X)
    for l in range(len(layers) - 1, -1, -1):
        dZ = errors(workspace, layers[l], n)
        A_previous = X if l == 0 else activations(workspace, layers[l - 1], n)
        parameter_gradient(weights(gradient, layers[l]), biases(gradient, layers[l]), dZ, A_previous)
        if l > 0:
            Z_previous, dZ_previous = pre_activations(workspace, layers[l - 1], n), errors(workspace, layers[l - 1], n)
            previous_error(dZ_previous, dZ, weights(parameters, layers[l]), Z_previous, A_previous, layers[l - 1])


@entry_point
def train_epoch(
    batch_losses, parameters, gradient, workspace, batch_X, batch_Y, layers, X, Y, order, batch_size,
    learning_rate, l2, penalize_biases,
):  # fmt: skip
    """theta <- theta - eta dL/dtheta, batch by batch; order (m,) of rows, or None for all rows in place -> batch_losses."""
    n_samples = len(X) if order is None else len(order)
    for batch, start in enumerate(range(0, n_samples, batch_size)):
        stop = min(start + batch_size, n_samples)
        X_batch = select_rows(batch_X, X, order, start, stop)
        Y_batch = select_targets(batch_Y, Y, order, start, stop)
        batch_losses[batch] = loss(workspace, parameters, layers, X_batch, Y_batch)
        backward(gradient, workspace, parameters, layers, X_batch)
        sgd(parameters, gradient, layers, learning_rate, l2, penalize_biases)


def select_rows(batch, source, order, start, stop):
    """x_i = s_{o_i} for start <= i < stop, converted to the type of the batch, or a view where order is None."""
    if order is None:
        return source[start:stop]
    rows = batch[: stop - start]
    for i in range(stop - start):
        for k in range(rows.shape[1]):
            rows[i, k] = source[order[start + i], k]
    return rows


@overload(select_rows, jit_options=FLAGS)
def _select_rows(batch, source, order, start, stop):
    # A view and a batch may differ in type, so the choice is made by the type of `order`.
    if isinstance(order, types.NoneType):
        return lambda batch, source, order, start, stop: source[start:stop]

    def gather(batch, source, order, start, stop):
        rows = batch[: stop - start]
        for i in range(stop - start):
            for k in range(rows.shape[1]):
                rows[i, k] = source[order[start + i], k]
        return rows

    return gather


@kernel
def select_targets(batch, targets, order, start, stop):
    """y_i = t_{o_i}, or y_ik = [k = t_{o_i}] from class numbers; targets (n, K) or (n,) -> rows (stop - start, K)."""
    rows = batch[: stop - start]
    for i in range(stop - start):
        chosen = _position(order, start + i)
        for k in range(rows.shape[1]):
            rows[i, k] = targets[chosen, k] if targets.ndim == 2 else k == targets[chosen]
    return rows


def _position(order, i):
    """o_i, which is i where order is None."""
    return i if order is None else order[i]


@overload(_position, inline="always")
def _typed_position(order, i):
    if isinstance(order, types.NoneType):
        return lambda order, i: i
    return lambda order, i: order[i]
