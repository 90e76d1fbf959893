"""The epoch loop: order of samples, batches, divergence, and what is asked between epochs."""

import copy
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from logging import DEBUG, getLogger
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.backends.data_kind import DataKind
from fastnn.callbacks import (
    Callback,
    RefusedStateError,
    Run,
    accompanied,
    check_callbacks,
    end_epoch,
    epochs_until_due,
    stateful,
)
from fastnn.checkpoints import Before, read_checkpoint
from fastnn.exceptions import DivergenceError
from fastnn.held_out import HeldOut, check_fraction, check_held_out, hold_out, split
from fastnn.history import History
from fastnn.optimizers import Optimizer
from fastnn.schedules import Constant, Course, Schedule, find_schedule
from fastnn.validation import (
    batch_sizes,
    batch_starts,
    check_batches,
    check_count,
    check_data,
    check_feature_shape,
    check_finite,
    check_flag,
    check_sample_weight,
    check_targets,
    is_sparse,
)

if TYPE_CHECKING:
    from fastnn.network import Network

#: Seconds between two looks at the clock within an epoch: Ctrl-C is answered and the progress bar moves that often.
SECONDS_PER_CHUNK = 0.1
#: What a slow processor does, until the first chunk has been timed: operations of products, and what else a batch takes.
OPERATIONS_PER_SECOND, SECONDS_PER_BATCH = 4e9, 1e-4
LARGEST_GROWTH = 8  # from chunk to chunk, as the first ones may be too short to be timed well

#: Rows of X, at most, by which a checkpoint knows it again.
ROWS_PER_CHECKSUM = 256

#: What `progress` may be: a bar in a terminal, a bar, none, or a function of the share that is done and the history.
Progress = bool | Callable[[float, History], None] | None

logger = getLogger("fastnn")


class Descent:
    """Steps of an optimizer on batches of data: kernels, what the optimizer keeps, and work buffers.

    With `reports_penalty`, losses include the penalty of the optimizer at the parameters before each step.
    """

    def __init__(
        self, network: "Network", optimizer: Optimizer, course: Course | None = None, reports_penalty: bool = False
    ) -> None:
        self.network, self.optimizer, self.reports_penalty = network, optimizer, reports_penalty
        self.course = course or Constant().begin(optimizer.learning_rate, 1, 1)
        self.rule = optimizer.rule(network.dtype, reports_penalty)
        self.state = network.optimizer_state(optimizer)
        self.steps_before = self.state.n_steps  # the schedule counts from here
        self.changing = network.learned, network.gradient, self.state.vectors
        self.kept: list[np.ndarray] = []  # the same before an epoch, once something has to be undone
        self.training: Any = None
        self.batch_size = 0

    def reserve(self, batch_size: int, X: Any, y: np.ndarray, *, gathers: bool, weighted: bool) -> None:
        """Make room for batches of that many samples of such data, which are gathered or lie in place."""
        network, self.batch_size = self.network, batch_size
        data = DataKind(X.dtype, gathers=gathers, classes=y.ndim == 1, weighted=weighted, sparse=is_sparse(X))
        with network.computing():
            arguments = self.rule, self.state.vectors, batch_size, data, network.team
            self.training = network._model.training(*arguments)

    def settings(self, n_steps: int) -> np.ndarray:
        """What the next steps take: the one place where training asks for it."""
        rates, momenta = self.course.rates(self.state.n_steps - self.steps_before, n_steps)
        settings = self.optimizer.settings(self.state.n_steps, n_steps, rates, momenta)
        settings["mask_key"] = self.network.mask_keys(n_steps)
        return settings

    def run(
        self,
        losses: np.ndarray,
        X: Any,
        y: np.ndarray,
        sample_weights: np.ndarray,
        order: np.ndarray | None,
        batch_size: int,
    ) -> np.ndarray:
        """One step for each of `losses`, which are filled, in one compiled call; the learning rates of the steps."""
        steps = self.settings(len(losses))
        n_samples = X.shape[0] if order is None else len(order)
        starts = batch_starts(self.network.architecture, n_samples, batch_size)
        batches = np.arange(len(losses)) % len(starts)
        steps["start"], steps["n_samples"] = starts[batches], batch_sizes(starts, n_samples)[batches]
        weights = relative_weights(sample_weights, starts, order)
        self.training.run(steps, X, y, weights, order, self.network.team)
        losses[:] = steps["loss"]
        self.state.n_steps += len(losses)
        self.network.n_updates += len(losses)
        return np.array(steps["learning_rate" if self.rule.orthogonal is None else "orthogonal_rate"])

    def begin(self) -> Callable[[], None]:
        """Announce that the parameters will change; returns what undoes all that training has changed since."""
        network, n_steps, n_updates = self.network, self.state.n_steps, self.network.n_updates
        remember_batch, random_state = network.forget_batch(), network.random.bit_generator.state
        self.kept = self.kept or [np.empty_like(vector) for vector in self.changing]
        for vector, kept in zip(self.changing, self.kept, strict=True):
            kept[:] = vector

        def undo() -> None:
            for vector, kept in zip(self.changing, self.kept, strict=True):
                vector[:] = kept
            self.state.n_steps, network.n_updates = n_steps, n_updates
            network.random.bit_generator.state = random_state
            remember_batch()

        return undo


