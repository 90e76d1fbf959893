"""Data to train on: bundled and generated sets by name, MNIST from its original files, and tables from your own.

Everything becomes a `Dataset`: features X (n_samples, n_features), and targets y (n_samples,) which are class numbers
from 0 where the task is classification and numbers where it is regression.
"""

import csv
import gzip
import http.client
import importlib.util
import math
import os
import struct
import warnings
import zipfile
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

#: Data sets known by name.
NAMES = ("digits", "moons", "circles", "blobs", "mnist")

#: Endings of the files that `load_table` reads.
FILE_TYPES = (".csv", ".npz", ".npy")

TASKS = ("auto", "classification", "regression")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features and targets of a supervised task.

    Attributes
    ----------
    name : str
        For reports and file names.
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Class numbers in ``range(len(class_names))``, or numbers for regression.
    class_names : tuple of str or None
        Name of each class; None for regression.
    feature_names : tuple of str or None
        Name of each column of X, where the source has names.
    target_name : str or None
        Name of the target's column, where the source has names.
    target_index : int or None
        Position of the target among the source's columns, where it is one of them.
    standardize : bool
        Whether the features gain from being standardised; pixels come scaled to [0, 1] and do not.
    X_test, y_test : ndarray or None
        The part that the source itself holds out for testing, if it does.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...] | None
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    target_index: int | None = None
    standardize: bool = True
    X_test: np.ndarray | None = None
    y_test: np.ndarray | None = None

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return "regression" if self.class_names is None else "classification"

    @property
    def n_outputs(self) -> int:
        """Outputs of a network for the task: one for each class, or a single number."""
        return 1 if self.class_names is None else len(self.class_names)


def load_named(name: str, *, data_dir: str | os.PathLike[str] | None = None, seed: int = 0) -> Dataset:
    """Load or generate a data set by its name.

    Parameters
    ----------
    name : {"digits", "moons", "circles", "blobs", "mnist"}
        ``digits`` is bundled with scikit-learn: 1,797 images of 8 x 8 pixels. ``moons``, ``circles`` and ``blobs`` are
        1,000 points in the plane. ``mnist`` is described at `load_mnist`.
    data_dir : str, path-like or None, default=None
        Folder of MNIST's files.
    seed : int, default=0
        Seed of the generated points.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If there is no data set of that name; the message lists the known ones.
    """
    if name == "mnist":
        return load_mnist(data_dir)
    if name == "digits":
        return _load_digits()
    if name in NAMES:
        return _generate(name, seed)
    raise ValueError(f"Unknown data set {name!r}; known are {', '.join(NAMES)}.")


def _load_digits() -> Dataset:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    pixels = (X / 16).astype(np.float32)  # exact: pixels are whole numbers from 0 to 16
    return Dataset("digits", pixels, y, _digit_names(), standardize=False)


def _digit_names() -> tuple[str, ...]:
    return tuple(str(digit) for digit in range(10))


def _generate(name: str, seed: int) -> Dataset:
    from sklearn.datasets import make_blobs, make_circles, make_moons

    if name == "moons":
        X, y = make_moons(1000, noise=0.2, random_state=seed)
    elif name == "circles":
        X, y = make_circles(1000, noise=0.1, factor=0.5, random_state=seed)
    else:  # the corners of a triangle, so that no seed puts two blobs on top of each other
        X, y = make_blobs(1000, centers=[(-3.0, -2.0), (3.0, -2.0), (0.0, 3.0)], random_state=seed)
    return Dataset(name, X, y, tuple(str(label) for label in range(y.max() + 1)))


