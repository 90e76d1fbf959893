"""Training with a progress bar, which Ctrl-C ends without losing what was learned."""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from fastnn.callbacks import Callback, EarlyStopping
from fastnn.checkpoints import Checkpoint
from fastnn.cli.model import Model
from fastnn.held_out import check_fraction, split
from fastnn.history import History
from fastnn.network import Network
from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule

INTERRUPTED = 130  # the exit status of a program that Ctrl-C ended, by the shells' convention


class Part(NamedTuple):
    """Some of the samples: as the network takes them, and as they were."""

    X: np.ndarray
    y: np.ndarray
    features: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, model: Model, features: np.ndarray, targets: np.ndarray) -> "Part":
        """Prepare samples for the network of a model."""
        return cls(model.inputs(features), model.outputs(targets), features, targets)


class Parts(NamedTuple):
    """The samples to train on, those held out for the report, and those to validate on, if any."""

    train: Part
    test: Part
    validation: Part | None = None

    @property
    def watched(self) -> Part:
        """The samples on which loss and accuracy are measured after every epoch."""
        return self.test if self.validation is None else self.validation


class Plan(NamedTuple):
    """How long to train, on how many samples at a time, and where to keep what the training needs to go on."""

    epochs: int
    batch_size: int
    patience: int | None = None
    checkpoint: Path | None = None
    resume: bool = False


class Run(NamedTuple):
    """How a training went; without a history, it ended before anything was learned."""

    history: History | None
    seconds: float
    interrupted: bool


def validation_rows(network: Network, y: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and a share of each class to validate on."""
    check_fraction(fraction, len(y))
    return split(y, network.architecture, fraction, np.random.default_rng(seed))


def run_training(model: Model, parts: Parts, plan: Plan, optimizer: Optimizer, schedule: Schedule) -> Run:
    """Train the network; Ctrl-C ends it with what was learned so far."""
    start, interrupted = time.perf_counter(), False
    with ProgressBar(plan.epochs, "held-out" if parts.validation is None else "validation") as progress:
        callbacks: list[Callback] = [progress]
        if plan.patience is not None:
            callbacks.append(EarlyStopping(patience=plan.patience))
        if plan.checkpoint is not None:
            callbacks.append(Checkpoint(plan.checkpoint))
        try:
            model.network.fit(
                parts.train.X,
                parts.train.y,
                optimizer=optimizer,
                schedule=schedule,
                epochs=plan.epochs,
                batch_size=plan.batch_size,
                validation_data=(parts.watched.X, parts.watched.y),
                callbacks=callbacks,
                progress=progress,
                resume_from=plan.checkpoint if plan.resume else None,
            )
        except KeyboardInterrupt:
            interrupted = True
    return Run(progress.history, progress.seconds_before + time.perf_counter() - start, interrupted)


class ProgressBar(Callback):
    """A bar on the standard error stream, if that is a terminal, which `Network.fit` moves forward."""

    def __init__(self, epochs: int, watched: str) -> None:
        self.history: History | None = None
        self.seconds_before = 0.0
        self._epochs, self._watched = epochs, watched
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

    def on_fit_begin(self, network: Network, history: History) -> None:
        """Take up the history of a training that goes on."""
        if len(history):
            self.history, self.seconds_before = history, sum(history.seconds)

    def __call__(self, fraction_done: float, history: History) -> None:
        """Move the bar; the last loss and accuracy stand beside it."""
        self.history = history
        if history.loss:
            text = f"loss {history.loss[-1]:.4f}"
            if history.validation_accuracy:
                text += f", {self._watched} accuracy {history.validation_accuracy[-1]:.4f}"
            self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(fraction_done * self._epochs - self._bar.n)
