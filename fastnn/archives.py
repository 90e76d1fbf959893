"""fastnn's file format: a JSON header and arrays in an ``.npz`` file, written atomically and never pickled."""

import contextlib
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastnn.architecture import Architecture
from fastnn.npz import ArrayArchive, UnreadableError

try:
    import fcntl
except ImportError:  # not on Windows, where leftovers stay
    fcntl = None  # type: ignore[assignment]

FORMAT = "fastnn network"
FORMAT_VERSION = 1

#: At most this many bytes, or this many times the size of the file, are unpacked from it. fastnn does not compress.
ALWAYS_READ, MAX_RATIO = 16 * 2**20, 20

#: Bytes of a header that are always read, whatever the size of the file; parsing takes up to thirty times as much memory.
HEADER_ALWAYS_READ = 2**20

#: Nesting depth allowed in a header, and in each value that is put into one.
MAX_DEPTH, MAX_DEPTH_OF_PART = 100, 90


def describe(architecture: Architecture, dtype: np.dtype) -> dict[str, Any]:
    """The entries of every header: the format, and the architecture and dtype of the network."""
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
    } | _describe_tables(architecture)


def _describe_tables(architecture: Architecture) -> dict[str, Any]:
    """The entries for networks with features for tables, without which files are as they have always been."""
    entries: dict[str, Any] = {}
    if any(architecture.parametric):
        entries["parametric"] = list(architecture.parametric[:-1])
    if not architecture.inputs.is_plain:
        entries["inputs"] = architecture.inputs.description
    if architecture.parametrization != "standard":
        entries["parametrization"] = architecture.parametrization
    return entries


def write_archive(path: Path, header: dict[str, Any], members: dict[str, np.ndarray]) -> None:
    """Write a header of JSON types, and arrays by name, to one file."""
    text = np.array(json.dumps(header).encode("ascii"))

    def write(file: BinaryIO) -> None:
        np.savez(file, allow_pickle=False, header=text, **members)

    write_atomically(path, write)


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[tuple[dict[str, Any], ArrayArchive]]:
    """The header of a file written by `write_archive`, and its arrays, which are read lazily.

    Raises
    ------
    ValueError
        If it is not such a file, is damaged, or was written by a newer fastnn.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            raise ValueError(f"{path} is not a network saved by fastnn.")
        size = os.fstat(file.fileno()).st_size
        try:
            arrays = ArrayArchive(file, max(ALWAYS_READ, MAX_RATIO * size))
            yield _read_header(path, arrays, max(HEADER_ALWAYS_READ, size)), arrays
        except UnreadableError as error:
            raise ValueError(f"{path} is damaged or is not a network saved by fastnn ({error}).") from error


def _read_header(path: Path, arrays: ArrayArchive, most_bytes: int) -> dict[str, Any]:
    try:
        if arrays.declaration("header").n_bytes > most_bytes:
            raise UnreadableError(f"header: it unpacks to more than {most_bytes:,} bytes")
        header: dict[str, Any] = json.loads(arrays["header"].item())
        format_name, version = header["format"], header["version"]
    except RecursionError:
        raise ValueError(f"{path} is damaged: its header has lists or dictionaries nested too deeply.") from None
    except UnreadableError:
        raise
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is not a network saved by fastnn.") from None
    if format_name != FORMAT:
        raise ValueError(f"{path} is not a network saved by fastnn.")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has version {version} of the file format, but this fastnn reads version {FORMAT_VERSION}: "
            "install the fastnn that wrote it, or a newer one."
        )
    check_depth(header, f"The header of {path}", MAX_DEPTH)
    return header


def read_header(path: Path) -> dict[str, Any]:
    """The header alone; raises what `open_archive` does."""
    with open_archive(path) as (header, _):
        return header


def check_depth(value: Any, name: str, max_depth: int = MAX_DEPTH_OF_PART) -> None:
    """Raise ValueError if lists and dictionaries are nested too deeply for recursive functions."""
    level = [value]
    for _ in range(max_depth):
        items = (item for part in level for item in (part.values() if isinstance(part, dict) else part))
        level = list({id(item): item for item in items if isinstance(item, dict | list | tuple)}.values())
        if not level:
            return
    raise ValueError(f"{name} must not have lists or dictionaries nested more than {max_depth} levels deep.")


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Turn errors from invalid content, in a file with valid checksums, into a ValueError that names the file."""
    try:
        yield
    except UnreadableError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged: its header and its arrays do not match ({str(error) or type(error).__name__})."
        ) from error


def check_writable(path: Path) -> None:
    """Raise OSError if a file of that name cannot be written; remove temporary files left by killed processes."""
    remove_leftovers(path)
    with contextlib.suppress(_WritableError):
        write_atomically(path, _give_up)


class _WritableError(Exception):
    """The file can be written."""


def _give_up(file: BinaryIO) -> None:
    raise _WritableError


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Call `write` with a new file in the folder of `path`, then move that file into place in one step."""
    target = Path(os.path.realpath(path))  # follows symbolic links: the link stays, its file is replaced
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a regular file: nothing can be saved there.")
    temporary = None
    try:
        with _new_file_beside(target) as file:
            temporary = Path(file.name)
            write(file)
            file.flush()
            os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            if fcntl is not None:  # while the file is locked, no other process takes it for a leftover
                temporary.replace(target)
        if fcntl is None:  # Windows, where an open file cannot be moved
            temporary.replace(target)
    except BaseException as error:  # Ctrl-C must not leave the temporary file behind either
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # the temporary name means nothing to the caller
            error.filename2 = None
        raise
    _flush_folder(target.parent)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files for that name left by killed processes: those that no process has locked."""
    target = Path(os.path.realpath(path))
    for leftover in [] if fcntl is None else target.parent.glob(_temporary_name(target, "*")):
        with contextlib.suppress(OSError), leftover.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def _new_file_beside(target: Path) -> BinaryIO:
    """A temporary file, locked while it is open, so that others can tell it from a leftover of a killed process."""
    while True:
        path = target.with_name(_temporary_name(target, secrets.token_hex(8)))
        file = path.open("xb")
        with contextlib.suppress(OSError):  # on file systems without locks
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():  # otherwise another process took it for a leftover before it was locked
            return file
        file.close()


def _temporary_name(target: Path, token: str) -> str:
    """A temporary name specific to the target, of a fixed length."""
    return f".fastnn-{zlib.crc32(os.fsencode(target.name)):08x}-{token}.tmp"


def _flush_folder(folder: Path) -> None:
    """Make the new name survive a power failure, on systems where a folder can be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
