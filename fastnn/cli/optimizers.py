"""Optimizers and schedules by their names on the command line, and the default settings of training."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import click

from fastnn import optimizers
from fastnn.cli.groups import Descent, Training
from fastnn.cli.parts import Parts
from fastnn.optimizers import Optimizer
from fastnn.schedules import Constant, Cosine, InverseScaling, OneCycle, ReduceOnPlateau, Schedule

OPTIMIZERS: dict[str, type[Optimizer]] = {
    name: type(optimizer)
    for name, optimizer in optimizers.OPTIMIZERS.items()
    if isinstance(optimizer, Optimizer) and not optimizer.needs_matrices
}
WITH_MOMENTUM = ("sgd", "rmsprop")
REPORTED = ("momentum", "l2", "weight_decay", "max_grad_norm")

#: Default learning rates of SGD; the other optimizers have their own defaults.
LEARNING_RATES = {"classification": 0.2, "regression": 0.002}


class Steps(NamedTuple):
    """Number of epochs, and batch size."""

    epochs: int
    batch_size: int


# Small data sets need many small steps; large ones need few epochs, in batches that keep the processor busy.
LARGE = 10_000  # training samples
SMALL_TRAINING, LARGE_TRAINING = Steps(epochs=100, batch_size=16), Steps(epochs=10, batch_size=64)

#: Without a validation set, the plateau schedule monitors the training loss: the held-out samples of the report must not
#: influence training.
SCHEDULES: dict[str, Callable[[Optimizer], Schedule]] = {
    "constant": lambda optimizer: Constant(),
    "inverse-scaling": lambda optimizer: InverseScaling(),
    "cosine": lambda optimizer: Cosine(),
    "one-cycle": lambda optimizer: OneCycle(cycle_momentum=optimizer.has_momentum),
    "plateau": lambda optimizer: ReduceOnPlateau(monitor="loss"),
}


def check_optimizer_options(descent: Descent) -> None:
    """Reject options that do not apply to the optimizer."""
    if descent.momentum is not None and descent.optimizer not in WITH_MOMENTUM:
        raise click.UsageError(
            f"--momentum is for {' and '.join(WITH_MOMENTUM)}, but --optimizer is {descent.optimizer}."
        )


def make_training(descent: Descent, task: str, parts: Parts) -> Training:
    """The optimizer, schedule, epochs and batch size, with defaults for the task and the number of samples."""
    n_samples, optimizer = len(parts.train.X), make_optimizer(descent, task)
    defaults = LARGE_TRAINING if n_samples >= LARGE else SMALL_TRAINING
    return Training(
        optimizer=optimizer,
        schedule=make_schedule(descent.schedule, optimizer, validates=parts.validation is not None),
        epochs=descent.epochs or defaults.epochs,
        batch_size=min(descent.batch_size or defaults.batch_size, n_samples),
    )


def make_optimizer(descent: Descent, task: str) -> Optimizer:
    """The optimizer with the given options; SGD has a default learning rate for each task."""
    given = {name: getattr(descent, name) for name in ("learning_rate", *REPORTED)}
    options = {name: value for name, value in given.items() if value is not None}
    if descent.optimizer == "sgd":  # the velocity adds up to 1 / (1 - momentum) steps
        options.setdefault("learning_rate", LEARNING_RATES[task] * (1 - options.get("momentum", 0.0)))
    return OPTIMIZERS[descent.optimizer](**options)


def make_schedule(name: str, optimizer: Optimizer, *, validates: bool = False) -> Schedule:
    """The schedule with this name."""
    schedule = SCHEDULES[name](optimizer)
    if validates and isinstance(schedule, ReduceOnPlateau):
        return replace(schedule, monitor="validation_loss")
    return schedule


def described(optimizer: Optimizer, schedule: Schedule) -> list[str]:
    """An optimizer and a schedule in words for the report, without defaults."""
    name = next(name for name, kind in OPTIMIZERS.items() if type(optimizer) is kind)
    words = [] if name == "sgd" else [name]
    words.append(f"learning rate {optimizer.learning_rate:g}")
    options = {option: getattr(optimizer, option, None) for option in REPORTED}
    words += [f"{option.replace('_', ' ')} {value:g}" for option, value in options.items() if value]
    if not isinstance(schedule, Constant):
        words.append(next(name for name, make in SCHEDULES.items() if type(make(optimizer)) is type(schedule)))
    return words
