"""Training on a stream of batches, each seen once: one update for each, and features standardised on the way."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.callbacks import Run, accompanied, check_callbacks, end_epoch
from fastnn.history import History
from fastnn.optimizers import Optimizer
from fastnn.training import (
    Descent,
    Progress,
    check_progress,
    divergence,
    progress_reports,
    read_only,
    ready,
    shows_bar,
    undone_if_broken,
)
from fastnn.validation import check_batches, check_data, check_features, check_sample_weight, check_targets, is_sparse

if TYPE_CHECKING:
    from fastnn.network import Network


class Stream:
    """Batches of any size, checked and standardised one after the other, and the step on each."""

    def __init__(self, network: "Network", optimizer: Optimizer, scaler: Any) -> None:
        self.network, self.optimizer, self.scaler = network, optimizer, scaler
        self.scaler_before: dict[str, Any] = {}  # its attributes before it has seen the last batch
        self.descent: Descent | None = None  # the network is left alone until the first batch is there
        self.kind: tuple[Any, ...] = ()  # of data that the descent has been made ready for

    def prepare(self, batch: Any, name: str) -> tuple[np.ndarray, ...]:
        """X (n, n_0) in the type of the network, y, and weights of samples; the scaler has seen this X."""
        network = self.network
        X, y, sample_weight = (*check_data(batch, name), None)[:3]
        X = check_features(X, network.architecture.n_inputs, network.dtype)
        y = check_targets(y, X.shape[0], network.architecture, network.dtype)
        weights = check_sample_weight(sample_weight, len(y))
        check_batches(network.architecture, len(y), len(y))
        if self.scaler is not None:
            if is_sparse(X) and self.scaler.with_mean:
                raise ValueError(
                    "A mean that is taken away leaves nothing sparse: pass standardize=StandardScaler(with_mean=False)."
                )
            self.scaler_before = copy.deepcopy(vars(self.scaler))
            X = X.astype(np.result_type(X.dtype, network.dtype), copy=False)  # scaled in the wider type of the two
            X = self.scaler.partial_fit(X).transform(X)
        return ready(X, network.dtype), read_only(y), read_only(weights)

    def step(self, data: tuple[np.ndarray, ...], name: str, history: History) -> None:
        """One update, recorded; if it diverges, everything is put back, and the scaler has not seen the batch."""
        descent = self._ready(data)
        start, undo, loss = time.perf_counter(), self._begin(descent), np.empty(1)
        X, y, sample_weights = data
        with undone_if_broken(self.network, undo):
            rate = float(descent.run(loss, X, y, sample_weights, None, len(y))[-1])
        if not (np.isfinite(loss[0]) and np.isfinite(self.network.parameters).all()):
            undo()
            raise divergence(name, float(loss[0]), rate)
        history.loss.append(float(loss[0]))
        history.learning_rate.append(rate)
        history.seconds.append(time.perf_counter() - start)

    def _begin(self, descent: Descent) -> Callable[[], None]:
        """`Descent.begin`; what is returned undoes what the scaler has seen too."""
        undo_step = descent.begin()

        def undo() -> None:
            undo_step()
            if self.scaler is not None:
                vars(self.scaler).clear()
                vars(self.scaler).update(self.scaler_before)

        return undo

    def _ready(self, data: tuple[np.ndarray, ...]) -> Descent:
        """What makes the steps, with room for this batch; kernels are compiled on the first, before the clock runs."""
        is_first = self.descent is None
        descent = self.descent = self.descent or Descent(self.network, self.optimizer)
        X, y, sample_weights = data
        kind = X.dtype, is_sparse(X), y.ndim, len(sample_weights) > 0
        if descent.training is None or descent.batch_size < len(y) or kind != self.kind:
            self.kind = kind
            descent.reserve(max(len(y), descent.batch_size), X, y, gathers=False, weighted=len(sample_weights) > 0)
        if is_first:
            descent.training.compile()
        return descent


def train_on_batches(
    network: "Network",
    batches: Iterable[Any],
    optimizer: Optimizer,
    standardize: Any,
    callbacks: Any,
    progress: Progress,
) -> History:
    """Train a network on a stream; the arguments are those of `Network.fit_batches`."""
    check_progress(progress)
    if not isinstance(batches, Iterable):
        raise TypeError(f"batches must be an iterable of pairs (X, y), got {type(batches).__name__}.")
    callbacks = check_callbacks(callbacks, network, validates=False)
    if any(callback.saves for callback in callbacks):
        raise ValueError("A Checkpoint cannot resume a stream of batches: save the network with fastnn.save.")
    run = Run(network, callbacks, History(scaler=as_scaler(standardize)))
    history, stream = run.history, Stream(network, optimizer, run.history.scaler)
    with batch_reports(progress, history, batches) as report, accompanied(run):
        for batch in batches:
            name = f"batch {len(history) + 1}"
            stream.step(stream.prepare(batch, name), name, history)
            end_epoch(callbacks, network, history, is_last=False)
            report()
            if history.stop_reason:
                return history
        if not len(history):
            raise ValueError("batches gave no batch; a generator that has been used up needs to be made anew.")
        history.stop_reason = "the batches are used up"
    return history


def as_scaler(standardize: Any) -> Any:
    """A new scaler for True, None for False, or the scaler that was given."""
    if isinstance(standardize, bool | np.bool):
        if not standardize:
            return None
        from fastnn.scaling import ColumnScaler

        return ColumnScaler().set_output(transform="default")
    if hasattr(standardize, "partial_fit") and hasattr(standardize, "transform"):
        return standardize
    raise TypeError(f"standardize must be True, False or a StandardScaler to go on with, got {standardize!r}.")


@contextmanager
def batch_reports(progress: Progress, history: History, batches: Any) -> Iterator[Callable[[], None]]:
    """What to call after each batch; where their number is unknown, a bar counts them and a function is told NaN."""
    n_batches = len(batches) if hasattr(batches, "__len__") else None
    if n_batches is None and not callable(progress) and shows_bar(progress):
        from tqdm.auto import tqdm

        with tqdm(unit=" batches") as bar:
            yield lambda: bar.update(len(history) - bar.n)
    else:
        with progress_reports(progress, history) as report:
            yield lambda: report(len(history) / n_batches if n_batches else math.nan)
