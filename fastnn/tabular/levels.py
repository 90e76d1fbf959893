"""The levels of a categorical column, and the code of each."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fastnn.tabular.labels import quoted
from fastnn.tabular.values import Numbers, Words

#: Whole numbers from here on are not told apart in float64.
TOO_LARGE = 2.0**53


@dataclass(frozen=True)
class Levels:
    """Levels in ascending order: words by their characters, numbers and booleans by value, so that 1 is 1.0 is True.

    Attributes
    ----------
    code_of : dict
        The code from 1 on of each level, a str or a float. Code 0 is left to missing and unknown values.
    is_text, is_boolean : bool
        What the levels were before they were strings or floats.
    """

    code_of: dict[str | float, int]
    is_text: bool
    is_boolean: bool

    @classmethod
    def of(cls, values: Numbers | Words, label: str) -> Self:
        """The levels that occur in a column; ValueError for whole numbers that float64 does not tell apart."""
        if isinstance(values, Words):
            return cls(_numbered(sorted(values.words)), is_text=True, is_boolean=False)
        numbers = values.as_float()
        levels = np.unique(numbers[~np.isnan(numbers)])
        too_large = levels[np.isfinite(levels) & (np.abs(levels) >= TOO_LARGE)]
        if len(too_large):
            raise ValueError(
                f"{label} is categorical and holds {too_large[0]:.0f}: from 2^53 on, whole numbers are not told apart. "
                "Turn the column into strings."
            )
        return cls(_numbered(levels.tolist()), is_text=False, is_boolean=values.is_boolean)

    def __len__(self) -> int:
        return len(self.code_of)

    @property
    def names(self) -> list[str]:
        """Readable names of the levels."""
        if self.is_text:
            return [str(level) for level in self.code_of]
        return [
            str(bool(level)) if self.is_boolean else np.format_float_positional(float(level), trim="-")
            for level in self.code_of
        ]

    def codes(self, values: Numbers | Words, label: str) -> np.ndarray:
        """The codes (n_rows,) of a column, in int32; ValueError if it holds numbers instead of words, or words instead."""
        if isinstance(values, Words):
            return self._codes_of_words(values, label)
        return self._codes_of_numbers(values.as_float(), label)

    def _codes_of_words(self, column: Words, label: str) -> np.ndarray:
        if not self.is_text and self.code_of:
            held = "booleans" if self.is_boolean else "numbers"
            raise ValueError(f"{label} held {held} in training, and now holds text, such as {column.example()}.")
        codes = [self.code_of.get(word, 0) for word in column.words]
        return np.asarray(np.array([*codes, 0], np.int32)[column.places])  # place -1 is the last one

    def _codes_of_numbers(self, numbers: np.ndarray, label: str) -> np.ndarray:
        if self.is_text or not self.code_of:
            present = np.flatnonzero(~np.isnan(numbers))
            if len(present) and self.is_text:
                example = f"{quoted(numbers[present[0]])} in row {present[0]}"
                raise ValueError(f"{label} held text in training, and now holds numbers, such as {example}.")
            return np.zeros(len(numbers), np.int32)
        levels = np.fromiter(self.code_of, np.float64, len(self))
        places = np.minimum(np.searchsorted(levels, numbers), len(levels) - 1)
        return np.where(levels[places] == numbers, places + 1, 0).astype(np.int32)


def _numbered(levels: list[Any]) -> dict[str | float, int]:
    return {level: code for code, level in enumerate(levels, 1)}
