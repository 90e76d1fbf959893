"""Progress bars and progress callbacks."""

import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from fastnn.training.history import History
from fastnn.training.steps import Report

#: Allowed values of `progress`: True for a bar, False for none, None for a bar in a terminal, or a function.
Progress = bool | Callable[[float, History], None] | None

#: The event that ends the training in this context when it is set.
_stop: ContextVar[threading.Event | None] = ContextVar("_stop", default=None)


class StoppedError(RuntimeError):
    """A training was stopped because another in parallel failed or was interrupted."""


@contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Within this context, and in this Python thread only, training stops soon after the event is set."""
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


def check_stopped() -> None:
    """Raise StoppedError if the training in this context is to stop."""
    stop = _stop.get()
    if stop is not None and stop.is_set():
        raise StoppedError("The training was stopped because another in parallel failed or was interrupted.")


def check_progress(progress: Any) -> None:
    """Raise TypeError unless it is a bool, a function or None."""
    if not (progress is None or isinstance(progress, bool | np.bool) or callable(progress)):
        raise TypeError(f"progress must be True, False, None or a function of fraction and history, got {progress!r}.")


@contextmanager
def progress_reports(progress: Progress, history: History, *, length_known: bool = True) -> Iterator[Report]:
    """The function to call with the fraction of the work done, which is NaN if the length is not known."""
    if callable(progress):
        yield lambda share: progress(share, history)
    elif not _shows_bar(progress):
        yield lambda share: None
    elif length_known:
        with _bar(total=1.0, bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}") as bar:
            yield lambda share: _move(bar, share, history)
    else:
        with _bar(unit=" batches") as bar:
            yield lambda share: bar.update(len(history) - bar.n)


def _shows_bar(progress: bool | None) -> bool:
    """Whether to show a bar: as requested, or by default in a terminal."""
    return bool(progress) if progress is not None else sys.stderr is not None and sys.stderr.isatty()


def _bar(**options: Any) -> Any:
    from tqdm.auto import tqdm

    return tqdm(**options)


def _move(bar: Any, share: float, history: History) -> None:
    """Update a progress bar, and show the last loss next to it."""
    if history.loss:
        bar.set_postfix(epoch=len(history), loss=f"{history.loss[-1]:.4g}", refresh=False)
    if not math.isnan(share):
        bar.update(share - bar.n)
