"""Parameter updates: theta <- theta - step.

Each takes a block of parameters theta (m,), its gradient g (m,), the optimizer's whole state, rows of n_parameters numbers
in which the block begins at `first`, and the settings of the step, a record of `fastnn.optimizers`.
"""

import numpy as np

#: a, b and c of `orthogonalize`.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def sgd(theta, gradient, state, first, settings):
    """theta <- theta - eta g."""
    theta -= settings["learning_rate"] * gradient


def momentum(theta, gradient, state, first, settings):
    """v <- mu v + g, theta <- theta - eta v."""
    velocity = state[0, first : first + len(theta)]
    velocity[:] = settings["momentum"] * velocity + gradient
    theta -= settings["learning_rate"] * velocity


def nesterov(theta, gradient, state, first, settings):
    """v <- mu v + g, theta <- theta - eta (g + mu v)."""
    velocity = state[0, first : first + len(theta)]
    velocity[:] = settings["momentum"] * velocity + gradient
    theta -= settings["learning_rate"] * (gradient + settings["momentum"] * velocity)


def adagrad(theta, gradient, state, first, settings):
    """s <- s + g^2, theta <- theta - eta g / (sqrt(s) + epsilon)."""
    squares = state[0, first : first + len(theta)]
    squares += gradient * gradient
    theta -= settings["learning_rate"] * gradient / (np.sqrt(squares) + settings["epsilon"])


def rmsprop(theta, gradient, state, first, settings):
    """s <- rho s + (1 - rho) g^2, theta <- theta - eta g / (sqrt(s) + epsilon)."""
    squares, kept = state[0, first : first + len(theta)], settings["squares_kept"]
    squares[:] = kept * squares + (1 - kept) * gradient * gradient
    theta -= settings["learning_rate"] * gradient / (np.sqrt(squares) + settings["epsilon"])


def rmsprop_momentum(theta, gradient, state, first, settings):
    """s <- rho s + (1 - rho) g^2, v <- mu v + g / (sqrt(s) + epsilon), theta <- theta - eta v."""
    squares, velocity = state[:, first : first + len(theta)]
    kept = settings["squares_kept"]
    squares[:] = kept * squares + (1 - kept) * gradient * gradient
    velocity[:] = settings["momentum"] * velocity + gradient / (np.sqrt(squares) + settings["epsilon"])
    theta -= settings["learning_rate"] * velocity


def adam(theta, gradient, state, first, settings):
    """m <- b1 m + (1 - b1) g, s <- b2 s + (1 - b2) g^2, theta <- theta - eta (m / c1) / (sqrt(s / c2) + epsilon)."""
    means, squares = state[:, first : first + len(theta)]
    b1, b2 = settings["momentum"], settings["squares_kept"]
    means[:] = b1 * means + (1 - b1) * gradient
    squares[:] = b2 * squares + (1 - b2) * gradient * gradient
    length = np.sqrt(squares / settings["squares_correction"]) + settings["epsilon"]
    theta -= settings["learning_rate"] / settings["momentum_correction"] * means / length


def amsgrad(theta, gradient, state, first, settings):
    """m, s as `adam`, h <- max(h, s), theta <- theta - eta (m / c1) / (sqrt(h / c2) + epsilon)."""
    means, squares, largest = state[:, first : first + len(theta)]
    b1, b2 = settings["momentum"], settings["squares_kept"]
    means[:] = b1 * means + (1 - b1) * gradient
    squares[:] = b2 * squares + (1 - b2) * gradient * gradient
    largest[:] = np.maximum(largest, squares)
    length = np.sqrt(largest / settings["squares_correction"]) + settings["epsilon"]
    theta -= settings["learning_rate"] / settings["momentum_correction"] * means / length


UPDATES = (sgd, momentum, nesterov, adagrad, rmsprop, rmsprop_momentum, adam, amsgrad)


def penalize(theta, gradient, settings):
    """g <- g + l1 sign(theta) + l2 theta, theta <- (1 - eta lambda) theta."""
    gradient += settings["l1"] * np.sign(theta) + settings["l2"] * theta
    theta *= 1 - settings["learning_rate"] * settings["weight_decay"]


def clipping(gradient, settings):
    """min(1, c / (|g| + 10^-6)): what a gradient is multiplied by, so that it is no longer than c."""
    return min(1.0, settings["max_gradient_norm"] / (np.linalg.norm(gradient) + 1e-6))


def penalty(parameters, layers, settings):
    """r (l1 sum |theta_p| + (l2 / 2) sum theta_p^2) over all that `penalize` covers, r times as it is reported."""
    total = 0.0
    for layer in layers:
        end = layer["end"] if settings["penalize_biases"] != 0 else layer["biases"]
        theta = parameters[layer["weights"] : end].astype(np.float64)
        total += settings["l1"] * np.sum(np.abs(theta)) + settings["l2"] / 2 * np.sum(theta * theta)
    return total * settings["penalties_reported"]


def bind_update(update, dtype, settings_dtype, penalizes, clips, reports):
    """The update at that place of the table, as this backend calls it, with what goes before it."""
    return UPDATES[update], penalize if penalizes else None, clipping if clips else None, penalty if reports else None


def descend(theta, gradient, state, first, update, settings, penalized):
    """g <- g + l1 sign(theta) + l2 theta, theta <- (1 - eta lambda) theta where penalized, and the update."""
    update, penalize, *_ = update
    if penalized and penalize:
        penalize(theta, gradient, settings)
    update(theta, gradient, state, first, settings)


def step(parameters, state, gradient, layers, update, settings):
    """One update of all weights and biases; flat vectors, of which the gradient is changed."""
    _, _, clipping, _ = update
    if clipping:
        gradient *= clipping(gradient, settings)
    for layer in layers:
        W, b, end = layer["weights"], layer["biases"], layer["end"]
        descend(parameters[W:b], gradient[W:b], state, W, update, settings, True)
        biases_too = settings["penalize_biases"] != 0
        descend(parameters[b:end], gradient[b:end], state, b, update, settings, biases_too)


def orthogonalize(O, G, iterations, n_threads):
    """X <- a X + (b A + c A^2) X, A = X X^T, from X = G / |G|: O is near the orthogonal factor of G; G, O (n_in, n_out).

    All singular values go towards 1 and stay between 0.7 and 1.2: the coefficients are those for which small ones grow
    fastest (Jordan and others (2024), Muon: An optimizer for hidden layers in neural networks).
    """
    a, b, c = NEWTON_SCHULZ
    is_tall = G.shape[0] > G.shape[1]
    X = (G.T if is_tall else G) / (np.linalg.norm(G) + 1e-7)
    for _ in range(iterations):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    O[:] = X.T if is_tall else X
