"""Selecting the samples of a batch from the data. `order` is a permutation of the rows; None keeps their order."""

import numpy as np


def select(data, order, step):
    """The rows of a batch: `n_samples` rows from `start` on, in the given order."""
    rows = slice(int(step["start"]), int(step["start"] + step["n_samples"]))
    return data[rows] if order is None else data[order[rows]]


def one_hot(classes, n_classes):
    """y_ik = [k = t_i] from class indices; (n,) -> (n, K)."""
    return np.arange(n_classes) == classes[:, np.newaxis]
