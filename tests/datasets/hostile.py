"""Malicious files, built for tests and the fuzz script."""

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import fastnn


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


def rewrite_header(path: Path, change: Any) -> None:
    """Change the header of a saved network with a function, or replace it by a text."""
    members, text = members_of(path), change
    if callable(change):
        header = json.loads(np.load(io.BytesIO(members["header.npy"])).item())
        text = json.dumps(change(header) or header)
    write_members(path, members | {"header.npy": bytes_of(np.array(text.encode()))})


def nested(depth: int) -> str:
    """JSON nested to this depth."""
    return "[" * depth + "]" * depth


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


X, Y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2


def new_network(seed=0, sizes=(3, 4, 2)):
    return fastnn.Network(sizes, "tanh", backend="numpy", dtype="float64", dropout=0.1, seed=seed)


def fit(network, **options):
    defaults = {"optimizer": fastnn.SGD(0.1, momentum=0.9), "epochs": 3, "batch_size": 8, "progress": False}
    return network.fit(X, Y, **{**defaults, **options})
