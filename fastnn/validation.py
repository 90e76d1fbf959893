"""Checks of user input: every error message says what was wrong, what was expected, and what was given.

Data are checked before anything is changed. Floating-point and uint8 features keep their dtype, so a large X is never
copied as a whole.
"""

import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from numbers import Integral, Real
from typing import Any

import numpy as np

from fastnn.architecture import Architecture

#: Dtypes of X that the backends convert batch by batch; others are converted as a whole.
STREAMED_TYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.uint8))

#: Small enough that the BLAS does not start threads.
NUMBERS_PER_CHECK = 8192
ROWS_PER_CHECK = 4096


def check_dtype(dtype: Any) -> np.dtype:
    """float32 or float64 as a NumPy dtype."""
    for allowed in (np.dtype(np.float32), np.dtype(np.float64)):
        with suppress(TypeError, ValueError):
            if dtype is not None and allowed == dtype:
                return allowed
    raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")


def is_sparse(X: Any) -> bool:
    """Whether X is a SciPy sparse matrix or array, without importing scipy.sparse."""
    return hasattr(X, "tocsr")


def check_stage(X: Any, architecture: Architecture) -> None:
    """Raise TypeError for a sparse X if the network has an input stage, which takes all columns of a sample."""
    if is_sparse(X) and not architecture.inputs.is_plain:
        raise TypeError(
            "A network with embeddings or input scaling needs a dense X, got a sparse one: pass X.toarray()."
        )


def check_features(X: Any, n_features: int, dtype: np.dtype) -> Any:
    """X as a finite two-dimensional array (n_samples, n_features), copied only if its dtype requires it.

    A sparse X stays sparse: it is converted to CSR format and to `dtype`.
    """
    features = check_feature_shape(X, n_features, dtype)
    check_finite(features, "X", dtype)
    return features


def check_feature_shape(X: Any, n_features: int, dtype: np.dtype) -> Any:
    """`check_features` without the check for finite values, for callers that detect them in their results."""
    X = X if is_sparse(X) else _as_numeric_array(X, "X", dtype)
    if X.ndim != 2:
        hint = " For one sample, pass X.reshape(1, -1)." if X.ndim == 1 else ""
        raise ValueError(f"X must be two-dimensional, (n_samples, n_features), got shape {X.shape}.{hint}")
    if X.shape[1] != n_features:
        raise ValueError(f"X has {X.shape[1]} features, but this network expects {n_features}.")
    if X.shape[0] == 0:
        raise ValueError(f"X is empty: at least one sample is needed, got shape {X.shape}.")
    if is_sparse(X):
        return as_csr(X, dtype)
    return np.asarray(X.astype(dtype) if X.dtype not in STREAMED_TYPES else X)


def as_csr(X: Any, dtype: np.dtype) -> Any:
    """A sparse X in CSR format and of that dtype, checked because the kernels trust its indices.

    Entries may be unsorted and duplicated; nothing is copied if format and dtype are right already.
    """
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X must be a sparse array of real numbers, got elements of type {X.dtype}.")
    rows = X if X.format == "csr" else _converted_to_csr(X)
    if not _parts_agree(rows):
        raise ValueError(
            f"X is a {type(X).__name__} with entries outside its shape {X.shape}, or with an inconsistent indptr."
        )
    if rows.dtype == dtype:
        return rows
    _check_finite_entries(rows, "X", dtype)  # while the given values are still known
    return type(rows)((rows.data.astype(dtype), rows.indices, rows.indptr), shape=rows.shape)


def _converted_to_csr(X: Any) -> Any:
    """X in CSR format; SciPy converts without checking indices, so they are checked first."""
    if hasattr(X, "check_format"):
        try:
            X.check_format(full_check=True)
        except ValueError as error:
            raise ValueError(f"X is a {type(X).__name__} with inconsistent parts: {error}.") from None
    return X.tocsr()


def _parts_agree(rows: Any) -> bool:
    """Whether all entries of a CSR matrix lie within its shape; SciPy's own check takes three times as long."""
    n_entries, indices, indptr = rows.indptr[-1], rows.indices, rows.indptr
    if len(indptr) != rows.shape[0] + 1 or indptr[0] != 0 or n_entries > min(len(indices), len(rows.data)):
        return False
    used = indices[:n_entries]
    within = len(used) == 0 or (used.min() >= 0 and used.max() < rows.shape[1])
    return bool(within and (indptr[1:] >= indptr[:-1]).all())


