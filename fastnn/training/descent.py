"""Mini-batch gradient descent, several batches per compiled call."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn.backends.data_kind import DataKind
from fastnn.backends.whole_epochs import Watch, WholeEpochs
from fastnn.batches import read_only
from fastnn.training.courses import Courses
from fastnn.training.objective import Objective
from fastnn.training.samples import Samples
from fastnn.training.sampling import Batches, Sampler
from fastnn.training.state import TrainState
from fastnn.training.steps import Epochs, Report, Steps
from fastnn.validation import is_sparse

#: Target duration of a compiled call: Ctrl-C is handled and the progress bar updated this often.
SECONDS_PER_CHUNK = 0.05
#: Speed assumed until the first chunk has been timed: that of a slow processor in products, and the overhead of a batch.
OPERATIONS_PER_SECOND, SECONDS_PER_BATCH = 4e9, 1e-4
LARGEST_GROWTH = 8  # of the chunk size, because the first chunks may be too short for accurate timing
FEWEST_EPOCHS = 4  # in one call: fewer are long enough, and not worth a snapshot of the optimizer state


class Descent:
    """Steps of an optimizer on mini-batches.

    Parameters
    ----------
    state : TrainState
        The network, and the state of its optimizer.
    objective : Objective
        The function to minimise.
    courses : Courses
        The learning rate of each step, and factors of other options.
    """

    def __init__(self, state: TrainState, objective: Objective, courses: Courses) -> None:
        self.state, self.network, self.objective, self.courses = state, state.network, objective, courses
        assert state.optimizer is not None
        self.optimizer = state.optimizer
        self.rule = self.optimizer.rule(self.network.dtype, objective.reports_penalty)
        self.training: Any = None
        self.capacity = 0

    def reserve(self, batch_size: int, samples: Samples, *, gathers: bool, shuffled_by: str = "") -> None:
        """Allocate the workspace for batches of this size from such samples, which are gathered or read in place."""
        network, self.capacity = self.network, batch_size
        X, classes, weighted = samples.X, samples.y.ndim == 1, len(samples.weights) > 0
        data = DataKind(X.dtype, gathers, classes, weighted, is_sparse(X), shuffled_by)
        vectors = self.state.of_optimizer.vectors
        with network._computing():
            self.training = network._model.training(self.rule, vectors, batch_size, data, network._team)

    def compile(self) -> None:
        """Compile missing kernels, outside the measured time."""
        self.training.compile()

    def step(self, batches: Batches, epochs: WholeEpochs | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Take one step per batch in a single compiled call; returns the losses before the steps, and the learning rates.

        With `epochs`, samples are shuffled within the call, which may pause before the last batch.
        """
        steps = self._steps(batches)
        samples = batches.samples
        X = samples.X if is_sparse(samples.X) else read_only(samples.X)
        data = X, read_only(samples.y), batches.relative_weights
        self.training.run(steps, *data, batches.order if epochs is None else epochs, self.network._team)
        if epochs is not None:
            steps = steps[: epochs.n_steps]
        self.state.count_steps(len(steps))
        rates = steps["learning_rate" if self.rule.orthogonal is None else "orthogonal_rate"]
        return steps["loss"].copy(), rates.copy()

    def _steps(self, batches: Batches) -> np.ndarray:
        """The record of each step."""
        n_steps, state = len(batches), self.state
        rates, momenta = self.courses.rates.rates(state.n_steps, n_steps)
        steps = self.optimizer.settings(state.of_optimizer.n_steps, n_steps, rates, momenta)
        self.courses.set_factors(steps, state.n_steps)
        steps["mask_key"] = self.network._mask_keys(n_steps)
        steps["start"], steps["n_samples"] = batches.starts, batches.sizes
        self.objective.set_penalties(steps, batches)
        return steps


