"""Parameter updates: theta <- theta - step.

Each takes a block of parameters theta (m,), its gradient g (m,), the optimizer's whole state, rows of n_parameters numbers
in which the block begins at `first`, and the settings of the step, a record of `fastnn.optimizers`.
"""

from functools import cache

import numpy as np
from numba import from_dtype, types

from fastnn.backends.numba_backend.compilation import address_of, caller, entry_point, inlined, kernel, provide_linked
from fastnn.backends.numba_backend.matmul import CHUNK, ROWS, accumulate, multiply, sum_squares
from fastnn.backends.numba_backend.threads import meet, run_team, share

#: a, b and c of `orthogonalize`.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)

#: Multiplications that make one more thread worth its start.
WORK_PER_THREAD = 4_000_000

#: The update that the matrix products know themselves: they need no gradient in memory.
PLAIN = 0


@entry_point
def sgd(theta, gradient, state, first, settings):
    """theta <- theta - eta g."""
    rate = theta.dtype.type(settings["learning_rate"])
    for p in range(len(theta)):
        theta[p] -= rate * gradient[p]


@entry_point
def momentum(theta, gradient, state, first, settings):
    """v <- mu v + g, theta <- theta - eta v."""
    real, velocity = theta.dtype.type, state[0, first : first + len(theta)]
    rate, kept = real(settings["learning_rate"]), real(settings["momentum"])
    for p in range(len(theta)):
        velocity[p] = kept * velocity[p] + gradient[p]
        theta[p] -= rate * velocity[p]


@entry_point
def nesterov(theta, gradient, state, first, settings):
    """v <- mu v + g, theta <- theta - eta (g + mu v)."""
    real, velocity = theta.dtype.type, state[0, first : first + len(theta)]
    rate, kept = real(settings["learning_rate"]), real(settings["momentum"])
    for p in range(len(theta)):
        velocity[p] = kept * velocity[p] + gradient[p]
        theta[p] -= rate * (gradient[p] + kept * velocity[p])


@entry_point
def adagrad(theta, gradient, state, first, settings):
    """s <- s + g^2, theta <- theta - eta g / (sqrt(s) + epsilon)."""
    real, squares = theta.dtype.type, state[0, first : first + len(theta)]
    rate, epsilon = real(settings["learning_rate"]), real(settings["epsilon"])
    for p in range(len(theta)):
        squares[p] += gradient[p] * gradient[p]
        theta[p] -= rate * gradient[p] / (np.sqrt(squares[p]) + epsilon)


@entry_point
def rmsprop(theta, gradient, state, first, settings):
    """s <- rho s + (1 - rho) g^2, theta <- theta - eta g / (sqrt(s) + epsilon)."""
    real, squares = theta.dtype.type, state[0, first : first + len(theta)]
    rate, epsilon = real(settings["learning_rate"]), real(settings["epsilon"])
    kept, new = real(settings["squares_kept"]), real(1 - settings["squares_kept"])
    for p in range(len(theta)):
        squares[p] = kept * squares[p] + new * gradient[p] * gradient[p]
        theta[p] -= rate * gradient[p] / (np.sqrt(squares[p]) + epsilon)


@entry_point
def rmsprop_momentum(theta, gradient, state, first, settings):
    """s <- rho s + (1 - rho) g^2, v <- mu v + g / (sqrt(s) + epsilon), theta <- theta - eta v."""
    real, last = theta.dtype.type, first + len(theta)
    squares, velocity = state[0, first:last], state[1, first:last]
    rate, epsilon = real(settings["learning_rate"]), real(settings["epsilon"])
    kept, new = real(settings["squares_kept"]), real(1 - settings["squares_kept"])
    velocity_kept = real(settings["momentum"])
    for p in range(len(theta)):
        squares[p] = kept * squares[p] + new * gradient[p] * gradient[p]
        velocity[p] = velocity_kept * velocity[p] + gradient[p] / (np.sqrt(squares[p]) + epsilon)
        theta[p] -= rate * velocity[p]


