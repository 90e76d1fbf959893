"""Your own tables: CSV, TSV, Parquet and Feather through pandas, and NumPy files."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.datasets.array_file import ArrayTable, read_npz
from fastnn.datasets.columns import (
    column_label,
    feature_problems,
    is_empty,
    is_nameless,
    listing,
    numbering_notes,
    row_labels,
)
from fastnn.datasets.compressed import COMPRESSIONS
from fastnn.datasets.dataset import Dataset
from fastnn.datasets.frame_file import BINARY_TYPES, STANDARD_INPUT, TEXT_TYPES, BinaryTable, CsvTable
from fastnn.datasets.frames import feature_frame, word_notes
from fastnn.datasets.samples import Samples
from fastnn.datasets.targets import TASKS, Encoded, encode_targets, target_labels, target_numbers
from fastnn.datasets.words import is_missing, stripped_words

#: Extensions of the files that can be read.
FILE_TYPES = (*TEXT_TYPES, *BINARY_TYPES, ".npz", ".npy")


class Archive:
    """The arrays X and y of an ``.npz`` file."""

    names = None
    decimal = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._X, self._y = read_npz(path)
        self.n_columns = self._X.shape[1]
        self.has_targets = self._y is not None

    def read(self, features: Sequence[int], target: int | None) -> tuple[np.ndarray, np.ndarray | None]:
        """The feature columns, and the targets or None; the targets are not a column of X."""
        return self._X[:, features], self._y


Table = CsvTable | BinaryTable | ArrayTable | Archive


def file_type(path: Path) -> str | None:
    """The extension of a file that can be read, without that of the compression; None for other files."""
    if path == STANDARD_INPUT:
        return ".csv"
    ending = path.suffix.lower()
    if ending in COMPRESSIONS:
        ending = path.with_suffix("").suffix.lower()
        return ending if ending in TEXT_TYPES else None
    return ending if ending in FILE_TYPES else None


def table_name(path: Path) -> str:
    """Name of a table for reports and file names: its file name without extensions."""
    if path == STANDARD_INPUT:
        return "stdin"
    return path.with_suffix("").stem if path.suffix.lower() in COMPRESSIONS else path.stem


def load_table(
    path: str | os.PathLike[str],
    *,
    target: str | None = None,
    task: str = "auto",
    drop: str | Sequence[str] = (),
    decimal: str | None = None,
    as_frame: bool = False,
) -> Dataset:
    """Read features and targets from a file.

    Empty cells and words such as NA, ?, -, None and null are missing values. Rows without a target are left out, and so is
    an unnamed column that is empty or only labels the rows, such as the index written by pandas. The notes of the data set
    say so.

    Parameters
    ----------
    path : str or path-like
        ``.csv`` or ``.tsv``, plain or compressed (``.csv.gz``), ``.parquet`` or ``.feather``: a table with named columns,
        all of which, except the target, are numeric or boolean (but see `as_frame`). ``-`` is a CSV table on standard input. ``.npz``: arrays X
        (n_samples, n_features) and y (n_samples,). ``.npy``: one array with one sample per row, including targets.
    target : str or None, default=None
        Target column: its name, or its position from 0 (from the end if negative). By default the last column. Not
        allowed for ``.npz``.
    task : {"auto", "classification", "regression"}, default="auto"
        ``"auto"`` treats words and few distinct whole numbers as classes, and anything else as regression.
    drop : str or sequence of str, default=()
        Columns to leave out, by name or position.
    decimal : {".", ","} or None, default=None
        Decimal separator of numbers stored as text; None detects it in a text file.
    as_frame : bool, default=False
        Whether X becomes a pandas data frame, whose columns may hold words, booleans, and missing values, as
        `RealMLPClassifier` takes them; for NumPy files, whose columns have no names, it stays an array.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If the content is not as described, in which case the message names all unusable columns, or if a compressed file
        unpacks to more than 64 MiB and 200 times its size.
    ImportError
        If PyArrow, which reads Parquet and Feather, is not installed.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    if task not in TASKS:
        raise ValueError(f"Unknown task {task!r}; known are {', '.join(TASKS)}.")
    table = _open_table(path, decimal)
    features, target_index = _choose_columns(table, target, drop)
    samples = _read(table, features, target_index)
    if as_frame:
        samples = _with_texts(table, features, samples, samples.words)
    features, samples, notes = _without_row_labels(table, features, samples)
    labels = [column_label(table.names, column) for column in features]
    notes += numbering_notes(samples.X, labels)
    if decimal is None and table.decimal == ",":
        notes.append("Commas are read as decimal separators; use --decimal to change that.")
    samples = _with_targets(table, samples, notes)
    notes += word_notes(samples, labels)
    encoded = _encode(table, samples, None if as_frame else labels, task, notes)
    names = tuple(table.names[column] for column in features) if table.names else None
    return Dataset(
        table_name(path),
        feature_frame(samples, names) if as_frame else samples.X,
        encoded.y,
        encoded.class_names,
        feature_names=names,
        target_name=None if not table.names or target_index is None else table.names[target_index],
        target_index=target_index,
        dropped=tuple(sorted(set(range(table.n_columns)) - {*features, target_index})),
        decimal=table.decimal,
        notes=(*notes, *encoded.notes),
    )