class BatchSteps(Steps):
    """Epochs over samples, batch by batch, in calls of about `SECONDS_PER_CHUNK`.

    Parameters
    ----------
    descent : Descent
        Takes the steps.
    sampler : Sampler
        Draws the batches.
    gives_up : bool, default True
        Whether to end an epoch as soon as a loss is not finite.
    draws_within : bool, default True
        Whether a call of several epochs may shuffle the samples itself.
    """

    def __init__(self, descent: Descent, sampler: Sampler, *, gives_up: bool = True, draws_within: bool = True) -> None:
        self.descent, self.sampler, self.gives_up = descent, sampler, gives_up
        self.chunk_size = self._first_chunk()
        self.shuffled_by = sampler.shuffled_by if draws_within and self.chunk_size >= sampler.n_batches else ""
        size = int(sampler.sizes.max())
        descent.reserve(size, sampler.samples, gathers=sampler.gathers, shuffled_by=self.shuffled_by)

    @property
    def pauses(self) -> bool:
        """Whether calls of several epochs pause by themselves when training may have to stop."""
        return bool(self.shuffled_by)

    def train(self, n_epochs: int, report: Report, watch: Watch) -> Epochs:
        """Train for an epoch in chunks of whole batches, or for several epochs at once."""
        if self.shuffled_by:
            return self._train_whole_epochs(n_epochs, watch)
        batches = self.sampler.draw(n_epochs)
        losses, rates = np.zeros(len(batches)), np.zeros(len(batches))
        for first, last in self._chunks(len(batches), at_once=n_epochs > 1):
            losses[first:last], rates[first:last] = self.descent.step(batches.part(first, last))
            if self.gives_up and n_epochs == 1 and not np.isfinite(losses[last - 1]):
                return Epochs([float(losses[last - 1])], [float(rates[last - 1])])
            report(last / len(batches))
        return self._epochs(losses, rates, batches)

    def _train_whole_epochs(self, n_epochs: int, watch: Watch) -> Epochs:
        """Train for several epochs, or until training may have to stop, in one call that shuffles the samples itself."""
        sampler, n_targets = self.sampler, self.descent.objective.n_targets
        epochs = WholeEpochs.of(*sampler.begin_whole_epochs(), sampler.n_batches, watch, n_targets)
        batches, start = sampler.batches_within(epochs, n_epochs), time.perf_counter()
        losses, rates = self.descent.step(batches, epochs)
        sampler.end_whole_epochs(epochs)
        self._resize_chunks(len(losses), time.perf_counter() - start)
        return self._epochs(losses, rates, batches.part(0, len(losses)))

    def _epochs(self, losses: np.ndarray, rates: np.ndarray, batches: Batches) -> Epochs:
        """The mean loss and the last learning rate of each epoch."""
        n = self.sampler.n_batches
        means = self.descent.objective.means(losses.reshape(-1, n), batches)
        return Epochs(means.tolist(), rates[n - 1 :: n].tolist())

    def epochs_per_call(self) -> int:
        """Number of epochs that fit in a chunk, or one if they are few."""
        n_epochs = self.chunk_size // self.sampler.n_batches
        return n_epochs if n_epochs >= FEWEST_EPOCHS else 1

    def end(self, loss: float, validation_loss: float | None) -> None:
        """Report the losses of an epoch to the schedule."""
        self.descent.courses.rates.end_epoch(loss, validation_loss)

    @property
    def watches_epochs(self) -> bool:
        """Whether the schedule depends on the losses of epochs."""
        return self.descent.courses.rates.schedule.watches_epochs

    def undo(self) -> None:
        """Restore the sampler to before the last epochs."""
        self.sampler.undo()

    def _chunks(self, n_batches: int, *, at_once: bool) -> Iterator[tuple[int, int]]:
        """Ranges of batches, resized until one takes about `SECONDS_PER_CHUNK`."""
        first = 0
        while first < n_batches:
            last, start = n_batches if at_once else min(first + self.chunk_size, n_batches), time.perf_counter()
            yield first, last
            self._resize_chunks(last - first, time.perf_counter() - start)
            first = last

    def _first_chunk(self) -> int:
        """Number of batches that take at most `SECONDS_PER_CHUNK` even on a slow processor."""
        operations = 6 * self.descent.network.architecture.n_parameters * self.sampler.batch_size
        return max(1, int(SECONDS_PER_CHUNK / (operations / OPERATIONS_PER_SECOND + SECONDS_PER_BATCH)))

    def _resize_chunks(self, n_batches: int, seconds: float) -> None:
        wanted = SECONDS_PER_CHUNK * n_batches / max(seconds, 1e-9)
        self.chunk_size = max(1, int(min(LARGEST_GROWTH * self.chunk_size, wanted)))
