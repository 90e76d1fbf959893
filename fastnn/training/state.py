"""Everything that training changes, and snapshots of it.

Undoing an epoch that diverged, returning to the best epoch, and resuming from a checkpoint all use `snapshot` and `restore`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.architecture import aligned_zeros
from fastnn.feed_forward import FeedForward
from fastnn.optimizers import Optimizer


class OptimizerState:
    """The state that an optimizer carries from step to step.

    Attributes
    ----------
    vectors : ndarray of shape (n_states, n_parameters)
        State values of each parameter, such as its velocity.
    n_steps : int
        Steps taken so far.
    """

    def __init__(self, optimizer: Optimizer, n_parameters: int, dtype: np.dtype) -> None:
        self.optimizer, self.n_steps = optimizer, 0
        shape = optimizer.n_states, n_parameters
        self.vectors = aligned_zeros(math.prod(shape), dtype).reshape(shape)


def optimizer_state(network: FeedForward, optimizer: Optimizer) -> OptimizerState:
    """The state of the network's last optimizer if it is equal to this one, or else a new state of zeros."""
    state: OptimizerState | None = network._optimizer_state
    if state is None or state.optimizer != optimizer:
        state = network._optimizer_state = OptimizerState(optimizer, len(network.parameters), network.dtype)
    return state


def take_step(network: FeedForward, optimizer: Optimizer) -> None:
    """Update the parameters once, from the gradient."""
    state = optimizer_state(network, optimizer)
    with network._computing():
        step = optimizer.settings(state.n_steps, 1)
        network._model.step(optimizer.rule(network.dtype), state.vectors, step, network._team)
    state.n_steps += 1
    network.n_updates += 1


@dataclass
class Counters:
    """The counters and random numbers that training advances, apart from the vectors.

    Attributes
    ----------
    n_steps : int
        Steps of the optimizer.
    n_updates, mask_key : int
        Updates of the network, and the key of its dropout masks.
    random : dict
        State of the network's random number generator.
    has_loss : bool
        Whether `backward` can be called, because `loss` has been.
    """

    n_steps: int
    n_updates: int
    mask_key: int
    random: dict[str, Any]
    has_loss: bool = False


@dataclass
class Snapshot:
    """A copy of what training changes; parts that are None are left unchanged by `restore`."""

    learned: np.ndarray
    gradient: np.ndarray | None = None
    vectors: np.ndarray | None = None
    counters: Counters | None = None


class TrainState:
    """All that training changes in a network: parameters, statistics, gradient, optimizer state, counters, random numbers.

    Parameters
    ----------
    network : FeedForward
        The network being trained.
    optimizer : Optimizer, optional
        The optimizer; None for L-BFGS, whose state is kept by SciPy.

    Attributes
    ----------
    steps_before : int
        Steps of the optimizer before this training; schedules count from here.
    """

    def __init__(self, network: FeedForward, optimizer: Optimizer | None = None) -> None:
        self.network, self.optimizer = network, optimizer
        last: OptimizerState | None = network._optimizer_state
        self._left_before = last
        self.steps_before = last.n_steps if last is not None and last.optimizer == optimizer else 0

    @property
    def of_optimizer(self) -> OptimizerState:
        """The state of the optimizer."""
        assert self.optimizer is not None
        return optimizer_state(self.network, self.optimizer)

    @property
    def n_steps(self) -> int:
        """Steps taken in this training."""
        return self.of_optimizer.n_steps - self.steps_before

    def count_steps(self, n_steps: int) -> None:
        """Add steps to the counters."""
        self.network.n_updates += n_steps
        if self.optimizer is not None:
            self.of_optimizer.n_steps += n_steps

    def snapshot(self, into: Snapshot | None = None) -> Snapshot:
        """A copy of everything; reuses the arrays of `into`, an older snapshot."""
        network = self.network
        vectors = None if self.optimizer is None else self.of_optimizer.vectors
        n_steps = 0 if self.optimizer is None else self.of_optimizer.n_steps
        random = dict(network.random.bit_generator.state)
        counters = Counters(n_steps, network.n_updates, network._mask_key, random, network._has_loss)
        if into is None:
            into = Snapshot(
                network._learned.copy(), network.gradient.copy(), None if vectors is None else vectors.copy()
            )
        else:
            _copy(into.learned, network._learned)
            _copy(into.gradient, network.gradient)
            _copy(into.vectors, vectors)
        into.counters = counters
        return into

    def snapshot_of_parameters(self, into: Snapshot | None = None) -> Snapshot:
        """A copy of parameters and statistics only."""
        if into is None:
            return Snapshot(self.network._learned.copy())
        into.learned[:] = self.network._learned
        return into

    def restore(self, snapshot: Snapshot) -> None:
        """Restore what the snapshot holds."""
        network, counters = self.network, snapshot.counters
        network._has_loss = counters is not None and counters.has_loss
        network._learned[:] = snapshot.learned
        _copy(network.gradient, snapshot.gradient)
        if snapshot.vectors is not None:
            _copy(self.of_optimizer.vectors, snapshot.vectors)
        if counters is not None:
            network.n_updates, network._mask_key = counters.n_updates, counters.mask_key
            network.random.bit_generator.state = counters.random
            if self.optimizer is not None:
                self.of_optimizer.n_steps = counters.n_steps

    def abandon(self, snapshot: Snapshot) -> None:
        """Restore a snapshot from before the first step, and the state of the optimizer that had trained the network."""
        self.restore(snapshot)
        self.network._optimizer_state = self._left_before


def _copy(to: np.ndarray | None, numbers: np.ndarray | None) -> None:
    """Copy numbers, unless either array is missing."""
    if to is not None and numbers is not None:
        to[:] = numbers
