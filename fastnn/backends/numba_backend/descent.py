"""How a team updates the parameters of a network that trains in rows, once all dZ_l of a batch are there.

There are three ways, and a training compiles the one that it needs. The function of each is called by address, takes the
number of the next meeting, and returns that of the meeting after its own, or 0 if the team was broken up.
"""

from functools import cache

import numpy as np
from numba import from_dtype, typeof, types
from numba.extending import overload

from fastnn.backends.numba_backend.compilation import (
    FLAGS,
    address_of,
    caller,
    entry_point,
    inlined,
    kernel,
)
from fastnn.backends.numba_backend.layers import bias_gradient, weight_gradient
from fastnn.backends.numba_backend.matmul import CHUNK, ROWS, accumulate, multiply_near, sum_squares
from fastnn.backends.numba_backend.optimizers import PLAIN, _shorten, _shortening, descend, penalty
from fastnn.backends.numba_backend.propagation import inputs_of
from fastnn.backends.numba_backend.rows import Rows, columns_from, has_type_of_rows
from fastnn.backends.numba_backend.sparse import (
    _accumulate_sparse,
    _add_entries,
    _sorted_by_blocks,
    weight_gradient_sparse,
)
from fastnn.backends.numba_backend.threads import meet, share
from fastnn.backends.numba_backend.views import biases, errors, passed_on, weights

#: Rows of weights whose gradient is computed before they are updated, so that it does not leave the cache.
UPDATE_ROWS = 4 * ROWS

#: Numbers, about, in such rows where X is sparse: few entries of X meet each, so that there is more to do for the update.
UPDATE_NUMBERS = 2048


@inlined
def clips(update):
    """Whether the gradient has to be complete before the first parameter is updated."""
    return update[3] != 0


@entry_point
def descend_in_products(
    thread, n_threads, meeting, phase, squares, parameters, state, gradient, workspace, layers, X, update, settings
):
    """W <- (1 - eta (l2 + lambda)) W - (eta / n) A^T dZ: plain descent is a matrix product, without a gradient in memory."""
    rate = settings["learning_rate"]
    keep = 1 - rate * (settings["l2"] + settings["weight_decay"])
    for l in range(len(layers)):
        dZ, factor = errors(workspace, layers[l], X.shape[0]), -rate / X.shape[0]
        first, last = share(layers[l]["n_inputs"], thread, n_threads, ROWS)
        W = weights(parameters, layers[l])[first:last]
        _accumulate_layer(W, dZ, workspace, layers, l, X, first, last, factor, keep)
        _descend_biases(parameters, state, gradient, layers[l], dZ, update, settings, thread, n_threads)
    return phase


@entry_point
def descend_by_blocks(
    thread, n_threads, meeting, phase, squares, parameters, state, gradient, workspace, layers, X, update, settings
):
    """W <- W - step(A^T dZ / n), some rows at a time; their gradients take the same place and do not leave the cache."""
    for l in range(len(layers)):
        layer, dZ = layers[l], errors(workspace, layers[l], X.shape[0])
        first, last = share(layer["n_inputs"], thread, n_threads, ROWS)
        _descend_rows(parameters, state, gradient, layer, dZ, workspace, layers, l, X, first, last, update, settings)
        _descend_biases(parameters, state, gradient, layer, dZ, update, settings, thread, n_threads)
    return phase


@entry_point
def descend_in_one(
    thread, n_threads, meeting, phase, squares, parameters, state, gradient, workspace, layers, X, update, settings
):
    """theta <- theta - step(min(1, c / |g|) g): the gradient has to be complete before its length is known."""
    gradients(gradient, workspace, layers, X, thread, n_threads)
    phase = meet(meeting, n_threads, phase)
    if phase == 0:
        return phase
    first, last = share(len(squares), thread, n_threads, 1)
    sum_squares(squares, gradient, first, last)
    phase = meet(meeting, n_threads, phase)
    if phase == 0:
        return phase
    start, stop = share(len(parameters), thread, n_threads, CHUNK)
    _shorten(gradient[start:stop], _shortening(squares, settings))
    descend_part(parameters, state, gradient, layers, update, settings, start, stop)
    return phase


