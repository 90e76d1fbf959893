"""NumPy's own files: one array in FILE.npy, several in FILE.npz."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


class ArrayTable:
    """The array of an ``.npy`` file, a sample per row."""

    names = None
    decimal = None

    def __init__(self, path: Path) -> None:
        content = _load(path)
        if isinstance(content, dict):
            raise ValueError(
                f"{path} must hold a single array; an archive of arrays belongs in a file that ends in .npz."
            )
        self.path = path
        self._content = _checked_numbers(path, content)
        self.n_columns = content.shape[1]

    def read(self, features: Sequence[int], target: int | None) -> tuple[np.ndarray, Any]:
        """The columns of features, and that of the targets or None."""
        return self._content[:, features], None if target is None else self._content[:, target]


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The arrays X and y of an ``.npz`` file; None for y where there is none."""
    arrays = _load(path)
    if not isinstance(arrays, dict) or "X" not in arrays:
        found = ", ".join(arrays) if isinstance(arrays, dict) else "a single array"
        raise ValueError(f"{path} must hold the arrays X and y, got {found or 'none'}.")
    X, targets = _checked_numbers(path, arrays["X"]), arrays.get("y")
    if targets is None:
        return X, None
    if targets.shape not in ((len(X),), (len(X), 1)):
        raise ValueError(
            f"{path}: y must have one target for each of the {len(X)} rows of X, got shape {targets.shape}."
        )
    return X, targets.reshape(len(X))


def _load(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """The array of an ``.npy`` file, or the arrays of an ``.npz`` file by name."""
    with path.open("rb") as file:
        try:
            content = np.load(file, allow_pickle=False)
            return content if isinstance(content, np.ndarray) else dict(content)
        except (ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} cannot be read as arrays of numbers: {error}") from None


def _checked_numbers(path: Path, X: np.ndarray) -> np.ndarray:
    """A matrix of numbers with at least one row, or an error."""
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"{path} must hold a 2-D array of samples by columns, got shape {X.shape}.")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"{path} must hold real numbers, got an array of dtype {X.dtype}.")
    return X
