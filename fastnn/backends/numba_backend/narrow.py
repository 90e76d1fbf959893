"""Training of narrow networks, in columns: lanes run along the samples, so that even two units fill a vector.

A batch is cut into tiles of samples, and each is taken through the whole network while all of it lies in the caches. The
gradients of the tiles are added in their order, so the sum does not depend on which thread computed which.
"""

from typing import Any, NamedTuple

import numpy as np

from fastnn.backends.numba_backend.batches import gather_rows, select_targets
from fastnn.backends.numba_backend.compilation import entry_point, inlined, kernel
from fastnn.backends.numba_backend.descent import clips, descend_part
from fastnn.backends.numba_backend.layers import output_error
from fastnn.backends.numba_backend.layouts import GRANULE, TILE, Columns, columns_of_blocks, in_columns, in_rows, whole
from fastnn.backends.numba_backend.losses import weigh
from fastnn.backends.numba_backend.matmul import inner_products
from fastnn.backends.numba_backend.optimizers import _shorten, call_for_number
from fastnn.backends.numba_backend.propagation import forward, inputs_of, propagate_errors
from fastnn.backends.numba_backend.threads import FIRST, meet, share
from fastnn.backends.numba_backend.views import activations, errors, pre_activations


class Desk(NamedTuple):
    """What a thread works on: room for a tile's inputs, targets, losses and layers."""

    X: Any
    Y: Any
    losses: Any
    workspace: Any


@inlined
def _desk(workspace, layers, tile, thread):
    """The thread's part of the workspace."""
    n_inputs, n_outputs = layers[0]["n_inputs"], layers[-1]["n_outputs"]
    size = tile * (n_inputs + n_outputs + columns_of_blocks(layers))
    own = workspace[thread * size : (thread + 1) * size]
    X, Y = own[: tile * n_inputs], own[tile * n_inputs : tile * (n_inputs + n_outputs)]
    return Desk(X, Y, np.empty(tile), Columns(own[tile * (n_inputs + n_outputs) :]))


@entry_point
def train_narrow_epoch(
    thread, n_threads, meeting, batch_losses, losses, parameters, statistics, state, workspace, layers, X, Y,
    relative_weights, order, batch_size, update, settings, penalty,
):  # fmt: skip
    """The same as `epoch.train_epoch`, for one thread of a team."""
    n_samples, phase = len(X) if order is None else len(order), FIRST
    n_batches = (n_samples + batch_size - 1) // batch_size
    tile, size = whole(min(batch_size, TILE)), whole(len(parameters))
    most_tiles = (batch_size + TILE - 1) // TILE
    gradients = workspace[: most_tiles * size].reshape(most_tiles, size)
    desk = _desk(workspace[most_tiles * size :], layers, tile, thread)
    for batch in range(len(batch_losses)):
        first = batch % n_batches * batch_size
        last = min(first + batch_size, n_samples)
        tiles, key = (last - first + tile - 1) // tile, np.uint64(settings[batch]["mask_key"])
        begin, end = share(tiles, thread, n_threads, 1)
        for t in range(begin, end):
            start, stop = first + t * tile, min(first + (t + 1) * tile, last)
            own_losses = losses[start - first : stop - first]
            _tile_gradient(
                gradients[t], own_losses, desk, parameters, statistics, layers, X, Y, relative_weights, order, start,
                stop, t * tile, key, meeting,
            )  # fmt: skip
        added = 0.0
        if penalty != 0 and thread == 0:  # before the meeting, after which others change the parameters
            added = call_for_number(penalty, parameters, layers, settings[batch])
        phase = meet(meeting, n_threads, phase)
        if phase == 0:
            return
        if thread == 0:
            batch_losses[batch] = losses[: last - first].mean() + added
        start, stop = share(len(parameters), thread, n_threads, GRANULE)
        gradient = gradients[0, : len(parameters)]
        if tiles > 1:
            _mean_of_tiles(gradient[start:stop], gradients[:tiles, start:stop], tile, last - first)
        if clips(update):
            phase = meet(meeting, n_threads, phase)
            if phase == 0:
                return
            factor = call_for_number(update[3], gradient, settings[batch])
            phase = meet(meeting, n_threads, phase)
            if phase == 0:
                return
            _shorten(gradient[start:stop], factor)
        descend_part(parameters, state, gradient, layers, update, settings[batch], start, stop)
        phase = meet(meeting, n_threads, phase)
        if phase == 0:
            return


@kernel
def _tile_gradient(
    gradient,
    losses,
    desk,
    parameters,
    statistics,
    layers,
    X,
    Y,
    relative_weights,
    order,
    start,
    stop,
    first,
    key,
    meeting,
):
    """L_i of the samples from `start` to `stop`, and their mean gradient; in their batch they are those from `first` on.

    What is computed for samples beyond the last, up to a whole vector, is neither summed nor kept.
    """
    n, padded = stop - start, whole(stop - start)
    tile_X, tile_Y = (
        in_columns(desk.X, 0, padded, layers[0]["n_inputs"]),
        in_columns(desk.Y, 0, padded, layers[-1]["n_outputs"]),
    )
    gather_rows(tile_X[:n], X, order, start)
    select_targets(tile_Y, Y, order, start, stop)
    forward(desk.workspace, parameters, statistics, layers, tile_X, padded, 0, padded, first, key, 0, 1, meeting, FIRST)
    Z, A = pre_activations(desk.workspace, layers[-1], padded), activations(desk.workspace, layers[-1], padded)
    output_error(desk.losses[:padded], errors(desk.workspace, layers[-1], padded), A, Z, tile_Y, layers[-1])
    for i in range(n):
        losses[i] = desk.losses[i]
    weigh(losses, errors(desk.workspace, layers[-1], padded)[:n], relative_weights[start:stop])
    propagate_errors(
        gradient, desk.workspace, parameters, statistics, layers, padded, 0, padded, first, key, 0, 1, meeting, FIRST
    )
    for l in range(len(layers)):
        dZ, A_previous = errors(desk.workspace, layers[l], padded)[:n], inputs_of(desk.workspace, layers, l, tile_X)[:n]
        inner_products(_weights_and_biases(gradient, layers[l]), A_previous.T, dZ, 1 / n)


@inlined
def _weights_and_biases(vector, layer):
    """W_l and below it b_l, as they follow each other in the flat vector: (n_{l-1} + 1, n_l)."""
    return in_rows(vector, layer["weights"], layer["n_inputs"] + 1, layer["n_outputs"])


@kernel
def _mean_of_tiles(mean, gradients, tile, n):
    """mean = sum_t (n_t / n) g_t, for tiles of n_t samples, all whole but the last; `mean` may be the first of them."""
    share = mean.dtype.type(min(tile, n) / n)
    for p in range(len(mean)):
        mean[p] *= share
    for t in range(1, len(gradients)):
        share = mean.dtype.type(min(tile, n - t * tile) / n)
        for p in range(len(mean)):
            mean[p] += share * gradients[t, p]
