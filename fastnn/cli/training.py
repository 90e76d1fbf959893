"""Training with a progress bar; Ctrl-C stops it, and keeps the model trained so far."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from tqdm import tqdm

from fastnn.cli.groups import Design, Files, Preparation, Stopping, Training
from fastnn.cli.parts import Parts
from fastnn.datasets import Dataset
from fastnn.model import Model
from fastnn.network import Network
from fastnn.training.callbacks import Callback
from fastnn.training.history import History

INTERRUPTED = 130  # exit status after Ctrl-C, by the convention of shells


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is decided before training starts."""

    dataset: Dataset
    parts: Parts
    design: Design
    preparation: Preparation
    training: Training
    stopping: Stopping
    files: Files

    @property
    def patience(self) -> int | None:
        """How many epochs early stopping waits for an improvement; None without early stopping."""
        return None if self.parts.validation is None else self.stopping.patience


class Run(NamedTuple):
    """The result of training; without a model if it ended before anything was learned."""

    model: Model | None
    history: History
    seconds: float
    interrupted: bool


#: Trains a network as planned and reports to a progress bar.
Learner = Callable[[Plan, "ProgressBar"], Model]


def run_training(learn: Learner, plan: Plan, announce: Callable[[Network], None]) -> Run:
    """Announce a network and train it; Ctrl-C stops training, and keeps the model trained so far."""
    start, model = time.perf_counter(), None
    with ProgressBar(plan.training.epochs, plan.parts.watched_name, announce) as progress, suppress(KeyboardInterrupt):
        model = learn(plan, progress)
    history = progress.history
    seconds = progress.seconds_before + time.perf_counter() - start
    if model is None or history is None:
        return Run(None, History(), seconds, interrupted=True)
    return Run(model, history, seconds, interrupted=history.stop_reason == "KeyboardInterrupt")


class ProgressBar(Callback):
    """A progress bar on standard error, if that is a terminal."""

    def __init__(self, epochs: int, watched: str, announce: Callable[[Network], None]) -> None:
        self.history: History | None = None
        self.seconds_before = 0.0
        self._epochs, self._watched, self._announce = epochs, watched, announce
        self._bar: tqdm | None = None

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def on_fit_begin(self, network: Network, history: History) -> None:
        """Announce the network, and store the history if training is resumed."""
        self._announce(network)
        if len(history):
            self.history, self.seconds_before = history, sum(history.seconds)
        self._bar = tqdm(
            total=self._epochs,
            disable=None,
            leave=False,
            bar_format="{percentage:3.0f}%|{bar}| epoch {n:.0f} of {total} [{elapsed}<{remaining}{postfix}]",
        )

    def __call__(self, fraction_done: float, history: History) -> None:
        """Update the bar, and show the last loss and accuracy next to it."""
        self.history = history
        if self._bar is None:
            return
        if history.loss:
            text = f"loss {history.loss[-1]:.4f}"
            if history.validation_accuracy:
                text += f", accuracy {self._watched} {history.validation_accuracy[-1]:.4f}"
            self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(fraction_done * self._epochs - self._bar.n)
