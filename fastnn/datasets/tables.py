"""Tables of your own: FILE.csv, FILE.npz and FILE.npy."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fastnn.datasets.array_file import ArrayTable, read_npz
from fastnn.datasets.csv_file import CsvTable
from fastnn.datasets.dataset import Dataset
from fastnn.datasets.targets import TASKS, encode_targets, numbers_or_words

#: Endings of the files that can be read.
FILE_TYPES = (".csv", ".npz", ".npy")

Table = CsvTable | ArrayTable


def load_table(path: str | os.PathLike[str], *, target: str | None = None, task: str = "auto") -> Dataset:
    """Read features and targets from a file.

    Parameters
    ----------
    path : str or path-like
        ``.csv``: a header line, then one sample per line, all cells numbers but the target's. ``.npz``: arrays X
        (n_samples, n_features) and y (n_samples,). ``.npy``: one array with a sample per row, targets included.
    target : str or None, default=None
        Column of the targets: its name in the header, or its position from 0 (from the end if negative). The last
        column by default. Not for ``.npz``.
    task : {"auto", "classification", "regression"}, default="auto"
        ``"auto"`` takes words and whole numbers for classes, and anything else for regression.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If the content is not as described; for a cell of a CSV file the message names its line and column.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    if task not in TASKS:
        raise ValueError(f"Unknown task {task!r}; known are {', '.join(TASKS)}.")
    if path.suffix.lower() == ".npz":
        if target is not None:
            raise ValueError(f"{path} has its targets in the array y: a target column cannot be chosen.")
        X, targets = read_npz(path)
        if targets is None:
            raise ValueError(f"{path} must hold the targets in an array y.")
        return Dataset(path.stem, X, *encode_targets(path, numbers_or_words(targets), task))
    table = _open_table(path)
    target_index = _find_column(table, target)
    features = _all_but(target_index, table.n_columns)
    X, targets = table.read(features, target_index)
    y, class_names = encode_targets(path, numbers_or_words(targets), task)
    feature_names = tuple(table.names[column] for column in features) if table.names else None
    target_name = table.names[target_index] if table.names else None
    return Dataset(path.stem, X, y, class_names, feature_names, target_name, target_index)


def load_samples(
    path: str | os.PathLike[str],
    n_features: int,
    *,
    feature_names: Sequence[str] | None = None,
    target_name: str | None = None,
    target_index: int | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read samples to predict, from a file that may hold targets too.

    Parameters
    ----------
    path : str or path-like
        A file as for `load_table`, with or without its targets.
    n_features : int
        Features that are expected.
    feature_names : sequence of str or None, default=None
        Columns to take from a CSV file, by name; others are ignored. None takes them by position.
    target_name : str or None, default=None
        Name of the targets' column in a CSV file, should it be there.
    target_index : int or None, default=None
        Position of the targets' column in a table with one column more than ``n_features``; None is the last.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples,) or None
        Targets as the file has them, strings or numbers; None where it has none.

    Raises
    ------
    ValueError, OSError
        As `load_table`.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        X, targets = read_npz(path)
        if X.shape[1] != n_features:
            raise ValueError(f"{path} must have {n_features} features, got {X.shape[1]}.")
    else:
        table = _open_table(path)
        if table.names and feature_names:
            columns = _columns_by_name(table, feature_names, target_name)
        else:
            columns = _columns_by_position(table, n_features, target_index)
        X, targets = table.read(*columns)
    return X, None if targets is None else numbers_or_words(targets)


def _open_table(path: Path) -> Table:
    match path.suffix.lower():
        case ".csv":
            return CsvTable(path)
        case ".npy":
            return ArrayTable(path)
    raise ValueError(f"{path} must be a file whose name ends in {', '.join(FILE_TYPES)}.")


def _find_column(table: Table, column: str | None) -> int:
    """Position of a column given by name or by position; the last by default."""
    if table.n_columns < 2:
        raise ValueError(f"{table.path} must have at least two columns, features and a target, got {table.n_columns}.")
    if column is None:
        return table.n_columns - 1
    if table.names and column in table.names:
        return table.names.index(column)
    position: int | str = column
    try:
        position = int(column)
        return range(table.n_columns)[position]
    except (ValueError, IndexError):
        known = _listed(table.names) if table.names else f"0 to {table.n_columns - 1}"
        raise ValueError(f"{table.path} has no column {position!r}; its columns are {known}.") from None


def _columns_by_name(table: Table, features: Sequence[str], target: str | None) -> tuple[list[int], int | None]:
    positions = {name: position for position, name in enumerate(table.names or ())}
    missing = [name for name in features if name not in positions]
    if missing:
        raise ValueError(
            f"{table.path} lacks columns that the network was trained on: {_listed(missing)}; its columns are "
            f"{_listed(list(positions))}."
        )
    return [positions[name] for name in features], None if target is None else positions.get(target)


def _columns_by_position(table: Table, n_features: int, target: int | None) -> tuple[list[int], int | None]:
    if table.n_columns == n_features:
        return list(range(n_features)), None
    if table.n_columns == n_features + 1:
        target = n_features if target is None else target
        return _all_but(target, table.n_columns), target
    raise ValueError(
        f"{table.path} must have {n_features} features, and perhaps a target; got {table.n_columns} columns."
    )


def _all_but(column: int, n_columns: int) -> list[int]:
    return [other for other in range(n_columns) if other != column]


def _listed(names: Sequence[str], at_most: int = 20) -> str:
    """The names for a message; of very many only the first."""
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
