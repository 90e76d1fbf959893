"""The base class of schedules, and the constant rate."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

#: Learning rates, and momenta if the schedule changes them.
Rates = tuple[np.ndarray, np.ndarray | None]


class Schedule(ABC):
    """A learning rate for every step of a fit."""

    #: Whether it needs the results of each epoch before the next one.
    watches_epochs: ClassVar[bool] = False

    @property
    def changes_momentum(self) -> bool:
        """Whether it also changes the momentum, which the optimizer must then have."""
        return False

    @abstractmethod
    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Learning rates and momenta of `n_steps` steps starting at `first_step`.

        Parameters
        ----------
        learning_rate : float
            The optimizer's learning rate.
        first_step, n_steps : int
            First step, counted from 0 at the start of the fit, and number of steps.
        steps_per_epoch, total_steps : int
            Number of steps per epoch, and in the whole fit.

        Returns
        -------
        rates : ndarray of shape (n_steps,)
        momenta : ndarray of shape (n_steps,) or None
            None if the optimizer's own momentum applies.
        """

    def begin(self, learning_rate: float, steps_per_epoch: int, total_steps: int) -> "Course":
        """Start the schedule for a fit."""
        return Course(self, learning_rate, steps_per_epoch, total_steps)


class Course:
    """The state of a schedule during one fit."""

    def __init__(self, schedule: Schedule, learning_rate: float, steps_per_epoch: int, total_steps: int) -> None:
        self.schedule, self.learning_rate = schedule, learning_rate
        self.steps_per_epoch, self.total_steps = steps_per_epoch, total_steps

    def rates(self, first_step: int, n_steps: int) -> Rates:
        """Learning rates and momenta of `n_steps` steps, as returned by `Schedule.rates`."""
        return self.schedule.rates(self.learning_rate, first_step, n_steps, self.steps_per_epoch, self.total_steps)

    def end_epoch(self, loss: float, validation_loss: float | None) -> None:
        """Receive the losses of an epoch."""


@dataclass(frozen=True)
class Constant(Schedule):
    """eta_t = eta."""

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        return np.full(n_steps, learning_rate), None


def steps_from(first_step: int, n_steps: int) -> np.ndarray:
    """The numbers of some steps."""
    return np.arange(first_step, first_step + n_steps, dtype=np.float64)
