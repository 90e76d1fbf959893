"""The whole network: forward, loss, backward, and an epoch of stochastic gradient descent.

The functions of the contract start a team of threads. Each thread takes its rows of the batch through all layers without
waiting for another; the threads meet before the parameters' gradients, where each takes its share of the weights, and
after them. So every number is computed by one thread in one order, and results are the same for any number of threads.
Narrow networks train in columns, see `narrow`.
"""

import numpy as np
from numba import types
from numba.extending import overload

from fastnn.backends.numba_backend.activations import activate
from fastnn.backends.numba_backend.batches import select_rows, select_targets
from fastnn.backends.numba_backend.compilation import FLAGS, entry_point, inlined, kernel, read_only
from fastnn.backends.numba_backend.descent import (
    address_of_penalty,
    call_descent,
    gradients,
    room_for_squares,
    way_of_descent,
)
from fastnn.backends.numba_backend.layouts import flat, is_narrow, n_tiles, same_memory_in_columns
from fastnn.backends.numba_backend.losses import weigh
from fastnn.backends.numba_backend.matmul import ROWS, copy
from fastnn.backends.numba_backend.narrow import train_narrow_epoch
from fastnn.backends.numba_backend.optimizers import call_for_number
from fastnn.backends.numba_backend.propagation import forward, output_error_in_rows, propagate_errors
from fastnn.backends.numba_backend.rows import Rows, not_to_be_written, rows_between, rows_of
from fastnn.backends.numba_backend.sparse import is_sparse
from fastnn.backends.numba_backend.threads import FIRST, meet, run_team, share
from fastnn.backends.numba_backend.views import errors, pre_activations

#: Products of a weight and a sample that make one more thread worth its meetings, in a batch, and its start, in a call.
BATCH_WORK_PER_THREAD = 250_000
CALL_WORK_PER_THREAD = 8_000_000

#: Such products that take about as long as the update of a weight, from and to memory.
WORK_PER_UPDATE = 8


#: Samples that inference takes at a time, so that its memory does not grow with the data.
ROWS_PER_PASS = 128


def pre_output(Z, workspace, parameters, statistics, layers, X, n_threads):
    """Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l), A_0 = X, up to Z_L; X (n, n_0) -> Z_L (n, n_L)."""
    team = _inference_team(_work(parameters, layers, X), X.shape[0], n_threads)
    return all(run_team(_pre_output, team, Z, workspace, parameters, statistics, layers, _rows_of(X)))


def output(A, workspace, parameters, statistics, layers, X, n_threads):
    """A_L = f_L(Z_L); X (n, n_0) -> A_L (n, n_L)."""
    team = _inference_team(_work(parameters, layers, X), X.shape[0], n_threads)
    return all(run_team(_output, team, A, workspace, parameters, statistics, layers, _rows_of(X)))


def loss(losses, workspace, batch_Y, parameters, statistics, layers, X, Y, relative_weights, key, n_threads):
    """L = mean_i L_i, and dZ_L for `backward`; X (n, n_0), Y (n, n_L) or (n,) -> L_i (n,), and L as a number.

    Weights relative to their mean, c (n,) and not (0,), make it that of c_i L_i, which L_i and dZ_L then hold.
    """
    n = X.shape[0]
    team, X = _team_size(_work(parameters, layers, X), n, n, n_threads), _rows_of(X)
    run_team(_loss, team, losses, workspace, batch_Y, parameters, statistics, layers, X, Y, relative_weights, key)
    return losses[:n].mean()


def backward(gradient, workspace, parameters, statistics, layers, X, key, n_threads):
    """dW_l, db_l for l = L ... 1, from the dZ_L that `loss` left; X (n, n_0) -> gradient, a flat vector."""
    n = X.shape[0]
    team, X = _team_size(_work(parameters, layers, X), n, n, n_threads), _rows_of(X)
    run_team(_backward, team, gradient, workspace, parameters, statistics, layers, X, key)


