"""JAX: many networks trained at once, by mapping the epoch of a single network over an axis of networks."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

import fastnn
from benchmarks.peers.implementations.with_jax import epoch_of, first_state
from benchmarks.settings import SEED
from benchmarks.workloads.training import Training

#: Networks per ``vmap``: 25 fit into the caches and took three quarters of the time of all 200 at once.
AT_ONCE = 25


class ManyInJax:
    """Networks that start from the parameters of fastnn's; each has its own order of samples in every epoch."""

    def __init__(self, training: Training, networks: Sequence[fastnn.Network]) -> None:
        data = training.data()
        self.training, self.n_networks = training, len(networks)
        self.X, self.y = jnp.array(data.X), jnp.array(data.y)
        layers = [zip(network.weights, network.biases, strict=True) for network in networks]
        self.start = jax.tree.map(lambda *parts: np.stack(parts), *map(list, layers))
        self.random = np.random.default_rng(SEED)
        self.epoch = jax.jit(partial(_all_epochs, epoch_of(training)), donate_argnums=0)

    def train(self, shuffle: bool, epochs: int | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Train from the initial parameters; return a row of parameters and the last loss of each network."""
        theta = jax.tree.map(jnp.array, self.start)
        state = theta, jax.vmap(partial(first_state, self.training))(theta)
        order = np.tile(np.arange(len(self.X), dtype=np.int32), (self.n_networks, 1))
        for _ in range(epochs or self.training.epochs):
            if shuffle:
                order = self.random.permuted(order, axis=1)
            state, losses = self.epoch(state, self.X, self.y, jnp.array(order))
        theta, losses = jax.block_until_ready((state[0], losses))
        parts = [np.asarray(part).reshape(self.n_networks, -1) for layer in theta for part in layer]
        return np.concatenate(parts, axis=1), np.asarray(losses)


def _all_epochs(epoch, states, X, y, orders):
    """(states, X, y, orders) -> (states, mean loss of each network)."""
    return jax.lax.map(lambda one: epoch(one[0], X, y, one[1]), (states, orders), batch_size=AT_ONCE)
