"""The whole network: forward, loss, backward, and an epoch of stochastic gradient descent.

`n_threads` is for the compiled backend; here the library behind NumPy's matrix products has threads of its own.
"""

import numpy as np

from fastnn.backends.numpy_backend.activations import activate
from fastnn.backends.numpy_backend.batches import select_rows, select_targets
from fastnn.backends.numpy_backend.dropout import drop, number
from fastnn.backends.numpy_backend.layers import affine, bias_gradient, output_error, previous_error, weight_gradient
from fastnn.backends.numpy_backend.losses import weigh
from fastnn.backends.numpy_backend.normalization import (
    BATCH,
    SAMPLES,
    normalize_batch,
    normalize_batch_backward,
    normalize_running,
    normalize_samples,
    normalize_samples_backward,
    scale_and_shift_gradient,
)
from fastnn.backends.numpy_backend.optimizers import step
from fastnn.backends.numpy_backend.sparse import affine_sparse, is_sparse, weight_gradient_sparse
from fastnn.backends.numpy_backend.views import (
    activations,
    biases,
    errors,
    normalized,
    passed_on,
    pre_activations,
    running_means,
    running_variances,
    sample_precisions,
    scales,
    shifts,
    unit_precisions,
    weights,
)

#: Samples that inference takes at a time, so that its memory does not grow with the data.
ROWS_PER_PASS = 1024


def pre_output(Z, workspace, parameters, statistics, layers, X, n_threads):
    """Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l), A_0 = X, up to Z_L; X (n, n_0) -> Z_L (n, n_L)."""
    finite = True
    for start in range(0, X.shape[0], ROWS_PER_PASS):
        rows = slice(start, min(start + ROWS_PER_PASS, X.shape[0]))
        Z[rows] = _forward(workspace, parameters, statistics, layers, X[rows], None)
        finite &= _is_finite(workspace, layers, rows.stop - start)
    return finite


def output(A, workspace, parameters, statistics, layers, X, n_threads):
    """A_L = f_L(Z_L); X (n, n_0) -> A_L (n, n_L)."""
    finite = True
    for start in range(0, X.shape[0], ROWS_PER_PASS):
        rows = slice(start, min(start + ROWS_PER_PASS, X.shape[0]))
        activate(A[rows], _forward(workspace, parameters, statistics, layers, X[rows], None), layers[-1])
        finite &= _is_finite(workspace, layers, rows.stop - start)
    return finite


def loss(losses, workspace, batch_Y, parameters, statistics, layers, X, Y, relative_weights, key, n_threads):
    """L = mean_i L_i, and dZ_L for `backward`; X (n, n_0), Y (n, n_L) or (n,) -> L_i (n,), and L as a number.

    Weights relative to their mean, c (n,) and not (0,), make it that of c_i L_i, which L_i and dZ_L then hold.
    """
    Z, n, layer = _forward(workspace, parameters, statistics, layers, X, key), X.shape[0], layers[-1]
    rows = select_targets(batch_Y, Y, None, 0, n)
    output_error(losses[:n], errors(workspace, layer, n), activations(workspace, layer, n), Z, rows, layer)
    weigh(losses[:n], errors(workspace, layer, n), relative_weights)
    return losses[:n].mean()


def backward(gradient, workspace, parameters, statistics, layers, X, key, n_threads):
    """dW_l, db_l for l = L ... 1, from the dZ_L that `loss` left; X (n, n_0) -> gradient, a flat vector."""
    n = X.shape[0]
    _propagate_errors(gradient, workspace, parameters, statistics, layers, n, key)
    for l, layer in enumerate(layers):
        dZ, A_previous = errors(workspace, layer, n), _inputs_of(workspace, layers, l, X)
        product = weight_gradient_sparse if is_sparse(A_previous) else weight_gradient
        product(weights(gradient, layer), dZ, A_previous)
        bias_gradient(biases(gradient, layer), dZ, layer)