@kernel
def gradients(gradient, workspace, layers, X, thread, n_threads):
    """dW_l, db_l of all layers, from their dZ_l: this thread's share of each."""
    for l in range(len(layers)):
        dZ = errors(workspace, layers[l], X.shape[0])
        first, last = share(layers[l]["n_inputs"], thread, n_threads, ROWS)
        dW = weights(gradient, layers[l])[first:last]
        _weight_gradient_of_layer(dW, dZ, workspace, layers, l, X, first, last)
        first, last = share(layers[l]["n_outputs"], thread, n_threads, ROWS)
        bias_gradient(biases(gradient, layers[l])[first:last], dZ[:, first:last], layers[l])


def _is_sparse_layer(l, X):
    return l == 0 and isinstance(X, Rows)


def _weight_gradient_of_layer(dW, dZ, workspace, layers, l, X, first, last):
    """The rows of dW_l = A_{l-1}^T dZ_l / n from `first` to `last`, where A_0 is X, which may be sparse."""
    if _is_sparse_layer(l, X):
        weight_gradient_sparse(dW, dZ, columns_from(X, first))
    else:
        weight_gradient(dW, dZ, inputs_of(workspace, layers, l, X)[:, first:last])


@overload(_weight_gradient_of_layer, jit_options=FLAGS, inline="always")
def _typed_weight_gradient_of_layer(dW, dZ, workspace, layers, l, X, first, last):
    def dense(dW, dZ, workspace, layers, l, X, first, last):
        weight_gradient(dW, dZ, inputs_of(workspace, layers, l, X)[:, first:last])

    def sparse(dW, dZ, workspace, layers, l, X, first, last):
        if l == 0:
            weight_gradient_sparse(dW, dZ, columns_from(X, first))
        else:
            weight_gradient(dW, dZ, passed_on(workspace, layers[l - 1], X.shape[0])[:, first:last])

    return sparse if has_type_of_rows(X) else dense


def _accumulate_layer(W, dZ, workspace, layers, l, X, first, last, factor, keep):
    """The rows of W_l <- factor A_{l-1}^T dZ_l + keep W_l from `first` to `last`, where A_0 is X, which may be sparse."""
    if _is_sparse_layer(l, X):
        _accumulate_sparse(W, dZ, columns_from(X, first), factor, keep)
    else:
        accumulate(W, inputs_of(workspace, layers, l, X)[:, first:last].T, dZ, factor, keep)


@overload(_accumulate_layer, jit_options=FLAGS, inline="always")
def _typed_accumulate_layer(W, dZ, workspace, layers, l, X, first, last, factor, keep):
    def dense(W, dZ, workspace, layers, l, X, first, last, factor, keep):
        accumulate(W, inputs_of(workspace, layers, l, X)[:, first:last].T, dZ, factor, keep)

    def sparse(W, dZ, workspace, layers, l, X, first, last, factor, keep):
        if l == 0:
            _accumulate_sparse(W, dZ, columns_from(X, first), factor, keep)
        else:
            A_previous = passed_on(workspace, layers[l - 1], X.shape[0])
            accumulate(W, A_previous[:, first:last].T, dZ, factor, keep)

    return sparse if has_type_of_rows(X) else dense


def _descend_rows(parameters, state, gradient, layer, dZ, workspace, layers, l, X, first, last, update, settings):
    """The rows of W_l <- W_l - step(A_{l-1}^T dZ_l / n) from `first` to `last`, where A_0 is X, which may be sparse."""
    is_sparse = _is_sparse_layer(l, X)
    A_previous = X if is_sparse else inputs_of(workspace, layers, l, X)
    descend = _descend_sparse_rows if is_sparse else _descend_dense_rows
    descend(parameters, state, gradient, layer, dZ, A_previous, first, last, update, settings)


@overload(_descend_rows, jit_options=FLAGS, inline="always")
def _typed_descend_rows(parameters, state, gradient, layer, dZ, workspace, layers, l, X, first, last, update, settings):
    def dense(parameters, state, gradient, layer, dZ, workspace, layers, l, X, first, last, update, settings):
        A_previous = inputs_of(workspace, layers, l, X)
        _descend_dense_rows(parameters, state, gradient, layer, dZ, A_previous, first, last, update, settings)

    def sparse(parameters, state, gradient, layer, dZ, workspace, layers, l, X, first, last, update, settings):
        if l == 0:
            _descend_sparse_rows(parameters, state, gradient, layer, dZ, X, first, last, update, settings)
        else:
            A_previous = passed_on(workspace, layers[l - 1], X.shape[0])
            _descend_dense_rows(parameters, state, gradient, layer, dZ, A_previous, first, last, update, settings)

    return sparse if has_type_of_rows(X) else dense