def split(dataset: Dataset, *, held_out: float = 0.2, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Split into a part to train on and a part to test on.

    The source's own test part is used where it has one. Otherwise the samples are drawn at random, for classification
    with every class in its proportion.

    Parameters
    ----------
    dataset : Dataset
        What to split.
    held_out : float, default=0.2
        Share of the samples to test on.
    seed : int, default=0
        Seed of the draw.

    Returns
    -------
    X_train, X_test, y_train, y_test : ndarray

    Raises
    ------
    ValueError
        If there are too few samples, or a class has only one.
    """
    from sklearn.model_selection import train_test_split

    if dataset.X_test is not None and dataset.y_test is not None:
        return dataset.X, dataset.X_test, dataset.y, dataset.y_test
    n_samples = len(dataset.X)
    smallest_part = 2 if dataset.class_names is None else len(dataset.class_names)
    _check_can_be_split(dataset, smallest_part)
    n_test = min(max(round(held_out * n_samples), smallest_part), n_samples - smallest_part)
    stratify = None if dataset.class_names is None else dataset.y
    parts: list[np.ndarray] = train_test_split(
        dataset.X, dataset.y, test_size=n_test, random_state=seed, stratify=stratify
    )
    return tuple(parts)


def _check_can_be_split(dataset: Dataset, smallest_part: int) -> None:
    if dataset.class_names is not None:
        for class_name, count in zip(dataset.class_names, np.bincount(dataset.y), strict=True):
            if count < 2:
                raise ValueError(
                    f"{dataset.name}: class {class_name!r} has a single sample, and each class needs at least two, one "
                    "to train on and one to hold out. If the targets are numbers rather than classes, choose the task "
                    "regression (--task regression)."
                )
    elif len(dataset.X) < 2 * smallest_part:
        raise ValueError(
            f"{dataset.name} has {len(dataset.X)} samples, and at least {2 * smallest_part} are needed to train on "
            "some and hold out others."
        )


# MNIST, from its four IDX files or from openml.org.


MNIST_STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def load_mnist(data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """MNIST: 60,000 images of 28 x 28 pixels to train on and 10,000 to test on, pixels scaled to [0, 1].

    The four original IDX files, plain or gzip, are looked for in ``data_dir``, the folder that the environment variable
    ``FASTNN_DATA`` names, and scikit-learn's data folder, in this order, and in each first in a folder ``mnist`` and
    then directly. Where there are none, scikit-learn fetches MNIST from openml.org and keeps a copy.

    Parameters
    ----------
    data_dir : str, path-like or None, default=None
        Folder to look in first.

    Returns
    -------
    Dataset
        X as float32; the test part in ``X_test`` and ``y_test``.

    Raises
    ------
    ValueError
        If a file is damaged or one of the four is missing.
    OSError
        If there are no files and MNIST cannot be fetched; the message says what to put where.

    References
    ----------
    LeCun, Bottou, Bengio, Haffner (1998), Gradient-Based Learning Applied to Document Recognition.
    """
    folders = _data_folders(data_dir)
    for folder in folders:
        for candidate in (folder / "mnist", folder):
            files = _find_mnist_files(candidate)
            if files:
                return _read_mnist(files)
    return _fetch_mnist(folders[0] if data_dir is not None else None, put_in=folders[0])


def _data_folders(data_dir: str | os.PathLike[str] | None) -> list[Path]:
    # scikit-learn's get_data_home() would create the folder, and fail where it cannot.
    given = (data_dir, os.environ.get("FASTNN_DATA"), os.environ.get("SCIKIT_LEARN_DATA") or "~/scikit_learn_data")
    return [Path(folder).expanduser() for folder in given if folder]


def _find_mnist_files(folder: Path) -> list[Path]:
    """The four files in the order of `MNIST_STEMS`, or none; some without the others are an error."""
    found = [next((path for path in _spellings(folder, stem) if path.is_file()), None) for stem in MNIST_STEMS]
    files = [path for path in found if path is not None]
    if files and len(files) < len(found):
        missing = ", ".join(stem for stem, path in zip(MNIST_STEMS, found, strict=True) if path is None)
        raise ValueError(f"{folder} holds only a part of MNIST: missing are {missing} (each plain or .gz).")
    return files


def _spellings(folder: Path, stem: str) -> Iterator[Path]:
    # Some programs that unpack the files turn the hyphen before "idx" into a dot.
    for name in (stem, stem.replace("-idx", ".idx")):
        yield folder / name
        yield folder / f"{name}.gz"


def _read_mnist(files: Sequence[Path]) -> Dataset:
    X, y = _read_images_and_labels(*files[:2])
    X_test, y_test = _read_images_and_labels(*files[2:])
    if X.shape[1] != X_test.shape[1]:
        raise ValueError(f"{files[0]} has images of {X.shape[1]} pixels, and {files[2]} of {X_test.shape[1]}.")
    return Dataset("mnist", X, y, _digit_names(), standardize=False, X_test=X_test, y_test=y_test)


def _read_images_and_labels(images_file: Path, labels_file: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_idx(images_file), read_idx(labels_file)
    for path, content, n_dimensions in ((images_file, images, 3), (labels_file, labels, 1)):
        if content.ndim != n_dimensions or content.size == 0:
            raise ValueError(f"{path} must hold an array of {n_dimensions} dimensions, got shape {content.shape}.")
    if len(images) != len(labels):
        raise ValueError(f"{images_file} has {len(images)} images, and {labels_file} {len(labels)} labels.")
    if labels.max() > 9:
        raise ValueError(f"{labels_file} must hold digits from 0 to 9, got {labels.max()}.")
    return _scaled_pixels(images.reshape(len(images), -1)), labels.astype(np.int64)


def _scaled_pixels(pixels: np.ndarray) -> np.ndarray:
    """Pixels from 0..255 to [0, 1] as float32."""
    scaled: np.ndarray = np.divide(pixels, np.float32(255), dtype=np.float32)
    return scaled


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file of unsigned bytes, plain or gzip.

    The format: two zero bytes, a byte for the type of the values (8: unsigned byte), a byte for the number of
    dimensions, each dimension as a big-endian 32-bit integer, then the values, the last dimension running fastest.

    Parameters
    ----------
    path : str or path-like
        File to read; gzip is recognised by its content.

    Returns
    -------
    ndarray of uint8
        In the shape that the file declares; read-only.

    Raises
    ------
    ValueError
        If the file is no IDX file of unsigned bytes, or shorter or longer than it declares.
    OSError
        If the file cannot be read.
    """
    content = _decompressed(Path(path))
    if len(content) < 4 or content[:2] != b"\0\0":
        raise ValueError(f"{path} is not an IDX file: it must start with two zero bytes, got {content[:4].hex(' ')}.")
    value_type, n_dimensions = content[2], content[3]
    if value_type != 8:
        raise ValueError(f"{path} must hold unsigned bytes (type 8), got type {value_type}.")
    n_header = 4 + 4 * n_dimensions
    if len(content) < n_header:
        raise ValueError(f"{path} is cut short: it ends after {len(content)} bytes, within its header.")
    shape = struct.unpack(f">{n_dimensions}I", content[4:n_header])
    n_expected = n_header + math.prod(shape)
    if len(content) != n_expected:
        problem = "is cut short" if len(content) < n_expected else "is too long"
        raise ValueError(
            f"{path} {problem}: its header declares {n_expected} bytes for the shape {shape}, got {len(content)}."
        )
    return np.frombuffer(content, np.uint8, offset=n_header).reshape(shape)


def _decompressed(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged or cut short: {error}.") from None


def _fetch_mnist(data_home: Path | None, *, put_in: Path) -> Dataset:
    from sklearn.datasets import fetch_openml

    # scikit-learn's quicker reader needs pandas, which fastnn does not.
    parser = "pandas" if importlib.util.find_spec("pandas") else "liac-arff"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one for each attempt to reach the server; the error below says it once
            X, y = fetch_openml(
                "mnist_784", version=1, return_X_y=True, as_frame=False, parser=parser, data_home=data_home
            )
    except (OSError, ValueError, http.client.HTTPException) as error:
        names = ", ".join(f"{stem}.gz" for stem in MNIST_STEMS)
        raise OSError(
            f"MNIST is not on this machine and could not be fetched from openml.org ({error}): put the files {names} "
            f"into {put_in / 'mnist'}, or into a folder that --data-dir or the environment variable FASTNN_DATA names."
        ) from error
    pixels, labels = _scaled_pixels(X), y.astype(np.int64)
    n_train = 60_000  # OpenML keeps the original order, the test images last
    return Dataset(
        "mnist",
        pixels[:n_train],
        labels[:n_train],
        _digit_names(),
        standardize=False,
        X_test=pixels[n_train:],
        y_test=labels[n_train:],
    )


# Tables: FILE.csv, FILE.npz and FILE.npy.


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
    if target is not None and path.suffix.lower() == ".npz":
        raise ValueError(f"{path} has its targets in the array y: a target column cannot be chosen.")

    def choose(names: Sequence[str] | None, n_columns: int) -> _Columns:
        column = _find_column(path, target, names, n_columns)
        return _Columns([other for other in range(n_columns) if other != column], column)

    table = _read_table(path, choose)
    if table.targets is None:
        raise ValueError(f"{path} must hold the targets in an array y.")
    y, class_names = _encode_targets(path, _as_numbers_if_possible(table.targets), task)
    return Dataset(
        path.stem, table.X, y, class_names, table.feature_names, table.target_name, target_index=table.target_index
    )


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

    def choose(names: Sequence[str] | None, n_columns: int) -> _Columns:
        if names is not None and feature_names is not None:
            return _columns_by_name(path, feature_names, target_name, names)
        if n_columns == n_features:
            return _Columns(list(range(n_columns)), None)
        if n_columns != n_features + 1:
            raise ValueError(f"{path} must have {n_features} features, and perhaps a target; got {n_columns} columns.")
        column = n_columns - 1 if target_index is None else target_index
        return _Columns([other for other in range(n_columns) if other != column], column)

    table = _read_table(path, choose)
    if table.X.shape[1] != n_features:
        raise ValueError(f"{path} must have {n_features} features, got {table.X.shape[1]}.")
    return table.X, None if table.targets is None else _as_numbers_if_possible(table.targets)


def class_name(value: Any) -> str:
    """Name of the class that a target stands for: words as they are, whole numbers without a fraction."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


class _Columns(NamedTuple):
    """Positions of the features and of the target among the columns of a table."""

    features: list[int]
    target: int | None


class _Table(NamedTuple):
    """What a file holds, before it is known what the targets mean."""

    X: np.ndarray
    targets: np.ndarray | None
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    target_index: int | None = None


#: Chooses the columns to read, from their names (None where there are none) and their number.
_Choose = Callable[[Sequence[str] | None, int], _Columns]


def _find_column(path: Path, column: str | None, names: Sequence[str] | None, n_columns: int) -> int:
    """Position of a column given by name or by position; the last by default."""
    if n_columns < 2:
        raise ValueError(f"{path} must have at least two columns, features and a target, got {n_columns}.")
    if column is None:
        return n_columns - 1
    if names is not None and column in names:
        return names.index(column)
    known = f"0 to {n_columns - 1}" if names is None else _listed(names)
    try:
        position = int(column)
    except ValueError:
        raise ValueError(f"{path} has no column {column!r}; its columns are {known}.") from None
    if not -n_columns <= position < n_columns:
        raise ValueError(f"{path} has no column {position}; its {n_columns} columns are {known}.")
    return position % n_columns


def _columns_by_name(path: Path, features: Sequence[str], target: str | None, names: Sequence[str]) -> _Columns:
    positions = {name: position for position, name in enumerate(names)}
    missing = [name for name in features if name not in positions]
    if missing:
        raise ValueError(
            f"{path} lacks columns that the network was trained on: {_listed(missing)}; its columns are {_listed(names)}."
        )
    return _Columns([positions[name] for name in features], None if target is None else positions.get(target))


def _listed(names: Sequence[str], at_most: int = 20) -> str:
    """The names for a message; of very many only the first."""
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more


def _read_table(path: Path, choose: _Choose) -> _Table:
    match path.suffix.lower():
        case ".csv":
            return _read_csv(path, choose)
        case ".npy":
            return _read_npy(path, choose)
        case ".npz":
            return _read_npz(path)
    raise ValueError(f"{path} must be a file whose name ends in {', '.join(FILE_TYPES)}.")


def _read_npz(path: Path) -> _Table:
    arrays = _load_numpy(path)
    if not isinstance(arrays, dict) or "X" not in arrays:
        found = ", ".join(arrays) if isinstance(arrays, dict) else "a single array"
        raise ValueError(f"{path} must hold the arrays X and y, got {found or 'none'}.")
    X, targets = _numbers(path, arrays["X"]), arrays.get("y")
    if targets is not None and targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets is not None and targets.shape != (len(X),):
        raise ValueError(
            f"{path}: y must have one target for each of the {len(X)} rows of X, got shape {targets.shape}."
        )
    return _Table(X, targets)


def _read_npy(path: Path, choose: _Choose) -> _Table:
    content = _load_numpy(path)
    if isinstance(content, dict):
        raise ValueError(f"{path} must hold a single array; an archive of arrays belongs in a file that ends in .npz.")
    content = _numbers(path, content)
    columns = choose(None, content.shape[1])
    targets = None if columns.target is None else content[:, columns.target]
    return _Table(content[:, columns.features], targets, target_index=columns.target)


def _load_numpy(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """The array of an ``.npy`` file, or the arrays of an ``.npz`` file by name."""
    with path.open("rb") as file:
        try:
            content = np.load(file, allow_pickle=False)
            return content if isinstance(content, np.ndarray) else dict(content)
        except (ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} cannot be read as arrays of numbers: {error}") from None


def _numbers(path: Path, X: np.ndarray) -> np.ndarray:
    """A matrix of finite numbers with at least one row, or an error."""
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"{path} must hold a 2-D array of samples by columns, got shape {X.shape}.")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"{path} must hold real numbers, got an array of dtype {X.dtype}.")
    bad = np.argwhere(~np.isfinite(X))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"{path}, row {row}, column {column} (from 0): expected a finite number, got {X[row, column]}."
        )
    return X


def _read_csv(path: Path, choose: _Choose) -> _Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            delimiter = _find_delimiter(file.readline())
            file.seek(0)
            rows = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            names = _checked_header(path, next(rows, []))
            columns = choose(names, len(names))
            X, targets = _read_rows(path, rows, names, columns)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} must be text in UTF-8: {error}.") from None
        except csv.Error as error:
            raise ValueError(f"{path} is not a table of comma-separated values: {error}.") from None
    feature_names = tuple(names[column] for column in columns.features)
    if columns.target is None:
        return _Table(X, None, feature_names)
    return _Table(X, np.array(targets), feature_names, names[columns.target], columns.target)


def _find_delimiter(first_line: str) -> str:
    """A comma, unless the header has more semicolons or tabs, as some spreadsheets write."""
    return max((",", ";", "\t"), key=first_line.count)


def _checked_header(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in header)
    if not names:
        raise ValueError(f"{path} is empty or starts with an empty line; its first line must name the columns.")
    for name, count in Counter(names).items():
        if count > 1 or _is_fraction(name):
            times = f" {count} times" if count > 1 else ""
            raise ValueError(
                f"{path}, line 1 must be a header that gives each column a name of its own, got {name!r}{times}."
            )
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_fraction(text: str) -> bool:
    return _is_number(text) and not float(text).is_integer()


def _read_rows(path: Path, rows: Any, names: Sequence[str], columns: _Columns) -> tuple[np.ndarray, list[str]]:
    """Features (n_samples, n_features) as float64, and the cells of the target's column."""
    values, targets = array("d"), []
    for row in rows:
        if not row:
            continue  # a blank line, often the last
        if len(row) != len(names):
            raise ValueError(
                f"{path}, line {rows.line_num}: expected {len(names)} cells as in the header, got {len(row)}."
            )
        for column in columns.features:
            values.append(_number(path, rows.line_num, names[column], row[column]))
        if columns.target is not None:
            targets.append(_target_cell(path, rows.line_num, names[columns.target], row[columns.target]))
    if not values:
        raise ValueError(f"{path} has a header and no rows.")
    return np.frombuffer(values).reshape(-1, len(columns.features)), targets


def _number(path: Path, line: int, column: str, cell: str) -> float:
    try:
        number = float(cell)
        if math.isfinite(number):
            return number
    except ValueError:
        pass
    raise ValueError(f"{path}, line {line}, column {column!r}: expected a finite number, got {cell!r}.")


def _target_cell(path: Path, line: int, column: str, cell: str) -> str:
    if not cell.strip():
        raise ValueError(f"{path}, line {line}, column {column!r}: the target is missing.")
    return cell.strip()


def _as_numbers_if_possible(targets: np.ndarray) -> np.ndarray:
    """Words that are numbers, one and all, as such; but not codes such as 007, of which a number loses a part."""
    if targets.dtype.kind != "U" or _are_codes(targets):
        return targets
    for dtype in (np.int64, np.float64):
        try:
            return targets.astype(dtype)
        except (ValueError, OverflowError):
            continue
    return targets


def _are_codes(words: np.ndarray) -> bool:
    """Whether all consist of digits, and some start with a zero or have more digits than an integer holds."""
    return all(word.isdecimal() for word in words) and any(str(int(word)) != word or len(word) > 18 for word in words)


def _encode_targets(path: Path, targets: np.ndarray, task: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Class numbers and names of the classes for classification; numbers and None for regression."""
    if targets.dtype.kind not in "biufU":
        raise ValueError(f"{path}: the targets must be words or real numbers, got {targets.dtype}.")
    numbers = None if targets.dtype.kind == "U" else _checked_numbers(path, targets)
    if task == "auto":
        task = "classification" if _are_classes(path, targets) else "regression"
    if task == "regression":
        return _checked_numbers(path, targets) if numbers is None else numbers, None
    classes, y = np.unique(targets, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"{path}: the targets must be of at least two classes, all are {class_name(classes[0])!r}.")
    return y, tuple(class_name(label) for label in classes)


def _checked_numbers(path: Path, targets: np.ndarray) -> np.ndarray:
    """Targets as finite float64."""
    try:
        numbers = targets.astype(np.float64)
    except ValueError:
        numbers = np.array([float(target) if _is_number(target) else np.nan for target in targets])
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise ValueError(
            f"{path}: the targets must be finite numbers, got {str(targets[bad[0]])!r} for sample {bad[0]} (from 0)."
        )
    return numbers


def _are_classes(path: Path, targets: np.ndarray) -> bool:
    """Whether targets are words or whole numbers; words among fractions are refused, as missing values look like that."""
    if targets.dtype.kind != "U":
        return bool((targets == np.floor(targets)).all())
    word = next((target for target in targets if not _is_number(target)), None)
    if word is not None and any(_is_fraction(target) for target in targets):
        raise ValueError(
            f"{path}: the targets must be either numbers or words, got {str(word)!r} among fractions; "
            "remove such lines, or choose the task classification (--task classification)."
        )
    return True
