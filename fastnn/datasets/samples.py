"""Columns read from a file, before it is known whether they can be used for training."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

#: Kinds of columns of X that are not just numbers.
BOOLEAN, CATEGORY = "boolean", "category"


class Word(NamedTuple):
    """A cell that is not a number, and its row, counted from 0."""

    text: str
    row: int


@dataclass(frozen=True)
class Samples:
    """Numeric feature columns and targets, as read from a file.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features; NaN for missing values, and throughout non-numeric columns.
    targets : ndarray of shape (n_samples,) or None
        Numbers, with NaN for missing ones; or words as objects, with empty words for missing ones.
    words : dict
        The first non-numeric cell of each non-numeric column of X.
    kinds : dict
        For columns of X that are booleans, or numbers of a categorical type, which of both.
    texts : dict
        The words of non-numeric columns of X, as objects, with empty words for missing values; empty unless they were read.
    """

    X: np.ndarray
    targets: Any
    words: dict[int, Word] = field(default_factory=dict)
    kinds: dict[int, str] = field(default_factory=dict)
    texts: dict[int, np.ndarray] = field(default_factory=dict)

    def rows(self, kept: np.ndarray) -> "Samples":
        """The rows selected by a boolean mask."""
        texts = {place: words[kept] for place, words in self.texts.items()}
        return replace(self, X=self.X[kept], targets=self.targets[kept], texts=texts)

    def columns(self, kept: Sequence[int]) -> "Samples":
        """The same samples with only some of the columns of X."""
        if len(kept) == self.X.shape[1]:
            return self
        described = {name: _chosen(getattr(self, name), kept) for name in ("words", "kinds", "texts")}
        return replace(self, X=self.X[:, kept], **described)


def _chosen(entries: dict[int, Any], kept: Sequence[int]) -> Any:
    """The entries of the columns that are kept, by their new places."""
    return {place: entries[column] for place, column in enumerate(kept) if column in entries}
