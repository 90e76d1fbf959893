"""Training on a stream of batches, each seen once: one update per batch, with features standardised on the fly."""

import copy
import math
from collections.abc import Iterable, Iterator, Sized
from typing import Any

import numpy as np

from fastnn.backends.whole_epochs import Watch
from fastnn.batches import read_only
from fastnn.feed_forward import FeedForward
from fastnn.optimizers import Optimizer
from fastnn.schedules import Constant
from fastnn.training.callbacks import callback_lifecycle, check_callbacks
from fastnn.training.courses import Courses
from fastnn.training.descent import Descent
from fastnn.training.history import History
from fastnn.training.objective import Objective
from fastnn.training.options import FitOptions
from fastnn.training.progress import check_progress, progress_reports
from fastnn.training.run import Run
from fastnn.training.samples import Samples, check_samples
from fastnn.training.sampling import Batches
from fastnn.training.state import TrainState
from fastnn.training.steps import Epochs, Report, Steps
from fastnn.training.trainer import Plan, Trainer
from fastnn.validation import check_batches, check_data, is_sparse


class Stream(Steps):
    """Batches of any size, each checked, standardised, and used for one step.

    Parameters
    ----------
    state : TrainState
        The state that the steps change; it is not touched before the first batch has arrived.
    batches : iterator
        The stream.
    scaler : object or None
        Standardises the features of each batch, with scikit-learn's interface.
    """

    unit = "batch"

    def __init__(self, state: TrainState, batches: Iterator[Any], scaler: Any) -> None:
        self.state, self.network, self.batches, self.scaler = state, state.network, batches, scaler
        self.scaler_before: dict[str, Any] = {}
        self.n_batches = 0
        self.samples: Samples | None = None  # the current batch
        self.descent: Descent | None = None
        self.kind: tuple[Any, ...] = ()  # of the data that `descent` has been prepared for

    def begin(self) -> bool:
        """Get the next batch; False if the stream has ended."""
        try:
            batch = next(self.batches)
        except StopIteration:
            return False
        self.n_batches += 1
        self.samples = self._prepared(batch)
        self._reserve(self.samples)
        return True

    def train(self, n_epochs: int, report: Report, watch: Watch) -> Epochs:
        """One step on the current batch."""
        assert self.descent is not None
        assert self.samples is not None
        size = len(self.samples)
        losses, rates = self.descent.step(Batches(self.samples, None, np.zeros(1, np.int64), np.array([size])))
        return Epochs(losses.tolist(), rates.tolist())

    def undo(self) -> None:
        """Restore the scaler to before the last batch."""
        if self.scaler is not None:
            vars(self.scaler).clear()
            vars(self.scaler).update(self.scaler_before)

    def _prepared(self, batch: Any) -> Samples:
        """A batch with the dtype of the network, standardised if there is a scaler."""
        samples = check_samples(self.network, *check_data(batch, f"batch {self.n_batches}"))
        check_batches(self.network.architecture, len(samples), len(samples))
        X = samples.X if self.scaler is None else self._scaled(samples.X)
        return Samples(X, read_only(samples.y), read_only(samples.weights)).ready_for(self.network.dtype)

    def _scaled(self, X: Any) -> Any:
        if is_sparse(X) and self.scaler.with_mean:
            raise ValueError(
                "Subtracting the mean would make sparse features dense: pass scaler=StandardScaler(with_mean=False)."
            )
        self.scaler_before = copy.deepcopy(vars(self.scaler))
        X = X.astype(np.result_type(X.dtype, self.network.dtype), copy=False)  # scale in the wider of the two dtypes
        return self.scaler.partial_fit(X).transform(X)

    def _reserve(self, samples: Samples) -> None:
        """Allocate the workspace for a batch, and compile the kernels outside the measured time."""
        if self.descent is None:
            assert self.state.optimizer is not None
            course = Constant().begin(self.state.optimizer.learning_rate, 1, 1)
            self.descent = Descent(self.state, Objective(), Courses(course))
        X, size = samples.X, len(samples)
        kind = X.dtype, is_sparse(X), samples.y.ndim, len(samples.weights) > 0
        if self.descent.capacity < size or kind != self.kind:
            self.kind = kind
            self.descent.reserve(max(size, self.descent.capacity), samples, gathers=False)
            self.descent.compile()


def fit_batches(
    network: FeedForward, batches: Iterable[Any], scaler: Any, optimizer: Optimizer, options: FitOptions
) -> History:
    """Train a network on a stream; the arguments are those of `Network.fit_batches`."""
    check_progress(options.progress)
    if not isinstance(batches, Iterable):
        raise TypeError(f"batches must be an iterable of pairs (X, y), got {type(batches).__name__}.")
    _check_scaler(scaler)
    callbacks = check_callbacks(options.callbacks, network, validates=False)
    if any(callback.saves for callback in callbacks):
        raise ValueError("A Checkpoint cannot resume a stream of batches: save the network with fastnn.save.")
    length = len(batches) if isinstance(batches, Sized) else math.inf
    run = Run(TrainState(network, optimizer), callbacks, History())
    stream = Stream(run.state, iter(batches), scaler)
    known = math.isfinite(length)
    with (
        network._computing(options.n_threads),
        progress_reports(options.progress, run.history, length_known=known) as report,
        callback_lifecycle(run),
    ):
        Trainer(run, stream, Plan(length, ending="there are no more batches"), report).train()
        if not len(run.history):
            raise ValueError("batches is empty; a generator can be used only once, so create a new one for each call.")
    return run.history


def _check_scaler(scaler: Any) -> None:
    if scaler is not None and not (hasattr(scaler, "partial_fit") and hasattr(scaler, "transform")):
        raise TypeError(f"scaler must have partial_fit and transform, like StandardScaler, got {scaler!r}.")
