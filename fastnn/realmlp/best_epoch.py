"""The epoch whose parameters are kept: the last one with the best value on held-out rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.batches import weighted_mean
from fastnn.training.callbacks import Callback
from fastnn.training.history import History
from fastnn.training.samples import Samples


@dataclass(frozen=True)
class Rows(Samples):
    """Encoded rows of a table, float32, with classes or standardised targets, and their weights."""

    def counted(self) -> np.ndarray:
        """The positions of the rows whose weight is not 0."""
        return np.flatnonzero(self.weights) if len(self.weights) else np.arange(len(self))


#: The value of a network on some rows: the larger, the better.
Metric = Callable[[Any, Rows], float]


def accuracy(network: Any, rows: Rows) -> float:
    """The fraction of rows whose class is the most probable one."""
    return weighted_mean(network.logits(rows.X).argmax(axis=1) == rows.y, rows.weights)


def negative_squared_error(network: Any, rows: Rows, limits: tuple[np.ndarray, np.ndarray] | None = None) -> float:
    """Minus the mean squared error of standardised targets; outputs are limited to a range, if any, as in `predict`."""
    outputs = network.logits(rows.X)
    if limits is not None:
        outputs = np.clip(outputs, *limits)
    return -weighted_mean(np.square(outputs - rows.y, dtype=np.float64), rows.weights)


class BestEpoch(Callback):
    """Keeps the parameters of the last epoch with the best value on held-out rows, and restores them in the end.

    A value that is NaN, such as that of an undefined score, is worse than any other.

    Parameters
    ----------
    held_out : Rows
        The rows.
    metric : function
        The value of a network on these rows.

    Attributes
    ----------
    value : float
        The best value.
    epoch : int
        The epoch, counted from 1; 0 before the first.
    """

    def __init__(self, held_out: Rows, metric: Metric) -> None:
        self.held_out, self.metric = held_out, metric
        self.value, self.epoch = -np.inf, 0
        self._learned: np.ndarray | None = None

    def on_epoch_end(self, network: Any, history: History) -> None:
        """Keep the parameters if they are at least as good as the best."""
        value = self.metric(network, self.held_out)
        comparable = -np.inf if math.isnan(value) else value
        if comparable >= self.value:
            self.value, self.epoch = comparable, len(history)
            if self._learned is None:
                self._learned = network._learned.copy()
            else:
                self._learned[:] = network._learned
        history.record_score("validation_score", value)

    def on_fit_end(self, network: Any, history: History) -> None:
        """Restore the best parameters."""
        if self._learned is not None:
            network._learned[:] = self._learned
        self._learned = None


class StopAfter(Callback):
    """Ends training after a number of epochs, in the middle of its schedules."""

    def __init__(self, n_epochs: int) -> None:
        self.every = n_epochs

    def on_epoch_end(self, network: Any, history: History) -> bool:
        """Whether the number of epochs is reached."""
        return len(history) >= self.every
