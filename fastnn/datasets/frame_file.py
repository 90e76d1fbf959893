"""Tables that pandas reads: CSV and TSV, plain or compressed, Parquet and Feather."""

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
from fastnn.datasets.samples import Samples, Word
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

#: pandas takes some 100 microseconds for each column, however short it is.
MAX_COLUMNS = 30_000

#: What pandas says before it says what is wrong.
_PARSER_PREFIX = "Error tokenizing data. C error: "

#: Lines from which delimiter and names are found out.
N_FIRST_LINES = 20


class CsvTable:
    """A text file: the names of its columns at once, and its cells when it is known which columns to take."""

    def __init__(self, path: Path, decimal: str | None = None) -> None:
        self.path: object = "standard input" if path == STANDARD_INPUT else path  # for messages
        #: Decimal sign of the numbers; None until it is known.
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
        """Columns of the file."""
        return len(self.names)

    def read(self, features: Sequence[int], target: int | None) -> Samples:
        """The columns of features as float64, and the words of the targets' column or None."""
        samples = self._read(features, target, self.decimal or ".")
        if self.decimal is None and _show_decimal_commas(samples):
            with_commas = self._read(features, target, ",")
            if _n_columns_of_words(with_commas, ",") < _n_columns_of_words(samples, "."):
                self.decimal = ","
                return with_commas
        return samples

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
            raise ValueError(f"{self.path} has a header and no rows.")
        return _samples(frame, features, target, decimal)

    def _first_lines(self) -> list[str]:
        """The lines that the file starts with, read as a column of text."""
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
        #: Decimal sign of numbers that are text.
        self.decimal = decimal
        self._frame = _read_binary(path)
        self.names = tuple(str(name) or f"Unnamed: {column}" for column, name in enumerate(self._frame.columns))
        self._frame.columns = range(len(self.names))
        _check_size(path, len(self.names))

    @property
    def n_columns(self) -> int:
        """Columns of the file."""
        return len(self.names)

    def read(self, features: Sequence[int], target: int | None) -> Samples:
        """The columns of features as float64, and that of the targets or None."""
        if self._frame.empty:
            raise ValueError(f"{self.path} has no rows.")
        return _samples(self._frame, features, target, self.decimal or ".")


def _read_binary(path: Path) -> Any:
    try:
        from pyarrow import feather, parquet
    except ImportError as error:
        raise ImportError(f'{path} is read by PyArrow, which is not installed: pip install ".[data]".') from error
    is_parquet = path.suffix.lower() == ".parquet"
    if is_parquet:
        with _as_table(path):
            n_columns = parquet.read_metadata(path).num_columns
        _check_size(path, n_columns)
    with _as_table(path):
        table = parquet.read_table(path) if is_parquet else feather.read_table(path, memory_map=False)
        table.validate(full=True)  # PyArrow would follow wrong offsets out of its memory
        frame = table.to_pandas()
        # A table whose index has a name has it as a column for all other programs.
        return frame if frame.index.names == [None] else frame.reset_index()


@contextmanager
def _as_table(path: object) -> Iterator[None]:
    """Make a sentence of whatever pandas, PyArrow and the decompressors raise for damaged files."""
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
            f"{path} has {n_columns:,} columns, and of such a table at most {MAX_COLUMNS:,} are read: a matrix that wide "
            "belongs in a file that ends in .npy or .npz."
        )


def _samples(frame: Any, features: Sequence[int], target: int | None, decimal: str) -> Samples:
    targets = None if target is None else _targets(frame[target])
    X, words = _numbers(frame if list(features) == list(frame.columns) else frame[list(features)], decimal)
    return Samples(X, targets, words)


def _numbers(frame: Any, decimal: str) -> tuple[np.ndarray, dict[int, Word]]:
    """The columns as float64, NaN where a value is missing; and a word from each column that is not of numbers."""
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
    """Columns of numbers as float64; only types of pandas' own have missing values that are not NaN already."""
    own_types = not all(isinstance(dtype, np.dtype) for dtype in frame.dtypes)
    return frame.to_numpy(np.float64, na_value=np.nan) if own_types else frame.to_numpy(np.float64)


def _column_numbers(cells: np.ndarray, known: np.ndarray, decimal: str) -> tuple[Any, Word | None]:
    """Numbers of a column, or NaN and its first word."""
    numbers = np.full(len(cells), np.nan)
    for row in np.flatnonzero(known):
        number = cell_number(cells[row], decimal)
        if number is None:
            return np.nan, Word(str(cells[row]).strip(), int(row))
        numbers[row] = number
    return numbers, None


def _targets(column: Any) -> np.ndarray:
    """Numbers as they are, NaN where one is missing; anything else as words, empty where one is missing."""
    missing = column.isna().to_numpy()
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iuf" and not missing.all():
        return np.asarray(column.to_numpy(np.float64, na_value=np.nan) if missing.any() else column.to_numpy())
    words = column.to_numpy(object)
    return stripped_words(np.where(missing, "", words))


def _show_decimal_commas(samples: Samples) -> bool:
    """Whether there are numbers such as 0,5, whose comma does not separate thousands, where words were found."""
    words = [word.text for word in samples.words.values()]
    if samples.targets is not None:
        words += list(samples.targets)
    return any("," in word and has_decimal_comma(word) and not may_have_thousands(word) for word in words)


def _n_columns_of_words(samples: Samples, decimal: str) -> int:
    targets = () if samples.targets is None else samples.targets
    return len(samples.words) + any(word and np.isnan(to_number(word, decimal)) for word in targets)
