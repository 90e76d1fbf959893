"""Columns from which a network should not learn, or cannot."""

import re
from collections.abc import Sequence

import numpy as np

from fastnn.datasets.samples import Samples
from fastnn.datasets.words import to_number

#: What a column without a name is called, by pandas too.
_NAMELESS = re.compile(r"Unnamed: [0-9]+(\.[0-9]+)?")

#: What to do about columns that cannot be learned from.
_FOR_MISSING = (
    " Fill them in, for example by scikit-learn's SimpleImputer, train its HistGradientBoosting estimators, which take "
    "them as they are, or leave the columns out (--drop)."
)
_FOR_WORDS = (
    " Correct them, encode them, for example by scikit-learn's OneHotEncoder, or leave the columns out (--drop). If one "
    "is the target, choose it (--target)."
)


def column_label(names: Sequence[str] | None, column: int) -> str:
    """How a message calls a column: by its name, or by its position."""
    return f"column {column}" if names is None else repr(names[column])


def is_nameless(name: str) -> bool:
    """Whether a column has no name of its own."""
    return _NAMELESS.fullmatch(name) is not None


def is_empty(samples: Samples, column: int) -> bool:
    """Whether all values of a column are missing."""
    return column not in samples.words and bool(np.isnan(samples.X[:, column]).all())


def row_labels(names: Sequence[str], samples: Samples) -> list[int]:
    """Columns without a name that only label the rows, such as the index that pandas writes, or that are empty."""
    found = []
    for column, name in enumerate(names):
        values = samples.X[:, column]
        if is_nameless(name) and (column in samples.words or is_empty(samples, column) or _tell_rows_apart(values)):
            found.append(column)
    return found


def _tell_rows_apart(values: np.ndarray) -> bool:
    return bool((values == np.floor(values)).all()) and len(np.unique(values)) == len(values)


def numbering_notes(X: np.ndarray, labels: Sequence[str]) -> list[str]:
    """A sentence for each column that numbers the rows, in whatever order."""
    if len(X) < 3:
        return []
    first = X[:3]  # leaves few columns to look through
    may_count = (first == np.floor(first)).all(axis=0) & (first[0] != first[1]) & (first[1] != first[2])
    return [
        f"The numbers in {labels[column]} count the rows: leave the column out (--drop) unless they mean something."
        for column in np.flatnonzero(may_count).tolist()
        if _count_rows(X[:, column].astype(np.float64))
    ]


def _count_rows(values: np.ndarray) -> bool:
    return bool(values.max() == values.min() + (len(values) - 1)) and _tell_rows_apart(values)


def feature_problems(samples: Samples, labels: Sequence[str], decimal: str, *, to_train: bool) -> list[str]:
    """Sentences about each kind of fault in the features: all columns that have it, and what helps."""
    if np.isfinite(samples.X).all():
        return []
    problems = []
    if missing := _counted(np.isnan(samples.X), samples, labels):
        problems.append(f"Values are missing in {missing}.{_FOR_MISSING if to_train else ''}")
    if infinite := _counted(np.isinf(samples.X), samples, labels):
        problems.append(f"Expected finite numbers, got infinite ones in {infinite}.")
    words = sorted(samples.words.items())
    if words:
        listed = listing([f"{labels[column]} ({word.text!r} in row {word.row + 1:,})" for column, word in words])
        problems.append(f"Expected numbers, got words in {listed}.{_FOR_WORDS if to_train else ''}")
    name, other = ("commas", ",") if decimal == "." else ("points", ".")
    if not all(np.isnan(to_number(word.text, other)) for _, word in words):
        problems.append(f"If {name} are decimal signs, say so (--decimal {other}).")
    return problems


def _counted(faults: np.ndarray, samples: Samples, labels: Sequence[str]) -> str:
    """The columns of numbers that have faults, and how many, for a message."""
    counts = faults.sum(axis=0)
    columns = [int(column) for column in np.flatnonzero(counts) if column not in samples.words]
    return listing([f"{labels[column]} ({counts[column]:,} of {len(faults):,})" for column in columns])


def listing(names: Sequence[str], at_most: int = 100) -> str:
    """The names for a message; of very many only the first."""
    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
