"""Tables read by pandas: CSV and TSV, plain or compressed, Parquet and Feather."""

import csv
import io
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.datasets.compressed import COMPRESSIONS, check_unpacked_size
from fastnn.datasets.csv_dialect import Dialect
from fastnn.datasets.samples import BOOLEAN, CATEGORY, Samples, Word
from fastnn.datasets.words import (
    MISSING,
    cell_number,
    has_decimal_comma,
    may_have_thousands,
    stripped_words,
    to_number,
)

TEXT_TYPES = (".csv", ".tsv")
BINARY_TYPES = (".parquet", ".feather")

STANDARD_INPUT = Path("-")

#: pandas takes about 100 microseconds per column, however short.
MAX_COLUMNS = 30_000

#: Prefix of pandas' error messages.
_PARSER_PREFIX = "Error tokenizing data. C error: "

#: Number of lines from which the delimiter and the column names are detected.
N_FIRST_LINES = 20


class CsvTable:
    """A text file: column names are read at once, cells only when the columns have been chosen."""

    def __init__(self, path: Path, decimal: str | None = None) -> None:
        self.path: object = "standard input" if path == STANDARD_INPUT else path  # for messages
        #: Decimal separator; None until it is known.
        self.decimal = decimal
        self._source = io.BytesIO(sys.stdin.buffer.read()) if path == STANDARD_INPUT else path
        if path.suffix.lower() in COMPRESSIONS:
            with _as_table(path):
                check_unpacked_size(path)
        self._dialect = Dialect.of(self.path, self._first_lines())
        self.names = self._dialect.names
        _check_size(self.path, len(self.names))

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.names)

    def read(self, features: Sequence[int], target: int | None) -> Samples:
        """The feature columns as float64, and the target column as words or None."""
        samples = self._read(features, target, self.decimal or ".")
        if self.decimal is None and _show_decimal_commas(samples):
            with_commas = self._read(features, target, ",")
            if _n_columns_of_words(with_commas, ",") < _n_columns_of_words(samples, "."):
                self.decimal = ","
                return with_commas
        return samples

    def texts(self, columns: Sequence[int]) -> list[np.ndarray]:
        """The cells of columns as words, spelled as in the file, with empty words for missing values."""
        if not columns:
            return []
        with _as_table(self.path):
            frame = self._read_csv(
                sep=self._dialect.delimiter,
                header=0,
                names=range(self.n_columns),
                usecols=sorted(columns),
                skiprows=self._dialect.n_lines_before,
                skipinitialspace=self._dialect.has_spaces,
                dtype=str,
            )
        return [stripped_words(frame[column].fillna("").to_numpy(object)) for column in columns]

    def _read(self, features: Sequence[int], target: int | None, decimal: str) -> Samples:
        used = sorted([*features] if target is None else [*features, target])
        with _as_table(self.path):
            frame = self._read_csv(
                sep=self._dialect.delimiter,
                header=0,
                names=range(self.n_columns),
                usecols=None if len(used) == self.n_columns else used,
                skiprows=self._dialect.n_lines_before,
                skipinitialspace=self._dialect.has_spaces,
                converters=None if target is None else {target: str},  # faster than dtype={target: str}
                na_values=list(MISSING),
                decimal=decimal,
            )
        if frame.empty:
            raise ValueError(f"{self.path} has a header but no rows.")
        return _samples(frame, features, target, decimal)

    def _first_lines(self) -> list[str]:
        """The first lines of the file, read as a column of text."""
        with _as_table(self.path):
            lines = self._read_csv(
                sep="\x1f",
                header=None,
                names=["line"],
                usecols=[0],
                nrows=N_FIRST_LINES,
                quoting=csv.QUOTE_NONE,
                dtype=str,
            )
        return list(lines["line"])

    def _read_csv(self, **options: Any) -> Any:
        import pandas as pd

        if isinstance(self._source, io.BytesIO):
            self._source.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # words among numbers are reported later
            try:
                return pd.read_csv(self._source, keep_default_na=False, **options)
            except pd.errors.EmptyDataError:
                return pd.DataFrame({"line": []})


class BinaryTable:
    """A Parquet or Feather file."""

    def __init__(self, path: Path, decimal: str | None = None) -> None:
        self.path = path
        #: Decimal separator of numbers stored as text.
        self.decimal = decimal
        self._frame = _read_binary(path)
        self.names = tuple(str(name) or f"Unnamed: {column}" for column, name in enumerate(self._frame.columns))
        self._frame.columns = range(len(self.names))
        _check_size(path, len(self.names))

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.names)

    def read(self, features: Sequence[int], target: int | None) -> Samples:
        """The feature columns as float64, and the target column or None."""
        if self._frame.empty:
            raise ValueError(f"{self.path} has no rows.")
        return _samples(self._frame, features, target, self.decimal or ".")

    def texts(self, columns: Sequence[int]) -> list[np.ndarray]:
        """The cells of columns as words, with empty words for missing values."""
        return [_words(self._frame[column]) for column in columns]


