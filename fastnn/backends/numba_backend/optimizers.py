"""Parameter updates: theta <- theta - step.

Each takes a block of parameters theta (m,), its gradient g (m,), the optimizer's whole state, rows of n_parameters numbers
in which the block begins at `first`, the settings of `fastnn.optimizers`, and the strength lambda of its penalty.
"""

from functools import cache

import numpy as np
from numba import from_dtype, types

from fastnn.backends.numba_backend.compilation import address_of, caller, entry_point

#: The update that the matrix products know themselves: they need no gradient in memory.
PLAIN = 0


@entry_point
def sgd(theta, gradient, state, first, settings, penalty):
    """theta <- theta - eta (g + lambda theta)."""
    real = theta.dtype.type
    rate, decay = real(settings[0]), real(penalty)
    for p in range(len(theta)):
        theta[p] -= rate * (gradient[p] + decay * theta[p])


@entry_point
def momentum(theta, gradient, state, first, settings, penalty):
    """v <- mu v + g + lambda theta, theta <- theta - eta v."""
    real, velocity = theta.dtype.type, state[0, first : first + len(theta)]
    rate, kept, decay = real(settings[0]), real(settings[3]), real(penalty)
    for p in range(len(theta)):
        velocity[p] = kept * velocity[p] + (gradient[p] + decay * theta[p])
        theta[p] -= rate * velocity[p]


@entry_point
def nesterov(theta, gradient, state, first, settings, penalty):
    """v <- mu v + g + lambda theta, theta <- theta - eta (g + lambda theta + mu v)."""
    real, velocity = theta.dtype.type, state[0, first : first + len(theta)]
    rate, kept, decay = real(settings[0]), real(settings[3]), real(penalty)
    for p in range(len(theta)):
        slope = gradient[p] + decay * theta[p]
        velocity[p] = kept * velocity[p] + slope
        theta[p] -= rate * (slope + kept * velocity[p])


UPDATES = (sgd, momentum, nesterov)

call = caller(types.void)


@cache
def bind_update(update, dtype):
    """The update at that place of the table, as this backend calls it."""
    real = from_dtype(dtype)
    vector, matrix = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    arguments = (vector, vector, matrix, types.int64, types.float64[::1], types.float64)
    bound = np.array([update, address_of(UPDATES[update], types.void, *arguments)])
    bound.flags.writeable = False
    return bound


@entry_point
def step(parameters, state, gradient, layers, update, settings):
    """One update of all weights and biases; flat vectors."""
    for layer in layers:
        W, b, end = layer["weights"], layer["biases"], layer["biases"] + layer["n_outputs"]
        call(update[1], parameters[W:b], gradient[W:b], state, W, settings, settings[1])
        call(update[1], parameters[b:end], gradient[b:end], state, b, settings, settings[2])
