"""Files of named arrays in the safetensors format, which holds no code: a JSON table of contents, then the bytes.

The `safetensors` package checks the table against the size of the file, so an array is never larger than its file. But it
parses any table, which may take fifty times as much memory as the table has bytes; so tables are measured before.
"""

import json
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate, pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

#: NumPy's dtypes by their names in the format; it has others, such as BF16, which NumPy lacks.
DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "U16": np.dtype(np.uint16),
    "I16": np.dtype(np.int16),
    "U32": np.dtype(np.uint32),
    "I32": np.dtype(np.int32),
    "U64": np.dtype(np.uint64),
    "I64": np.dtype(np.int64),
    "F16": np.dtype(np.float16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}

#: Bytes of memory that each character of a JSON text and each value in it take at most while it is parsed, and how many
#: bytes parsing may always take. If a single character is beyond ASCII, Python may need four bytes for each.
BYTES_PER_CHARACTER, BYTES_PER_WIDE_CHARACTER, BYTES_PER_VALUE, ALWAYS_PARSED = 6, 10, 160, 48 * 2**20

#: A file starts with the length of its table of contents in 8 bytes. The format limits the table to 100 MB.
N_LENGTH_BYTES, LONGEST_TABLE = 8, 100_000_000


class UnreadableError(ValueError):
    """A file is damaged, is of another format, or would take too much memory."""


class Declaration(NamedTuple):
    """What the table of contents says about an array."""

    shape: tuple[int, ...]
    dtype: np.dtype


class TensorFile:
    """The arrays of an open file by name, each read when it is asked for.

    Attributes
    ----------
    names : frozenset of str
        Names of the arrays.
    metadata : dict of str to str
        The texts beside them.
    size : int
        Bytes of the file.
    """

    def __init__(self, file: Any, size: int) -> None:
        self._file, self.size = file, size
        self.names: frozenset[str] = frozenset(file.keys())
        self.metadata: dict[str, str] = file.metadata() or {}

    def declaration(self, name: str) -> Declaration:
        """The shape and dtype of an array, without reading it; KeyError if there is none of that name."""
        if name not in self.names:
            raise KeyError(name)
        part = self._file.get_slice(name)
        if part.get_dtype() not in DTYPES:
            raise UnreadableError(f"{name} has the type {part.get_dtype()}, which NumPy lacks")
        return Declaration(tuple(part.get_shape()), DTYPES[part.get_dtype()])

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of that name; KeyError if there is none."""
        self.declaration(name)
        array: np.ndarray = self._file.get_tensor(name)
        return array


@contextmanager
def open_tensors(path: Path) -> Iterator[TensorFile]:
    """Open a file for reading.

    Raises
    ------
    UnreadableError
        If it is damaged or in another format.
    OSError
        If it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe would wait for a writer
        raise OSError(f"{path} is not a regular file: nothing can be read from it.")
    with path.open("rb") as start:
        table = _table_of(start, status.st_size)
    if not table.startswith("{"):  # by the definition of the format
        raise UnreadableError("it is not in the safetensors format")
    _check_table(table, status.st_size)
    try:
        with safe_open(path, framework="numpy") as file:
            yield TensorFile(file, status.st_size)
    except SafetensorError as error:
        raise UnreadableError(str(error)) from error


def contents(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file, always the same for the same arrays and texts.

    Raises
    ------
    ValueError
        If the texts are too long to be read back.
    """
    # Large items first, so that each array is aligned to its items.
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    values = [np.asarray(array, array.dtype.newbyteorder("<")).tobytes() for _, array in ordered]
    stops = list(accumulate(map(len, values), initial=0))
    table = {"__metadata__": dict(metadata)} | {
        name: {"dtype": NAMES[array.dtype.newbyteorder("=")], "shape": array.shape, "data_offsets": offsets}
        for (name, array), offsets in zip(ordered, pairwise(stops), strict=True)
    }
    text = json.dumps(table, separators=(",", ":"))
    text += " " * (-len(text) % N_LENGTH_BYTES)
    try:
        _check_table(text, N_LENGTH_BYTES + len(text) + stops[-1])
    except UnreadableError as error:
        raise ValueError(f"Names, labels and metadata are too large to be saved: {error}.") from error
    return b"".join([len(text).to_bytes(N_LENGTH_BYTES, "little"), text.encode("ascii"), *values])


def is_storable(dtype: np.dtype) -> bool:
    """Whether arrays of a dtype can be stored."""
    return dtype.newbyteorder("=") in NAMES


def parsed(text: str, file_size: int) -> Any:
    """What a JSON text from a file of that size holds; UnreadableError if it would take too much memory."""
    _check_cost(text, BYTES_PER_CHARACTER, file_size)
    return json.loads(text)


def _table_of(file: IO[bytes], file_size: int) -> str:
    """The table of contents of a file of that size, cut off where it is too long."""
    n_bytes = int.from_bytes(file.read(N_LENGTH_BYTES), "little")
    return file.read(min(n_bytes, file_size, LONGEST_TABLE + 1)).decode("latin-1")


def _check_table(table: str, file_size: int) -> None:
    """Raise UnreadableError if the table of contents of a file of that size is too long."""
    if len(table) > LONGEST_TABLE:
        raise UnreadableError(f"its description has more than {LONGEST_TABLE:,} characters")
    _check_cost(table, BYTES_PER_CHARACTER, file_size)
    if not table.isascii() or "\\u" in table.replace("\\\\", ""):  # one that is not itself escaped
        _check_cost(table, BYTES_PER_WIDE_CHARACTER, file_size)


def _check_cost(text: str, bytes_per_character: int, file_size: int) -> None:
    """Raise UnreadableError if a JSON text from a file of that size would take too much memory."""
    n_values = sum(map(text.count, ",[{:")) + 1
    if len(text) * bytes_per_character + n_values * BYTES_PER_VALUE > ALWAYS_PARSED + file_size:
        raise UnreadableError(
            f"its description has about {len(text):,} characters and {n_values:,} values, more than a file of its size may "
            "have"
        )