def load_samples(
    path: str | os.PathLike[str],
    n_features: int,
    *,
    feature_names: Sequence[str] | dict[str, bool] | None = None,
    target_name: str | None = None,
    target_index: int | None = None,
    dropped: Sequence[int] = (),
    class_names: Sequence[str] | None = None,
    decimal: str | None = None,
) -> tuple[Any, np.ndarray | None]:
    """Read samples for prediction, from a file that may also hold targets.

    Parameters
    ----------
    path : str or path-like
        A file as for `load_table`, with or without targets; some or all targets may be missing.
    n_features : int
        Expected number of features.
    feature_names : sequence of str, dict of str to bool or None, default=None
        Feature columns by name, if the file has names; others are ignored. None selects them by position. A dictionary says
        which of them hold words, and X becomes a data frame, as with ``as_frame`` in `load_table`; if it is empty, columns are
        selected by position, and X stays an array, with missing values.
    target_name : str or None, default=None
        Name of the target column, if present.
    target_index : int or None, default=None
        Position of the target column in the training table; None means the last.
    dropped : sequence of int, default=()
        Positions of the columns that were left out of the training table.
    class_names : sequence of str or None, default=None
        Class names; None if the targets are numbers.
    decimal : {".", ","} or None, default=None
        As for `load_table`.

    Returns
    -------
    X : ndarray or DataFrame of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples,) or None
        Words as objects, to be compared with the class names, with empty words for missing targets; or, if there are no
        class names and all targets are numbers, numbers with NaN for missing ones (see `is_missing`). None if the file has
        no targets.

    Raises
    ------
    ValueError, ImportError, OSError
        As `load_table`.
    """
    path = Path(path)
    table = _open_table(path, decimal)
    if table.names and feature_names:
        columns = _columns_by_name(table, list(feature_names), target_name)
    else:
        if feature_names and target_index is not None:  # the columns left out had names, but this file has none
            target_index, dropped = target_index - sum(column < target_index for column in dropped), ()
        columns = _columns_by_position(table, n_features, target_index, set(dropped))
    samples = _read(table, *columns)
    labels, decimal = [column_label(table.names, column) for column in columns[0]], table.decimal or "."
    as_frame = isinstance(feature_names, dict)
    if isinstance(feature_names, dict):
        places = [place for place, holds_words in enumerate(feature_names.values()) if holds_words]
        samples = _with_texts(table, columns[0], samples, places)
    problems = feature_problems(samples, labels, decimal, to_train=False, may_be_missing=as_frame)
    if problems:
        raise ValueError(f"{table.path}: {' '.join(problems)}")
    X = feature_frame(samples, list(feature_names)) if as_frame and feature_names else samples.X
    return X, _comparable(samples.targets, class_names, decimal)


def _open_table(path: Path, decimal: str | None) -> Table:
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal must be '.', ',' or None, got {decimal!r}.")
    match file_type(path):
        case None:
            raise ValueError(f"{path} must be a file with an extension among {', '.join(FILE_TYPES)}.")
        case ".npz":
            return Archive(path)
        case ".npy":
            return ArrayTable(path)
        case ".parquet" | ".feather":
            return BinaryTable(path, decimal)
        case _:
            return CsvTable(path, decimal)


def _read(table: Table, features: Sequence[int], target: int | None) -> Samples:
    """The samples in some columns of a file."""
    if isinstance(table, CsvTable | BinaryTable):
        return table.read(features, target)
    X, targets = table.read(features, target)
    if targets is None or targets.dtype.kind != "U":
        return Samples(X, targets)
    return Samples(X, stripped_words(targets))


def _with_texts(table: Table, features: Sequence[int], samples: Samples, places: Iterable[int]) -> Samples:
    """The samples with the words of the features at some places."""
    if not isinstance(table, CsvTable | BinaryTable):
        return samples
    places = list(places)
    texts = table.texts([features[place] for place in places])
    return replace(samples, texts=dict(zip(places, texts, strict=True)))


def _choose_columns(table: Table, target: str | None, drop: str | Sequence[str]) -> tuple[list[int], int | None]:
    """Positions of the feature columns, and of the target column or None if the targets are not in a column."""
    dropped = {_find_column(table, column) for column in ([drop] if isinstance(drop, str) else drop)}
    chosen = _find_target(table, target, dropped)
    features = [column for column in range(table.n_columns) if column != chosen and column not in dropped]
    if not features:
        left_out = f", {len(dropped)} of them left out" if dropped else ""
        raise ValueError(
            f"{table.path} must have at least two columns, features and a target, got {table.n_columns}{left_out}."
        )
    return features, chosen


