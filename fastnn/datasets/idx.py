"""IDX, the file format of MNIST: an array with a short header."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np


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
