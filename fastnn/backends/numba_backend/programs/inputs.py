"""The inputs of a program: rows of an array, read in place, or of a sparse matrix."""

from typing import Any

import numpy as np

from fastnn.architecture import Architecture
from fastnn.backends.numba_backend.operations import ALL, PART, STREAM, STREAM_PART, Sparse
from fastnn.backends.numba_backend.programs.program import Slot
from fastnn.validation import is_sparse


def own_inputs(sparse: bool) -> Any:
    """A_0 of a thread's samples."""
    return _sparse(STREAM_PART) if sparse else Slot("X", STREAM_PART)


def batch_inputs(sparse: bool, *, whole: bool = False) -> Any:
    """X of a whole batch, restricted to a thread's columns unless it is sparse or the `whole` is wanted."""
    return _sparse(STREAM) if sparse else Slot("X", STREAM, ALL if whole else PART)


def _sparse(rows: int) -> Sparse:
    return Sparse(Slot("X_data", ALL), Slot("X_indices", ALL), Slot("X_places", rows))


def arrays_of(X: Any, order: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The arrays to bind for X; rows of a sparse matrix are selected through `X_places`, so that no entry is copied."""
    if not is_sparse(X):
        return {"X": X}
    places = np.stack([X.indptr[:-1], X.indptr[1:]], axis=1).astype(np.int64)
    places = places if order is None else places[order]
    return {"X_data": X.data, "X_indices": X.indices.astype(np.int64, copy=False), "X_places": places}


def work_of(architecture: Architecture, X: Any) -> int:
    """Multiply-adds per sample in a forward pass; for a sparse X, the first layer counts only non-zero entries."""
    if not is_sparse(X):
        return architecture.n_parameters
    n_inputs, n_units = architecture.layer_sizes[:2]
    return architecture.n_parameters + int(X.nnz // max(1, X.shape[0]) - n_inputs) * n_units