def train_epoch(
    batch_losses, losses, parameters, statistics, state, gradient, workspace, batch_X, batch_Y, layers, X, Y,
    relative_weights, order, batch_size, update, settings, n_threads,
):  # fmt: skip
    """theta <- theta - step(dL/dtheta), batch by batch; order (m,) of rows, or None for all in place -> batch_losses.

    If there are more batch losses than batches, the batches begin again. Relative weights, where there are any and
    not (0,), are in the order in which the samples come.
    """
    n_samples = X.shape[0] if order is None else len(order)
    n_batches, (*_, penalty) = -(-n_samples // batch_size), update
    for batch in range(len(batch_losses)):
        start = batch % n_batches * batch_size
        stop = min(start + batch_size, n_samples)
        X_batch = select_rows(batch_X, X, order, start, stop)
        data = X_batch, Y[start:stop] if order is None else Y[order[start:stop]], relative_weights[start:stop]
        key, model = settings[batch]["mask_key"], (parameters, statistics, layers)
        batch_losses[batch] = loss(losses, workspace, batch_Y, *model, *data, key, n_threads)
        if penalty:
            batch_losses[batch] += penalty(parameters, layers, settings[batch])
        backward(gradient, workspace, *model, X_batch, key, n_threads)
        step(parameters, state, gradient, layers, update, settings[batch])


def _forward(workspace, parameters, statistics, layers, X, key):
    """Z_l and A_l of all layers in the workspace, up to Z_L, which is returned; X (n, n_0) -> Z_L (n, n_L)."""
    A, n = X, X.shape[0]
    for l, layer in enumerate(layers[:-1]):
        Z, A_previous, A = pre_activations(workspace, layer, n), A, activations(workspace, layer, n)
        _affine(normalized(workspace, layer, n), A_previous, parameters, layer)
        if layer["normalization"]:
            _normalize(workspace, parameters, statistics, layer, n)
        activate(A, Z, layer)
        if layer["dropout"] > 0:
            D = passed_on(workspace, layer, n)
            D[:] = A
            drop(D, layer, number(key, l), 0)
            A = D
    Z = pre_activations(workspace, layers[-1], n)
    _affine(Z, A, parameters, layers[-1])
    return Z


def _affine(Z, A_previous, parameters, layer):
    """Z_l = A_{l-1} W_l + b_l, where A_0 may be sparse; A_{l-1} (n, n_{l-1}) -> Z_l (n, n_l)."""
    product = affine_sparse if is_sparse(A_previous) else affine
    product(Z, A_previous, weights(parameters, layer), biases(parameters, layer))


def _normalize(workspace, parameters, statistics, layer, n):
    """Y from Z of a layer, batch by batch, sample by sample, or by running statistics; n samples."""
    Y, X = pre_activations(workspace, layer, n), normalized(workspace, layer, n)
    scale, shift = scales(parameters, layer), shifts(parameters, layer)
    running = running_means(statistics, layer), running_variances(statistics, layer)
    if layer["normalization"] == BATCH:
        normalize_batch(Y, X, unit_precisions(statistics, layer), *running, scale, shift)
    elif layer["normalization"] == SAMPLES:
        normalize_samples(Y, X, sample_precisions(workspace, layer, n), scale, shift)
    else:
        normalize_running(Y, X, *running, scale, shift)


def _is_finite(workspace, layers, n):
    """Whether Z_1 of n samples is finite."""
    return bool(np.isfinite(pre_activations(workspace, layers[0], n)).all())


def _propagate_errors(gradient, workspace, parameters, statistics, layers, n, key):
    """dZ_{l-1} = (dZ_l W_l^T) * f'_{l-1}(Z_{l-1}) for l = L ... 2, from the dZ_L that `loss` left; n samples."""
    for l in range(len(layers) - 1, 0, -1):
        W, dZ, previous = weights(parameters, layers[l]), errors(workspace, layers[l], n), layers[l - 1]
        Z_previous, A_previous = pre_activations(workspace, previous, n), activations(workspace, previous, n)
        dZ_previous = errors(workspace, previous, n)
        previous_error(dZ_previous, dZ, W, Z_previous, A_previous, previous, number(key, l - 1), 0)
        if previous["normalization"]:
            _normalize_backward(gradient, workspace, parameters, statistics, previous, n)


def _normalize_backward(gradient, workspace, parameters, statistics, layer, n):
    """dZ from dY of a layer, and the gradients of its scales and shifts; n samples."""
    dZ, X, scale = errors(workspace, layer, n), normalized(workspace, layer, n), scales(parameters, layer)
    dscale, dshift = scales(gradient, layer), shifts(gradient, layer)
    scale_and_shift_gradient(dscale, dshift, dZ, X)
    if layer["normalization"] == BATCH:
        normalize_batch_backward(dZ, X, unit_precisions(statistics, layer), scale, dscale, dshift)
    else:
        normalize_samples_backward(dZ, X, sample_precisions(workspace, layer, n), scale)


def _inputs_of(workspace, layers, l, X):
    """A_{l-1} as layer l got it, which is X for the first; X (n, n_0) -> (n, n_{l-1})."""
    return X if l == 0 else passed_on(workspace, layers[l - 1], X.shape[0])