@inlined
def _descend_dense_rows(parameters, state, gradient, layer, dZ, A_previous, first, last, update, settings):
    """Some rows at a time: their gradients take the same place and do not leave the cache."""
    for start in range(first, last, UPDATE_ROWS):
        stop = min(start + UPDATE_ROWS, last)
        W, dW = weights(parameters, layer)[start:stop], weights(gradient, layer)[first : first + stop - start]
        place = layer["weights"] + start * layer["n_outputs"]
        multiply_near(dW, A_previous[:, start:stop].T, dZ, 1 / len(dZ), W, state, place)
        descend(W.reshape(W.size), dW.reshape(W.size), state, place, update, settings, True)


@kernel
def _descend_sparse_rows(parameters, state, gradient, layer, dZ, X, first, last, update, settings):
    """The same, with the entries of X sorted by such rows: one pass over weights and states, and no gradient in memory."""
    n_rows = max(1, UPDATE_NUMBERS // layer["n_outputs"])
    blocks = _sorted_by_blocks(columns_from(X, first), last - first, n_rows)
    for block in range(len(blocks.ends)):
        start = first + block * n_rows
        stop = min(start + n_rows, last)
        W, dW = weights(parameters, layer)[start:stop], weights(gradient, layer)[first : first + stop - start]
        dW[:] = 0
        _add_entries(dW, dZ, columns_from(X, start), blocks, block, 1 / len(dZ))
        place = layer["weights"] + start * layer["n_outputs"]
        descend(W.reshape(W.size), dW.reshape(W.size), state, place, update, settings, True)


@kernel
def descend_part(parameters, state, gradient, layers, update, settings, first, last):
    """One update of the parameters from `first` to `last`; flat vectors, of which the gradient is changed."""
    for layer in layers:
        b = layer["biases"]
        for begin, end, penalized in (
            (layer["weights"], b, True),
            (b, layer["end"], settings["penalize_biases"] != 0),
        ):
            start, stop = max(first, begin), min(last, end)
            if start < stop:
                theta, g = parameters[start:stop], gradient[start:stop]
                descend(theta, g, state, start, update, settings, penalized)


@kernel
def _descend_biases(parameters, state, gradient, layer, dZ, update, settings, thread, n_threads):
    """b <- b - step(mean_i dz_i) for this thread's units, and their scales and shifts, whose gradient is there."""
    first, last = share(layer["n_outputs"], thread, n_threads, ROWS)
    bias_gradient(biases(gradient, layer)[first:last], dZ[:, first:last], layer)
    for vector in range(layer["biases"], layer["end"], layer["n_outputs"]):
        theta, g = parameters[vector + first : vector + last], gradient[vector + first : vector + last]
        descend(theta, g, state, vector + first, update, settings, settings["penalize_biases"] != 0)


call_descent = caller(types.int64)


def way_of_descent(parameters, layers, X, update, settings):
    """The address of the function that makes the steps of these settings, of which there is one at least."""
    if clips(update):
        way = descend_in_one
    elif update[0] == PLAIN and not settings["l1"][0]:
        way = descend_in_products
    else:
        way = descend_by_blocks
    sparse_type = typeof(X) if isinstance(X, Rows) else None
    return _address(way, parameters.dtype, layers.dtype, settings.dtype, sparse_type)


@cache
def _address(way, dtype, layer_dtype, settings_dtype, sparse_type):
    number, real = types.int64, from_dtype(dtype)
    vector, matrix = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    layers = types.Array(from_dtype(layer_dtype), 1, "C", readonly=True)
    update = types.Array(number, 1, "C", readonly=True)
    return address_of(
        way, number, number, number, number[::1], number, types.float64[::1], vector, matrix, vector, vector, layers,
        sparse_type or types.Array(real, 2, "C", readonly=True), update, from_dtype(settings_dtype),
    )  # fmt: skip


def address_of_penalty(parameters, layers, update, settings):
    """The address of `penalty` where the reported losses include it, else 0: then it is not compiled."""
    return _penalty_address(parameters.dtype, layers.dtype, settings.dtype) if update[4] != 0 else 0


@cache
def _penalty_address(dtype, layer_dtype, settings_dtype):
    vector, layers = types.Array(from_dtype(dtype), 1, "C"), types.Array(from_dtype(layer_dtype), 1, "C", readonly=True)
    return address_of(penalty, types.float64, vector, layers, from_dtype(settings_dtype))


def room_for_squares(n_parameters):
    """A number for each chunk of a gradient that `sum_squares` adds up."""
    return np.empty(-(-n_parameters // CHUNK))
