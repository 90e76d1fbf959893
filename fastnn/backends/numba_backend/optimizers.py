"""Parameter updates: theta <- theta - step.

Each takes a block of parameters theta (m,), its gradient g (m,), the optimizer's whole state, rows of n_parameters numbers
in which the block begins at `first`, and the settings of the step, a record of `fastnn.optimizers`.
"""

from functools import cache

import numpy as np
from numba import from_dtype, types

from fastnn.backends.numba_backend.compilation import address_of, caller, entry_point, inlined, kernel
from fastnn.backends.numba_backend.matmul import inner_products

#: The update that the matrix products know themselves: they need no gradient in memory.
PLAIN = 0

#: Numbers of a gradient of which the squares are added up by one thread, one after the other.
CHUNK = 4096


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


@cache
def bind_update(update, dtype, settings_dtype):
    """The update at that place of the table, as this backend calls it."""
    real, record = from_dtype(dtype), from_dtype(settings_dtype)
    vector, matrix = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    bound = np.array([update, address_of(UPDATES[update], types.void, vector, vector, matrix, types.int64, record)])
    bound.flags.writeable = False
    return bound


@kernel
def clipping(gradient, settings):
    """min(1, c / (|g| + 10^-6)): what a gradient is multiplied by, so that it is no longer than c."""
    if settings["max_gradient_norm"] == np.inf:
        return 1.0
    squares = np.empty((len(gradient) + CHUNK - 1) // CHUNK)
    sum_squares(squares, gradient, 0, len(squares))
    return shortening(squares, settings)


def n_chunks(n_parameters):
    """Chunks that a gradient is cut into for `sum_squares`."""
    return -(-n_parameters // CHUNK)


@kernel
def sum_squares(squares, gradient, first, last):
    """s_c = sum of g^2 over chunk c of the gradient, for some chunks."""
    sums, one = np.empty((1, 1), gradient.dtype), gradient.dtype.type(1)
    for c in range(first, last):
        chunk = gradient[c * CHUNK : (c + 1) * CHUNK]
        inner_products(sums, chunk.reshape(1, chunk.size), chunk.reshape(1, chunk.size).T, one)
        squares[c] = sums[0, 0]


@inlined
def shortening(squares, settings):
    """min(1, c / (sqrt(sum s) + 10^-6))."""
    return min(1.0, settings["max_gradient_norm"] / (np.sqrt(squares.sum()) + 1e-6))


@kernel
def descend(theta, gradient, state, first, update, settings, factor, penalized):
    """g <- c g + l1 sign(theta) + l2 theta, theta <- (1 - eta lambda) theta, and the update; l1, l2, lambda if penalized."""
    real = theta.dtype.type
    if factor != 1:
        _scale(gradient, real(factor))
    if penalized and settings["l1"] != 0:
        _add_signs(gradient, theta, real(settings["l1"]))
    if penalized and settings["l2"] != 0:
        _add_multiple(gradient, theta, real(settings["l2"]))
    if penalized and settings["weight_decay"] != 0:
        _scale(theta, real(1 - settings["learning_rate"] * settings["weight_decay"]))
    call(update[1], theta, gradient, state, first, settings)


@kernel
def _scale(vector, factor):
    for p in range(len(vector)):
        vector[p] *= factor


@kernel
def _add_signs(gradient, theta, strength):
    for p in range(len(theta)):
        gradient[p] += strength * np.sign(theta[p])


@kernel
def _add_multiple(gradient, theta, strength):
    for p in range(len(theta)):
        gradient[p] += strength * theta[p]


@kernel
def descend_part(parameters, state, gradient, layers, update, settings, factor, first, last):
    """One update of the parameters from `first` to `last`; flat vectors, of which the gradient is changed."""
    for layer in layers:
        b = layer["biases"]
        for begin, end, penalized in (
            (layer["weights"], b, True),
            (b, b + layer["n_outputs"], settings["penalize_biases"] != 0),
        ):
            start, stop = max(first, begin), min(last, end)
            if start < stop:
                theta, g = parameters[start:stop], gradient[start:stop]
                descend(theta, g, state, start, update, settings, factor, penalized)


@entry_point
def step(parameters, state, gradient, layers, update, settings):
    """One update of all weights and biases; flat vectors, of which the gradient is changed."""
    factor = clipping(gradient, settings)
    descend_part(parameters, state, gradient, layers, update, settings, factor, 0, len(parameters))
