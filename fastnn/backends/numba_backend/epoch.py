"""The whole network: forward, loss, backward, and an epoch of stochastic gradient descent.

The functions of the contract start a team of threads. Each thread takes its rows of the batch through all layers without
waiting for another; the threads meet before the parameters' gradients, where each takes its share of the weights, and
after them. So every number is computed by one thread in one order, and results are the same for any number of threads.
"""

from numba import types
from numba.extending import overload

from fastnn.backends.numba_backend.activations import activate
from fastnn.backends.numba_backend.compilation import FLAGS, entry_point, inlined, kernel, read_only
from fastnn.backends.numba_backend.layers import (
    affine,
    affine_activation,
    bias_gradient,
    descend_biases,
    descend_weights,
    output_error,
    previous_error,
    weight_gradient,
)
from fastnn.backends.numba_backend.matmul import ROWS
from fastnn.backends.numba_backend.threads import meet, run_team, share
from fastnn.backends.numba_backend.views import activations, biases, errors, pre_activations, weights

#: Products of a weight and a sample that make one more thread worth its meetings, in a batch, and its start, in a call.
BATCH_WORK_PER_THREAD = 250_000
CALL_WORK_PER_THREAD = 4_000_000


def pre_output(workspace, parameters, layers, X, n_threads):
    """Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l), A_0 = X, up to Z_L; X (n, n_0) -> Z_L (n, n_L)."""
    return run_team(_pre_output, _team_size(parameters, len(X), len(X), n_threads), workspace, parameters, layers, X)


def output(workspace, parameters, layers, X, n_threads):
    """A_L = f_L(Z_L); X (n, n_0) -> A_L (n, n_L)."""
    return run_team(_output, _team_size(parameters, len(X), len(X), n_threads), workspace, parameters, layers, X)


def loss(losses, workspace, parameters, layers, X, Y, n_threads):
    """L = mean_i L_i, and dZ_L for `backward`; X (n, n_0), Y (n, n_L) -> L_i (n,), and L as a number."""
    run_team(_loss, _team_size(parameters, len(X), len(X), n_threads), losses, workspace, parameters, layers, X, Y)
    return losses[: len(X)].mean()


def backward(gradient, workspace, parameters, layers, X, n_threads):
    """dW_l, db_l for l = L ... 1, from the dZ_L that `loss` left; X (n, n_0) -> gradient, a flat vector."""
    run_team(_backward, _team_size(parameters, len(X), len(X), n_threads), gradient, workspace, parameters, layers, X)


def train_epoch(
    batch_losses, losses, parameters, workspace, batch_X, batch_Y, layers, X, Y, order, batch_size,
    learning_rate, l2, penalize_biases, n_threads,
):  # fmt: skip
    """theta <- theta - eta dL/dtheta, batch by batch; order (m,) of rows, or None for all rows in place -> batch_losses."""
    run_team(
        _train_epoch, _team_size(parameters, len(batch_losses) * batch_size, batch_size, n_threads),
        batch_losses, losses, parameters, workspace, batch_X, batch_Y, layers, X, Y, order, batch_size,
        learning_rate, l2, penalize_biases,
    )  # fmt: skip


