"""Features of several kinds, as a pandas data frame: numbers, booleans, categories, and words."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.datasets.samples import BOOLEAN, CATEGORY, Samples
from fastnn.datasets.words import to_number

#: A column of words in which more than this share of the rows has a word of its own can hardly be learned from.
DISTINCT = 0.5


def feature_frame(samples: Samples, names: Sequence[str] | None) -> Any:
    """The features as a data frame, in which missing values are NaN or None; or as an array, if columns have no names."""
    if names is None:
        return samples.X
    import pandas as pd

    columns = {name: _cells(samples, place) for place, name in enumerate(names)}
    return pd.DataFrame(columns, columns=list(names), copy=False)


def _cells(samples: Samples, place: int) -> Any:
    """The cells of a column, in the type that says what they are."""
    import pandas as pd

    if place in samples.texts:
        words = samples.texts[place]
        return np.array([word or None for word in words], object)
    numbers = samples.X[:, place]
    match samples.kinds.get(place):
        case kind if kind == CATEGORY:
            return pd.Categorical(numbers)
        case kind if kind == BOOLEAN:
            booleans = (numbers == 1).astype(object)
            booleans[np.isnan(numbers)] = None
            return booleans
    return numbers


def word_notes(samples: Samples, labels: Sequence[str]) -> list[str]:
    """A note about each column of words that looks like numbers with mistakes, or that tells nearly all rows apart."""
    notes = []
    for place, words in sorted(samples.texts.items()):
        known, first = set(words) - {""}, samples.words[place]
        n_numbers = sum(not np.isnan(to_number(word)) for word in known)
        if 2 * n_numbers > len(known) > 2:
            notes.append(
                f"{labels[place]} is a category because of words such as {first.text!r} in row {first.row + 1:,}, but most of "
                "its values are numbers: correct these words to make it a number."
            )
        elif len(known) > max(20, DISTINCT * len(words)):
            notes.append(
                f"{labels[place]} has {len(known):,} different words in {len(words):,} rows, which tell the rows apart rather "
                "than kinds of them: leave the column out (--drop) if that is all they do, as names and dates."
            )
    return notes