def check_targets(y: Any, n_samples: int, architecture: Architecture, dtype: np.dtype) -> np.ndarray:
    """Targets as class indices (n_samples,), int64, or as rows (n_samples, n_outputs) of `dtype`."""
    loss, n_outputs = architecture.loss, architecture.n_outputs
    y = _as_numeric_array(y, "y", dtype)
    if y.ndim == 0 or y.ndim > 2:
        raise ValueError(f"y must be one- or two-dimensional, got shape {y.shape}.")
    if len(y) != n_samples:
        raise ValueError(f"X and y must have the same number of samples, got {n_samples} and {len(y)}.")
    check_finite(y.reshape(len(y), -1), "y", dtype)
    if loss.targets == "classes" and (y.ndim == 1 or y.shape[1] == 1):
        return _class_numbers(y.reshape(-1), n_outputs)
    rows, n_targets = np.ascontiguousarray(y.reshape(len(y), -1), dtype), loss.n_targets(n_outputs)
    if rows.shape[1] != n_targets:
        raise ValueError(f"y must have shape ({n_samples}, {n_targets}) for this network, got {y.shape}.")
    if loss.targets == "counts" and rows.min() < 0:
        raise ValueError(f"{loss.name} needs targets of at least 0, got {rows.min():g}.")
    if loss.classifies and (rows.min() < 0 or rows.max() > 1):
        raise ValueError(
            f"{loss.name} needs targets between 0 and 1, got values from {rows.min():g} to {rows.max():g}."
        )
    if loss.targets == "classes":
        _check_row_sums(rows)
    return rows if n_targets == n_outputs else np.repeat(rows, n_outputs // n_targets, axis=1)


def check_sample_weight(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Sample weights (n_samples,) in float64; an empty vector, (0,), for None."""
    if sample_weight is None:
        return np.empty(0)
    given = _as_numeric_array(sample_weight, "sample_weight", np.dtype(np.float64))
    if given.shape != (n_samples,):
        raise ValueError(f"sample_weight must have shape ({n_samples},), one weight per sample, got {given.shape}.")
    weights = np.ascontiguousarray(given, np.float64)
    if not np.isfinite(weights).all() or weights.min() < 0:
        wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0]
        raise ValueError(f"sample_weight must be finite and at least 0, got {weights[wrong]} for sample {wrong}.")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not 0 < total < math.inf:
        raise ValueError(f"sample_weight must have a positive and finite sum, got {total:g}.")
    return weights


def check_batches(architecture: Architecture, n_samples: int, batch_size: int) -> None:
    """Raise ValueError if batch normalisation would see a batch of a single sample, which equals its own mean."""
    if "batch" in architecture.normalizations and (batch_size == 1 or n_samples == 1):
        raise ValueError("Batch normalisation needs two samples or more in every batch, got batches of one.")


def check_number(value: Any, name: str, *, positive: bool = False) -> float:
    """A finite number, at least 0, or above 0 if `positive`."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number < 0 or (positive and number == 0):
        raise ValueError(f"{name} must be {'positive' if positive else 'at least 0'} and finite, got {value!r}.")
    return number


def check_flag(value: Any, name: str) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool):
        raise TypeError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def check_count(value: Any, name: str) -> int:
    """A positive integer."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be a positive integer, got {value!r}.")
    count = int(value)
    if not 1 <= count <= sys.maxsize:
        raise ValueError(f"{name} must be a positive integer{' of 64 bits' * (count > 0)}, got {value!r}.")
    return count


def check_data(data: Any, name: str) -> Sequence[Any]:
    """A tuple or list of X and y, or of X, y and sample weights."""
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ValueError(f"{name} must be a pair (X, y), or (X, y, sample_weight), got {type(data).__name__}.")
    return data


def check_not_masked(values: Any, name: str) -> None:
    """Raise ValueError for a masked array, or rows of one, with masked entries: the values under a mask are not data."""
    rows = values if isinstance(values, list | tuple) else [values]
    n_masked = sum(int(np.count_nonzero(np.ma.getmask(row))) for row in rows if isinstance(row, np.ma.MaskedArray))
    if n_masked:
        raise ValueError(
            f"{name} is a masked array, and {n_masked} of its entries are masked: fill them in, for instance with "
            "scikit-learn's SimpleImputer and X.filled(numpy.nan), or leave out their rows."
        )


def _as_numeric_array(values: Any, name: str, dtype: np.dtype) -> np.ndarray:
    check_not_masked(values, name)
    try:
        array = np.asarray(values)
        if array.dtype == object:  # a DataFrame with mixed types
            array = array.astype(dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise TypeError(f"{name} must be an array of numbers, got {type(values).__name__}: {error}.") from None
    if array.dtype.kind not in "fiub":
        labels = " Encode labels as 0, 1, 2, ..., for instance with scikit-learn's LabelEncoder." if name == "y" else ""
        raise TypeError(f"{name} must be an array of real numbers, got elements of type {array.dtype}.{labels}")
    return array


def is_finite(array: np.ndarray) -> bool:
    """Whether all numbers are finite."""
    return _squares_add_up(array) or bool(np.isfinite(array).all())


def check_finite(array: Any, name: str, dtype: np.dtype) -> None:
    """Raise ValueError for the first number that is not finite in `dtype`, reading a slice of rows at a time."""
    if is_sparse(array):
        _check_finite_entries(array, name, dtype)
        return
    if array.dtype.kind != "f":
        return
    if array.dtype == dtype and _squares_add_up(array):
        return
    for start in range(0, len(array), ROWS_PER_CHECK):
        rows = array[start : start + ROWS_PER_CHECK]
        finite = _finite(rows, dtype)
        if np.count_nonzero(finite) < finite.size:
            row, column = np.argwhere(~finite)[0]
            raise ValueError(
                f"{name} must be finite in {dtype.name}, got {rows[row, column]} in row {start + row}, column {column}."
            )


def _finite(numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Which of the numbers are finite in that dtype."""
    return np.asarray(np.isfinite(numbers) if numbers.dtype == dtype else np.abs(numbers) <= np.finfo(dtype).max)


def _check_finite_entries(matrix: Any, name: str, dtype: np.dtype) -> None:
    """Raise ValueError for the first entry of a CSR matrix that is not finite in `dtype`."""
    finite = _finite(matrix.data, dtype)
    if finite.all():
        return
    place = np.flatnonzero(~finite)[0]
    row = np.searchsorted(matrix.indptr, place, side="right") - 1
    raise ValueError(
        f"{name} must be finite in {dtype.name}, got {matrix.data[place]} in row {row}, column {matrix.indices[place]}."
    )


def _squares_add_up(array: np.ndarray) -> bool:
    """Whether x . x is finite, slice by slice, in which case all numbers are; the fastest check for a large array."""
    if array.size <= NUMBERS_PER_CHECK or not array.flags.c_contiguous:
        return False
    numbers = array.reshape(-1)
    slices = (numbers[start : start + NUMBERS_PER_CHECK] for start in range(0, len(numbers), NUMBERS_PER_CHECK))
    with np.errstate(all="ignore"):
        return all(math.isfinite(np.dot(x, x)) for x in slices)


def _class_numbers(labels: np.ndarray, n_classes: int) -> np.ndarray:
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(
            f"Class labels must be whole numbers from 0 to {n_classes - 1} for {n_classes} outputs, "
            f"got labels from {labels.min()} to {labels.max()}."
        )
    classes = labels.astype(np.int64)
    if (classes != labels).any():
        fraction = labels[classes != labels][0]
        raise ValueError(f"Class labels must be whole numbers from 0 to {n_classes - 1}, got {fraction}.")
    return classes


def _check_row_sums(rows: np.ndarray) -> None:
    sums = rows.sum(axis=1)
    tolerance = 4 * rows.shape[1] * np.finfo(rows.dtype).eps
    wrong = np.flatnonzero(np.abs(sums - 1) > tolerance)
    if len(wrong):
        raise ValueError(
            f"Rows of y must sum to 1, as one-hot rows and class probabilities do, got {sums[wrong[0]]:g} "
            f"in row {wrong[0]}."
        )
