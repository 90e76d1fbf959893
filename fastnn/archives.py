"""Files of fastnn: a header and arrays in NumPy's ``.npz`` format, written whole or not at all, and never pickled."""

import contextlib
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastnn.architecture import Architecture

FORMAT = "fastnn network"
FORMAT_VERSION = 1


def describe(architecture: Architecture, dtype: np.dtype) -> dict[str, Any]:
    """What every header says: format, and the network whose parameters are in the file."""
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "layer_sizes": list(architecture.layer_sizes),
        "activations": list(architecture.activations),
        "loss": architecture.loss.name,
        "loss_options": architecture.loss.settings,
        "normalization": list(architecture.normalizations[:-1]),
        "dropout": list(architecture.dropout[:-1]),
        "dtype": dtype.name,
    }


def write_archive(path: Path, header: dict[str, Any], members: dict[str, np.ndarray]) -> None:
    """Write a header of JSON's types, and arrays by name, to one file."""
    text = np.array(json.dumps(header).encode("ascii"))

    def write(file: BinaryIO) -> None:
        np.savez(file, allow_pickle=False, header=text, **members)

    write_atomically(path, write)


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and all arrays of a file that `write_archive` wrote.

    Raises
    ------
    ValueError
        If it is none, is damaged, or was written by a newer fastnn.
    OSError
        If it cannot be read.
    """
    members = _read_members(path)
    try:
        header: dict[str, Any] = json.loads(members["header"].item())
        format_name, version = header["format"], header["version"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is not a network saved by fastnn.") from None
    if format_name != FORMAT:
        raise ValueError(f"{path} is not a network saved by fastnn.")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} is in version {version} of the file format, and this fastnn reads version {FORMAT_VERSION}: "
            "install the fastnn that wrote it, or a newer one."
        )
    return header, members


def misfit(path: Path, error: Exception) -> ValueError:
    """What to raise for a file whose checksums are right and whose content is not."""
    return ValueError(f"{path} is damaged: its header and its arrays do not fit together ({error}).")


def check_writable(path: Path) -> None:
    """Raise OSError if a file of that name cannot be written."""
    with contextlib.suppress(_WritableError):
        write_atomically(path, _give_up)


class _WritableError(Exception):
    """There is a file to write to."""


def _give_up(file: BinaryIO) -> None:
    raise _WritableError


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Call `write` with a new file beside `path`, then move that file into place in one step."""
    target = Path(os.path.realpath(path))  # through a symbolic link: the link stays, its file is replaced
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a regular file: nothing can be saved there.")
    temporary = target.with_name(f".fastnn-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException as error:  # Ctrl-C too must not leave the temporary file behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # not the temporary name, which means nothing to the caller
            error.filename2 = None
        raise
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    """Make the new name survive a power cut, on systems where a folder can be opened for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read_members(path: Path) -> dict[str, np.ndarray]:
    """Every array of an ``.npz`` file by name, after its checksums have been compared."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            raise ValueError(f"{path} is not a network saved by fastnn.")
        try:
            with zipfile.ZipFile(file) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"the checksum of {damaged} is wrong")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except MemoryError:
            raise
        except Exception as error:  # zipfile meets damaged bytes with a dozen kinds of exception
            raise ValueError(f"{path} is damaged or is not a network saved by fastnn ({error}).") from error
