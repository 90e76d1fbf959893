"""The epoch loop: order of samples, batches, validation, divergence and history."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.architecture import aligned_zeros
from fastnn.backends import get_backend
from fastnn.exceptions import DivergenceError
from fastnn.optimizers import Optimizer
from fastnn.validation import (
    check_count,
    check_data,
    check_feature_shape,
    check_features,
    check_finite,
    check_sample_weight,
    check_targets,
)

if TYPE_CHECKING:
    from fastnn.network import Network

#: Seconds between two looks at the clock within an epoch: Ctrl-C is answered and the progress bar moves that often.
SECONDS_PER_CHUNK = 0.1
LARGEST_GROWTH = 8  # from chunk to chunk, as the first ones may be too short to be timed well


@dataclass
class History:
    """What happened in each epoch.

    Attributes
    ----------
    loss : list of float
        Mean loss over the samples of the epoch, weighted where they are, each measured just before the update that used
        it.
    validation_loss, validation_accuracy : list of float
        Measured on the validation data after the epoch; empty without them, accuracy for classes only.
    seconds : list of float
        Time spent training; neither compilation nor validation is counted. Epochs of a single batch may be trained
        several in one call, and share its time equally.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class Validation:
    """Held-out data, checked once, and what is measured on them after an epoch."""

    def __init__(self, network: "Network", X: Any, y: Any, sample_weight: Any = None) -> None:
        self.network = network
        self.X = check_features(X, network.architecture.n_inputs, network.dtype)
        self.y = check_targets(y, len(self.X), network.architecture, network.dtype)
        self.sample_weights = check_sample_weight(sample_weight, len(self.X))

    def measure(self, history: History) -> None:
        """Append loss, and accuracy for classes."""
        history.validation_loss.append(self.network.mean_loss(self.X, self.y, self.sample_weights))
        if self.network.architecture.loss.classifies:
            history.validation_accuracy.append(self.network.accuracy(self.X, self.y, self.sample_weights))


