"""Compressed text files, and protection against decompression bombs."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_OPEN: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

#: Extensions of compressed files.
COMPRESSIONS = (*_OPEN, ".zip")

#: Content is rejected if it exceeds both this many bytes and this many times the file size: tables typically shrink to a
#: tenth.
ALWAYS_READ, MAX_RATIO = 64 * 2**20, 200


def most_unpacked(path: Path) -> int:
    """Largest unpacked size allowed for a compressed file, in bytes."""
    return max(ALWAYS_READ, MAX_RATIO * path.stat().st_size)


def check_unpacked_size(path: Path) -> None:
    """Reject a compressed file whose content might fill the memory, without keeping any of it."""
    limit = most_unpacked(path)
    n_bytes = 0
    with _unpacked(path) as file:
        while chunk := file.read(2**20):
            n_bytes += len(chunk)
            if n_bytes > limit:
                raise ValueError(
                    f"its content is more than {limit // 2**20:,} MiB, over {MAX_RATIO} times the size of the file; "
                    "if that is right, unpack it first"
                )


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            if len(archive.namelist()) != 1:
                raise ValueError(f"expected a single file in it, got {len(archive.namelist())}")
            with archive.open(archive.namelist()[0]) as file:
                yield file
        return
    with _OPEN[path.suffix.lower()](path, "rb") as file:
        yield file
