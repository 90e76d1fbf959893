"""Parameter updates, theta <- theta - step, as operations: from a stored gradient, and fused with the weight gradient.

An update takes parameters theta (m,), their gradient g (m,), the optimizer state (s, m), and the record of the step. It
becomes two operations: one for a stored gradient, and one that computes dW = A^T dZ / n some rows at a time and updates
these rows while their gradient is in cache.
"""

import numpy as np

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.products import accumulate, multiply_with_hint
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.sums import dot
from fastnn.backends.numba_backend.kernels.vector_math import sqrt
from fastnn.backends.numba_backend.kernels.views import flat, row
from fastnn.backends.numba_backend.levels import CHUNK
from fastnn.backends.numba_backend.partition import UPDATE_ROWS


def sgd(theta, gradient, states, step):
    """theta <- theta - eta g."""
    rate = theta.dtype.type(step["learning_rate"])
    for p in range(len(theta)):
        theta[p] -= rate * gradient[p]


def momentum(theta, gradient, states, step):
    """v <- mu v + g, theta <- theta - eta v."""
    real, velocity = theta.dtype.type, row(states, 0)
    rate, kept = real(step["learning_rate"]), real(step["momentum"])
    for p in range(len(theta)):
        velocity[p] = kept * velocity[p] + gradient[p]
        theta[p] -= rate * velocity[p]


def nesterov(theta, gradient, states, step):
    """v <- mu v + g, theta <- theta - eta (g + mu v)."""
    real, velocity = theta.dtype.type, row(states, 0)
    rate, kept = real(step["learning_rate"]), real(step["momentum"])
    for p in range(len(theta)):
        velocity[p] = kept * velocity[p] + gradient[p]
        theta[p] -= rate * (gradient[p] + kept * velocity[p])


def adagrad(theta, gradient, states, step):
    """s <- s + g^2, theta <- theta - eta g / (sqrt(s) + epsilon)."""
    real, squares = theta.dtype.type, row(states, 0)
    rate, epsilon = real(step["learning_rate"]), real(step["epsilon"])
    for p in range(len(theta)):
        squares[p] += gradient[p] * gradient[p]
        theta[p] -= rate * gradient[p] / (sqrt(squares[p]) + epsilon)


def rmsprop(theta, gradient, states, step):
    """s <- rho s + (1 - rho) g^2, theta <- theta - eta g / (sqrt(s) + epsilon)."""
    real, squares = theta.dtype.type, row(states, 0)
    rate, epsilon = real(step["learning_rate"]), real(step["epsilon"])
    kept, new = real(step["squares_kept"]), real(1 - step["squares_kept"])
    for p in range(len(theta)):
        squares[p] = kept * squares[p] + new * gradient[p] * gradient[p]
        theta[p] -= rate * gradient[p] / (sqrt(squares[p]) + epsilon)


def rmsprop_momentum(theta, gradient, states, step):
    """s <- rho s + (1 - rho) g^2, v <- mu v + g / (sqrt(s) + epsilon), theta <- theta - eta v."""
    real, squares, velocity = theta.dtype.type, row(states, 0), row(states, 1)
    rate, epsilon, mu = real(step["learning_rate"]), real(step["epsilon"]), real(step["momentum"])
    kept, new = real(step["squares_kept"]), real(1 - step["squares_kept"])
    for p in range(len(theta)):
        squares[p] = kept * squares[p] + new * gradient[p] * gradient[p]
        velocity[p] = mu * velocity[p] + gradient[p] / (sqrt(squares[p]) + epsilon)
        theta[p] -= rate * velocity[p]


def adam(theta, gradient, states, step):
    """m <- b1 m + (1 - b1) g, s <- b2 s + (1 - b2) g^2, theta <- theta - eta (m / c1) / (sqrt(s / c2) + epsilon)."""
    real, means, squares = theta.dtype.type, row(states, 0), row(states, 1)
    b1, new_mean = real(step["momentum"]), real(1 - step["momentum"])
    b2, new_square = real(step["squares_kept"]), real(1 - step["squares_kept"])
    rate, epsilon = real(step["learning_rate"] / step["momentum_correction"]), real(step["epsilon"])
    scale = real(1 / step["squares_correction"])
    for p in range(len(theta)):
        means[p] = b1 * means[p] + new_mean * gradient[p]
        squares[p] = b2 * squares[p] + new_square * gradient[p] * gradient[p]
        theta[p] -= rate * means[p] / (sqrt(scale * squares[p]) + epsilon)


def amsgrad(theta, gradient, states, step):
    """m, s as `adam`, h <- max(h, s), theta <- theta - eta (m / c1) / (sqrt(h / c2) + epsilon)."""
    real, means, squares, largest = theta.dtype.type, row(states, 0), row(states, 1), row(states, 2)
    b1, new_mean = real(step["momentum"]), real(1 - step["momentum"])
    b2, new_square = real(step["squares_kept"]), real(1 - step["squares_kept"])
    rate, epsilon = real(step["learning_rate"] / step["momentum_correction"]), real(step["epsilon"])
    scale = real(1 / step["squares_correction"])
    for p in range(len(theta)):
        means[p] = b1 * means[p] + new_mean * gradient[p]
        squares[p] = b2 * squares[p] + new_square * gradient[p] * gradient[p]
        largest[p] = max(largest[p], squares[p])
        theta[p] -= rate * means[p] / (sqrt(scale * largest[p]) + epsilon)


