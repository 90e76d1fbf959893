"""What is read from a file before it is known whether a network can learn from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np


class Word(NamedTuple):
    """A cell that is no number, and its row, from 0."""

    text: str
    row: int


@dataclass(frozen=True)
class Samples:
    """Columns of numbers and targets, as a file has them.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        NaN where a value is missing, and in columns of words.
    targets : ndarray of shape (n_samples,) or None
        Numbers, NaN where one is missing; or words as objects, which are empty where one is missing.
    words : dict
        For each column of X that is not one of numbers, the first cell that shows it.
    """

    X: np.ndarray
    targets: Any
    words: dict[int, Word] = field(default_factory=dict)

    def rows(self, kept: np.ndarray) -> "Samples":
        """The same with some of the rows, which a mask chooses."""
        return replace(self, X=self.X[kept], targets=self.targets[kept])

    def columns(self, kept: Sequence[int]) -> "Samples":
        """The same with some of the columns of X."""
        if len(kept) == self.X.shape[1]:
            return self
        words = {place: self.words[column] for place, column in enumerate(kept) if column in self.words}
        return replace(self, X=self.X[:, kept], words=words)
