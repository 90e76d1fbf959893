"""Malicious files, built for tests and the fuzz script."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import fastnn

# Files of fastnn, in the safetensors format


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name."""
    return load_file(path)


def texts_of(path: Path) -> dict[str, str]:
    """The texts beside the arrays of a file."""
    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}


def header_of(path: Path) -> dict[str, Any]:
    """The header of a saved network."""
    return json.loads(texts_of(path)["header"])


def rewrite_header(path: Path, change: Callable[[dict[str, Any]], Any] | str) -> None:
    """Change the header of a saved network with a function, or replace it by a text; with a correct checksum."""
    text = json.dumps(_changed(header_of(path), change)) if callable(change) else change
    write_texts(path, texts_of(path) | {"header": text, "checksum": str(zlib.crc32(text.encode()))})


def rewrite_arrays(path: Path, change: Callable[[dict[str, np.ndarray]], Any]) -> None:
    """Change the arrays of a saved network by name with a function; with correct checksums."""
    arrays = {name: np.array(array, order="C") for name, array in _changed(arrays_of(path), change).items()}
    save_file(arrays, path, texts_of(path))
    rewrite_header(
        path, lambda header: header.update(checksums={name: checksum(each) for name, each in arrays.items()})
    )


def checksum(array: np.ndarray) -> int:
    """The checksum that a header has of an array."""
    return zlib.crc32(array.tobytes())


def write_texts(path: Path, texts: dict[str, str]) -> None:
    """Replace the texts beside the arrays of a file."""
    save_file(arrays_of(path), path, texts)


def split_file(path: Path) -> tuple[bytes, bytes]:
    """The table of contents of a file, a JSON text, and the bytes of its arrays."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return content[8:end], content[end:]


def write_raw(path: Path, table: bytes, arrays: bytes = b"", n_bytes: int | None = None) -> None:
    """Write a file with any table of contents, which may claim any length."""
    path.write_bytes(struct.pack("<Q", len(table) if n_bytes is None else n_bytes) + table + arrays)


def rewrite_table(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the table of contents of a file with a function; the bytes of its arrays and the checksums stay."""
    table, arrays = split_file(path)
    write_raw(path, json.dumps(_changed(json.loads(table), change)).encode(), arrays)


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """What a function returns, or what it has changed if it returns nothing."""
    returned = change(value)
    return value if returned is None else returned


def nested(depth: int) -> str:
    """JSON nested to this depth."""
    return "[" * depth + "]" * depth


# Data, in NumPy's formats


def npy_header(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    """What an ``.npy`` file starts with."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def members_of(path: Path) -> dict[str, bytes]:
    """The members of an archive by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Write an archive with correct checksums."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def bytes_of(array: Any) -> bytes:
    """An array as a member."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def write_bomb(path: Path, name: str, header: bytes, n_bytes: int) -> None:
    """Add a member that unpacks to a header and many zeros, and takes a thousandth of that in the file."""
    chunk = bytes(2**20)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        member.write(header)
        for _ in range(n_bytes // len(chunk)):
            member.write(chunk)


def encrypt(path: Path) -> None:
    """Set the flag of encryption on every member of an archive."""
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        while start >= 0:
            flags = struct.unpack_from("<H", content, start + offset)[0]
            struct.pack_into("<H", content, start + offset, flags | 1)
            start = content.find(signature, start + 4)
    path.write_bytes(content)


# Networks, and data to train them on

X, Y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2


def new_network(seed=0, sizes=(3, 4, 2)):
    return fastnn.Network(sizes, "tanh", backend="numpy", dtype="float64", dropout=0.1, seed=seed)


def fit(network, **options):
    defaults = {"optimizer": fastnn.SGD(0.1, momentum=0.9), "epochs": 3, "batch_size": 8, "progress": False}
    return network.fit(X, Y, **{**defaults, **options})
