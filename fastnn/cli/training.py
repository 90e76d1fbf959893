"""Training with a progress bar, which Ctrl-C ends without losing what was learned."""

import time
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from fastnn.cli.model import Model
from fastnn.history import History
from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule

INTERRUPTED = 130  # the exit status of a program that Ctrl-C ended, by the shells' convention


class Part(NamedTuple):
    """The samples to train on, or the held-out ones: as the network takes them, and as they were."""

    X: np.ndarray
    y: np.ndarray
    features: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, model: Model, features: np.ndarray, targets: np.ndarray) -> "Part":
        """Prepare samples for the network of a model."""
        return cls(model.inputs(features), model.outputs(targets), features, targets)


class Plan(NamedTuple):
    """How long to train, and on how many samples at a time."""

    epochs: int
    batch_size: int


class Run(NamedTuple):
    """How a training went; without a history, it ended before anything was learned."""

    history: History | None
    seconds: float
    interrupted: bool


def run_training(model: Model, train: Part, test: Part, plan: Plan, optimizer: Optimizer, schedule: Schedule) -> Run:
    """Train the network; Ctrl-C ends it with what was learned so far."""
    start, interrupted = time.perf_counter(), False
    with ProgressBar(plan.epochs) as progress:
        try:
            model.network.fit(
                train.X,
                train.y,
                optimizer=optimizer,
                schedule=schedule,
                epochs=plan.epochs,
                batch_size=plan.batch_size,
                validation_data=(test.X, test.y),
                progress=progress,
            )
        except KeyboardInterrupt:
            interrupted = True
    return Run(progress.history, time.perf_counter() - start, interrupted)


class ProgressBar:
    """A bar on the standard error stream, if that is a terminal, which `Network.fit` moves forward."""

    def __init__(self, epochs: int) -> None:
        self.history: History | None = None
        self._epochs = epochs
        self._bar = tqdm(
            total=epochs,
            disable=None,
            leave=False,
            bar_format="{percentage:3.0f}%|{bar}| epoch {n:.0f} of {total} [{elapsed}<{remaining}{postfix}]",
        )

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def __call__(self, fraction_done: float, history: History) -> None:
        """Move the bar; the last loss and accuracy stand beside it."""
        self.history = history
        if history.loss:
            text = f"loss {history.loss[-1]:.4f}"
            if history.validation_accuracy:
                text += f", held-out accuracy {history.validation_accuracy[-1]:.4f}"
            self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(fraction_done * self._epochs - self._bar.n)