@entry_point
def adam(theta, gradient, state, first, settings):
    """m <- b1 m + (1 - b1) g, s <- b2 s + (1 - b2) g^2, theta <- theta - eta (m / c1) / (sqrt(s / c2) + epsilon)."""
    real, last = theta.dtype.type, first + len(theta)
    means, squares = state[0, first:last], state[1, first:last]
    b1, new_mean = real(settings["momentum"]), real(1 - settings["momentum"])
    b2, new_square = real(settings["squares_kept"]), real(1 - settings["squares_kept"])
    rate, epsilon = real(settings["learning_rate"] / settings["momentum_correction"]), real(settings["epsilon"])
    scale = real(1 / settings["squares_correction"])
    for p in range(len(theta)):
        means[p] = b1 * means[p] + new_mean * gradient[p]
        squares[p] = b2 * squares[p] + new_square * gradient[p] * gradient[p]
        theta[p] -= rate * means[p] / (np.sqrt(scale * squares[p]) + epsilon)


@entry_point
def amsgrad(theta, gradient, state, first, settings):
    """m, s as `adam`, h <- max(h, s), theta <- theta - eta (m / c1) / (sqrt(h / c2) + epsilon)."""
    real, last = theta.dtype.type, first + len(theta)
    means, squares, largest = state[0, first:last], state[1, first:last], state[2, first:last]
    b1, new_mean = real(settings["momentum"]), real(1 - settings["momentum"])
    b2, new_square = real(settings["squares_kept"]), real(1 - settings["squares_kept"])
    rate, epsilon = real(settings["learning_rate"] / settings["momentum_correction"]), real(settings["epsilon"])
    scale = real(1 / settings["squares_correction"])
    for p in range(len(theta)):
        means[p] = b1 * means[p] + new_mean * gradient[p]
        squares[p] = b2 * squares[p] + new_square * gradient[p] * gradient[p]
        largest[p] = max(largest[p], squares[p])
        theta[p] -= rate * means[p] / (np.sqrt(scale * largest[p]) + epsilon)


UPDATES = (sgd, momentum, nesterov, adagrad, rmsprop, rmsprop_momentum, adam, amsgrad)

call = caller(types.void)
call_for_number = caller(types.float64)


@entry_point
def penalize(theta, gradient, settings):
    """g <- g + l1 sign(theta) + l2 theta, theta <- (1 - eta lambda) theta."""
    real = theta.dtype.type
    l1, l2 = real(settings["l1"]), real(settings["l2"])
    kept = real(1 - settings["learning_rate"] * settings["weight_decay"])
    for p in range(len(theta)):
        gradient[p] += l1 * np.sign(theta[p]) + l2 * theta[p]
        theta[p] *= kept


@inlined
def _shortening(squares, settings):
    """min(1, c / (sqrt(sum s) + 10^-6))."""
    return min(1.0, settings["max_gradient_norm"] / (np.sqrt(squares.sum()) + 1e-6))


