"""The whole network: forward, loss, backward, and an epoch of stochastic gradient descent.

`n_threads` is for the compiled backend; here the library behind NumPy's matrix products has threads of its own.
"""

import numpy as np

from fastnn.backends.numpy_backend.activations import activate
from fastnn.backends.numpy_backend.layers import (
    affine,
    affine_activation,
    bias_gradient,
    descend_biases,
    descend_weights,
    output_error,
    previous_error,
    weight_gradient,
)
from fastnn.backends.numpy_backend.views import activations, biases, errors, pre_activations, weights


def pre_output(workspace, parameters, layers, X, n_threads):
    """Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l), A_0 = X, up to Z_L; X (n, n_0) -> Z_L (n, n_L)."""
    A, n = X, len(X)
    for layer in layers[:-1]:
        Z, A_previous, A = pre_activations(workspace, layer, n), A, activations(workspace, layer, n)
        affine_activation(Z, A, A_previous, weights(parameters, layer), biases(parameters, layer), layer)
    Z = pre_activations(workspace, layers[-1], n)
    affine(Z, A, weights(parameters, layers[-1]), biases(parameters, layers[-1]))
    return Z


def output(workspace, parameters, layers, X, n_threads):
    """A_L = f_L(Z_L); X (n, n_0) -> A_L (n, n_L)."""
    Z = pre_output(workspace, parameters, layers, X, n_threads)
    A = activations(workspace, layers[-1], len(X))
    activate(A, Z, layers[-1])
    return A


def loss(losses, workspace, parameters, layers, X, Y, n_threads):
    """L = mean_i L_i, and dZ_L for `backward`; X (n, n_0), Y (n, n_L) -> L_i (n,), and L as a number."""
    Z, n = pre_output(workspace, parameters, layers, X, n_threads), len(X)
    output_error(losses[:n], errors(workspace, layers[-1], n), activations(workspace, layers[-1], n), Z, Y, layers[-1])
    return losses[:n].mean()


def backward(gradient, workspace, parameters, layers, X, n_threads):
    """dW_l, db_l for l = L ... 1, from the dZ_L that `loss` left; X (n, n_0) -> gradient, a flat vector."""
    _propagate_errors(workspace, parameters, layers, len(X))
    for l, layer in enumerate(layers):
        dZ, A_previous = errors(workspace, layer, len(X)), _inputs_of(workspace, layers, l, X)
        weight_gradient(weights(gradient, layer), dZ, A_previous)
        bias_gradient(biases(gradient, layer), dZ)


def train_epoch(
    batch_losses, losses, parameters, workspace, batch_X, batch_Y, layers, X, Y, order, batch_size,
    learning_rate, l2, penalize_biases, n_threads,
):  # fmt: skip
    """theta <- theta - eta dL/dtheta, batch by batch; order (m,) of rows, or None for all rows in place -> batch_losses."""
    n_samples = len(X) if order is None else len(order)
    for batch, start in enumerate(range(0, n_samples, batch_size)):
        stop = min(start + batch_size, n_samples)
        X_batch = select_rows(batch_X, X, order, start, stop)
        Y_batch = select_targets(batch_Y, Y, order, start, stop)
        batch_losses[batch] = loss(losses, workspace, parameters, layers, X_batch, Y_batch, n_threads)
        _propagate_errors(workspace, parameters, layers, stop - start)
        for l, layer in enumerate(layers):
            dZ, A_previous = errors(workspace, layer, stop - start), _inputs_of(workspace, layers, l, X_batch)
            descend_weights(weights(parameters, layer), dZ, A_previous, learning_rate, l2)
            descend_biases(biases(parameters, layer), dZ, learning_rate, l2 if penalize_biases else 0)


def _propagate_errors(workspace, parameters, layers, n):
    """dZ_{l-1} = (dZ_l W_l^T) * f'_{l-1}(Z_{l-1}) for l = L ... 2, from the dZ_L that `loss` left; n samples."""
    for l in range(len(layers) - 1, 0, -1):
        W, dZ, previous = weights(parameters, layers[l]), errors(workspace, layers[l], n), layers[l - 1]
        Z_previous, A_previous = pre_activations(workspace, previous, n), activations(workspace, previous, n)
        previous_error(errors(workspace, previous, n), dZ, W, Z_previous, A_previous, previous)


def _inputs_of(workspace, layers, l, X):
    """A_{l-1}, which is X for the first layer; X (n, n_0) -> (n, n_{l-1})."""
    return X if l == 0 else activations(workspace, layers[l - 1], len(X))


def select_rows(batch, source, order, start, stop):
    """x_i = s_{o_i} for start <= i < stop, converted to the type of the batch, or a view where order is None."""
    if order is None:
        return source[start:stop]
    rows = batch[: stop - start]
    rows[:] = source[order[start:stop]]
    return rows


def select_targets(batch, targets, order, start, stop):
    """y_i = t_{o_i}, or y_ik = [k = t_{o_i}] from class numbers; targets (n, K) or (n,) -> rows (stop - start, K)."""
    rows = batch[: stop - start]
    chosen = targets[start:stop] if order is None else targets[order[start:stop]]
    rows[:] = chosen if targets.ndim == 2 else np.arange(batch.shape[1]) == chosen[:, np.newaxis]
    return rows
