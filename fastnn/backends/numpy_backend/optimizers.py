"""Parameter updates: theta <- theta - step.

Each takes parameters theta (m,), their gradient g (m,), the optimizer state (s, m), and the record of the step, one of
`fastnn.updates.SETTINGS`.
"""

import numpy as np

from fastnn.updates import SCALED

#: a, b and c of `orthogonalize`.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def sgd(theta, gradient, states, step):
    """theta <- theta - eta g."""
    theta -= step["learning_rate"] * gradient


def momentum(theta, gradient, states, step):
    """v <- mu v + g, theta <- theta - eta v."""
    velocity = states[0]
    velocity[:] = step["momentum"] * velocity + gradient
    theta -= step["learning_rate"] * velocity


def nesterov(theta, gradient, states, step):
    """v <- mu v + g, theta <- theta - eta (g + mu v)."""
    velocity = states[0]
    velocity[:] = step["momentum"] * velocity + gradient
    theta -= step["learning_rate"] * (gradient + step["momentum"] * velocity)


def adagrad(theta, gradient, states, step):
    """s <- s + g^2, theta <- theta - eta g / (sqrt(s) + epsilon)."""
    squares = states[0]
    squares += gradient * gradient
    theta -= step["learning_rate"] * gradient / (np.sqrt(squares) + step["epsilon"])


def rmsprop(theta, gradient, states, step):
    """s <- rho s + (1 - rho) g^2, theta <- theta - eta g / (sqrt(s) + epsilon)."""
    squares, kept = states[0], step["squares_kept"]
    squares[:] = kept * squares + (1 - kept) * gradient * gradient
    theta -= step["learning_rate"] * gradient / (np.sqrt(squares) + step["epsilon"])


def rmsprop_momentum(theta, gradient, states, step):
    """s <- rho s + (1 - rho) g^2, v <- mu v + g / (sqrt(s) + epsilon), theta <- theta - eta v."""
    squares, velocity = states
    kept = step["squares_kept"]
    squares[:] = kept * squares + (1 - kept) * gradient * gradient
    velocity[:] = step["momentum"] * velocity + gradient / (np.sqrt(squares) + step["epsilon"])
    theta -= step["learning_rate"] * velocity


def adam(theta, gradient, states, step):
    """m <- b1 m + (1 - b1) g, s <- b2 s + (1 - b2) g^2, theta <- theta - eta (m / c1) / (sqrt(s / c2) + epsilon)."""
    means, squares = states
    b1, b2 = step["momentum"], step["squares_kept"]
    means[:] = b1 * means + (1 - b1) * gradient
    squares[:] = b2 * squares + (1 - b2) * gradient * gradient
    length = np.sqrt(squares / step["squares_correction"]) + step["epsilon"]
    theta -= step["learning_rate"] / step["momentum_correction"] * means / length


def amsgrad(theta, gradient, states, step):
    """m, s as `adam`, h <- max(h, s), theta <- theta - eta (m / c1) / (sqrt(h / c2) + epsilon)."""
    means, squares, largest = states
    b1, b2 = step["momentum"], step["squares_kept"]
    means[:] = b1 * means + (1 - b1) * gradient
    squares[:] = b2 * squares + (1 - b2) * gradient * gradient
    largest[:] = np.maximum(largest, squares)
    length = np.sqrt(largest / step["squares_correction"]) + step["epsilon"]
    theta -= step["learning_rate"] / step["momentum_correction"] * means / length


UPDATES = (sgd, momentum, nesterov, adagrad, rmsprop, rmsprop_momentum, adam, amsgrad)


def add_penalty_gradient(gradient, theta, step):
    """g <- g + l1 sign(theta) + l2 theta."""
    gradient += step["l1"] * np.sign(theta) + step["l2"] * theta


def penalize(theta, gradient, step):
    """g <- g + l1 sign(theta) + l2 theta, theta <- (1 - eta lambda) theta."""
    add_penalty_gradient(gradient, theta, step)
    theta *= 1 - step["learning_rate"] * step["weight_decay"]


def clip(gradient, step):
    """g <- min(1, c / (|g| + 10^-6)) g: gradient clipping by norm, to at most c."""
    gradient *= min(1.0, step["max_grad_norm"] / (np.linalg.norm(gradient) + 1e-6))


def scale_step(own, factors, step):
    """The record of a step for parameters with factors of their own: that of the batch, with some options scaled."""
    own[0] = step
    for name, factor in zip(SCALED, factors, strict=True):
        own[name] *= factor


def add_penalty(theta, factor_1, factor_2, step):
    """L <- L + r (l1 sum |theta_p| + (l2 / 2) sum theta_p^2), l1 and l2 times factors; r is a factor of the reported penalty."""
    theta, l1, l2 = theta.astype(np.float64), factor_1 * step["l1"], factor_2 * step["l2"]
    penalty = l1 * np.sum(np.abs(theta)) + l2 / 2 * np.sum(theta * theta)
    step["loss"] += step["penalties_reported"] * penalty


def orthogonalize(O, G, iterations):
    """X <- a X + (b A + c A^2) X, A = X X^T, from X = G / |G|: O approximates the orthogonal factor of G; G, O (n_in, n_out).

    Singular values approach 1 and end up between 0.7 and 1.2: the coefficients are chosen so that small ones grow fastest
    (Jordan and others (2024), Muon: An optimizer for hidden layers in neural networks).
    """
    a, b, c = NEWTON_SCHULZ
    is_tall = G.shape[0] > G.shape[1]
    X = (G.T if is_tall else G) / (np.linalg.norm(G) + 1e-7)
    for _ in range(iterations):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    O[:] = X.T if is_tall else X


def follow_mean(ahead, mean, gradient, mu, looks_ahead):
    """v <- mu v + (1 - mu) g; u = (1 - mu) g + mu v if it looks ahead, else v."""
    mean[:] = mu * mean + (1 - mu) * gradient
    ahead[:] = (1 - mu) * gradient + mu * mean if looks_ahead else mean


def move_along(W, O, scale, step):
    """W <- (1 - eta lambda) W - eta s O."""
    rate = step["orthogonal_rate"]
    W[:] = (1 - rate * step["weight_decay"]) * W - rate * scale * O