class Batches:
    """The training data in the order of an epoch, and the buffers that a batch is gathered into.

    Where an epoch takes the samples as they lie, and they have the type of the network, they are not gathered at all.
    """

    def __init__(
        self,
        network: "Network",
        X: np.ndarray,
        y: np.ndarray,
        sample_weights: np.ndarray,
        batch_size: int,
        shuffle: bool,
        optimizer: Optimizer,
    ) -> None:
        self.network, self.optimizer, self.batch_size = network, optimizer, batch_size
        self.X, self.y, self.sample_weights = read_only(X), read_only(y), sample_weights
        self.n_batches = math.ceil(len(X) / batch_size)
        self.shuffle = shuffle and self.n_batches > 1  # a single batch is a mean over all samples in any order
        in_place = not self.shuffle and X.dtype == network.dtype and X.flags.c_contiguous
        self.order = None if in_place else np.arange(0 if self.shuffle else len(X))  # a new one is drawn for each epoch
        n_inputs, n_outputs = network.architecture.n_inputs, network.architecture.n_outputs
        self.batch_X = aligned_zeros(0 if in_place else batch_size * n_inputs, network.dtype).reshape(-1, n_inputs)
        self.batch_Y = aligned_zeros(batch_size * n_outputs, network.dtype).reshape(batch_size, n_outputs)
        self.sample_losses = np.empty(batch_size)
        self.backend = get_backend(network.backend)
        size = self.backend.training_workspace_size(network.architecture.layers, batch_size)
        self.workspace = network.training_workspace(size)
        self.update = optimizer.bind(self.backend, network.dtype)
        self.state = network.optimizer_state(optimizer)
        self.chunk_size = 1
        self.totals = np.full(self.n_batches, batch_size)
        self.totals[-1] = len(X) - batch_size * (self.n_batches - 1)
        self.weights = read_only(np.empty(0))
        if not self.shuffle:
            self.weigh()

    def compile(self) -> None:
        """Train on no batch at all: kernels that are not there yet are compiled before the clock runs."""
        self.train_batches(np.empty(0), 0, 0)

    def begin(self) -> Callable[[], None]:
        """Announce that the parameters will change; returns what undoes all that training has changed since."""
        network = self.network
        remember_batch, random_state = network.forget_batch(), network.random.bit_generator.state
        changing = network.parameters, network.gradient, self.state.vectors
        before, n_steps = [vector.copy() for vector in changing], self.state.n_steps

        def undo() -> None:
            for vector, copy in zip(changing, before, strict=True):
                vector[:] = copy
            self.state.n_steps = n_steps
            network.random.bit_generator.state = random_state
            remember_batch()

        return undo

    def train_epoch(self, report: Callable[[float], None]) -> float:
        """One pass over the data in chunks of whole batches; the mean loss, NaN or infinite if it diverged."""
        if self.shuffle:
            self.order = self.network.random.permutation(len(self.X))
            self.weigh()
        losses = np.empty(self.n_batches)
        for first, last in self.chunks():
            self.train_batches(losses[first:last], first * self.batch_size, last * self.batch_size)
            if not np.isfinite(losses[last - 1]):
                return float(losses[last - 1])
            report(last / self.n_batches)
        return float(losses @ self.totals / self.totals.sum())

    def weigh(self) -> None:
        """Bring the weights in the order of the epoch, relative to the mean of each batch.

        `totals` is what a batch counts in the mean loss of the epoch: the weights of its samples, or their number.
        """
        weights = self.sample_weights
        if len(weights) > 0:
            weights = weights if self.order is None else weights[self.order]
            self.totals = np.add.reduceat(weights, np.arange(self.n_batches) * self.batch_size)
        self.weights = read_only(relative_weights(weights, self.batch_size))

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Ranges of batches that cover an epoch, growing or shrinking until one takes about `SECONDS_PER_CHUNK`."""
        first = 0
        while first < self.n_batches:
            last, start = min(first + self.chunk_size, self.n_batches), time.perf_counter()
            yield first, last
            self._resize_chunks(last - first, time.perf_counter() - start)
            first = last

    def _resize_chunks(self, n_batches: int, seconds: float) -> None:
        wanted = SECONDS_PER_CHUNK * n_batches / max(seconds, 1e-9)
        self.chunk_size = max(1, int(min(LARGEST_GROWTH * self.chunk_size, wanted)))

    def epochs_per_call(self) -> int:
        """Epochs that one compiled call may take: several where each is a single batch, and so in the same order."""
        return self.chunk_size if self.n_batches == 1 else 1

    def train_epochs(self, n_epochs: int) -> np.ndarray:
        """Several passes over data that are a single batch, in one compiled call; the mean losses."""
        losses, start = np.empty(n_epochs), time.perf_counter()
        self.train_batches(losses, 0, len(self.X))
        self._resize_chunks(n_epochs, time.perf_counter() - start)
        return losses

    def train_batches(self, losses: np.ndarray, start: int, stop: int) -> None:
        """Train on the samples from `start` to `stop` of the order, in one compiled call."""
        network, in_place, n_steps = self.network, self.order is None, len(losses)
        self.backend.train_epoch(
            losses,
            self.sample_losses,
            network.parameters,
            self.state.vectors,
            network.gradient,
            self.workspace,
            self.batch_X,
            self.batch_Y,
            network.bound_layers,
            self.X[start:stop] if in_place else self.X,
            self.y[start:stop] if in_place else self.y,
            self.weights[start:stop],
            None if self.order is None else self.order[start:stop],
            self.batch_size,
            self.update,
            self.optimizer.settings(self.state.n_steps, max(n_steps, 1)),  # one, for kernels that are only compiled
            network.team,
        )
        self.state.n_steps += n_steps


def train(
    network: "Network",
    X: Any,
    y: Any,
    sample_weight: Any,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None,
    shuffle: bool,
    validation_data: tuple[Any, ...] | None,
    progress: bool | Callable[[float, History], None],
) -> History:
    """Train a network; the arguments are those of `Network.fit`."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a fastnn optimizer such as fastnn.SGD(), got {optimizer!r}.")
    epochs = check_count(epochs, "epochs")
    X = check_feature_shape(X, network.architecture.n_inputs, network.dtype)
    y = check_targets(y, len(X), network.architecture, network.dtype)
    sample_weights = check_sample_weight(sample_weight, len(X))
    batch_size = len(X) if batch_size is None else min(check_count(batch_size, "batch_size"), len(X))
    validation = None
    if validation_data is not None:
        validation = Validation(network, *check_data(validation_data, "validation_data"))
    history = History()
    batches = Batches(network, X, y, sample_weights, batch_size, shuffle, optimizer)
    batches.compile()
    with progress_reports(progress, history) as report:
        while len(history.loss) < epochs:
            epoch = len(history.loss)
            at_once = 1 if validation is not None else min(batches.epochs_per_call(), epochs - epoch)
            if at_once == 1 or not train_epochs_at_once(batches, at_once, history):
                train_one_epoch(batches, epoch, history, partial(report_within, report, epoch, epochs))
            if validation is not None:
                validation.measure(history)
            report(len(history.loss) / epochs)
    return history


