"""The way of a block of samples through all layers and back, the same in rows and in columns."""

from numba.extending import overload

from fastnn.backends.numba_backend.activations import activate
from fastnn.backends.numba_backend.compilation import FLAGS, inlined, kernel
from fastnn.backends.numba_backend.dropout import drop, number
from fastnn.backends.numba_backend.layers import affine, output_error, previous_error
from fastnn.backends.numba_backend.layouts import part, same_memory_in_columns
from fastnn.backends.numba_backend.matmul import copy
from fastnn.backends.numba_backend.normalizing import call_team
from fastnn.backends.numba_backend.rows import Rows, has_type_of_rows
from fastnn.backends.numba_backend.sparse import affine_sparse
from fastnn.backends.numba_backend.views import (
    activations,
    biases,
    errors,
    normalized,
    passed_on,
    pre_activations,
    weights,
)


@kernel
def forward(
    workspace, parameters, statistics, layers, X, n, start, stop, first, key, thread, n_threads, meeting, phase
):
    """Z_l and A_l up to Z_L for samples `start` to `stop` of a batch of n; X holds those samples only.

    They are the samples from `first` on of the batch that `key` drops units for; the next meeting is the `phase`-th, and
    the number of the one after these layers is returned, or 0 if the team was broken up. Without statistics, which are
    None then, nothing is normalised or dropped, nor is what would do so compiled.
    """
    A = _first_inputs(workspace, layers, X, n, start, stop)
    for l in range(len(layers) - 1):
        layer, A_previous = layers[l], A
        Z, A = (
            part(pre_activations(workspace, layer, n), start, stop),
            part(activations(workspace, layer, n), start, stop),
        )
        W, b = weights(parameters, layer), biases(parameters, layer)
        if statistics is None:
            _affine_of_layer(Z, A_previous, X, l, W, b)
        else:
            _affine_of_layer(part(normalized(workspace, layer, n), start, stop), A_previous, X, l, W, b)
            if layer["normalization"] != 0:
                phase = call_team(
                    layer["normalize"], thread, n_threads, meeting, phase, workspace, parameters, statistics, layer, n,
                    start, stop,
                )  # fmt: skip
                if phase == 0:
                    return phase
        activate(A, Z, layer)
        if statistics is not None:
            A_all, A = A, part(passed_on(workspace, layer, n), start, stop)
            if layer["dropout"] > 0:
                copy(A, A_all)
                drop(A, layer, number(key, l), first)
    Z, layer = part(pre_activations(workspace, layers[-1], n), start, stop), layers[-1]
    _affine_of_layer(Z, A, X, len(layers) - 1, weights(parameters, layer), biases(parameters, layer))
    return phase


def _first_inputs(workspace, layers, X, n, start, stop):
    """What of a dense X the first layer gets; where X is sparse, a block of the type that the other layers get."""
    return part(activations(workspace, layers[0], n), start, stop) if isinstance(X, Rows) else X


@overload(_first_inputs, jit_options=FLAGS, inline="always")
def _typed_first_inputs(workspace, layers, X, n, start, stop):
    if has_type_of_rows(X):
        return lambda workspace, layers, X, n, start, stop: part(activations(workspace, layers[0], n), start, stop)
    return lambda workspace, layers, X, n, start, stop: X


def _affine_of_layer(Z, A_previous, X, l, W, b):
    """Z_l = A_{l-1} W_l + b_l, where A_0 is X, which may be sparse."""
    if l == 0 and isinstance(X, Rows):
        affine_sparse(Z, X, W, b)
    else:
        affine(Z, A_previous, W, b)


@overload(_affine_of_layer, jit_options=FLAGS, inline="always")
def _typed_affine_of_layer(Z, A_previous, X, l, W, b):
    def dense(Z, A_previous, X, l, W, b):
        affine(Z, A_previous, W, b)

    def sparse(Z, A_previous, X, l, W, b):
        if l == 0:
            affine_sparse(Z, X, W, b)
        else:
            affine(Z, A_previous, W, b)

    return sparse if has_type_of_rows(X) else dense


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
def propagate_errors(
    gradient, workspace, parameters, statistics, layers, n, start, stop, first, key, thread, n_threads, meeting, phase
):
    """dZ_{l-1} = (dZ_l W_l^T) * f'_{l-1}(Z_{l-1}) for l = L ... 2 and samples `start` to `stop` of a batch of n.

    The gradients of scales and shifts are left where they belong. Samples and meetings are those of `forward`.
    """
    for l in range(len(layers) - 1, 0, -1):
        W, dZ, previous = (
            weights(parameters, layers[l]),
            part(errors(workspace, layers[l], n), start, stop),
            layers[l - 1],
        )
        Z_previous = part(pre_activations(workspace, previous, n), start, stop)
        A_previous = part(activations(workspace, previous, n), start, stop)
        dZ_previous = part(errors(workspace, previous, n), start, stop)
        if statistics is None:
            previous_error(dZ_previous, dZ, W, Z_previous, A_previous, previous, None, first)
        else:
            previous_error(dZ_previous, dZ, W, Z_previous, A_previous, previous, number(key, l - 1), first)
            if previous["normalization"] != 0:
                phase = call_team(
                    previous["normalize_backward"], thread, n_threads, meeting, phase, gradient, workspace, parameters,
                    statistics, previous, n, start, stop,
                )  # fmt: skip
                if phase == 0:
                    return phase
    return phase


@inlined
def inputs_of(workspace, layers, l, X):
    """A_{l-1} as layer l got it, which is X for the first; X (n, n_0) -> (n, n_{l-1})."""
    return X if l == 0 else passed_on(workspace, layers[l - 1], len(X))