def train_epoch(
    batch_losses, losses, parameters, statistics, state, gradient, workspace, batch_X, batch_Y, layers, X, Y,
    relative_weights, order, batch_size, update, settings, n_threads,
):  # fmt: skip
    """theta <- theta - step(dL/dtheta), batch by batch; order (m,) of rows, or None for all in place -> batch_losses.

    If there are more batch losses than batches, the batches begin again. Relative weights, where there are any and
    not (0,), are in the order in which the samples come.
    """
    work = _work_of_training(parameters, layers, X, batch_size)
    team = _team_size(work, len(batch_losses) * batch_size, batch_size, n_threads)
    penalty = address_of_penalty(parameters, layers, update, settings)
    if is_sparse(X):
        X, Y, order = rows_of(X, order), Y if order is None else not_to_be_written(Y[order]), None
    if is_narrow(layers) and not isinstance(X, Rows):
        run_team(
            train_narrow_epoch, min(team, n_tiles(batch_size)),
            batch_losses, losses, parameters, statistics, state, workspace, layers, X, Y, relative_weights, order, batch_size,
            update, settings, penalty,
        )  # fmt: skip
    else:
        run_team(
            _train_epoch, team,
            batch_losses, losses, room_for_squares(len(parameters)), parameters, statistics, state, gradient, workspace,
            batch_X, batch_Y, layers, X, Y, relative_weights, order, batch_size, update, settings,
            way_of_descent(parameters, layers, X, update, settings), penalty,
        )  # fmt: skip