def _read_binary(path: Path) -> Any:
    try:
        from pyarrow import feather, parquet
    except ImportError as error:
        raise ImportError(f'Reading {path} needs PyArrow, which is not installed: pip install ".[data]".') from error
    is_parquet = path.suffix.lower() == ".parquet"
    if is_parquet:
        with _as_table(path):
            n_columns = parquet.read_metadata(path).num_columns
        _check_size(path, n_columns)
    with _as_table(path):
        table = parquet.read_table(path) if is_parquet else feather.read_table(path, memory_map=False)
        table.validate(full=True)  # otherwise PyArrow would follow invalid offsets out of bounds
        frame = table.to_pandas()
        # For other programs, a named index is an ordinary column of the table.
        return frame if frame.index.names == [None] else frame.reset_index()


@contextmanager
def _as_table(path: object) -> Iterator[None]:
    """Turn whatever pandas, PyArrow and the decompressors raise for damaged files into a ValueError with the path."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:  # it cannot be opened
            raise
        reason = str(error).strip().split("\n")[0].removeprefix(_PARSER_PREFIX) or type(error).__name__
        if isinstance(error, UnicodeDecodeError):
            raise ValueError(f"{path} must be text in UTF-8: {reason}.") from None
        raise ValueError(f"{path} cannot be read as a table: {reason}") from None


def _check_size(path: object, n_columns: int) -> None:
    if n_columns > MAX_COLUMNS:
        raise ValueError(
            f"{path} has {n_columns:,} columns, but tables may have at most {MAX_COLUMNS:,}: save a matrix that wide as "
            ".npy or .npz."
        )


def _samples(frame: Any, features: Sequence[int], target: int | None, decimal: str) -> Samples:
    targets = None if target is None else _targets(frame[target])
    frame = frame if list(features) == list(frame.columns) else frame[list(features)]
    X, words = _numbers(frame, decimal)
    kinds = {place: kind for place, column in enumerate(frame) if (kind := _kind(frame[column]))}
    return Samples(X, targets, words, kinds)


def _kind(column: Any) -> str | None:
    """Whether a column is categorical by its type, or holds nothing but booleans."""
    if hasattr(column, "cat"):
        return CATEGORY
    kind = getattr(column.dtype, "kind", "O")
    if kind != "O":
        return BOOLEAN if kind == "b" else None
    known = column.dropna()
    return BOOLEAN if len(known) and all(map(_is_boolean, known)) else None


def _is_boolean(cell: Any) -> bool:
    """Whether a cell is True or False, perhaps as a word, or a word for a missing value."""
    if isinstance(cell, str):
        word = cell.strip()
        return word.casefold() in ("true", "false") or word in MISSING
    return isinstance(cell, bool | np.bool_)


def _numbers(frame: Any, decimal: str) -> tuple[np.ndarray, dict[int, Word]]:
    """The columns as float64, with NaN for missing values, and a word from each non-numeric column."""
    plain = np.array([getattr(dtype, "kind", "O") in "biuf" for dtype in frame.dtypes], dtype=bool)
    if plain.all():
        return np.ascontiguousarray(_as_float(frame)), {}
    X, words = np.empty(frame.shape), {}
    X[:, plain] = _as_float(frame.iloc[:, plain])
    cells = frame.iloc[:, ~plain].to_numpy(object)
    known = ~frame.iloc[:, ~plain].isna().to_numpy()
    for k, column in enumerate(np.flatnonzero(~plain)):
        X[:, column], word = _column_numbers(cells[:, k], known[:, k], decimal)
        if word is not None:
            words[int(column)] = word
    return X, words


def _as_float(frame: Any) -> Any:
    """Numeric columns as float64; only pandas' extension types have missing values that are not NaN already."""
    own_types = not all(isinstance(dtype, np.dtype) for dtype in frame.dtypes)
    return frame.to_numpy(np.float64, na_value=np.nan) if own_types else frame.to_numpy(np.float64)


def _column_numbers(cells: np.ndarray, known: np.ndarray, decimal: str) -> tuple[Any, Word | None]:
    """The numbers in a column, or NaN and its first word."""
    numbers = np.full(len(cells), np.nan)
    for row in np.flatnonzero(known):
        number = cell_number(cells[row], decimal)
        if number is None:
            return np.nan, Word(str(cells[row]).strip(), int(row))
        numbers[row] = number
    return numbers, None


def _targets(column: Any) -> np.ndarray:
    """Numbers unchanged, with NaN for missing ones; anything else as words, with empty words for missing ones."""
    missing = column.isna().to_numpy()
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iuf" and not missing.all():
        return np.asarray(column.to_numpy(np.float64, na_value=np.nan) if missing.any() else column.to_numpy())
    return _words(column)


def _words(column: Any) -> np.ndarray:
    """Words without surrounding whitespace, and empty words for missing values."""
    return stripped_words(np.where(column.isna().to_numpy(), "", column.to_numpy(object)))


def _show_decimal_commas(samples: Samples) -> bool:
    """Whether any of the words is a number such as 0,5, whose comma is not a thousands separator."""
    words = [word.text for word in samples.words.values()]
    if samples.targets is not None:
        words += list(samples.targets)
    return any("," in word and has_decimal_comma(word) and not may_have_thousands(word) for word in words)


def _n_columns_of_words(samples: Samples, decimal: str) -> int:
    targets = () if samples.targets is None else samples.targets
    return len(samples.words) + any(word and np.isnan(to_number(word, decimal)) for word in targets)
