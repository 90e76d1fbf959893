"""Interpretation of targets as classes or numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn.datasets.words import is_code, is_fraction, is_missing, plain_whole_number, to_number

TASKS = ("auto", "classification", "regression")

#: With more distinct whole numbers than this, targets are treated as quantities, not as classes.
MANY_VALUES = 20

#: Largest number of classes; a network has one output per class.
MAX_CLASSES = 10_000


class Encoded(NamedTuple):
    """Class indices and class names, or numbers and None; and notes on why, if the task was chosen automatically."""

    y: np.ndarray
    class_names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


def class_name(value: Any) -> str:
    """Class name of a target: words unchanged, whole numbers without a decimal point."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def target_labels(targets: np.ndarray, class_names: Sequence[str] | None = None) -> np.ndarray:
    """Class name of each target, as objects; missing targets stay empty.

    Words are kept as they are spelled in the file, and two spellings are two classes. But if all of them (or all class
    names, if these are known) are plain whole numbers, 1 and 1.0 are the same class.
    """
    if not _are_words(targets):
        values, inverse = np.unique(targets, return_inverse=True)
        labels = np.array([class_name(value) for value in values], dtype=object)[inverse]
        labels[is_missing(targets)] = ""
        return labels
    plain = {word: plain_whole_number(word) for word in set(targets)}
    if any(plain_whole_number(word) is None for word in (class_names or filter(None, plain))):
        return targets
    return np.array([plain[word] or word for word in targets], dtype=object)


def target_numbers(targets: np.ndarray, decimal: str = ".") -> np.ndarray:
    """Targets as float64, with NaN for those that are not numbers."""
    if _are_words(targets):
        numbers = {word: to_number(word, decimal) for word in set(targets)}
        return np.array([numbers[word] for word in targets], dtype=np.float64)
    return targets.astype(np.float64)


def encode_targets(targets: np.ndarray, task: str, decimal: str = ".") -> Encoded:
    """Class indices and class names for classification; numbers and None for regression."""
    if targets.dtype.kind not in "biufO":
        raise ValueError(f"The targets must be words or real numbers, got {targets.dtype}.")
    notes: tuple[str, ...] = ()
    if task == "auto":
        task, notes = _choose_task(targets, decimal)
    if task == "regression" or not _are_words(targets):
        numbers = _finite_numbers(targets, decimal)
        if task == "regression":
            return Encoded(_varied(numbers), None, notes)
    return Encoded(*_encode_classes(target_labels(targets)), notes)


def _encode_classes(labels: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class index of each label, and the classes: numbers in numerical order, words in alphabetical order."""
    known = set(labels)
    if len(known) < 2:
        raise ValueError(f"The targets must have at least two classes, all are {labels[0]!r}.")
    if len(known) > MAX_CLASSES:
        raise ValueError(
            f"The targets have {len(known):,} distinct values, but there can be at most {MAX_CLASSES:,} classes. "
            "Choose another target (--target), or regression if they are numbers (--task regression)."
        )
    numbers = {label: to_number(label) for label in known}
    are_words = bool(np.isnan(list(numbers.values())).any())
    names = sorted(known, key=lambda label: (0.0 if are_words else numbers[label], label))
    place = {name: k for k, name in enumerate(names)}
    return np.array([place[label] for label in labels], dtype=np.int64), tuple(names)


def _choose_task(targets: np.ndarray, decimal: str) -> tuple[str, tuple[str, ...]]:
    """Words and few whole numbers are classes; fractions and many whole numbers are not.

    Words that all denote the same number, such as 1.1 and 1.10, are classes, because a constant cannot be regressed.
    """
    if _are_words(targets) and _are_codes(set(targets)):
        return "classification", ()
    numbers = target_numbers(targets, decimal)
    unknown = np.isnan(numbers)
    if unknown.any():
        _check_words(targets, unknown)
        return "classification", ()
    n_values = len(np.unique(numbers))
    if n_values == 1 and _are_words(targets):
        return "classification", ()
    many = n_values > MANY_VALUES or 2 < n_values > len(numbers) / 2
    if (numbers != np.floor(numbers)).any():
        return "regression", () if many else (_regression_note(n_values, "numbers"),)
    if many:
        return "regression", (_regression_note(n_values, "whole numbers"),)
    note = f"The {n_values} distinct whole numbers are treated as classes; for regression, use --task regression."
    return "classification", (note,) * (n_values > 2)


def _regression_note(n_values: int, numbers: str) -> str:
    return f"The {n_values:,} distinct {numbers} are treated as regression; for classes, use --task classification."


def _are_codes(words: set[str]) -> bool:
    """Whether all words consist of digits, some of which would be lost in numbers, as in 007."""
    return any(is_code(word) for word in words) and all(word.isdecimal() for word in words)


def _check_words(targets: np.ndarray, no_number: np.ndarray) -> None:
    """Reject words among fractions, because they are probably misspelt numbers."""
    if any(is_fraction(word) for word in set(targets)):
        raise ValueError(
            f"The targets must be either numbers or words, got {targets[no_number][0]!r} among fractions; "
            "remove such rows, or choose classification (--task classification)."
        )


def _finite_numbers(targets: np.ndarray, decimal: str) -> np.ndarray:
    """Targets as float64, checked to be finite."""
    numbers = target_numbers(targets, decimal)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise ValueError(
            f"The targets must be finite numbers, got {str(targets[bad[0]])!r} for sample {bad[0]} (from 0)."
        )
    return numbers


def _varied(numbers: np.ndarray) -> np.ndarray:
    """The targets of a regression, checked not to be all equal."""
    if len(numbers) > 1 and np.ptp(numbers) == 0:
        raise ValueError(f"The targets must not be all equal, all are {numbers[0]:g}.")
    return numbers


def _are_words(targets: np.ndarray) -> bool:
    return targets.dtype.kind == "O"
