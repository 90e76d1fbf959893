"""JAX: a whole epoch as one compiled function, a scan over the batches, with donated parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.peer import Layers, Peer
from benchmarks.settings import SEED
from benchmarks.workloads.training import Training

_ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}


class Jax(Peer):
    """Parameters and velocities as a tree of arrays; NumPy shuffles the samples, faster than JAX."""

    def __init__(self, workload: Training) -> None:
        super().__init__(workload)
        data = self.workload.data()
        self.X, self.y = jnp.array(data.X), jnp.array(data.y)
        self.random = np.random.default_rng(SEED)
        self.epoch = jax.jit(epoch_of(self.workload), donate_argnums=0)

    def reset(self) -> None:
        """Restore the initial parameters."""
        # Copies, because donated arrays may be overwritten.
        self.theta = [(jnp.array(W), jnp.array(b)) for W, b in self.start]

    def train(self, epochs: int, shuffle: bool) -> None:
        """Call the compiled epoch; calls are asynchronous, so wait for the last result."""
        n_samples = self.workload.n_samples
        state = self.theta, first_state(self.workload, self.theta)
        order = jnp.arange(n_samples)
        self.losses = []
        for _ in range(epochs):
            if shuffle and self.workload.batch_size is not None:
                order = jnp.array(self.random.permutation(n_samples).astype(np.int32))
            state, loss = self.epoch(state, self.X, self.y, order)
            self.losses.append(loss)
        self.theta, _ = jax.block_until_ready(state)

    def layers(self) -> Layers:
        """The weights and biases as NumPy arrays."""
        return [(np.asarray(W), np.asarray(b)) for W, b in self.theta]


def epoch_of(workload: Training) -> Callable[..., Any]:
    """The function (state, X, y, order) -> (state, mean loss of the epoch), to be compiled."""
    step = partial(_step, workload)
    n_samples, batch_size = workload.n_samples, workload.batch_size
    if batch_size is None or batch_size >= n_samples:
        return lambda state, X, y, order: step(state, X, y)
    n_whole = n_samples // batch_size * batch_size

    def epoch(state, X, y, order):
        def train_batch(state, rows):
            return step(state, X[rows], y[rows])

        state, losses = jax.lax.scan(train_batch, state, order[:n_whole].reshape(-1, batch_size))
        total = batch_size * losses.sum()
        if n_whole < n_samples:
            state, loss = train_batch(state, order[n_whole:])
            total += (n_samples - n_whole) * loss
        return state, total / n_samples

    return epoch


def _step(workload: Training, state, X, y):
    """One update, theta <- theta - learning_rate times a step, and the loss before it."""
    theta, kept = state
    loss, gradient = jax.value_and_grad(partial(_loss, workload))(theta, X, y)
    step, kept = _direction(workload, gradient, kept)
    return (jax.tree.map(lambda p, s: p - workload.learning_rate * s, theta, step), kept), loss


def first_state(workload: Training, theta):
    """The initial optimizer state: empty, a velocity, or two means and the number of steps."""
    zeros = partial(jax.tree.map, jnp.zeros_like)
    return (zeros(theta), zeros(theta), jnp.zeros(())) if workload.adam else zeros(theta) if workload.momentum else ()


def _direction(workload: Training, gradient, kept):
    """The step and the new optimizer state: g; v <- momentum v + g; or Adam's m' / (sqrt(s') + epsilon)."""
    if workload.adam:
        means, squares, t = kept
        t = t + 1
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradient)
        squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, squares, gradient)
        c_means, c_squares = 1 - 0.9**t, 1 - 0.999**t
        step = jax.tree.map(lambda m, s: m / c_means / (jnp.sqrt(s / c_squares) + 1e-8), means, squares)
        return step, (means, squares, t)
    if workload.momentum:
        velocity = jax.tree.map(lambda v, g: workload.momentum * v + g, kept, gradient)
        return velocity, velocity
    return gradient, kept


def _loss(workload: Training, theta, X, y):
    """Mean loss of a batch, from the logits."""
    A = X
    for name, (W, b) in zip(workload.activations[:-1], theta[:-1], strict=True):
        A = _ACTIVATIONS[name](A @ W + b)
    W, b = theta[-1]
    Z = A @ W + b
    if workload.loss == "softmax_cross_entropy":
        return -jnp.take_along_axis(jax.nn.log_softmax(Z), y[:, None], axis=1).mean()
    if workload.loss == "binary_cross_entropy":
        z = Z[:, 0]
        return (jax.nn.softplus(z) - y * z).mean()
    return ((Z - y) ** 2).sum(axis=1).mean()
