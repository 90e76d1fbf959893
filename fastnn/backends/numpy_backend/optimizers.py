"""Parameter updates: theta <- theta - step.

Each takes a block of parameters theta (m,), its gradient g (m,), the optimizer's whole state, rows of n_parameters numbers
in which the block begins at `first`, the settings of `fastnn.optimizers`, and the strength lambda of its penalty.
"""


def sgd(theta, gradient, state, first, settings, penalty):
    """theta <- theta - eta (g + lambda theta)."""
    theta -= settings[0] * (gradient + penalty * theta)


def momentum(theta, gradient, state, first, settings, penalty):
    """v <- mu v + g + lambda theta, theta <- theta - eta v."""
    velocity = state[0, first : first + len(theta)]
    velocity[:] = settings[3] * velocity + gradient + penalty * theta
    theta -= settings[0] * velocity


def nesterov(theta, gradient, state, first, settings, penalty):
    """v <- mu v + g + lambda theta, theta <- theta - eta (g + lambda theta + mu v)."""
    velocity, slope = state[0, first : first + len(theta)], gradient + penalty * theta
    velocity[:] = settings[3] * velocity + slope
    theta -= settings[0] * (slope + settings[3] * velocity)


UPDATES = (sgd, momentum, nesterov)


def bind_update(update, dtype):
    """The update at that place of the table, as this backend calls it."""
    return UPDATES[update]


def step(parameters, state, gradient, layers, update, settings):
    """One update of all weights and biases; flat vectors."""
    for layer in layers:
        end = layer["biases"] + layer["n_outputs"]
        for first, last, penalty in (
            (layer["weights"], layer["biases"], settings[1]),
            (layer["biases"], end, settings[2]),
        ):
            update(parameters[first:last], gradient[first:last], state, first, settings, penalty)
