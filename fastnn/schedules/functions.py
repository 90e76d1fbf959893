"""Schedules from functions, and the schedule that a user means."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from fastnn.schedules.schedule import Constant, Course, Rates, Schedule


@dataclass(frozen=True, repr=False)
class FromFunction(Schedule):
    """eta_t = f(t), whatever the optimizer's learning rate.

    Parameters
    ----------
    function : callable
        Takes the number of a step, counted from 0, and returns its rate, at least 0. It is called once for every step,
        before the first step.
    """

    function: Callable[[int], float]

    def __repr__(self) -> str:
        # Without an address, so that another process can resume training.
        return f"FromFunction({getattr(self.function, '__qualname__', type(self.function).__qualname__)})"

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        values = (self._rate(step) for step in range(first_step, first_step + n_steps))
        return np.fromiter(values, np.float64, n_steps), None

    def begin(self, learning_rate: float, steps_per_epoch: int, total_steps: int) -> "Tabulated":
        """Start the schedule for a fit."""
        return Tabulated(self, learning_rate, steps_per_epoch, total_steps)

    def _rate(self, step: int) -> float:
        rate = self.function(step)
        if not isinstance(rate, Real) or isinstance(rate, bool):
            raise TypeError(f"A schedule must return a number for every step, got {rate!r} for step {step}.")
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(
                f"A schedule must return rates that are at least 0 and finite, got {rate!r} for step {step}."
            )
        return float(rate)


class Tabulated(Course):
    """All rates of a fit, computed in advance: an invalid rate is found before anything is changed."""

    def __init__(self, schedule: Schedule, learning_rate: float, steps_per_epoch: int, total_steps: int) -> None:
        super().__init__(schedule, learning_rate, steps_per_epoch, total_steps)
        self._rates, _ = super().rates(0, total_steps)

    def rates(self, first_step: int, n_steps: int) -> Rates:
        """Rates of `n_steps` steps."""
        return self._rates[first_step : first_step + n_steps], None


def find_schedule(schedule: Any) -> Schedule:
    """A schedule unchanged, a function of the step number as a schedule, and a constant rate for None.

    Raises
    ------
    TypeError
        If it is none of them.
    """
    if schedule is None:
        return Constant()
    if isinstance(schedule, Schedule):
        return schedule
    if isinstance(schedule, type) or not callable(schedule):
        raise TypeError(
            "schedule must be a schedule such as fastnn.schedules.Cosine(), or a function of the step number, "
            f"got {schedule!r}."
        )
    return FromFunction(schedule)
