"""The order in which epochs visit the samples, and their division into mini-batches."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fastnn.backends.whole_epochs import PCG64, WholeEpochs, set_pcg64, state_of_pcg64
from fastnn.batches import batch_sizes, batch_starts, relative_weights, sums_of_batches
from fastnn.feed_forward import FeedForward
from fastnn.training.samples import Samples
from fastnn.validation import is_sparse


@dataclass(frozen=True)
class Batches:
    """The mini-batches of one or more epochs, in order.

    Attributes
    ----------
    samples : Samples
        The samples they are drawn from.
    order : ndarray of int64 or None
        The rows of the samples in the order of the batches; None if the samples are read in place.
    starts, sizes : ndarray of int64, of shape (n_batches,)
        Position of the first sample of each batch in that order, and number of samples in the batch.
    """

    samples: Samples
    order: np.ndarray | None
    starts: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def totals(self) -> np.ndarray:
        """The total sample weight of each batch, or its number of samples without weights."""
        return self.sizes if len(self.samples.weights) == 0 else self.sums(self.samples.weights)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """A value per sample, summed over each batch."""
        return sums_of_batches(self._in_order(values), self.starts, self.sizes)

    @cached_property
    def relative_weights(self) -> np.ndarray:
        """The weight of each sample in the order of the batches, relative to the mean of its batch; (0,) without weights."""
        weights = self.samples.weights
        return weights if len(weights) == 0 else relative_weights(self._in_order(weights), self.starts, self.sizes)

    def _in_order(self, values: np.ndarray) -> np.ndarray:
        return values if self.order is None else values[self.order]

    def part(self, first: int, last: int) -> "Batches":
        """Batches `first` to `last` - 1, unchanged."""
        if first == 0 and last == len(self):
            return self
        starts, sizes = self.starts[first:last], self.sizes[first:last]
        if self.order is None:
            return Batches(self.samples, None, starts, sizes)
        start, stop = int(starts[0]), int(starts[-1] + sizes[-1])
        return Batches(self.samples, self.order[start:stop], starts - start, sizes)


class Sampler:
    """Draws the batches of each epoch from all samples, or from those that are not held out.

    Parameters
    ----------
    network : FeedForward
        Its random number generator shuffles the samples if their order matters; with batch normalisation, no batch has
        only one sample.
    samples : Samples
        The samples.
    rows : ndarray or None
        Rows to train on; None for all.
    batch_size : int
        Samples per batch.
    shuffle : bool
        Whether each epoch has a new order.
    drop_last : bool, default False
        Whether to leave out the last batch of an epoch if it is smaller than the others.
    """

    def __init__(
        self,
        network: FeedForward,
        samples: Samples,
        rows: np.ndarray | None,
        batch_size: int,
        shuffle: bool,
        *,
        drop_last: bool = False,
    ) -> None:
        self.network, self.samples, self.rows = network, samples, rows
        self.n_samples = len(samples) if rows is None else len(rows)
        self.batch_size = min(batch_size, self.n_samples)
        self.drops = drop_last and self.n_samples % self.batch_size > 0
        n_used = self.n_samples - self.n_samples % self.batch_size if self.drops else self.n_samples
        self.starts = batch_starts(network.architecture, n_used, self.batch_size)
        self.sizes = batch_sizes(self.starts, n_used)
        self._of_epochs = self.starts, self.sizes
        # A single batch is a mean over all samples in any order.
        self.shuffles = shuffle and (len(self.starts) > 1 or self.drops)
        self.gathers = self.shuffles or rows is not None or not samples.lies_ready(network.dtype)
        self.order = rows if rows is not None else np.arange(self.n_samples) if self.gathers else None

    @property
    def shuffled_by(self) -> str:
        """Name of the generator with which the backends can shuffle within a call; empty if they cannot."""
        is_plain = (
            not self.drops and self.rows is None and not is_sparse(self.samples.X) and len(self.samples.weights) == 0
        )
        return self.generator() if self.shuffles and is_plain else ""

    def generator(self) -> str:
        """Name of the network's generator in the backends; empty if they do not support it."""
        return PCG64 if type(self.network.random.bit_generator) is np.random.PCG64 else ""

    def begin_whole_epochs(self) -> tuple[np.ndarray, np.ndarray]:
        """The initial order and the state of the generator, for a call that shuffles the samples itself."""
        return np.arange(self.n_samples), state_of_pcg64(self.network.random.bit_generator)

    def end_whole_epochs(self, epochs: WholeEpochs) -> None:
        """Set the generator to its state after the call."""
        set_pcg64(self.network.random.bit_generator, epochs.random)

    def batches_within(self, epochs: WholeEpochs, n_epochs: int) -> Batches:
        """The batches of a call that shuffles the samples itself."""
        return Batches(self.samples, epochs.order, *self._tiled(n_epochs))

    @property
    def n_batches(self) -> int:
        """Number of batches in an epoch."""
        return len(self.starts)

    def draw(self, n_epochs: int) -> Batches:
        """The batches of the next epochs, each in a new order if samples are shuffled."""
        if not self.shuffles:
            self.pass_over(n_epochs)
            return Batches(self.samples, self.order, *self._tiled(n_epochs))
        positions = self.draw_orders(n_epochs).reshape(-1)
        order = positions if self.rows is None else np.asarray(self.rows[positions])
        starts, sizes = self._tiled(n_epochs)
        if n_epochs > 1:
            starts = starts + np.repeat(self.n_samples * np.arange(n_epochs), self.n_batches)
        return Batches(self.samples, order, starts, sizes)

    def _tiled(self, n_epochs: int) -> tuple[np.ndarray, np.ndarray]:
        """Starts and sizes of the batches, repeated for each epoch; cached for the last number of epochs."""
        if len(self._of_epochs[0]) != n_epochs * self.n_batches:
            self._of_epochs = np.tile(self.starts, n_epochs), np.tile(self.sizes, n_epochs)
        return self._of_epochs

    def draw_orders(self, n_epochs: int) -> np.ndarray:
        """A new order of the samples for each epoch, (n_epochs, n_samples)."""
        return np.array([self.network.random.permutation(self.n_samples) for _ in range(n_epochs)])

    def pass_over(self, n_epochs: int) -> None:
        """Consume the random numbers of orders that do not matter; here none."""

    def undo(self) -> None:
        """Undo the last draw, apart from the network's random numbers; here there is nothing to undo."""
