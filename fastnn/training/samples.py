"""Samples to train on or to validate on, checked."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from fastnn.batches import UNWEIGHTED, ready
from fastnn.feed_forward import FeedForward
from fastnn.validation import check_feature_shape, check_features, check_sample_weight, check_targets, is_sparse


@dataclass(frozen=True)
class Samples:
    """Checked samples.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets as the kernels take them: class numbers, or rows.
    weights : ndarray of shape (n_samples,) or (0,)
        Weights of the samples; empty where all count the same.
    """

    X: Any
    y: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def lies_ready(self, dtype: np.dtype) -> bool:
        """Whether the kernels can read X from where it lies; rows of a sparse X are always chosen by an order."""
        return not is_sparse(self.X) and self.X.dtype == dtype and bool(self.X.flags.c_contiguous)

    def take(self, rows: np.ndarray) -> Self:
        """Some of them."""
        return type(self)(self.X[rows], self.y[rows], self.weights_of(rows))

    def ready_for(self, dtype: np.dtype, rows: np.ndarray | None = None) -> Self:
        """The same, or some rows, as the kernels read it: one row after the other, in that type."""
        chosen = self if rows is None else self.take(rows)
        return replace(chosen, X=ready(chosen.X, dtype))

    def weights_of(self, rows: np.ndarray) -> np.ndarray:
        """The weights of some of them; empty where all count the same."""
        return self.weights[rows] if len(self.weights) else UNWEIGHTED


def check_samples(network: FeedForward, X: Any, y: Any, sample_weight: Any = None, *, reads_X: bool = True) -> Samples:
    """Samples that fit a network; unless it `reads_X`, whether the numbers of X are finite is left to be seen."""
    check = check_features if reads_X else check_feature_shape
    X = check(X, network.architecture.n_inputs, network.dtype)
    y = check_targets(y, X.shape[0], network.architecture, network.dtype)
    return Samples(X, y, check_sample_weight(sample_weight, X.shape[0]))
