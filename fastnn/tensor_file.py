"""Files of named arrays in the safetensors format, which holds no code: a JSON table of contents, then the bytes.

The `safetensors` package checks the table against the size of the file, so an array is never larger than its file.
"""

import json
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

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

#: Bytes that a value of JSON text takes in Python at most, and how many bytes all values of a text may always take.
BYTES_PER_VALUE, ALWAYS_PARSED = 100, 48 * 2**20


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
    names : list of str
        Names of the arrays.
    metadata : dict of str to str
        The texts beside them.
    size : int
        Bytes of the file.
    """

    def __init__(self, file: Any, size: int) -> None:
        self._file, self.size = file, size
        self.names: list[str] = list(file.keys())
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
    try:
        with safe_open(path, framework="numpy") as file:
            yield TensorFile(file, status.st_size)
    except SafetensorError as error:
        raise UnreadableError(str(error)) from error


def contents(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file with these arrays and texts."""
    from safetensors.numpy import save

    # The package would write a transposed or byte-swapped array as it lies in memory.
    plain = {name: np.asarray(array, array.dtype.newbyteorder("="), order="C") for name, array in arrays.items()}
    written: bytes = save(plain, dict(metadata))
    return written


def is_storable(dtype: np.dtype) -> bool:
    """Whether arrays of a dtype can be stored."""
    return dtype.newbyteorder("=") in DTYPES.values()


def parsed(text: str, file_size: int) -> Any:
    """What a JSON text from a file of that size holds; UnreadableError if it would take too much memory."""
    n_values = sum(map(text.count, ",[{:")) + 1
    if n_values * BYTES_PER_VALUE > ALWAYS_PARSED + file_size:
        raise UnreadableError(f"its description has about {n_values:,} values, more than a file of its size may have")
    return json.loads(text)
