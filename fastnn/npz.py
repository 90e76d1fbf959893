"""A safe reader of NumPy's ``.npz`` and ``.npy`` formats, which checks declared sizes before it allocates memory.

A small file may unpack to gigabytes, and may lie about it. So an array is only read on request, after its header has
declared its size, and never beyond that size.
"""

import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

#: Largest array header in bytes; NumPy writes no more than a few hundred.
LARGEST_HEADER = 2**16
CHUNK = 2**20

#: NumPy's compression methods; the other methods of zip cannot be unpacked in chunks.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1  # bit in a member's flags

_READ_HEADER: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


class UnreadableError(ValueError):
    """An array is damaged, or larger than it may be."""


class Declaration(NamedTuple):
    """The header of an array: shape, memory order and dtype."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype

    @property
    def n_bytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


class ArrayArchive:
    """The arrays of an ``.npz`` file by name.

    Parameters
    ----------
    file : file
        Open for reading, for as long as arrays are read.
    most_bytes : int
        Largest total size of the unpacked arrays that are read, in bytes.

    Raises
    ------
    UnreadableError
        Here and in the methods, if the file is damaged or too large.
    """

    def __init__(self, file: IO[bytes], most_bytes: int) -> None:
        self._left = most_bytes
        self._arrays: dict[str, np.ndarray] = {}
        with _explained("its table of contents"):
            self._archive = zipfile.ZipFile(file)
        members = self._archive.infolist()
        self._members = {member.filename.removesuffix(".npy"): member for member in members}

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        return list(self._members)

    def declaration(self, name: str) -> Declaration:
        """The header of an array, without reading its values."""
        with self._opened(name) as stream:
            return read_declaration(stream)

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of that name; KeyError if there is none."""
        if name not in self._arrays:
            with self._opened(name) as stream:
                declaration = read_declaration(stream)
                self._check_size(name, stream.tell(), declaration)
                self._arrays[name] = read_values(stream, declaration)
        return self._arrays[name]

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        member = self._members[name]
        with _explained(member.filename):
            if member.flag_bits & ENCRYPTED:
                raise ValueError("it is encrypted")
            if member.compress_type not in METHODS:
                raise ValueError("it is compressed by a method that NumPy does not use")
            with self._archive.open(member) as stream:
                yield stream

    def _check_size(self, name: str, n_before: int, declaration: Declaration) -> None:
        """Compare the declared size of an array with the remaining limit, and with the archive's table of contents."""
        member, n_bytes = self._members[name], n_before + declaration.n_bytes
        if n_bytes > self._left:
            raise ValueError(
                f"it unpacks to {declaration.n_bytes / 2**20:,.0f} MiB, and at most {self._left / 2**20:,.0f} MiB are read "
                "from a file of this size; if its size is right, save it without compression"
            )
        if n_bytes != member.file_size or (
            member.compress_type == zipfile.ZIP_STORED and n_bytes > member.compress_size
        ):
            raise ValueError(f"it declares {n_bytes:,} bytes, but the archive has {member.file_size:,}")
        self._left -= n_bytes


def read_array(file: IO[bytes], size: int) -> np.ndarray:
    """The array in an ``.npy`` file of that size in bytes."""
    with _explained("its array"):
        declaration = read_declaration(file)
        if file.tell() + declaration.n_bytes != size:
            raise ValueError(f"it declares {file.tell() + declaration.n_bytes:,} bytes, but the file has {size:,}")
        return read_values(file, declaration)


def read_declaration(stream: IO[bytes]) -> Declaration:
    """Read the header of an array in the ``.npy`` format, up to its values."""
    version = npy.read_magic(stream)
    if version not in _READ_HEADER:
        raise ValueError(f"it has version {version} of NumPy's format, but only versions 1 and 2 are supported")
    declaration = Declaration(*_READ_HEADER[version](_Bounded(stream)))
    if declaration.dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    if min(declaration.shape, default=0) < 0:
        raise ValueError(f"its shape is {declaration.shape}")
    return declaration


def read_values(stream: IO[bytes], declaration: Declaration) -> np.ndarray:
    """Read the values of an array: exactly as many as its header declares."""
    content = read_exactly(stream, declaration.n_bytes)
    order: Any = "F" if declaration.is_fortran else "C"
    return np.ndarray(declaration.shape, declaration.dtype, content.data, order=order)


def read_exactly(stream: IO[bytes], n_bytes: int) -> np.ndarray:
    """Read the rest of a stream, which must have exactly that many bytes."""
    content = np.empty(n_bytes, np.uint8)
    n_read = 0
    while chunk := stream.read(min(CHUNK, n_bytes - n_read)):
        content[n_read : n_read + len(chunk)] = np.frombuffer(chunk, np.uint8)
        n_read += len(chunk)
    if n_read < n_bytes:
        raise EOFError(f"{n_bytes:,} bytes are declared, but there are {n_read:,}")
    if stream.read(1):  # reading to the end also verifies the checksum of a compressed stream
        raise ValueError(f"{n_bytes:,} bytes are declared, but there are more")
    return content


class _Bounded:
    """A stream from which NumPy reads a header, of limited length."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, n_bytes: int) -> bytes:
        if n_bytes > LARGEST_HEADER:
            raise ValueError(f"its header claims to have {n_bytes:,} bytes")
        return self._stream.read(n_bytes)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn the dozen kinds of exception that zipfile, zlib and NumPy raise for damaged data into UnreadableError."""
    try:
        yield
    except Exception as error:
        raise UnreadableError(f"{what}: {str(error) or type(error).__name__}") from error