UPDATES = (sgd, momentum, nesterov, adagrad, rmsprop, rmsprop_momentum, adam, amsgrad)


@inlined
def _sign(x):
    """1, -1, 0 or NaN."""
    one = type(x)(1)
    return one if x > 0 else -one if x < 0 else x


@body()
def add_penalty_gradient(gradient, theta, step):
    """g <- g + l1 sign(theta) + l2 theta."""
    l1, l2 = theta.dtype.type(step["l1"]), theta.dtype.type(step["l2"])
    for p in range(len(theta)):
        gradient[p] += l1 * _sign(theta[p]) + l2 * theta[p]


@inlined
def _penalize(theta, gradient, step):
    """g <- g + l1 sign(theta) + l2 theta, theta <- (1 - eta lambda) theta, if any of the three is not 0."""
    real = theta.dtype.type
    l1, l2 = real(step["l1"]), real(step["l2"])
    kept = real(1 - step["learning_rate"] * step["weight_decay"])
    if l1 != 0 or l2 != 0 or kept != 1:
        for p in range(len(theta)):
            gradient[p] += l1 * _sign(theta[p]) + l2 * theta[p]
            theta[p] *= kept


@body()
def penalize(theta, gradient, step):
    """g <- g + l1 sign(theta) + l2 theta, theta <- (1 - eta lambda) theta."""
    _penalize(theta, gradient, step)


def enter_step(update):
    """Register an update from a stored gradient."""
    compute = inlined(update)

    @body(update.__name__)
    def step_of_numbers(theta, gradient, states, step):
        compute(theta, gradient, states, step)


def enter_descent(update):
    """Register W <- W - step(A^T dZ / n), some rows at a time; their gradients share the memory of `dW`."""
    compute = inlined(update)

    @body(f"descend_by_{update.__name__}")
    def descend(W, A_previous, dZ, dW, states, step):
        width = W.shape[1]
        for start in range(0, len(W), UPDATE_ROWS):
            stop = min(start + UPDATE_ROWS, len(W))
            theta, gradient = W[start:stop], dW[: stop - start]
            multiply_with_hint(gradient, A_previous[:, start:stop].T, dZ, 1 / len(dZ), theta, states, start * width)
            _penalize(flat(theta), flat(gradient), step)
            compute(flat(theta), flat(gradient), states[:, start * width : stop * width], step)


for _update in UPDATES:
    enter_step(_update)
    enter_descent(_update)


@body()
def descend_in_product(W, A_previous, dZ, step):
    """W <- (1 - eta (l2 + lambda)) W - (eta / n) A^T dZ: plain descent as one matrix product, without storing the gradient."""
    rate = step["learning_rate"]
    keep = 1 - rate * (step["l2"] + step["weight_decay"])
    accumulate(W, A_previous.T, dZ, -rate / len(dZ), keep)


@body()
def sum_squares(squares, vector, first):
    """s_c = sum of x^2 over chunk c of a vector, for the chunks from `first` on."""
    for c in range(len(squares)):
        chunk = vector[(first + c) * CHUNK : (first + c + 1) * CHUNK]
        squares[c] = dot(chunk, chunk)


@body()
def clip(gradient, squares, step):
    """g <- min(1, c / (sqrt(sum s) + 10^-6)) g: gradient clipping by norm, to at most c."""
    total = 0.0
    for c in range(len(squares)):
        total += squares[c]
    factor = gradient.dtype.type(min(1.0, step["max_grad_norm"] / (sqrt(total) + 1e-6)))
    for p in range(len(gradient)):
        gradient[p] *= factor


@body()
def scale_step(own, factors, step):
    """The record of a step for parameters with factors of their own: that of the batch, with some options scaled."""
    own[0] = step
    own[0]["learning_rate"] *= factors[0]
    own[0]["orthogonal_rate"] *= factors[1]
    own[0]["weight_decay"] *= factors[2]
    own[0]["l1"] *= factors[3]
    own[0]["l2"] *= factors[4]
    own[0]["epsilon"] *= factors[5]


@body()
def add_penalty(theta, factor_1, factor_2, step):
    """L <- L + r (l1 sum |theta_p| + (l2 / 2) sum theta_p^2), l1 and l2 times factors; r is a factor of the reported penalty."""
    l1, l2 = factor_1 * step["l1"], factor_2 * step["l2"]
    lengths = squares = 0.0
    for p in range(len(theta)):
        value = np.float64(theta[p])
        lengths += abs(value)
        squares += value * value
    step["loss"] += step["penalties_reported"] * (l1 * lengths + l2 / 2 * squares)
