"""Mini-batches in the form the kernels expect: starts and sizes, memory layout, and relative weights of samples."""

from typing import Any

import numpy as np

from fastnn.architecture import Architecture
from fastnn.validation import is_sparse

#: The sample weights if all samples count equally.
UNWEIGHTED = np.empty(0)


def batch_starts(architecture: Architecture, n_samples: int, batch_size: int) -> np.ndarray:
    """The index of the first sample of each batch of an epoch.

    Under batch normalisation, a single left-over sample joins the previous batch, because it would equal its own mean.
    """
    starts = np.arange(0, n_samples, batch_size)
    is_alone = len(starts) > 1 and n_samples - starts[-1] == 1
    return starts[:-1] if is_alone and "batch" in architecture.normalizations else starts


def batch_sizes(starts: np.ndarray, n_samples: int) -> np.ndarray:
    """The number of samples in each batch, from the batch starts."""
    sizes = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=sizes[:-1])
    sizes[-1] = n_samples - starts[-1]
    return sizes


def read_only(array: np.ndarray) -> np.ndarray:
    """A read-only view: kernels are compiled only once, for read-only inputs."""
    view = array.view()
    view.flags.writeable = False
    return view


def ready(X: Any, dtype: np.dtype) -> Any:
    """X in the form the kernels read: a C-contiguous array of this dtype; a sparse X is ready as it is."""
    return X if is_sparse(X) else read_only(np.ascontiguousarray(X, dtype))


def sums_of_batches(values: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The sum of the values of each batch."""
    bounds = np.stack([starts, starts + sizes], axis=1).reshape(-1)
    return np.add.reduceat(np.append(values, 0), bounds)[::2]


def relative_weights(weights: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """c_i = w_i / mean_j w_j, with the mean over the batch of i, or 0 if all its weights are 0; (n,), or (0,) if unweighted.

    With these, a plain mean over a batch becomes a weighted one: mean_i c_i L_i = sum_i w_i L_i / sum_i w_i.
    """
    if len(weights) == 0:
        return weights
    relative = np.zeros(len(weights))
    rows = np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    means = np.repeat(sums_of_batches(weights, starts, sizes) / sizes, sizes)
    relative[rows] = np.divide(weights[rows], means, out=np.zeros(len(rows)), where=means != 0)
    return relative


def weighted_mean(values: np.ndarray, sample_weights: np.ndarray) -> float:
    """sum_i w_i v_i / sum_i w_i, or the plain mean without weights; v_i is the mean of a sample's values."""
    if len(sample_weights) == 0:
        return float(values.mean())
    return float(np.average(values.reshape(len(values), -1).mean(axis=1), weights=sample_weights))
