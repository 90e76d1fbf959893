"""The samples of a batch, taken from the data. `order` says which rows come one after the other; None, all in place."""

import numpy as np


def select(data, order, step):
    """The rows of a batch: those that `start` and `n_samples` of the step name in the order."""
    rows = slice(int(step["start"]), int(step["start"] + step["n_samples"]))
    return data[rows] if order is None else data[order[rows]]


def one_hot(classes, n_classes):
    """y_ik = [k = t_i] from class numbers; (n,) -> (n, K)."""
    return np.arange(n_classes) == classes[:, np.newaxis]
