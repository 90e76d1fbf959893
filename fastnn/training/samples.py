"""Checked samples for training or validation."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from fastnn.batches import UNWEIGHTED, ready
from fastnn.feed_forward import FeedForward
from fastnn.validation import (
    check_feature_shape,
    check_features,
    check_sample_weight,
    check_stage,
    check_targets,
    is_sparse,
)


@dataclass(frozen=True)
class Samples:
    """Checked samples.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets in the form the kernels expect: class indices, or rows.
    weights : ndarray of shape (n_samples,) or (0,)
        Weights of the samples; empty if all count equally.
    """

    X: Any
    y: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    @property
    def sample_weight(self) -> np.ndarray | None:
        """The weights in scikit-learn's form, None if there are none."""
        return self.weights if len(self.weights) else None

    def lies_ready(self, dtype: np.dtype) -> bool:
        """Whether the kernels can read X in place; rows of a sparse X are always selected by index."""
        return not is_sparse(self.X) and self.X.dtype == dtype and bool(self.X.flags.c_contiguous)

    def take(self, rows: np.ndarray) -> Self:
        """The samples in these rows."""
        return type(self)(self.X[rows], self.y[rows], self.weights_of(rows))

    def ready_for(self, dtype: np.dtype, rows: np.ndarray | None = None) -> Self:
        """The samples, or some rows of them, with X in the form the kernels read: C-contiguous, of this dtype."""
        chosen = self if rows is None else self.take(rows)
        return replace(chosen, X=ready(chosen.X, dtype))

    def weights_of(self, rows: np.ndarray) -> np.ndarray:
        """The weights of these rows; empty if all count equally."""
        return self.weights[rows] if len(self.weights) else UNWEIGHTED


def check_samples(network: FeedForward, X: Any, y: Any, sample_weight: Any = None, *, reads_X: bool = True) -> Samples:
    """Samples that fit a network; unless `reads_X`, X is not checked for NaN and infinity."""
    check_stage(X, network.architecture)
    check = check_features if reads_X else check_feature_shape
    X = check(X, network.architecture.n_inputs, network.dtype)
    y = check_targets(y, X.shape[0], network.architecture, network.dtype)
    return Samples(X, y, check_sample_weight(sample_weight, X.shape[0]))
