"""Parameter updates: theta <- theta - step.

Each takes a block of parameters theta (m,), its gradient g (m,), the optimizer's whole state, rows of n_parameters numbers
in which the block begins at `first`, and the settings of the step, a record of `fastnn.optimizers`.
"""

from functools import cache

import numpy as np
from numba import from_dtype, types

from fastnn.backends.numba_backend.compilation import address_of, caller, entry_point, inlined, kernel
from fastnn.backends.numba_backend.matmul import CHUNK, sum_squares

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


def bind_update(update, dtype, settings_dtype, penalizes, clips):
    """The update at that place of the table, as this backend calls it, with what goes before it."""
    return _bound(update, dtype, settings_dtype, penalizes, clips)


@cache
def _bound(update, dtype, settings_dtype, penalizes, clips):
    """Place in the table, and the addresses of the update, of `penalize` and of `clipping`, 0 for what is not used."""
    real, record = from_dtype(dtype), from_dtype(settings_dtype)
    vector, states = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    bound = np.array(
        [
            update,
            address_of(UPDATES[update], types.void, vector, vector, states, types.int64, record),
            address_of(penalize, types.void, vector, vector, record) if penalizes else 0,
            address_of(clipping, types.float64, vector, record) if clips else 0,
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
