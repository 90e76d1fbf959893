"""Random, stratified splits into training and validation samples."""

import math
from typing import Any

import numpy as np

from fastnn.architecture import Architecture
from fastnn.validation import check_number


def check_fraction(fraction: Any, n_samples: int) -> float:
    """A fraction of the samples that leaves some for training."""
    share = check_number(fraction, "validation_fraction", positive=True)
    if share >= 1:
        raise ValueError(f"validation_fraction must be above 0 and below 1, got {fraction!r}.")
    if math.ceil(share * n_samples) >= n_samples:
        raise ValueError(f"validation_fraction={fraction!r} of {n_samples} samples leaves none for training.")
    return share


def split(
    y: np.ndarray, architecture: Architecture, fraction: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to hold out, stratified by class with `split_classes`."""
    return split_classes(_classes(y, architecture), fraction, random)


def split_classes(classes: np.ndarray, fraction: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to hold out, a fraction of each class, both in ascending order; classes count from 0.

    The number of held-out samples is that of scikit-learn's `train_test_split`, rounded up, but each class keeps at least
    one training sample.
    """
    sizes = np.bincount(classes)
    counts = _share_of_each(sizes, math.ceil(fraction * len(classes)))
    if not counts.any():
        raise ValueError("validation_fraction needs a class with at least two samples, got one sample per class.")
    order = random.permutation(len(classes))
    by_class = order[np.argsort(classes[order], kind="stable")]
    rank_in_class = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held_out = np.zeros(len(classes), bool)
    held_out[by_class[rank_in_class < np.repeat(counts, sizes)]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _classes(y: np.ndarray, architecture: Architecture) -> np.ndarray:
    """The class of each sample; a single class for regression, and for several independent outputs."""
    if not architecture.loss.classifies:
        return np.zeros(len(y), np.int64)
    if y.ndim == 1:
        return y
    if y.shape[1] == 1:
        return (y[:, 0] > 0.5).astype(np.int64)
    if architecture.activations[-1] == "softmax":
        return np.asarray(np.argmax(y, axis=1))
    return np.zeros(len(y), np.int64)


def _share_of_each(sizes: np.ndarray, n_held_out: int) -> np.ndarray:
    """Number of samples to hold out of classes of these sizes: proportional, by largest remainders."""
    exact = sizes * (n_held_out / sizes.sum())
    counts = np.minimum(exact.astype(np.int64), np.maximum(sizes - 1, 0))
    remainders = np.where(counts < sizes - 1, exact - counts, -1)
    largest = np.argsort(-remainders, kind="stable")[: n_held_out - counts.sum()]
    counts[largest[remainders[largest] >= 0]] += 1
    return np.asarray(counts)
