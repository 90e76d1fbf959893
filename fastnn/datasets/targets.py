"""What targets mean: classes or numbers."""

import math
from pathlib import Path
from typing import Any

import numpy as np

TASKS = ("auto", "classification", "regression")


def class_name(value: Any) -> str:
    """Name of the class that a target stands for: words as they are, whole numbers without a fraction."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def numbers_or_words(targets: np.ndarray) -> np.ndarray:
    """Words that are numbers, one and all, as such; but not codes such as 007, of which a number loses a part."""
    if targets.dtype.kind != "U":
        return targets
    all_digits = all(word.isdecimal() for word in targets)
    if all_digits and any(f"{float(word):.0f}" != word for word in targets):
        return targets
    try:
        return targets.astype(np.float64)
    except ValueError:
        return targets


def encode_targets(path: Path, targets: np.ndarray, task: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Class numbers and names of the classes for classification; numbers and None for regression."""
    if targets.dtype.kind not in "biufU":
        raise ValueError(f"{path}: the targets must be words or real numbers, got {targets.dtype}.")
    if task == "auto":
        task = "classification" if _are_classes(path, targets) else "regression"
    if task == "regression" or targets.dtype.kind != "U":
        numbers = _finite_numbers(path, targets)
        if task == "regression":
            return numbers, None
    classes, y = np.unique(targets, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"{path}: the targets must be of at least two classes, all are {class_name(classes[0])!r}.")
    return y, tuple(class_name(label) for label in classes)


def is_fraction(text: str) -> bool:
    """Whether a word is a number such as 0.5."""
    number = _as_number(text)
    return math.isfinite(number) and not number.is_integer()


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _are_classes(path: Path, targets: np.ndarray) -> bool:
    """Whether targets are words or whole numbers; words among fractions are refused, as missing values look like that."""
    if targets.dtype.kind != "U":
        return bool((targets == np.floor(targets)).all())
    if any(is_fraction(word) for word in targets):
        word = next(word for word in targets if math.isnan(_as_number(word)))
        raise ValueError(
            f"{path}: the targets must be either numbers or words, got {str(word)!r} among fractions; "
            "remove such lines, or choose the task classification (--task classification)."
        )
    return True


def _finite_numbers(path: Path, targets: np.ndarray) -> np.ndarray:
    """Targets as finite float64, or an error."""
    numbers = np.array([_as_number(target) for target in targets])
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise ValueError(
            f"{path}: the targets must be finite numbers, got {str(targets[bad[0]])!r} for sample {bad[0]} (from 0)."
        )
    return numbers
