"""A schedule that reacts to the losses."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnn.schedules.decays import check_factor
from fastnn.schedules.schedule import Course, Rates, Schedule
from fastnn.validation import check_count, check_flag, check_number


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """eta <- max(gamma eta, eta_min) when the loss has not improved for more than `patience` epochs.

    A loss is an improvement if it is below (1 - threshold) times the best so far, or below the best minus the threshold.

    Parameters
    ----------
    factor : float, default 0.1
        Factor gamma, above 0 and below 1.
    patience : int, default 10
        Number of epochs to wait for an improvement, at least 0.
    threshold : float, default 1e-4
        Smallest decrease that counts as an improvement, at least 0.
    relative : bool, default True
        Whether the threshold is relative to the best loss or absolute.
    cooldown : int, default 0
        Number of epochs after a reduction that are not counted, at least 0.
    lowest_rate : float, default 0.0
        eta_min, at least 0. Reductions by 1e-8 or less are skipped.
    monitor : {"loss", "validation_loss"}, optional
        Which loss to monitor. By default the validation loss if there is one, else the training loss.

    References
    ----------
    Matches PyTorch's ``ReduceLROnPlateau`` epoch by epoch.
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    relative: bool = True
    cooldown: int = 0
    lowest_rate: float = 0.0
    monitor: str | None = None

    watches_epochs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if check_factor(self.factor) == 1:
            raise ValueError(f"factor must be below 1, or the rate is never reduced, got {self.factor!r}.")
        for name in ("patience", "cooldown"):
            if getattr(self, name) != 0 or isinstance(getattr(self, name), bool):
                check_count(getattr(self, name), name)
        check_flag(self.relative, "relative")
        if check_number(self.threshold, "threshold") >= 1 and self.relative:
            raise ValueError(f"A relative threshold must be below 1, got {self.threshold!r}.")
        check_number(self.lowest_rate, "lowest_rate")
        if self.monitor not in (None, "loss", "validation_loss"):
            raise ValueError(f"monitor must be 'loss' or 'validation_loss', got {self.monitor!r}.")

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps before any reduction."""
        return np.full(n_steps, learning_rate), None

    def begin(self, learning_rate: float, steps_per_epoch: int, total_steps: int) -> "Plateau":
        """Start the schedule for a fit."""
        return Plateau(self, learning_rate, steps_per_epoch, total_steps)


class Plateau(Course):
    """The state of `ReduceOnPlateau` during one fit; `learning_rate` is the current one."""

    schedule: ReduceOnPlateau

    #: Reductions up to this size are skipped, as in PyTorch.
    SMALLEST_REDUCTION = 1e-8

    def __init__(self, schedule: ReduceOnPlateau, learning_rate: float, steps_per_epoch: int, total_steps: int) -> None:
        super().__init__(schedule, learning_rate, steps_per_epoch, total_steps)
        self.smallest_loss, self.epochs_waited, self.epochs_to_cool = math.inf, 0, 0

    def end_epoch(self, loss: float, validation_loss: float | None) -> None:
        """Reduce the rate if the loss has not improved for more than `patience` epochs."""
        schedule = self.schedule
        self._compare(loss if schedule.monitor == "loss" or validation_loss is None else validation_loss)
        if self.epochs_to_cool > 0:
            self.epochs_to_cool, self.epochs_waited = self.epochs_to_cool - 1, 0
        if self.epochs_waited > schedule.patience:
            reduced = max(schedule.factor * self.learning_rate, schedule.lowest_rate)
            if self.learning_rate - reduced > self.SMALLEST_REDUCTION:
                self.learning_rate = reduced
            self.epochs_to_cool, self.epochs_waited = schedule.cooldown, 0

    def _compare(self, loss: float) -> None:
        best, threshold = self.smallest_loss, self.schedule.threshold
        if loss < (best * (1 - threshold) if self.schedule.relative else best - threshold):
            self.smallest_loss, self.epochs_waited = loss, 0
        else:
            self.epochs_waited += 1
