"""The schedules of a fit under way: learning rates, and factors of weight decay and dropout."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.schedules import Course, find_schedule


@dataclass(frozen=True)
class Courses:
    """The learning rate of each step, and the factors of weight decay and of dropout rates; None if they are always 1."""

    rates: Course
    weight_decay: Course | None = None
    dropout: Course | None = None

    def set_factors(self, steps: np.ndarray, first_step: int) -> None:
        """Multiply the weight decay of some steps by its factors, and set the reduction of their dropout rates."""
        if self.weight_decay is not None:
            steps["weight_decay"] *= self.weight_decay.rates(first_step, len(steps))[0]
        if self.dropout is not None:
            steps["dropout_reduction"] = 1 - np.clip(self.dropout.rates(first_step, len(steps))[0], 0, 1)


def begin_factors(schedule: Any, name: str, n_batches: int, n_steps: int) -> Course | None:
    """A schedule of factors, started; None if there is none.

    Raises
    ------
    TypeError, ValueError
        If it is not a schedule, depends on the losses, or changes the momentum.
    """
    if schedule is None:
        return None
    try:
        chosen = find_schedule(schedule)
    except TypeError:
        raise TypeError(f"{name} must be a schedule or a function of the step number, got {schedule!r}.") from None
    if chosen.watches_epochs or chosen.changes_momentum:
        raise ValueError(f"{name} must depend on the step alone, which {type(chosen).__name__} does not.")
    course = chosen.begin(1.0, n_batches, n_steps)
    course.rates(0, 0)
    return course
