"""MNIST, from its four IDX files or from openml.org."""

import http.client
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fastnn.datasets.dataset import Dataset
from fastnn.datasets.idx import read_idx

MNIST_STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

DIGITS = tuple("0123456789")


def load_mnist(data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """MNIST: 60,000 training images and 10,000 test images of 28 x 28 pixels, scaled to [0, 1].

    The four original IDX files, plain or gzip, are searched for in ``data_dir``, in the folder named by the environment
    variable ``FASTNN_DATA``, and in scikit-learn's data folder, in this order; in each, first in a subfolder ``mnist``. If
    they are not found, scikit-learn downloads MNIST from openml.org and keeps a copy.

    Parameters
    ----------
    data_dir : str, path-like or None, default=None
        Folder to search first.

    Returns
    -------
    Dataset
        X as float32; the test set in ``X_test`` and ``y_test``.

    Raises
    ------
    ValueError
        If a file is damaged or one of the four is missing.
    OSError
        If there are no files and MNIST cannot be downloaded; the message says which files to put where.

    References
    ----------
    LeCun, Bottou, Bengio, Haffner (1998), Gradient-Based Learning Applied to Document Recognition.
    """
    # scikit-learn's get_data_home() would create the folder, or fail if it cannot.
    given = (data_dir, os.environ.get("FASTNN_DATA"), os.environ.get("SCIKIT_LEARN_DATA") or "~/scikit_learn_data")
    folders = [Path(folder).expanduser() for folder in given if folder]
    for folder in folders:
        files = _find_files(folder / "mnist") or _find_files(folder)
        if files:
            X, y = _read_images_and_labels(*files[:2])
            return _mnist(X, y, *_read_images_and_labels(*files[2:]))
    return _fetch(folders[0] if data_dir else None, put_in=folders[0] / "mnist")


def _find_files(folder: Path) -> Sequence[Path]:
    """The four files in the order of `MNIST_STEMS`, or none; some without the others are an error."""
    found = {stem: path for stem in MNIST_STEMS for path in _spellings(folder, stem) if path.is_file()}
    missing = [stem for stem in MNIST_STEMS if stem not in found]
    if found and missing:
        raise ValueError(f"{folder} holds only part of MNIST: {', '.join(missing)} (each plain or .gz) are missing.")
    return list(found.values())


def _spellings(folder: Path, stem: str) -> list[Path]:
    # Some programs for unpacking turn the hyphen before "idx" into a dot.
    return [folder / (name + ending) for name in (stem, stem.replace("-idx", ".idx")) for ending in ("", ".gz")]


def _read_images_and_labels(images_file: Path, labels_file: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_idx(images_file), read_idx(labels_file)
    for path, content, n_dimensions in ((images_file, images, 3), (labels_file, labels, 1)):
        if content.ndim != n_dimensions:
            raise ValueError(f"{path} must hold an array of {n_dimensions} dimensions, got shape {content.shape}.")
    if len(images) != len(labels):
        raise ValueError(f"{images_file} has {len(images)} images, but {labels_file} has {len(labels)} labels.")
    if labels.max() > 9:
        raise ValueError(f"{labels_file} must hold digits from 0 to 9, got {labels.max()}.")
    return images.reshape(len(images), -1), labels


def _mnist(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray) -> Dataset:
    """The data set, with pixels scaled from 0..255 to [0, 1]."""
    X, X_test = (np.divide(pixels, np.float32(255), dtype=np.float32) for pixels in (X, X_test))
    y, y_test = y.astype(np.int64), y_test.astype(np.int64)
    return Dataset("mnist", X, y, DIGITS, standardize=False, X_test=X_test, y_test=y_test)


def _fetch(data_home: Path | None, *, put_in: Path) -> Dataset:
    from sklearn.datasets import fetch_openml

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one per attempt to reach the server; the error below is enough
            X, y = fetch_openml(
                "mnist_784", version=1, return_X_y=True, as_frame=False, parser="pandas", data_home=data_home
            )
    except (OSError, ValueError, http.client.HTTPException) as error:
        names = ", ".join(f"{stem}.gz" for stem in MNIST_STEMS)
        raise OSError(
            f"MNIST is not on this machine and could not be downloaded from openml.org ({error}): put the files {names} "
            f"into {put_in}, or into the folder given by --data-dir or the environment variable FASTNN_DATA."
        ) from error
    n_train = 60_000  # OpenML keeps the original order, the test images last
    return _mnist(X[:n_train], y[:n_train], X[n_train:], y[n_train:])
