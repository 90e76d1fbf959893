"""Optimizers and schedules by the names that they have on the command line."""

from collections.abc import Callable
from dataclasses import replace

import click

from fastnn import optimizers
from fastnn.optimizers import Optimizer
from fastnn.schedules import Constant, Cosine, InverseScaling, OneCycle, ReduceOnPlateau, Schedule

OPTIMIZERS: dict[str, type[Optimizer]] = {
    name: type(optimizer)
    for name, optimizer in optimizers.OPTIMIZERS.items()
    if isinstance(optimizer, Optimizer) and not optimizer.needs_matrices
}
WITH_MOMENTUM = ("sgd", "rmsprop")
REPORTED = ("momentum", "l2", "weight_decay", "max_grad_norm")

#: Learning rates of plain SGD; the other optimizers have one of their own.
LEARNING_RATES = {"classification": 0.2, "regression": 0.002}

#: The rate falls on a plateau of the training loss, if there is no part of the samples to validate on: those that are held
#: out for the report are not there to be learned from.
SCHEDULES: dict[str, Callable[[Optimizer], Schedule]] = {
    "constant": lambda optimizer: Constant(),
    "inverse-scaling": lambda optimizer: InverseScaling(),
    "cosine": lambda optimizer: Cosine(),
    "one-cycle": lambda optimizer: OneCycle(cycle_momentum=optimizer.has_momentum),
    "plateau": lambda optimizer: ReduceOnPlateau(monitor="loss"),
}


def check_optimizer_options(name: str, momentum: float | None) -> None:
    """Refuse options that have no meaning for the optimizer."""
    if momentum is not None and name not in WITH_MOMENTUM:
        raise click.UsageError(f"--momentum is for {' and '.join(WITH_MOMENTUM)}, and --optimizer is {name}.")


def make_optimizer(
    name: str,
    task: str,
    *,
    learning_rate: float | None,
    momentum: float | None,
    l2: float,
    weight_decay: float | None,
    max_grad_norm: float | None,
) -> Optimizer:
    """The optimizer of that name, with a learning rate for the task where none is given."""
    options: dict[str, float] = {} if momentum is None else {"momentum": momentum}
    if weight_decay is not None:
        options["weight_decay"] = weight_decay
    if learning_rate is not None:
        options["learning_rate"] = learning_rate
    elif name == "sgd":  # what is kept of a velocity adds up to 1 / (1 - momentum) steps
        options["learning_rate"] = LEARNING_RATES[task] * (1 - (momentum or 0.0))
    return OPTIMIZERS[name](l2=l2, max_grad_norm=max_grad_norm, **options)  # type: ignore[arg-type]


def make_schedule(name: str, optimizer: Optimizer, *, validates: bool = False) -> Schedule:
    """The schedule of that name."""
    schedule = SCHEDULES[name](optimizer)
    if validates and isinstance(schedule, ReduceOnPlateau):
        return replace(schedule, monitor="validation_loss")
    return schedule


def described(optimizer: Optimizer, schedule: Schedule) -> list[str]:
    """What the report says of an optimizer and a schedule, leaving out what is plain."""
    name = next(name for name, kind in OPTIMIZERS.items() if type(optimizer) is kind)
    words = [] if name == "sgd" else [name]
    words.append(f"learning rate {optimizer.learning_rate:g}")
    options = {option: getattr(optimizer, option, None) for option in REPORTED}
    words += [f"{option.replace('_', ' ')} {value:g}" for option, value in options.items() if value]
    if not isinstance(schedule, Constant):
        words.append(next(name for name, make in SCHEDULES.items() if type(make(optimizer)) is type(schedule)))
    return words