@entry_point
def clipping(gradient, settings):
    """min(1, c / (|g| + 10^-6)): what a gradient is multiplied by, so that it is no longer than c."""
    squares = np.empty((len(gradient) + CHUNK - 1) // CHUNK)
    sum_squares(squares, gradient, 0, len(squares))
    return _shortening(squares, settings)


@entry_point
def penalty(parameters, layers, settings):
    """r (l1 sum |theta_p| + (l2 / 2) sum theta_p^2) over all that `penalize` covers, r times as it is reported."""
    total = 0.0
    for layer in layers:
        end = layer["end"] if settings["penalize_biases"] != 0 else layer["biases"]
        total += _penalty_of_block(parameters[layer["weights"] : end], settings["l1"], settings["l2"])
    return total * settings["penalties_reported"]


@kernel
def _penalty_of_block(theta, l1, l2):
    """l1 sum |theta_p| + (l2 / 2) sum theta_p^2."""
    total = 0.0
    if l1 != 0:
        for p in range(len(theta)):
            total += abs(theta[p])
        total *= l1
    if l2 != 0:
        squares = np.empty((len(theta) + CHUNK - 1) // CHUNK)
        sum_squares(squares, theta, 0, len(squares))
        total += l2 / 2 * squares.sum()
    return total


def bind_update(update, dtype, settings_dtype, penalizes, clips, reports):
    """The update at that place of the table, as this backend calls it, with what goes before it."""
    return _bound(update, dtype, settings_dtype, penalizes, clips, reports)


@cache
def _bound(update, dtype, settings_dtype, penalizes, clips, reports):
    """Place in the table, the addresses of update, `penalize` and `clipping`, 0 for what is not used, and what to report."""
    real, record = from_dtype(dtype), from_dtype(settings_dtype)
    provide_linked(real)
    vector, states = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    bound = np.array(
        [
            update,
            address_of(UPDATES[update], types.void, vector, vector, states, types.int64, record),
            address_of(penalize, types.void, vector, vector, record) if penalizes else 0,
            address_of(clipping, types.float64, vector, record) if clips else 0,
            reports,
        ]
    )
    bound.flags.writeable = False
    return bound


@kernel
def descend(theta, gradient, state, first, update, settings, penalized):
    """g <- g + l1 sign(theta) + l2 theta, theta <- (1 - eta lambda) theta where penalized, and the update."""
    if penalized and update[2] != 0:
        call(update[2], theta, gradient, settings)
    call(update[1], theta, gradient, state, first, settings)


@entry_point
def step(parameters, state, gradient, layers, update, settings):
    """One update of all weights and biases; flat vectors, of which the gradient is changed."""
    if update[3] != 0:
        _shorten(gradient, call_for_number(update[3], gradient, settings))
    for layer in layers:
        W, b, end = layer["weights"], layer["biases"], layer["end"]
        descend(parameters[W:b], gradient[W:b], state, W, update, settings, True)
        biases_too = settings["penalize_biases"] != 0
        descend(parameters[b:end], gradient[b:end], state, b, update, settings, biases_too)


@kernel
def _shorten(gradient, factor):
    """g <- c g."""
    c = gradient.dtype.type(factor)
    for p in range(len(gradient)):
        gradient[p] *= c


def orthogonalize(O, G, iterations, n_threads):
    """X <- a X + (b A + c A^2) X, A = X X^T, from X = G / |G|: O is near the orthogonal factor of G; G, O (n_in, n_out).

    All singular values go towards 1 and stay between 0.7 and 1.2: the coefficients are those for which small ones grow
    fastest (Jordan and others (2024), Muon: An optimizer for hidden layers in neural networks).
    """
    provide_linked(from_dtype(G.dtype))
    is_tall = G.shape[0] > G.shape[1]
    X = np.array(G.T if is_tall else G, order="C")
    X /= G.dtype.type(np.linalg.norm(G) + 1e-7)
    k, Y = len(X), np.empty_like(X)
    A, polynomial = np.empty((k, k), X.dtype), np.empty((k, k), X.dtype)
    team = max(1, min(n_threads, iterations * k * X.size // WORK_PER_THREAD, k // ROWS))
    run_team(_iterate, team, X, Y, A, polynomial, iterations)
    result = X if iterations % 2 == 0 else Y
    O[:] = result.T if is_tall else result


@entry_point
def _iterate(thread, n_threads, meeting, X, Y, A, polynomial, iterations):
    """So many steps, in turn from X to Y and from Y to X; each thread has its rows of all matrices."""
    (a, b, c), phase = NEWTON_SCHULZ, 1
    first, last = share(len(X), thread, n_threads, ROWS)
    for _ in range(iterations):
        multiply(A[first:last], X[first:last], X.T)
        phase = meet(meeting, n_threads, phase)
        if phase == 0:
            return
        rows = polynomial[first:last]
        accumulate(rows, A[first:last], A, c, 0)
        _add_multiple(rows.reshape(rows.size), A[first:last].reshape(rows.size), b)
        rows = Y[first:last]
        multiply(rows, polynomial[first:last], X)
        _add_multiple(rows.reshape(rows.size), X[first:last].reshape(rows.size), a)
        phase = meet(meeting, n_threads, phase)
        if phase == 0:
            return
        X, Y = Y, X


@kernel
def _add_multiple(y, x, factor):
    """y <- y + a x."""
    a = y.dtype.type(factor)
    for p in range(len(y)):
        y[p] += a * x[p]
