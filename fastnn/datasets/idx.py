"""IDX, the file format of MNIST: an array with a short header."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from fastnn.datasets.compressed import most_unpacked
from fastnn.npz import read_exactly

GZIP = b"\x1f\x8b"
MOST_DIMENSIONS = 64  # NumPy's limit


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file of unsigned bytes, plain or gzip.

    The format: two zero bytes, a byte for the type of the values (8: unsigned byte), a byte for the number of
    dimensions, each dimension as a big-endian 32-bit integer, then the values in row-major order.

    Parameters
    ----------
    path : str or path-like
        File to read; gzip is recognised by its content.

    Returns
    -------
    ndarray of uint8
        Array of the declared shape; read-only.

    Raises
    ------
    ValueError
        If the file is not an IDX file of unsigned bytes, is shorter or longer than declared, or is compressed and declares
        more than 64 MiB and 200 times its size.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        is_compressed = file.read(2) == GZIP
        file.seek(0)
        try:
            return _read_compressed(path, file) if is_compressed else _read_plain(path, file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is damaged or truncated: {error}.") from None


def _read_plain(path: Path, file: IO[bytes]) -> np.ndarray:
    shape, size = _read_header(path, file), os.fstat(file.fileno()).st_size
    n_expected = file.tell() + math.prod(shape)
    if size != n_expected:
        problem = "is truncated" if size < n_expected else "is too long"
        raise ValueError(f"{path} {problem}: its header declares {n_expected} bytes for the shape {shape}, got {size}.")
    return _read_values(path, file, shape)


def _read_compressed(path: Path, file: IO[bytes]) -> np.ndarray:
    with cast(IO[bytes], gzip.GzipFile(fileobj=file)) as stream:
        shape, limit = _read_header(path, stream), most_unpacked(path)
        if math.prod(shape) > limit:
            raise ValueError(
                f"{path} declares {math.prod(shape):,} bytes for the shape {shape}, but at most {limit:,} are read from "
                "a compressed file of its size: if the shape is right, unpack it first."
            )
        return _read_values(path, stream, shape)


def _read_header(path: Path, stream: IO[bytes]) -> tuple[int, ...]:
    """Read the header, and return the declared shape."""
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0":
        raise ValueError(f"{path} is not an IDX file: it must start with two zero bytes, got {start.hex(' ')}.")
    value_type, n_dimensions = start[2:]
    if value_type != 8:
        raise ValueError(f"{path} must hold unsigned bytes (type 8), got type {value_type}.")
    if n_dimensions > MOST_DIMENSIONS:
        raise ValueError(f"{path} must have at most {MOST_DIMENSIONS} dimensions, got {n_dimensions}.")
    sizes = stream.read(4 * n_dimensions)
    if len(sizes) < 4 * n_dimensions:
        raise ValueError(f"{path} is truncated: it ends after {4 + len(sizes)} bytes, within its header.")
    return struct.unpack(f">{n_dimensions}I", sizes)


def _read_values(path: Path, stream: IO[bytes], shape: tuple[int, ...]) -> np.ndarray:
    try:
        values = read_exactly(stream, math.prod(shape)).reshape(shape)
    except ValueError as error:
        raise ValueError(f"{path} does not match the shape {shape} declared in its header: {error}.") from None
    values.flags.writeable = False
    return values
