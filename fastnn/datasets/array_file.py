"""NumPy files: one array in FILE.npy, several in FILE.npz."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from fastnn.datasets.compressed import most_unpacked
from fastnn.npz import ArrayArchive, UnreadableError, read_array

#: First bytes of an archive, and of an archive without arrays.
ARCHIVE, EMPTY_ARCHIVE = b"PK\x03\x04", b"PK\x05\x06"


class ArrayTable:
    """The array of an ``.npy`` file, one sample per row."""

    names = None
    decimal = None

    def __init__(self, path: Path) -> None:
        content = _read(path, _single_array)
        self.path = path
        self._content = _checked_numbers(path, content)
        self.n_columns = content.shape[1]

    def read(self, features: Sequence[int], target: int | None) -> tuple[np.ndarray, Any]:
        """The feature columns, and the target column or None."""
        return self._content[:, features], None if target is None else self._content[:, target]


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The arrays X and y of an ``.npz`` file; y is None if missing. Other arrays are not read."""
    content, targets = _read(path, _features_and_targets)
    X = _checked_numbers(path, content)
    if targets is None:
        return X, None
    if targets.shape not in ((len(X),), (len(X), 1)):
        raise ValueError(
            f"{path}: y must have one target for each of the {len(X)} rows of X, got shape {targets.shape}."
        )
    return X, targets.reshape(len(X))


def _read(path: Path, read: Callable[[Path, IO[bytes]], Any]) -> Any:
    """Call `read` with the open file, and turn its errors into a ValueError that names the file."""
    with path.open("rb") as file:
        try:
            return read(path, file)
        except UnreadableError as error:
            raise ValueError(f"{path} cannot be read as arrays of numbers: {error}") from None


def _single_array(path: Path, file: IO[bytes]) -> np.ndarray:
    if _is_archive(file):
        ArrayArchive(file, most_bytes=0)  # raises if it is damaged
        raise ValueError(f"{path} must hold a single array; an archive of arrays must have a name ending in .npz.")
    return read_array(file, os.fstat(file.fileno()).st_size)


def _features_and_targets(path: Path, file: IO[bytes]) -> tuple[np.ndarray, np.ndarray | None]:
    if not _is_archive(file):
        read_array(file, os.fstat(file.fileno()).st_size)
        raise ValueError(f"{path} must hold the arrays X and y, got a single array.")
    arrays = ArrayArchive(file, most_unpacked(path))
    if "X" not in arrays.names:
        raise ValueError(f"{path} must hold the arrays X and y, got {', '.join(arrays.names) or 'none'}.")
    return arrays["X"], arrays["y"] if "y" in arrays.names else None


def _is_archive(file: IO[bytes]) -> bool:
    start = file.read(len(ARCHIVE))
    file.seek(0)
    return start in (ARCHIVE, EMPTY_ARCHIVE)


def _checked_numbers(path: Path, X: np.ndarray) -> np.ndarray:
    """X, checked to be a matrix of real numbers with at least one row."""
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"{path} must hold a 2-D array of samples by columns, got shape {X.shape}.")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"{path} must hold real numbers, got an array of dtype {X.dtype}.")
    return X