class Batches:
    """The training data in the order of an epoch, batch by batch; all rows, or those that are not held out.

    Where an epoch takes the samples as they lie, and they have the type of the network, they are not gathered at all.
    """

    #: Whether an epoch ends as soon as a loss is not finite.
    gives_up = True

    def __init__(
        self,
        descent: Descent,
        X: Any,
        y: np.ndarray,
        sample_weights: np.ndarray,
        rows: np.ndarray | None,
        batch_size: int,
        shuffle: bool,
    ) -> None:
        self.descent, self.network, self.rows = descent, descent.network, rows
        self.X, self.y = X if is_sparse(X) else read_only(X), read_only(y)
        self.sample_weights = read_only(sample_weights)
        self.n_samples = len(y) if rows is None else len(rows)
        self.batch_size = batch_size = min(batch_size, self.n_samples)
        self.starts = batch_starts(self.network.architecture, self.n_samples, batch_size)
        self.n_batches, self.sizes = len(self.starts), batch_sizes(self.starts, self.n_samples)
        self.shuffle = shuffle and self.n_batches > 1  # a single batch is a mean over all samples in any order
        in_place = not self.shuffle and rows is None and self.lies_ready
        self.order = None if in_place else rows if rows is not None else np.arange(0 if self.shuffle else len(y))
        descent.reserve(int(self.sizes.max()), X, y, gathers=not in_place, weighted=len(sample_weights) > 0)
        self.chunk_size = self._first_chunk()

    @property
    def lies_ready(self) -> bool:
        """Whether the kernels can take samples from where they lie; rows of a sparse X are always chosen by an order."""
        return not is_sparse(self.X) and self.X.dtype == self.network.dtype and bool(self.X.flags.c_contiguous)

    def compile(self) -> None:
        """Compile kernels that are not there yet before the clock runs."""
        self.descent.training.compile()

    def train_epoch(self, report: Callable[[float], None]) -> tuple[float, float]:
        """One pass over the data in chunks of whole batches; the mean loss, not finite if it diverged, and last rate."""
        self.draw_order()
        losses = np.empty(self.n_batches)
        for first, last in self.chunks():
            rates = self.train_batches(losses[first:last], *self.samples_of(first, last))
            if self.gives_up and not np.isfinite(losses[last - 1]):
                return float(losses[last - 1]), float(rates[-1])
            report(last / self.n_batches)
        return float(losses @ self.shares()), float(rates[-1])

    def draw_order(self) -> None:
        """The order of the next epoch."""
        if self.shuffle:
            order = self.network.random.permutation(self.n_samples)
            self.order = order if self.rows is None else self.rows[order]

    def shares(self) -> np.ndarray:
        """What share each batch has in the mean loss of an epoch, by the weights of its samples, or by their number."""
        totals = self.total_weights()
        return np.asarray(totals / totals.sum())  # exactly 1 for a single batch, whose loss then keeps its bits

    def total_weights(self) -> np.ndarray:
        """The sum of the weights of the samples of each batch, or their number."""
        return self.sizes if len(self.sample_weights) == 0 else self.sums(self.sample_weights)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Numbers of the samples, summed over each batch."""
        in_order = values if self.order is None else values[self.order]
        return np.add.reduceat(in_order, self.starts)

    def samples_of(self, first: int, last: int) -> tuple[int, int]:
        """Where in an epoch the samples of batches `first` to `last` begin and end."""
        return int(self.starts[first]), int(self.starts[last]) if last < self.n_batches else self.n_samples

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Ranges of batches that cover an epoch, growing or shrinking until one takes about `SECONDS_PER_CHUNK`."""
        first = 0
        while first < self.n_batches:
            last, start = min(first + self.chunk_size, self.n_batches), time.perf_counter()
            yield first, last
            self._resize_chunks(last - first, time.perf_counter() - start)
            first = last

    def _first_chunk(self) -> int:
        """Batches that take no longer than `SECONDS_PER_CHUNK` even on a slow processor."""
        operations = 6 * self.network.architecture.n_parameters * self.batch_size
        return max(1, int(SECONDS_PER_CHUNK / (operations / OPERATIONS_PER_SECOND + SECONDS_PER_BATCH)))

    def _resize_chunks(self, n_batches: int, seconds: float) -> None:
        wanted = SECONDS_PER_CHUNK * n_batches / max(seconds, 1e-9)
        self.chunk_size = max(1, int(min(LARGEST_GROWTH * self.chunk_size, wanted)))

    def epochs_per_call(self) -> int:
        """Epochs that one compiled call may take: several where each is a single batch, and so in the same order."""
        return self.chunk_size if self.n_batches == 1 else 1

    def train_epochs(self, n_epochs: int) -> tuple[np.ndarray, np.ndarray]:
        """Several passes over data that are a single batch, in one compiled call; mean losses and learning rates."""
        losses, start = np.empty(n_epochs), time.perf_counter()
        rates = self.train_batches(losses, 0, self.n_samples)
        self._resize_chunks(n_epochs, time.perf_counter() - start)
        return losses, rates

    def train_batches(self, losses: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Train on the samples from `start` to `stop` of the order, in one compiled call; the learning rates."""
        if self.order is None:
            data = self.X[start:stop], self.y[start:stop], self.sample_weights[start:stop]
            return self.descent.run(losses, *data, None, self.batch_size)
        data = self.X, self.y, self.sample_weights
        return self.descent.run(losses, *data, self.order[start:stop], self.batch_size)


@dataclass
class EpochRun(Run):
    """A training over epochs.

    Attributes
    ----------
    description : dict
        What must be the same for another run to go on from a checkpoint of this one, by name, in the types of JSON.
    random_at_start : dict
        State of the network's random numbers before the training drew any.
    """

    batches: Batches
    epochs: int
    description: dict[str, Any]
    random_at_start: Any


def train(
    network: "Network",
    X: Any,
    y: Any,
    sample_weight: Any,
    optimizer: Optimizer,
    schedule: Schedule | Callable[[int], float] | None,
    epochs: int,
    batch_size: int | None,
    shuffle: bool,
    validation_data: tuple[Any, ...] | None,
    validation_fraction: float | None,
    callbacks: Any,
    progress: Progress,
    resume_from: str | os.PathLike[str] | None,
) -> History:
    """Train a network; the arguments are those of `Network.fit`."""
    validates = validation_data is not None or validation_fraction is not None
    schedule = check_schedule(schedule, optimizer, validates)
    check_progress(progress)
    epochs, shuffle = check_count(epochs, "epochs"), check_flag(shuffle, "shuffle")
    X = check_feature_shape(X, network.architecture.n_inputs, network.dtype)
    n_samples = X.shape[0]
    y = check_targets(y, n_samples, network.architecture, network.dtype)
    sample_weights = check_sample_weight(sample_weight, n_samples)
    batch_size = n_samples if batch_size is None else min(check_count(batch_size, "batch_size"), n_samples)
    held_out = given_validation(network, validation_data, validation_fraction, n_samples)
    callbacks = check_callbacks(callbacks, network, validates)

    saved, description, rows, random = None, {}, None, network.random
    if resume_from is not None or any(callback.saves for callback in callbacks):
        options = {"batch_size": batch_size, "shuffle": shuffle, "validation_fraction": validation_fraction}
        description = describe_run(network, X, y, sample_weights, optimizer, schedule, held_out, callbacks) | options
    if resume_from is not None:
        saved = read_checkpoint(resume_from)
        saved.check(description, network, optimizer, callbacks)
    random_at_start = random.bit_generator.state if saved is None else saved.random["start"]
    if validation_fraction is not None:
        random = copy.deepcopy(random)  # what is held out has to be checked before anything changes
        random.bit_generator.state = random_at_start
        rows, others = split(y, network.architecture, validation_fraction, random)
        held_out = hold_out(network, X, y, sample_weights, rows, others)

    n_samples = n_samples if rows is None else len(rows)
    batch_size = min(batch_size, n_samples)
    check_batches(network.architecture, n_samples, batch_size)
    n_batches = len(batch_starts(network.architecture, n_samples, batch_size))
    course = begin_schedule(schedule, optimizer, epochs, n_batches)
    before = None if saved is None else Before(network)
    network.random.bit_generator.state = random.bit_generator.state
    batches = Batches(Descent(network, optimizer, course), X, y, sample_weights, rows, batch_size, shuffle)
    run = EpochRun(network, callbacks, History(), batches, epochs, description, random_at_start, held_out=held_out)
    if saved is not None:
        saved.restore(run)
        tell_schedule(course, run.history, 0)
        logger.info("Going on after epoch %d of %s.", len(run.history), saved.path)
    batches.compile()
    try:
        with (
            progress_reports(progress, run.history) as report,
            accompanied(run, None if saved is None else saved.callbacks),
        ):
            train_epochs(run, report)
    except RefusedStateError:
        if before is not None:
            before.put_back()
        raise
    logger.info("Training ended after epoch %d: %s.", len(run.history), run.history.stop_reason)
    return run.history


def check_schedule(schedule: Any, optimizer: Optimizer, validates: bool) -> Schedule:
    """The schedule, which has to fit the optimizer and the data."""
    chosen = find_schedule(schedule)
    if chosen.changes_momentum and not optimizer.has_momentum:
        raise ValueError(
            f"{type(chosen).__name__} changes the momentum, and this {type(optimizer).__name__} has none: "
            "choose one that has, or cycle_momentum=False."
        )
    if getattr(chosen, "monitor", None) == "validation_loss" and not validates:
        raise ValueError(
            f"{type(chosen).__name__} watches the validation loss: fit needs validation_data or validation_fraction."
        )
    return chosen


def begin_schedule(schedule: Schedule, optimizer: Optimizer, epochs: int, n_batches: int) -> Course:
    """The schedule at the start of a fit; it raises now if it does not fit that number of steps."""
    course = schedule.begin(optimizer.learning_rate, n_batches, epochs * n_batches)
    course.rates(0, 0)
    return course


def given_validation(network: "Network", data: Any, fraction: Any, n_samples: int) -> HeldOut | None:
    """The validation data that were given, if any; or else a look at the fraction that is to be held out."""
    if data is not None and fraction is not None:
        raise ValueError("validation_data and validation_fraction exclude each other: give one of them.")
    if fraction is not None:
        check_fraction(fraction, n_samples)
    if data is None:
        return None
    parts = check_data(data, "validation_data")
    try:
        return check_held_out(network, *parts)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data are refused: {error}") from error


def describe_run(
    network: "Network",
    X: Any,
    y: np.ndarray,
    sample_weights: np.ndarray,
    optimizer: Optimizer,
    schedule: Schedule,
    held_out: HeldOut | None,
    callbacks: list[Callback],
) -> dict[str, Any]:
    """What must be the same for a training to go on from a checkpoint of this one, by name, in the types of JSON."""
    return {
        "layer sizes": network.architecture.layer_sizes,
        "activations": network.architecture.activations,
        "loss": repr(network.architecture.loss),
        "dtype": network.dtype.name,
        "random numbers from": type(network.random.bit_generator).__name__,
        "normalization": network.architecture.normalizations,
        "dropout": network.architecture.dropout,
        "optimizer": {"class": type(optimizer).__name__} | asdict(optimizer),
        "schedule": repr(schedule),
        "number of samples": len(y),
        "checksum of the weights of samples": zlib.crc32(sample_weights.data),
        "features of type": X.dtype.name,
        "checksum of the features": checksum_of_rows(X),
        "checksum of the targets": zlib.crc32(np.ascontiguousarray(y).data),
        "number of validation samples": None if held_out is None else held_out.X.shape[0],
        "callbacks": [str(callback) for callback in stateful(callbacks)],
    }


def checksum_of_rows(X: Any) -> int:
    """A number that tells other features apart by some rows, evenly spread from the first to the last: X may be huge."""
    rows = np.linspace(0, X.shape[0] - 1, min(X.shape[0], ROWS_PER_CHECKSUM)).astype(np.int64)
    if is_sparse(X):
        return zlib.crc32(X[rows].indices, zlib.crc32(X[rows].data))
    return zlib.crc32(np.ascontiguousarray(X[rows]).data)


def train_epochs(run: EpochRun, report: Callable[[float], None]) -> None:
    """Train until the last epoch, or until a callback stops the training."""
    batches, history, epochs = run.batches, run.history, run.epochs
    if len(history) > epochs and not history.stop_reason:  # of a checkpoint that had more
        history.stop_reason = f"{len(history)} epochs are done, more than the {epochs} asked for"
    while len(history) < epochs and not history.stop_reason:
        epoch = len(history)
        course = batches.descent.course
        watched = run.held_out is not None or course.schedule.watches_epochs
        unseen = 1 if watched else epochs_until_due(run.callbacks, epoch)
        at_once = int(min(batches.epochs_per_call(), epochs - epoch, unseen))
        if at_once == 1 or not train_epochs_at_once(batches, at_once, history):
            train_one_epoch(batches, epoch, history, partial(report_within, report, epoch, epochs))
        if run.held_out is not None:
            run.held_out.measure(history)
        tell_schedule(course, history, epoch)
        if logger.isEnabledFor(DEBUG):
            logger.debug("Epoch %d: %s", len(history), history.last)
        end_epoch(run.callbacks, run.network, history, is_last=len(history) == epochs)
        report(len(history) / epochs)
    history.stop_reason = history.stop_reason or f"all {epochs} epochs are done"


def tell_schedule(course: Course, history: History, first_epoch: int) -> None:
    """Tell a schedule how the epochs from that one on went."""
    for epoch in range(first_epoch, len(history)):
        validation_loss = history.validation_loss[epoch] if history.validation_loss else None
        course.end_epoch(history.loss[epoch], validation_loss)


def report_within(report: Callable[[float], None], epoch: int, epochs: int, share: float) -> None:
    """Report the share of an epoch as a share of the whole."""
    report((epoch + share) / epochs)


def train_epochs_at_once(batches: Batches, n_epochs: int, history: History) -> bool:
    """Train for several epochs and record them; False, and nothing changed, if one of them diverged."""
    network, start = batches.network, time.perf_counter()
    undo = batches.descent.begin()
    with undone_if_broken(network, undo):
        losses, rates = batches.train_epochs(n_epochs)
    if not (np.isfinite(losses).all() and np.isfinite(network.parameters).all()):
        undo()
        return False
    history.loss += losses.tolist()
    history.learning_rate += rates.tolist()
    history.seconds += [(time.perf_counter() - start) / n_epochs] * n_epochs
    return True


@contextmanager
def undone_if_broken(network: "Network", undo: Callable[[], None]) -> Iterator[None]:
    """Put the parameters back if an error left NaN in them, as an error in a registered activation or loss does."""
    try:
        yield
    except BaseException:
        if not np.isfinite(network.parameters).all():
            undo()
        raise


def train_one_epoch(batches: Batches, epoch: int, history: History, report: Callable[[float], None]) -> None:
    """Train for an epoch and record it; if it diverges, put everything back and say why.

    X is looked at only then: a number in it that is not finite makes the gradient of W_1 NaN or infinite, and so W_1, as
    0 times it is NaN. Reading X for nothing else would take a tenth of an epoch.
    """
    network, start = batches.network, time.perf_counter()
    undo = batches.descent.begin()
    with undone_if_broken(network, undo):
        loss, rate = batches.train_epoch(report)
    if not np.isfinite(loss) or not np.isfinite(network.parameters).all():
        undo()
        check_finite(batches.X, "X", network.dtype)
        raise divergence(f"epoch {epoch + 1}", loss, rate)
    history.loss.append(loss)
    history.learning_rate.append(rate)
    history.seconds.append(time.perf_counter() - start)


def divergence(when: str, loss: float, rate: float) -> DivergenceError:
    """What to raise when a loss or a parameter is no longer finite, and everything has been put back."""
    return DivergenceError(
        f"Training diverged in {when}: the loss became {loss}. Try a smaller learning rate (it is {rate:g}), "
        f"standardised inputs, or another initializer. The parameters are those from before that {when.split(maxsplit=1)[0]}, "
        "or of the best epoch where EarlyStopping kept it."
    )


def check_progress(progress: Any) -> None:
    """Raise TypeError for what is neither a flag, nor a function, nor None."""
    if not (progress is None or isinstance(progress, bool | np.bool) or callable(progress)):
        raise TypeError(f"progress must be True, False, None or a function of share and history, got {progress!r}.")


def shows_bar(progress: bool | None) -> bool:
    """Whether there is a bar: where it is asked for, and in a terminal unless it is refused."""
    return bool(progress) if progress is not None else sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress_reports(progress: Progress, history: History) -> Iterator[Callable[[float], None]]:
    """What to call with the share of the work done: a progress bar, the user's function, or nothing."""
    if callable(progress):
        yield lambda share: progress(share, history)
    elif shows_bar(progress):
        from tqdm.auto import tqdm

        with tqdm(total=1.0, bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}") as bar:
            yield lambda share: show_progress(bar, share, history)
    else:
        yield lambda share: None


def show_progress(bar: Any, share: float, history: History) -> None:
    """Move a progress bar, with the last loss beside it."""
    if history.loss:
        bar.set_postfix(epoch=len(history.loss), loss=f"{history.loss[-1]:.4g}", refresh=False)
    bar.update(share - bar.n)


def read_only(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written: kernels are compiled once, for arrays they only read."""
    view = array.view()
    view.flags.writeable = False
    return view


def ready(X: Any, dtype: np.dtype) -> Any:
    """X as the kernels read it: rows one after the other in that type, or a sparse X, which has it already."""
    return X if is_sparse(X) else read_only(np.ascontiguousarray(X, dtype))


def relative_weights(weights: np.ndarray, starts: np.ndarray, order: np.ndarray | None = None) -> np.ndarray:
    """c_i = w_i / mean_j w_j, the mean over the batch of i, or 0 where all of its weights are; (n,), or (0,) for none.

    With them a plain mean over a batch becomes a weighted one: mean_i c_i L_i = sum_i w_i L_i / sum_i w_i. Batches begin at
    `starts`, and `order` is that in which the samples come.
    """
    weights = weights if order is None or len(weights) == 0 else weights[order]
    if len(weights) == 0:
        return weights
    sizes = batch_sizes(starts, len(weights))
    means = np.repeat(np.add.reduceat(weights, starts) / sizes, sizes)
    relative: np.ndarray = np.divide(weights, means, out=np.zeros(len(weights)), where=means != 0)
    return relative
