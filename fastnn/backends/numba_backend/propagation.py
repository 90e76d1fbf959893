"""The way of a block of samples through all layers and back, the same in rows and in columns."""

from fastnn.backends.numba_backend.compilation import inlined, kernel
from fastnn.backends.numba_backend.layers import affine, affine_activation, output_error, previous_error
from fastnn.backends.numba_backend.layouts import part, same_memory_in_columns
from fastnn.backends.numba_backend.matmul import copy
from fastnn.backends.numba_backend.views import activations, biases, errors, pre_activations, weights


@kernel
def forward(workspace, parameters, layers, X, n, start, stop):
    """Z_l and A_l up to Z_L for samples `start` to `stop` of a batch of n; X holds those samples only."""
    A = X
    for layer in layers[:-1]:
        Z, A_previous = part(pre_activations(workspace, layer, n), start, stop), A
        A = part(activations(workspace, layer, n), start, stop)
        affine_activation(Z, A, A_previous, weights(parameters, layer), biases(parameters, layer), layer)
    Z, layer = part(pre_activations(workspace, layers[-1], n), start, stop), layers[-1]
    affine(Z, A, weights(parameters, layer), biases(parameters, layer))


@kernel
def output_error_in_rows(losses, workspace, layers, Y, n, start, stop):
    """L_i and dZ_L for samples `start` to `stop` of a batch of n; Y holds those samples only, in columns.

    The outputs are laid in columns and back again: there are often too few of them to fill the lanes of a vector.
    """
    layer = layers[-1]
    Z, A = pre_activations(workspace, layer, n)[start:stop], activations(workspace, layer, n)[start:stop]
    dZ = errors(workspace, layer, n)[start:stop]
    Z_columns, A_columns, dZ_columns = (
        same_memory_in_columns(dZ),
        same_memory_in_columns(A),
        same_memory_in_columns(Z),
    )
    copy(Z_columns, Z)
    output_error(losses[start:stop], dZ_columns, A_columns, Z_columns, Y, layer)
    copy(dZ, dZ_columns)


@kernel
def propagate_errors(workspace, parameters, layers, n, start, stop):
    """dZ_{l-1} = (dZ_l W_l^T) * f'_{l-1}(Z_{l-1}) for l = L ... 2 and samples `start` to `stop` of a batch of n."""
    for l in range(len(layers) - 1, 0, -1):
        W, dZ, previous = (
            weights(parameters, layers[l]),
            part(errors(workspace, layers[l], n), start, stop),
            layers[l - 1],
        )
        Z_previous = part(pre_activations(workspace, previous, n), start, stop)
        A_previous = part(activations(workspace, previous, n), start, stop)
        dZ_previous = part(errors(workspace, previous, n), start, stop)
        previous_error(dZ_previous, dZ, W, Z_previous, A_previous, previous)


@inlined
def inputs_of(workspace, layers, l, X):
    """A_{l-1}, which is X for the first layer; X (n, n_0) -> (n, n_{l-1})."""
    return X if l == 0 else activations(workspace, layers[l - 1], len(X))
