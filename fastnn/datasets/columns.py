"""Detection of columns that should not or cannot be used as features."""

import re
from collections.abc import Sequence

import numpy as np

from fastnn.datasets.samples import Samples
from fastnn.datasets.words import to_number

#: Names given to unnamed columns, as in pandas.
_NAMELESS = re.compile(r"Unnamed: [0-9]+(\.[0-9]+)?")

#: Advice for unusable columns.
_FOR_MISSING = (
    " Fill them in, for example with scikit-learn's SimpleImputer, use RealMLP (--model realmlp) or scikit-learn's "
    "HistGradientBoosting estimators, which accept missing values, or leave the columns out (--drop)."
)
_FOR_WORDS = (
    " Correct them, encode them, for example with scikit-learn's OneHotEncoder, use RealMLP, which takes them for categories "
    "(--model realmlp), or leave the columns out (--drop). If one of them is the target, choose it (--target)."
)


def column_label(names: Sequence[str] | None, column: int) -> str:
    """How messages refer to a column: by name, or by position."""
    return f"column {column}" if names is None else repr(names[column])


def is_nameless(name: str) -> bool:
    """Whether a column has no name in the file."""
    return _NAMELESS.fullmatch(name) is not None


def is_empty(samples: Samples, column: int) -> bool:
    """Whether all values of a column are missing."""
    return column not in samples.words and bool(np.isnan(samples.X[:, column]).all())


def row_labels(names: Sequence[str], samples: Samples) -> list[int]:
    """Unnamed columns that only label the rows, such as the index written by pandas, or that are empty."""
    found = []
    for column, name in enumerate(names):
        values = samples.X[:, column]
        if is_nameless(name) and (column in samples.words or is_empty(samples, column) or _tell_rows_apart(values)):
            found.append(column)
    return found


def _tell_rows_apart(values: np.ndarray) -> bool:
    return bool((values == np.floor(values)).all()) and len(np.unique(values)) == len(values)


def numbering_notes(X: np.ndarray, labels: Sequence[str]) -> list[str]:
    """A note about each column that numbers the rows, in any order."""
    if len(X) < 3:
        return []
    first = X[:3]  # excludes most columns quickly
    may_count = (first == np.floor(first)).all(axis=0) & (first[0] != first[1]) & (first[1] != first[2])
    return [
        f"The numbers in {labels[column]} count the rows: leave the column out (--drop) unless they mean something."
        for column in np.flatnonzero(may_count).tolist()
        if _count_rows(X[:, column].astype(np.float64))
    ]


def _count_rows(values: np.ndarray) -> bool:
    return bool(values.max() == values.min() + (len(values) - 1)) and _tell_rows_apart(values)


def feature_problems(
    samples: Samples, labels: Sequence[str], decimal: str, *, to_train: bool, may_be_missing: bool = False
) -> list[str]:
    """A sentence for each kind of problem in the features: all columns that have it, and what to do.

    If values may be missing, numbers may be infinite too, and columns whose words were read are no problem.
    """
    if np.isfinite(samples.X).all():
        return []
    problems = []
    if not may_be_missing and (missing := _counted(np.isnan(samples.X), samples, labels)):
        problems.append(f"Values are missing in {missing}.{_FOR_MISSING if to_train else ''}")
    if not may_be_missing and (infinite := _counted(np.isinf(samples.X), samples, labels)):
        problems.append(f"Expected finite numbers, got infinite ones in {infinite}.")
    words = sorted((place, word) for place, word in samples.words.items() if place not in samples.texts)
    if words:
        listed = listing([f"{labels[column]} ({word.text!r} in row {word.row + 1:,})" for column, word in words])
        problems.append(f"Expected numbers, got words in {listed}.{_FOR_WORDS if to_train else ''}")
    name, other = ("commas", ",") if decimal == "." else ("points", ".")
    if not all(np.isnan(to_number(word.text, other)) for _, word in words):
        problems.append(f"If {name} are decimal separators, say so (--decimal {other}).")
    return problems


def _counted(faults: np.ndarray, samples: Samples, labels: Sequence[str]) -> str:
    """The numeric columns with faults, and how many in each, for a message."""
    counts = faults.sum(axis=0)
    columns = [int(column) for column in np.flatnonzero(counts) if column not in samples.words]
    return listing([f"{labels[column]} ({counts[column]:,} of {len(faults):,})" for column in columns])


def listing(names: Sequence[str], at_most: int = 100) -> str:
    """The names for a message, truncated if there are very many."""
    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
