"""What is given to `fit` beside the table, checked: labels, targets and weights."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _check_y

from fastnn.batches import UNWEIGHTED
from fastnn.names import suggestion
from fastnn.tabular.labels import listing, quoted


def checked_labels(y: Any, estimator: Any) -> np.ndarray:
    """Labels as a vector (n_rows,) of numbers, booleans or text; ValueError or TypeError if they are anything else."""
    _check_given(y, estimator)
    if isinstance(y, list | tuple):
        _check_objects(y)
    if isinstance(y, pd.Series) and isinstance(y.dtype, pd.api.extensions.ExtensionDtype):
        y = y.to_numpy(dtype=object)  # scikit-learn would turn nullable integers and booleans into floats
    labels = column_or_1d(y, warn=True)
    if labels.dtype == object:
        labels = _check_objects(labels)
    labels = _check_y(labels, estimator=estimator)
    check_classification_targets(labels)
    return np.asarray(labels)


def _check_given(y: Any, estimator: Any) -> None:
    name = type(estimator).__name__
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    if isinstance(y, str) or np.isscalar(y):
        raise ValueError(f"y must have one entry for each row of X, got {quoted(y)}.")


def _check_objects(given: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Labels as objects, or in an array of their own type if they are numbers or booleans.

    ValueError if some are missing, or if only some are text.
    """
    labels = np.empty(len(given), object)
    labels[:] = given
    missing = np.flatnonzero([label is None or label is pd.NA or label != label for label in labels])
    if len(missing):
        raise ValueError(f"y must not have missing labels, got {quoted(labels[missing[0]])} in row {missing[0]}.")
    is_text = np.array([isinstance(label, str) for label in labels], bool)
    if is_text.any() and not is_text.all():
        text, other = is_text.argmax(), is_text.argmin()
        raise ValueError(
            f"y mixes text and other labels, {quoted(labels[text])} in row {text} and {quoted(labels[other])} in row "
            f"{other}: turn all of them into one or the other."
        )
    return np.array(labels.tolist()) if all(isinstance(label, Real) for label in labels) else labels


def checked_targets(y: Any, estimator: Any) -> np.ndarray:
    """Targets (n_rows,) or (n_rows, n_targets) in float64; ValueError if they are no finite numbers."""
    _check_given(y, estimator)
    targets = _check_y(y, multi_output=True, estimator=estimator)
    if targets.dtype.kind in "mM":
        raise ValueError(
            "y holds dates or times: turn them into numbers first, such as seconds or days since a reference."
        )
    try:
        targets = np.ascontiguousarray(targets, np.float64)  # sums over rows have the same bits for any container
    except (TypeError, ValueError):
        row = next(row for row, cells in enumerate(targets) if not _are_numbers(cells))
        raise ValueError(f"y must hold numbers, got {quoted(targets[row])} in row {row}.") from None
    finite = np.isfinite(targets)
    if not finite.all():
        place = np.argwhere(~finite)[0]
        raise ValueError(f"y must not have missing or infinite targets, got {targets[tuple(place)]} in row {place[0]}.")
    return targets


def _are_numbers(cells: Any) -> bool:
    try:
        np.asarray(cells, np.float64)
    except (TypeError, ValueError):
        return False
    return True


def checked_weights(sample_weight: Any, y: np.ndarray) -> np.ndarray:
    """The weight of each row, (n_rows,); empty if all count equally."""
    if sample_weight is None:
        return UNWEIGHTED
    try:
        weights = np.asarray(_check_sample_weight(sample_weight, y, dtype=np.float64))
    except ValueError as error:
        message = str(error)
        raise ValueError(message if "weight" in message else f"sample_weight must hold numbers: {error}.") from None
    if (weights < 0).any() or not weights.any():
        raise ValueError(
            "sample_weight must not be negative, and at least one weight must be above 0, "
            f"got weights from {weights.min():g} to {weights.max():g}."
        )
    return weights


def check_class_weight(class_weight: dict[Any, Any], classes: Sequence[Any]) -> None:
    """Raise ValueError unless a dictionary has weights of at least 0 for the classes.

    It need not name all of them, the others have weight 1; and it may name more, which a fold of a cross-validation may lack.
    """
    for label, weight in class_weight.items():
        if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
            raise ValueError(
                f"class_weight must be finite and at least 0, got {weight!r} for the class {quoted(label)}."
            )
    missing = [label for label in classes if label not in class_weight]
    unknown = [label for label in class_weight if label not in classes]
    if missing and unknown:
        raise ValueError(
            f"class_weight names {listing(unknown)}, not among the classes of y, and lacks {listing(missing)}."
            f"{suggestion(unknown[0], [label for label in missing if isinstance(label, str)])}"
        )