def _team_size(parameters, n_samples, batch_size, n_threads):
    """As many of the threads as have work enough, in each batch and in all."""
    by_batch = len(parameters) * batch_size // BATCH_WORK_PER_THREAD
    by_call = len(parameters) * n_samples // CALL_WORK_PER_THREAD
    return max(1, min(n_threads, by_batch, by_call, batch_size // ROWS))


@entry_point
def _pre_output(thread, n_threads, meeting, workspace, parameters, layers, X):
    start, stop = share(len(X), thread, n_threads, ROWS)
    _forward(workspace, parameters, layers, X[start:stop], len(X), start, stop)
    return pre_activations(workspace, layers[-1], len(X))


@entry_point
def _output(thread, n_threads, meeting, workspace, parameters, layers, X):
    start, stop = share(len(X), thread, n_threads, ROWS)
    _forward(workspace, parameters, layers, X[start:stop], len(X), start, stop)
    Z, A = pre_activations(workspace, layers[-1], len(X)), activations(workspace, layers[-1], len(X))
    activate(A[start:stop], Z[start:stop], layers[-1])
    return A


@entry_point
def _loss(thread, n_threads, meeting, losses, workspace, parameters, layers, X, Y):
    start, stop = share(len(X), thread, n_threads, ROWS)
    _forward(workspace, parameters, layers, X[start:stop], len(X), start, stop)
    _output_error(losses, workspace, layers, Y[start:stop], len(X), start, stop)


@entry_point
def _backward(thread, n_threads, meeting, gradient, workspace, parameters, layers, X):
    n = len(X)
    start, stop = share(n, thread, n_threads, ROWS)
    _propagate_errors(workspace, parameters, layers, n, start, stop)
    if meet(meeting, n_threads, 1) == 0:
        return
    for l in range(len(layers)):
        dZ, A_previous = errors(workspace, layers[l], n), _inputs_of(workspace, layers, l, X)
        inputs, outputs = _shares(layers[l], thread, n_threads)
        weight_gradient(weights(gradient, layers[l])[inputs], dZ, A_previous[:, inputs])
        bias_gradient(biases(gradient, layers[l])[outputs], dZ[:, outputs])


@entry_point
def _train_epoch(
    thread, n_threads, meeting, batch_losses, losses, parameters, workspace, batch_X, batch_Y, layers, X, Y, order,
    batch_size, learning_rate, l2, penalize_biases,
):  # fmt: skip
    n_samples, phase = len(X) if order is None else len(order), 1
    for batch in range(len(batch_losses)):
        first, last = batch * batch_size, min((batch + 1) * batch_size, n_samples)
        n = last - first
        start, stop = share(n, thread, n_threads, ROWS)
        X_rows = select_rows(batch_X[start:stop], X, order, first + start, first + stop)
        Y_rows = select_targets(batch_Y[start:stop], Y, order, first + start, first + stop)
        _forward(workspace, parameters, layers, read_only(X_rows), n, start, stop)
        _output_error(losses, workspace, layers, Y_rows, n, start, stop)
        _propagate_errors(workspace, parameters, layers, n, start, stop)
        phase = meet(meeting, n_threads, phase)
        if phase == 0:
            return
        if thread == 0:
            batch_losses[batch] = losses[:n].mean()
        X_batch = read_only(_selected(batch_X, X, order, first, last))
        for l in range(len(layers)):
            dZ, A_previous = errors(workspace, layers[l], n), _inputs_of(workspace, layers, l, X_batch)
            inputs, outputs = _shares(layers[l], thread, n_threads)
            W, b = weights(parameters, layers[l])[inputs], biases(parameters, layers[l])[outputs]
            descend_weights(W, dZ, A_previous[:, inputs], learning_rate, l2)
            descend_biases(b, dZ[:, outputs], learning_rate, l2 if penalize_biases else 0)
        phase = meet(meeting, n_threads, phase)


@kernel
def _forward(workspace, parameters, layers, X, n, start, stop):
    """Z_l and A_l up to Z_L for rows `start` to `stop` of a batch of n; X holds those rows only."""
    A = X
    for layer in layers[:-1]:
        Z, A_previous = pre_activations(workspace, layer, n)[start:stop], A
        A = activations(workspace, layer, n)[start:stop]
        affine_activation(Z, A, A_previous, weights(parameters, layer), biases(parameters, layer), layer)
    Z, layer = pre_activations(workspace, layers[-1], n)[start:stop], layers[-1]
    affine(Z, A, weights(parameters, layer), biases(parameters, layer))


@kernel
def _output_error(losses, workspace, layers, Y, n, start, stop):
    """L_i and dZ_L for rows `start` to `stop` of a batch of n; Y holds those rows only."""
    Z = pre_activations(workspace, layers[-1], n)[start:stop]
    A, dZ = activations(workspace, layers[-1], n)[start:stop], errors(workspace, layers[-1], n)[start:stop]
    output_error(losses[start:stop], dZ, A, Z, Y, layers[-1])


@kernel
def _propagate_errors(workspace, parameters, layers, n, start, stop):
    """dZ_{l-1} = (dZ_l W_l^T) * f'_{l-1}(Z_{l-1}) for l = L ... 2 and rows `start` to `stop` of a batch of n."""
    for l in range(len(layers) - 1, 0, -1):
        W, dZ, previous = weights(parameters, layers[l]), errors(workspace, layers[l], n)[start:stop], layers[l - 1]
        Z_previous = pre_activations(workspace, previous, n)[start:stop]
        A_previous, dZ_previous = (
            activations(workspace, previous, n)[start:stop],
            errors(workspace, previous, n)[start:stop],
        )
        previous_error(dZ_previous, dZ, W, Z_previous, A_previous, previous)


@inlined
def _inputs_of(workspace, layers, l, X):
    """A_{l-1}, which is X for the first layer; X (n, n_0) -> (n, n_{l-1})."""
    return X if l == 0 else activations(workspace, layers[l - 1], len(X))


@inlined
def _shares(layer, thread, n_threads):
    """Inputs, rows of W_l, and outputs, entries of b_l, that are the thread's."""
    first_input, last_input = share(layer["n_inputs"], thread, n_threads, ROWS)
    first_output, last_output = share(layer["n_outputs"], thread, n_threads, ROWS)
    return slice(first_input, last_input), slice(first_output, last_output)


def select_rows(batch, source, order, start, stop):
    """x_i = s_{o_i} for start <= i < stop, converted to the type of the batch, or a view where order is None."""
    if order is None:
        return source[start:stop]
    rows = batch[: stop - start]
    rows[:] = source[order[start:stop]]
    return rows


@overload(select_rows, jit_options=FLAGS)
def _select_rows(batch, source, order, start, stop):
    # A view and a batch may differ in type, so the choice is made by the type of `order`.
    if isinstance(order, types.NoneType):
        return lambda batch, source, order, start, stop: source[start:stop]

    def gather(batch, source, order, start, stop):
        rows = batch[: stop - start]
        for i in range(stop - start):
            chosen = source[order[start + i]]
            for k in range(len(chosen)):
                rows[i, k] = chosen[k]
        return rows

    return gather


def _selected(batch, source, order, start, stop):
    """What `select_rows` gave, of all threads together."""
    return source[start:stop] if order is None else batch[: stop - start]


@overload(_selected, jit_options=FLAGS)
def _typed_selected(batch, source, order, start, stop):
    if isinstance(order, types.NoneType):
        return lambda batch, source, order, start, stop: source[start:stop]
    return lambda batch, source, order, start, stop: batch[: stop - start]


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
