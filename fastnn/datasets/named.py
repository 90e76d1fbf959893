"""Data sets available by name."""

import os

import numpy as np

from fastnn.datasets.dataset import Dataset
from fastnn.datasets.mnist import DIGITS, load_mnist
from fastnn.names import unknown

NAMES = ("digits", "moons", "circles", "blobs", "mnist")


def load_named(name: str, *, data_dir: str | os.PathLike[str] | None = None, seed: int = 0) -> Dataset:
    """Load or generate a data set by its name.

    Parameters
    ----------
    name : {"digits", "moons", "circles", "blobs", "mnist"}
        ``digits`` is bundled with scikit-learn: 1,797 images of 8 x 8 pixels. ``moons``, ``circles`` and ``blobs`` are
        1,000 points in the plane. ``mnist`` is described in `load_mnist`.
    data_dir : str, path-like or None, default=None
        Folder with the MNIST files.
    seed : int, default=0
        Random seed for generated points.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If there is no data set of that name; the message lists the known ones.
    """
    if name not in NAMES:
        raise ValueError(unknown("data set", name, NAMES))
    if name == "mnist":
        return load_mnist(data_dir)
    return _load_digits() if name == "digits" else _generate(name, seed)


def _load_digits() -> Dataset:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    pixels = (X / 16).astype(np.float32)  # exact: pixels are whole numbers from 0 to 16
    return Dataset("digits", pixels, y, DIGITS, standardize=False)


def _generate(name: str, seed: int) -> Dataset:
    from sklearn.datasets import make_blobs, make_circles, make_moons

    if name == "moons":
        X, y = make_moons(1000, noise=0.2, random_state=seed)
    elif name == "circles":
        X, y = make_circles(1000, noise=0.1, factor=0.5, random_state=seed)
    else:  # centred on the corners of a triangle, so that blobs do not overlap for any seed
        X, y = make_blobs(1000, centers=[(-3.0, -2.0), (3.0, -2.0), (0.0, 3.0)], random_state=seed)
    return Dataset(name, X, y, tuple(str(label) for label in range(y.max() + 1)))