def _find_target(table: Table, target: str | None, dropped: set[int]) -> int | None:
    """Position of the target column, by default the last named one."""
    if isinstance(table, Archive):
        if target is not None:
            raise ValueError(f"{table.path} has its targets in the array y: a target column cannot be chosen.")
        if not table.has_targets:
            raise ValueError(f"{table.path} must hold the targets in an array y.")
        return None
    if target is None:
        return max(set(_named_columns(table)) - dropped, default=None)
    column = _find_column(table, target)
    if column in dropped:
        raise ValueError(f"{table.path}: the target, {column_label(table.names, column)}, cannot be left out.")
    return column


def _named_columns(table: Table) -> list[int]:
    return [column for column in range(table.n_columns) if not table.names or not is_nameless(table.names[column])]


def _find_column(table: Table, column: str) -> int:
    """Position of a column given by name or position."""
    if table.names and column in table.names:
        return table.names.index(column)
    position: int | str = column
    try:
        position = int(column)
        return range(table.n_columns)[position]
    except (ValueError, IndexError):
        known = listing(table.names) if table.names else f"0 to {table.n_columns - 1}"
        raise ValueError(f"{table.path} has no column {position!r}; its columns are {known}.") from None


def _without_row_labels(table: Table, features: list[int], samples: Samples) -> tuple[list[int], Samples, list[str]]:
    """Features without unnamed columns that only label the rows or are empty, and a note about each of these."""
    if not table.names:
        return features, samples, []
    left_out = row_labels([table.names[column] for column in features], samples)
    kept = [place for place in range(len(features)) if place not in set(left_out)]
    if not kept:
        raise ValueError(f"{table.path} must have at least two named columns, features and a target.")
    notes = []
    for place in left_out:
        fault = "is empty" if is_empty(samples, place) else "only labels the rows"
        notes.append(f"Column {features[place]} (from 0) has no name and {fault}: left out.")
    return [features[place] for place in kept], samples.columns(kept), notes


def _with_targets(table: Table, samples: Samples, notes: list[str]) -> Samples:
    """The samples that have a target; adds a note about the others."""
    missing = is_missing(samples.targets)
    if not missing.any():
        return samples
    if missing.all():
        raise ValueError(f"{table.path}: the target is missing in all {len(missing):,} rows.")
    have = "has" if missing.sum() == 1 else "have"
    notes.append(f"{missing.sum():,} of {len(missing):,} rows {have} no target: left out.")
    return samples.rows(~missing)


def _encode(table: Table, samples: Samples, labels: Sequence[str] | None, task: str, notes: Sequence[str]) -> Encoded:
    """The encoded targets, or an error with all problems at once, and the notes so far.

    Without labels of the features, these may hold anything.
    """
    decimal = table.decimal or "."
    problems = [] if labels is None else feature_problems(samples, labels, decimal, to_train=True)
    try:
        encoded = encode_targets(samples.targets, task, decimal)
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ValueError(f"{table.path}: {' '.join([*problems, *notes])}")
    return encoded


def _comparable(targets: np.ndarray | None, class_names: Sequence[str] | None, decimal: str) -> np.ndarray | None:
    """Targets as class names, or as numbers if all that are not missing are numbers."""
    if targets is None:
        return None
    if class_names is not None:
        return target_labels(targets, class_names)
    numbers = target_numbers(targets, decimal)
    return numbers if (np.isnan(numbers) == is_missing(targets)).all() else targets


def _columns_by_name(table: Table, features: Sequence[str], target: str | None) -> tuple[list[int], int | None]:
    positions = {name: position for position, name in enumerate(table.names or ())}
    missing = [name for name in features if name not in positions]
    if missing:
        raise ValueError(
            f"{table.path} lacks columns that the network was trained on: {listing(missing)}; its columns are "
            f"{listing(list(positions))}."
        )
    return [positions[name] for name in features], None if target is None else positions.get(target)


def _columns_by_position(
    table: Table, n_features: int, target: int | None, dropped: set[int]
) -> tuple[list[int], int | None]:
    """Feature and target columns of a table laid out like the training table, with or without the columns dropped there."""
    source = range(n_features + len(dropped) + 1)
    used = [column for column in source if column not in dropped]
    if target not in used:
        target = used[-1]
    layouts: dict[int, Sequence[int]] = {
        n_features: [column for column in used if column != target],
        n_features + 1: used,
        len(source) - 1: [column for column in source if column != target],
        len(source): source,
    }
    columns = _named_columns(table)
    if len(columns) not in layouts or (isinstance(table, Archive) and target in layouts[len(columns)]):
        and_target = "" if isinstance(table, Archive) else ", and optionally a target"
        raise ValueError(f"{table.path} must have {n_features} features{and_target}; got {table.n_columns} columns.")
    place = dict(zip(layouts[len(columns)], columns, strict=True))
    return [place[column] for column in used if column != target], place.get(target)