def _work(parameters, layers, X):
    """Products of a weight and a sample, for one sample: the non-zero entries of X have some, the others none."""
    if not is_sparse(X):
        return len(parameters)
    n_inputs, n_units = layers[0]["n_inputs"], layers[0]["n_outputs"]
    return len(parameters) + (X.nnz // max(1, X.shape[0]) - n_inputs) * n_units


def _work_of_training(parameters, layers, X, batch_size):
    """The same with the update of all weights, each of which is multiplied with at least one sample where X is dense."""
    return _work(parameters, layers, X) + is_sparse(X) * WORK_PER_UPDATE * len(parameters) // batch_size


def _team_size(work, n_samples, batch_size, n_threads):
    """As many of the threads as have work enough, in each batch and in all."""
    by_batch = work * batch_size // BATCH_WORK_PER_THREAD
    by_call = work * n_samples // CALL_WORK_PER_THREAD
    return max(1, min(n_threads, by_batch, by_call, batch_size // ROWS))


def _inference_team(work, n_samples, n_threads):
    """As many threads as have work enough, and a pass each."""
    return (
        1 if n_threads == 1 else min(_team_size(work, n_samples, n_samples, n_threads), -(-n_samples // ROWS_PER_PASS))
    )


def _rows_of(X):
    return rows_of(X) if is_sparse(X) else X


@entry_point
def _pre_output(thread, n_threads, meeting, Z, workspace, parameters, statistics, layers, X):
    first, last = share(X.shape[0], thread, n_threads, ROWS)
    own, finite = _thread_share(workspace, thread, n_threads), True
    for start in range(first, last, ROWS_PER_PASS):
        n = min(ROWS_PER_PASS, last - start)
        rows = rows_between(X, start, start + n)
        forward(own, parameters, statistics, layers, rows, n, 0, n, 0, np.uint64(0), thread, n_threads, meeting, FIRST)
        finite &= _is_finite(pre_activations(own, layers[0], n))
        copy(Z[start : start + n], pre_activations(own, layers[-1], n))
    return finite


@entry_point
def _output(thread, n_threads, meeting, A, workspace, parameters, statistics, layers, X):
    first, last = share(X.shape[0], thread, n_threads, ROWS)
    own, finite = _thread_share(workspace, thread, n_threads), True
    for start in range(first, last, ROWS_PER_PASS):
        n = min(ROWS_PER_PASS, last - start)
        rows = rows_between(X, start, start + n)
        forward(own, parameters, statistics, layers, rows, n, 0, n, 0, np.uint64(0), thread, n_threads, meeting, FIRST)
        finite &= _is_finite(pre_activations(own, layers[0], n))
        Z, spare = pre_activations(own, layers[-1], n), errors(own, layers[-1], n)
        Z_columns, A_columns = same_memory_in_columns(spare), same_memory_in_columns(Z)
        copy(Z_columns, Z)
        activate(A_columns, Z_columns, layers[-1])
        copy(A[start : start + n], A_columns)
    return finite


@kernel
def _is_finite(Z):
    """Whether all numbers of a block in rows are finite; z - z is 0 for those, and NaN for the others."""
    numbers, strange = flat(Z), 0
    for i in range(len(numbers)):
        strange += numbers[i] - numbers[i] != 0
    return strange == 0


@inlined
def _thread_share(workspace, thread, n_threads):
    size = len(workspace) // n_threads
    return workspace[thread * size : (thread + 1) * size]


@entry_point
def _loss(
    thread, n_threads, meeting, losses, workspace, batch_Y, parameters, statistics, layers, X, Y, relative_weights, key
):
    n = X.shape[0]
    start, stop = share(n, thread, n_threads, ROWS)
    rows = rows_between(X, start, stop)
    phase = forward(
        workspace, parameters, statistics, layers, rows, n, start, stop, start, key, thread, n_threads, meeting, FIRST
    )
    if phase == 0:
        return
    Y_columns = same_memory_in_columns(batch_Y[start:stop])
    select_targets(Y_columns, Y, None, start, stop)
    output_error_in_rows(losses, workspace, layers, Y_columns, n, start, stop)
    weigh(losses[start:stop], errors(workspace, layers[-1], n)[start:stop], relative_weights[start:stop])


@entry_point
def _backward(thread, n_threads, meeting, gradient, workspace, parameters, statistics, layers, X, key):
    n = X.shape[0]
    start, stop = share(n, thread, n_threads, ROWS)
    phase = propagate_errors(
        gradient,
        workspace,
        parameters,
        statistics,
        layers,
        n,
        start,
        stop,
        start,
        key,
        thread,
        n_threads,
        meeting,
        FIRST,
    )
    if phase == 0 or meet(meeting, n_threads, phase) == 0:
        return
    gradients(gradient, workspace, layers, X, thread, n_threads)


@entry_point
def _train_epoch(
    thread, n_threads, meeting, batch_losses, losses, squares, parameters, statistics, state, gradient, workspace, batch_X,
    batch_Y, layers, X, Y, relative_weights, order, batch_size, update, settings, descent, penalty,
):  # fmt: skip
    n_samples, phase = X.shape[0] if order is None else len(order), FIRST
    n_batches = (n_samples + batch_size - 1) // batch_size
    for batch in range(len(batch_losses)):
        first = batch % n_batches * batch_size
        last = min(first + batch_size, n_samples)
        n, key = last - first, np.uint64(settings[batch]["mask_key"])
        start, stop = share(n, thread, n_threads, ROWS)
        X_rows = select_rows(batch_X[start:stop], X, order, first + start, first + stop)
        Y_columns = same_memory_in_columns(batch_Y[start:stop])
        select_targets(Y_columns, Y, order, first + start, first + stop)
        phase = forward(
            workspace, parameters, statistics, layers, read_only(X_rows), n, start, stop, start, key, thread, n_threads,
            meeting, phase,
        )  # fmt: skip
        if phase == 0:
            return
        output_error_in_rows(losses, workspace, layers, Y_columns, n, start, stop)
        dZ = errors(workspace, layers[-1], n)
        weigh(losses[start:stop], dZ[start:stop], relative_weights[first + start : first + stop])
        phase = propagate_errors(
            gradient, workspace, parameters, statistics, layers, n, start, stop, start, key, thread, n_threads, meeting,
            phase,
        )  # fmt: skip
        if phase == 0:
            return
        added = 0.0
        if penalty != 0 and thread == 0:  # before the meeting, after which others change the parameters
            added = call_for_number(penalty, parameters, layers, settings[batch])
        phase = meet(meeting, n_threads, phase)
        if phase == 0:
            return
        if thread == 0:
            batch_losses[batch] = losses[:n].mean() + added
        X_batch = read_only(_selected(batch_X, X, order, first, last))
        phase = call_descent(
            descent, thread, n_threads, meeting, phase, squares, parameters, state, gradient, workspace, layers, X_batch,
            update, settings[batch],
        )  # fmt: skip
        if phase == 0:
            return
        phase = meet(meeting, n_threads, phase)
        if phase == 0:
            return


def _selected(batch, source, order, start, stop):
    """What `select_rows` gave, of all threads together."""
    return rows_between(source, start, stop) if order is None else batch[: stop - start]


@overload(_selected, jit_options=FLAGS)
def _typed_selected(batch, source, order, start, stop):
    if isinstance(order, types.NoneType):
        return lambda batch, source, order, start, stop: rows_between(source, start, stop)
    return lambda batch, source, order, start, stop: batch[: stop - start]
