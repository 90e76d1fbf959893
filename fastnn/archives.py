"""Files of fastnn: a header and arrays in NumPy's ``.npz`` format, written whole or not at all, and never pickled."""

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

#: What is read of a file may have this many bytes unpacked, and this many times those of the file. fastnn does not compress.
ALWAYS_READ, MAX_RATIO = 16 * 2**20, 20

#: Bytes of a header that are read whatever the size of the file: parsed, it takes up to thirty times as many.
HEADER_ALWAYS_READ = 2**20

#: Levels of lists and dictionaries within a header, and within each thing that goes into one.
MAX_DEPTH, MAX_DEPTH_OF_PART = 100, 90


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


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[tuple[dict[str, Any], ArrayArchive]]:
    """The header of a file that `write_archive` wrote, and its arrays, each of which is read when it is asked for.

    Raises
    ------
    ValueError
        If it is none, is damaged, or was written by a newer fastnn.
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
            raise UnreadableError(f"header: it has more than {most_bytes:,} bytes when unpacked")
        header: dict[str, Any] = json.loads(arrays["header"].item())
        format_name, version = header["format"], header["version"]
    except RecursionError:
        raise ValueError(
            f"{path} is damaged: its header has lists or dictionaries that are nested too deeply."
        ) from None
    except UnreadableError:
        raise
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is not a network saved by fastnn.") from None
    if format_name != FORMAT:
        raise ValueError(f"{path} is not a network saved by fastnn.")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} is in version {version} of the file format, and this fastnn reads version {FORMAT_VERSION}: "
            "install the fastnn that wrote it, or a newer one."
        )
    check_depth(header, f"The header of {path}", MAX_DEPTH)
    return header


def read_header(path: Path) -> dict[str, Any]:
    """The header alone; raises what `open_archive` does."""
    with open_archive(path) as (header, _):
        return header


def check_depth(value: Any, name: str, max_depth: int = MAX_DEPTH_OF_PART) -> None:
    """Raise ValueError if lists and dictionaries are nested too deeply to go through them by recursion."""
    level = [value]
    for _ in range(max_depth):
        items = (item for part in level for item in (part.values() if isinstance(part, dict) else part))
        level = list({id(item): item for item in items if isinstance(item, dict | list | tuple)}.values())
        if not level:
            return
    raise ValueError(f"{name} must not have lists or dictionaries more than {max_depth} levels deep.")


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Raise ValueError with a sentence where a file, whose checksums are right, has content that is not."""
    try:
        yield
    except UnreadableError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged: its header and its arrays do not fit together ({str(error) or type(error).__name__})."
        ) from error


def check_writable(path: Path) -> None:
    """Raise OSError if a file of that name cannot be written; remove what killed processes have left of earlier ones."""
    remove_leftovers(path)
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
    temporary = None
    try:
        with _new_file_beside(target) as file:
            temporary = Path(file.name)
            write(file)
            file.flush()
            os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            if fcntl is not None:  # while the file is locked, nobody takes it for a leftover
                temporary.replace(target)
        if fcntl is None:  # where an open file cannot be moved
            temporary.replace(target)
    except BaseException as error:  # Ctrl-C too must not leave the temporary file behind
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # not the temporary name, which means nothing to the caller
            error.filename2 = None
        raise
    _flush_folder(target.parent)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of that name which killed processes have left: those that no process has locked."""
    target = Path(os.path.realpath(path))
    for leftover in [] if fcntl is None else target.parent.glob(_temporary_name(target, "*")):
        with contextlib.suppress(OSError), leftover.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def _new_file_beside(target: Path) -> BinaryIO:
    """A temporary file, locked as long as it is open, so that others can tell it from one that a kill has left."""
    while True:
        path = target.with_name(_temporary_name(target, secrets.token_hex(8)))
        file = path.open("xb")
        with contextlib.suppress(OSError):  # on file systems without locks
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():  # or else another process took it for a leftover, before it was locked
            return file
        file.close()


def _temporary_name(target: Path, token: str) -> str:
    """A name that belongs to the target, and is no longer for a longer one."""
    return f".fastnn-{zlib.crc32(os.fsencode(target.name)):08x}-{token}.tmp"


def _flush_folder(folder: Path) -> None:
    """Make the new name survive a power cut, on systems where a folder can be opened for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