def report_within(report: Callable[[float], None], epoch: int, epochs: int, share: float) -> None:
    """Report the share of an epoch as a share of the whole."""
    report((epoch + share) / epochs)


def train_epochs_at_once(batches: Batches, n_epochs: int, history: History) -> bool:
    """Train for several epochs and record them; False, and nothing changed, if one of them diverged."""
    network, start = batches.network, time.perf_counter()
    undo = batches.begin()
    with undone_if_broken(network, undo):
        losses = batches.train_epochs(n_epochs)
    if not (np.isfinite(losses).all() and np.isfinite(network.parameters).all()):
        undo()
        return False
    history.loss += losses.tolist()
    history.seconds += [(time.perf_counter() - start) / n_epochs] * n_epochs
    return True


@contextmanager
def undone_if_broken(network: "Network", undo: Callable[[], None]) -> Iterator[None]:
    """Undo what an error has left NaN, as one in an activation or a loss of the user's does in the compiled backend."""
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
    undo = batches.begin()
    with undone_if_broken(network, undo):
        loss = batches.train_epoch(report)
    if not np.isfinite(loss) or not np.isfinite(network.parameters).all():
        undo()
        check_finite(batches.X, "X", network.dtype)
        raise DivergenceError(
            f"Training diverged in epoch {epoch + 1}: the loss became {loss}. Try a smaller learning rate (it is "
            f"{batches.optimizer.learning_rate:g}), standardised inputs, or another initializer. The parameters are "
            "those from before that epoch."
        )
    history.loss.append(loss)
    history.seconds.append(time.perf_counter() - start)


@contextmanager
def progress_reports(
    progress: bool | Callable[[float, History], None], history: History
) -> Iterator[Callable[[float], None]]:
    """What to call with the share of the work done: a progress bar, the user's function, or nothing."""
    if callable(progress):
        yield lambda share: progress(share, history)
    elif not progress:
        yield lambda share: None
    else:
        from tqdm.auto import tqdm

        with tqdm(total=1.0, bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}") as bar:
            yield lambda share: show_progress(bar, share, history)


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


def relative_weights(weights: np.ndarray, batch_size: int) -> np.ndarray:
    """c_i = w_i / mean_j w_j, the mean over the batch of i, or 0 where all of its weights are; (n,), or (0,) for none.

    With them a plain mean over a batch becomes a weighted one: mean_i c_i L_i = sum_i w_i L_i / sum_i w_i.
    """
    if len(weights) == 0:
        return weights
    starts = np.arange(0, len(weights), batch_size)
    sizes = np.minimum(batch_size, len(weights) - starts)
    means = np.repeat(np.add.reduceat(weights, starts) / sizes, sizes)
    relative: np.ndarray = np.divide(weights, means, out=np.zeros(len(weights)), where=means > 0)
    return relative
