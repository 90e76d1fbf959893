"""The arguments of `Network.fit`, apart from the data."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from inspect import Parameter, Signature, signature
from typing import Any, Self, TypedDict

from fastnn.names import check_keywords
from fastnn.optimizers import Optimizer
from fastnn.quasi_newton import LBFGS
from fastnn.schedules import Course, Schedule, find_schedule
from fastnn.training.callbacks import Callback
from fastnn.training.courses import Courses, begin_factors
from fastnn.training.progress import Progress
from fastnn.validation import check_count


class FitKeywords(TypedDict, total=False):
    """The keyword arguments of `Network.fit`, for type checkers: the fields of `FitOptions`."""

    optimizer: Optimizer | LBFGS | str | None
    schedule: Schedule | Callable[[int], float] | None
    weight_decay_schedule: Schedule | Callable[[int], float] | None
    dropout_schedule: Schedule | Callable[[int], float] | None
    epochs: int
    batch_size: int | None
    shuffle: bool
    drop_last: bool
    validation_data: tuple[Any, ...] | None
    validation_fraction: float | None
    callbacks: Callback | Sequence[Callback] | None
    progress: Progress
    resume_from: str | os.PathLike[str] | None
    n_threads: int | None


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """The arguments of `Network.fit`, apart from the data; they are documented there."""

    optimizer: Optimizer | LBFGS | str | None = None
    schedule: Schedule | Callable[[int], float] | None = None
    weight_decay_schedule: Schedule | Callable[[int], float] | None = None
    dropout_schedule: Schedule | Callable[[int], float] | None = None
    epochs: int = 100
    batch_size: int | None = 32
    shuffle: bool = True
    drop_last: bool = False
    validation_data: tuple[Any, ...] | None = None
    validation_fraction: float | None = None
    callbacks: Callback | Sequence[Callback] | None = ()
    progress: Progress = None
    resume_from: str | os.PathLike[str] | None = None
    n_threads: int | None = None

    @classmethod
    def of(cls, keywords: dict[str, Any]) -> Self:
        """The options from keyword arguments."""
        if not {"lr", "learning_rate"}.isdisjoint(keywords):
            raise TypeError(
                "The learning rate belongs to the optimizer: pass optimizer=fastnn.Adam(learning_rate=...) to fit."
            )
        check_keywords("fit", keywords, [field.name for field in fields(cls)])
        return cls(**keywords)

    @property
    def validates(self) -> bool:
        """Whether there is held-out validation data."""
        return self.validation_data is not None or self.validation_fraction is not None


def check_batch_size(batch_size: int | None, n_samples: int) -> int:
    """The number of samples per batch, at most all of them, which None stands for."""
    return n_samples if batch_size is None else min(check_count(batch_size, "batch_size"), n_samples)


def check_schedule(schedule: Any, optimizer: Optimizer, *, validates: bool) -> Schedule:
    """The schedule, checked to be compatible with the optimizer and the validation data."""
    chosen = find_schedule(schedule)
    if chosen.changes_momentum and not optimizer.has_momentum:
        raise ValueError(
            f"{type(chosen).__name__} changes the momentum, and this {type(optimizer).__name__} has none: "
            "choose an optimizer with momentum, or cycle_momentum=False."
        )
    if getattr(chosen, "monitor", None) == "validation_loss" and not validates:
        raise ValueError(
            f"{type(chosen).__name__} monitors the validation loss: fit needs validation_data or validation_fraction."
        )
    return chosen


def begin_schedule(schedule: Schedule, optimizer: Optimizer, epochs: int, n_batches: int) -> Course:
    """The schedule at the start of training; raises now if it does not work for this number of steps."""
    course = schedule.begin(optimizer.learning_rate, n_batches, epochs * n_batches)
    course.rates(0, 0)
    return course


def begin_schedules(schedule: Schedule, optimizer: Optimizer, options: FitOptions, n_batches: int) -> Courses:
    """All schedules of a fit; raises now if one does not work for this number of steps."""
    n_steps = options.epochs * n_batches
    factors = (
        begin_factors(getattr(options, name), name, n_batches, n_steps)
        for name in ("weight_decay_schedule", "dropout_schedule")
    )
    return Courses(begin_schedule(schedule, optimizer, options.epochs, n_batches), *factors)


def shows_options(function: Any) -> Any:
    """Add the fields of `FitOptions` to the function's signature, for help and completion."""
    shown = signature(function)
    own = [parameter for parameter in shown.parameters.values() if parameter.kind is not Parameter.VAR_KEYWORD]
    options = list(signature(FitOptions).parameters.values())
    function.__signature__ = Signature([*own, *options], return_annotation=shown.return_annotation)
    return function
