"""Samples as the kernels take them, dense or sparse, and the batches of an iteration in scikit-learn's order."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastnn.network import UNWEIGHTED, Network
from fastnn.training import Batches, Descent
from fastnn.validation import as_csr, is_sparse


@dataclass(frozen=True)
class Samples:
    """Validated samples.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets as the kernels take them: class numbers, or rows.
    weights : ndarray of shape (n_samples,) or (0,)
        Weights of the samples; none where all count the same.
    labels : ndarray
        Targets as they were given.
    raw : ndarray, CSR matrix or None
        Features as they were given, where X has been standardised.
    """

    X: Any
    y: np.ndarray
    weights: np.ndarray
    labels: Any
    raw: Any = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: np.ndarray) -> "Samples":
        """Some of them."""
        weights = self.weights_of(rows)
        raw = None if self.raw is None else self.raw[rows]
        return Samples(self.X[rows], self.y[rows], weights, self.labels[rows], raw)

    def weights_of(self, rows: Any) -> np.ndarray:
        """The weights of some of them; none where all count the same."""
        return self.weights[rows] if len(self.weights) else UNWEIGHTED

    def standardized(self, X: Any, y: np.ndarray) -> "Samples":
        """The same with standardised features and targets."""
        return replace(self, X=X, y=y, raw=self.X)

    def ready_for(self, network: Network) -> "Samples":
        """The same as a network's kernels are compiled for: rows one after the other, in its type."""
        dtype = network.dtype
        X = as_csr(self.X, dtype) if is_sparse(self.X) else np.ascontiguousarray(self.X, dtype)
        y = self.y if self.y.ndim == 1 else np.ascontiguousarray(self.y, dtype)
        return replace(self, X=X, y=y)

    @property
    def sample_weight(self) -> np.ndarray | None:
        """The weights as scikit-learn takes them."""
        return self.weights if len(self.weights) else None


class PenalizedDescent(Descent):
    """Steps whose penalty on the weights is alpha / (2 sum_i w_i) sum W^2, the sum that of a batch's sample weights.

    The losses of batches include the penalties, as in scikit-learn; they come `n_targets` times, for losses that are
    afterwards divided by as many.
    """

    def __init__(self, network: Network, solver: Any, alpha: float, n_targets: int = 1) -> None:
        super().__init__(network, solver.optimizer, solver, reports_penalty=True)
        self.alpha, self.n_targets, self.next_batch = alpha, n_targets, 0
        self.own_l2 = solver.l2
        self.weigh_batches(np.ones(1))

    def weigh_batches(self, total_weights: np.ndarray) -> None:
        """Be told the sum of the sample weights of each batch."""
        shares = np.divide(self.alpha, total_weights, out=np.zeros(len(total_weights)), where=total_weights != 0)
        self.l2_of_batches = self.own_l2 + shares

    def settings(self, n_steps: int) -> np.ndarray:
        """Those of the optimizer, with the penalty of each batch."""
        settings = super().settings(n_steps)
        settings["l2"] = self.l2_of_batches[self.next_batch : self.next_batch + n_steps]
        settings["penalties_reported"] = self.n_targets
        return settings


class ShuffledBatches(Batches):
    """Batches in the order that scikit-learn draws: each iteration shuffles the order of the one before.

    A loss that is not finite is for the caller to judge.
    """

    gives_up = False
    descent: PenalizedDescent
    X: Any

    def __init__(
        self,
        descent: PenalizedDescent,
        samples: Samples,
        rows: np.ndarray | None,
        batch_size: int,
        random: np.random.RandomState | None,
        loss_offsets: np.ndarray,
    ) -> None:
        super().__init__(descent, samples.X, samples.y, samples.weights, rows, batch_size, random is not None)
        self.random, self.positions, self.loss_offsets = random, np.arange(self.n_samples), loss_offsets
        self.unshuffled, self.shares_by_size = self.positions, self.sizes / self.n_samples
        if self.shuffle:
            self._reorder(self.positions)
        self.descent.weigh_batches(self.total_weights())

    def draw_order(self) -> None:
        """Shuffle; a single batch stays as it is, but uses up as many random numbers."""
        if self.random is None:
            return
        permutation = self.unshuffled.copy()
        self.random.shuffle(permutation)
        if self.shuffle:
            self._reorder(self.positions[permutation])
            if len(self.sample_weights):
                self.descent.weigh_batches(self.total_weights())

    def _reorder(self, positions: np.ndarray) -> None:
        self.positions, self.order = positions, positions if self.rows is None else self.rows[positions]

    def shares(self) -> np.ndarray:
        """Each batch counts as many times as it has samples, whatever their weights."""
        return self.shares_by_size

    def train_epoch(self, report: Callable[[float], None]) -> tuple[float, float]:
        """One pass over the data; the mean loss as scikit-learn reports it, and the last learning rate."""
        loss, rate = super().train_epoch(report)
        return loss / self.descent.n_targets + self._offset(), rate

    def _offset(self) -> float:
        """What the reported losses have in addition, which depends on the targets alone."""
        if len(self.loss_offsets) == 0:
            return 0.0
        if len(self.sample_weights) == 0:
            return float(self.sums(self.loss_offsets).sum() / self.n_samples)
        sums, totals = self.sums(self.loss_offsets * self.sample_weights), self.total_weights()
        return float(np.divide(sums, totals, out=np.zeros(self.n_batches), where=totals != 0) @ self.shares())

    def train_batches(self, losses: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Train on the samples from `start` to `stop` of the order; the learning rates."""
        self.descent.next_batch = start // self.batch_size
        return super().train_batches(losses, start, stop)
