"""fastnn's file format: arrays in safetensors, described by a JSON header in its metadata, and written atomically."""

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

from fastnn.tensor_file import TensorFile, UnreadableError, contents, open_tensors, parsed

try:
    import fcntl
except ImportError:  # not on Windows, where leftovers stay
    fcntl = None  # type: ignore[assignment]

FORMAT = "fastnn network"
FORMAT_VERSION = 1

#: The most characters of a file, or of an error about it, that are quoted.
LONGEST_QUOTED = 400

#: Nesting depth allowed in a header, and in each value that is put into one.
MAX_DEPTH, MAX_DEPTH_OF_PART = 100, 90


def write_archive(path: Path, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a header of JSON types, and arrays by name, to one file, with checksums of both."""
    text = json.dumps(header | {"checksums": {name: checksum(array) for name, array in arrays.items()}})
    about = {"format": FORMAT, "version": str(FORMAT_VERSION), "checksum": str(zlib.crc32(text.encode()))}
    content = contents(arrays, about | {"header": text})

    def write(file: BinaryIO) -> None:
        file.write(content)

    write_atomically(path, write)


def checksum(array: np.ndarray) -> int:
    """A checksum of the bytes of an array, in the order in which they are in a file."""
    return zlib.crc32(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data) if array.size else 0


class Arrays:
    """The arrays of an open file by name, each read and compared with its checksum when it is asked for.

    Each can be read once: otherwise a header of a few bytes could ask for the same array a million times.
    """

    def __init__(self, file: TensorFile, checksums: dict[str, int]) -> None:
        self._file, self._checksums = file, checksums
        self._used: set[str] = set()
        self.names, self.declaration = file.names, file.declaration

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of that name.

        Raises
        ------
        KeyError
            If there is none.
        ValueError
            If it has been read before.
        UnreadableError
            If it has changed since it was written.
        """
        if name in self._used:
            raise ValueError(f"{name} is used twice")
        self._used.add(name)
        array = self._file[name]
        if checksum(array) != self._checksums.get(name):
            raise UnreadableError(f"the checksum of {name} is wrong")
        return array


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[tuple[dict[str, Any], Arrays]]:
    """The header of a file written by `write_archive`, and its arrays.

    Raises
    ------
    ValueError
        If it is not such a file, is damaged, or was written by a newer fastnn.
    OSError
        If it cannot be read.
    """
    try:
        with open_tensors(path) as file:
            header = _read_header(path, file)
            yield header, Arrays(file, header.pop("checksums"))
    except UnreadableError as error:
        raise ValueError(f"{path} is damaged or is not a network saved by fastnn ({_reason(error)}).") from error


def _read_header(path: Path, file: TensorFile) -> dict[str, Any]:
    about = file.metadata
    if about.get("format") != FORMAT:
        raise ValueError(f"{path} is not a network saved by fastnn.")
    if (version := about.get("version", "")) != str(FORMAT_VERSION):
        raise ValueError(
            f"{path} has version {quoted(version)} of the file format, but this fastnn reads version "
            f"{FORMAT_VERSION}: install the fastnn that wrote it, or a newer one."
        )
    text = about.get("header", "")
    if str(zlib.crc32(text.encode())) != about.get("checksum"):
        raise UnreadableError("the checksum of its header is wrong")
    header = _parsed_header(path, text, file.size)
    check_depth(header, f"The header of {path}", MAX_DEPTH)
    return header


def _parsed_header(path: Path, text: str, size: int) -> dict[str, Any]:
    try:
        header = parsed(text, size)
    except RecursionError:
        raise ValueError(f"{path} is damaged: its header has lists or dictionaries nested too deeply.") from None
    except UnreadableError:
        raise
    except ValueError as error:
        raise UnreadableError(f"its header is no JSON: {error}") from error
    if not isinstance(header, dict) or not isinstance(header.get("checksums"), dict):
        raise UnreadableError("its header is not that of a network")
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
        raise ValueError(f"{path} is damaged: its header and its arrays do not match ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    """What an error says, as part of a sentence."""
    return quoted((str(error) or type(error).__name__).removesuffix("."))


def quoted(text: str) -> str:
    """A text that may come from a hostile file: shortened, and without line feeds and control characters."""
    shortened = text if len(text) <= LONGEST_QUOTED else f"{text[:LONGEST_QUOTED]}..."
    return "".join(letter if letter.isprintable() else " " for letter in shortened)


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
            del error.filename2  # None would be shown too
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
