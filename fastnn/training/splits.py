"""Which samples are held out."""

import math
from typing import Any

import numpy as np

from fastnn.architecture import Architecture
from fastnn.validation import check_number


def check_fraction(fraction: Any, n_samples: int) -> float:
    """A share of the samples that leaves some on either side."""
    share = check_number(fraction, "validation_fraction", positive=True)
    if share >= 1:
        raise ValueError(f"validation_fraction must be above 0 and below 1, got {fraction!r}.")
    if math.ceil(share * n_samples) >= n_samples:
        raise ValueError(f"validation_fraction={fraction!r} of {n_samples} samples leaves none to train on.")
    return share


def split(
    y: np.ndarray, architecture: Architecture, fraction: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and rows to hold out, as `split_classes` gives them."""
    return split_classes(_classes(y, architecture), fraction, random)


def split_classes(classes: np.ndarray, fraction: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and rows to hold out: a share of each class, counted from 0; both ascending.

    As many are held out as in scikit-learn's `train_test_split`, the share of all samples rounded up, but each class keeps
    at least one sample to train on.
    """
    sizes = np.bincount(classes)
    counts = _share_of_each(sizes, math.ceil(fraction * len(classes)))
    if not counts.any():
        raise ValueError("validation_fraction needs a class with two samples or more, got one sample of each.")
    order = random.permutation(len(classes))
    by_class = order[np.argsort(classes[order], kind="stable")]
    rank_in_class = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held_out = np.zeros(len(classes), bool)
    held_out[by_class[rank_in_class < np.repeat(counts, sizes)]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _classes(y: np.ndarray, architecture: Architecture) -> np.ndarray:
    """The class of each sample; all one class where targets are numbers, or several outputs independent."""
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
    """How many to hold out of classes of these sizes: in proportion, largest remainders rounded up."""
    exact = sizes * (n_held_out / sizes.sum())
    counts = np.minimum(exact.astype(np.int64), np.maximum(sizes - 1, 0))
    remainders = np.where(counts < sizes - 1, exact - counts, -1)
    largest = np.argsort(-remainders, kind="stable")[: n_held_out - counts.sum()]
    counts[largest[remainders[largest] >= 0]] += 1
    return np.asarray(counts)
