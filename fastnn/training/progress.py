"""Progress bars, and functions that are told how far a training is."""

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

#: What `progress` may be: True for a bar, False for none, None for a bar in a terminal, or a function of share and history.
Progress = bool | Callable[[float, History], None] | None

#: Set by whoever wants the training of this context to end.
_stop: ContextVar[threading.Event | None] = ContextVar("_stop", default=None)


class StoppedError(RuntimeError):
    """A training that runs beside others was ended, as one of these failed."""


@contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Within it, and in this Python thread only, a training ends soon after an event is set."""
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


def check_stopped() -> None:
    """Raise StoppedError if the training of this context is to end."""
    stop = _stop.get()
    if stop is not None and stop.is_set():
        raise StoppedError("The training was ended, as another beside it failed.")


def check_progress(progress: Any) -> None:
    """Raise TypeError for what is neither a flag, nor a function, nor None."""
    if not (progress is None or isinstance(progress, bool | np.bool) or callable(progress)):
        raise TypeError(f"progress must be True, False, None or a function of share and history, got {progress!r}.")


@contextmanager
def progress_reports(progress: Progress, history: History, *, length_known: bool = True) -> Iterator[Report]:
    """What to call with the share of the work done, which is NaN where the length is not known."""
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
    """Whether there is a bar: where it is asked for, and in a terminal unless it is refused."""
    return bool(progress) if progress is not None else sys.stderr is not None and sys.stderr.isatty()


def _bar(**options: Any) -> Any:
    from tqdm.auto import tqdm

    return tqdm(**options)


def _move(bar: Any, share: float, history: History) -> None:
    """Move a progress bar, with the last loss beside it."""
    if history.loss:
        bar.set_postfix(epoch=len(history), loss=f"{history.loss[-1]:.4g}", refresh=False)
    if not math.isnan(share):
        bar.update(share - bar.n)
