"""Compiled operations on disk: object code that later processes load instead of compiling anew.

A file holds one function for one processor. Its name has what the code was made from, so that what is out of date is not
found; it is removed when its successor is written. A full disk or a damaged file only costs the cache.
"""

import hashlib
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.registry import cpu_target

from fastnn.backends.engine.levels import level
from fastnn.backends.engine.prebuilt import source_stamp
from fastnn.backends.numba_backend.compilation import _warn_once, cache_folder

try:
    import fcntl
except ImportError:  # Windows: two processes may then compile the same
    fcntl = None  # type: ignore[assignment]


@cache
def _stamp() -> str:
    """A digest of the sources, the processor, and the settings that change the code."""
    codegen = cpu_target.target_context.codegen()
    settings = source_stamp(), codegen.magic_tuple(), level().vector_bits, config.BOUNDSCHECK, config.OPT
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:20]


def _folder() -> Path | None:
    folder = cache_folder()
    return None if folder is None else Path(folder)


def _path(symbol: str) -> Path | None:
    folder = _folder()
    return None if folder is None else folder / f"{symbol}-{_stamp()}.kernel"


def is_kept(symbol: str) -> bool:
    """Whether a function has been kept."""
    path = _path(symbol)
    return path is not None and path.exists()


def load(symbol: str) -> tuple[Any, str] | None:
    """The library of a function, and LLVM's name of it; None where it has not been kept."""
    path = _path(symbol)
    if path is None or not path.exists():
        return None
    try:
        state, name = pickle.loads(path.read_bytes())
        return cpu_target.target_context.codegen().unserialize_library(state), name
    except (OSError, EOFError, pickle.UnpicklingError, ValueError, RuntimeError) as error:
        _warn_once(f"fastnn could not read its compiled kernels in {path.parent}: {error}. They are compiled anew.")
        return None


def save(symbol: str, library: Any, name: str) -> None:
    """Keep the library of a function."""
    path = _path(symbol)
    if path is None:
        return
    try:
        content = pickle.dumps((library.serialize_using_object_code(), name))
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
        for old in path.parent.glob(f"{symbol}-{'?' * 20}.kernel"):
            if old != path:
                old.unlink(missing_ok=True)
    except OSError as error:
        with suppress(OSError, UnboundLocalError):
            Path(temporary).unlink(missing_ok=True)
        _warn_once(f"fastnn could not write its compiled kernels in {path.parent}: {error}. They are compiled anew.")


@contextmanager
def only_one_process(symbol: str) -> Iterator[None]:
    """Within it, no other process compiles the same function: whoever comes second waits, and finds it on disk."""
    folder = _folder()
    if fcntl is None or folder is None:
        yield
        return
    with suppress(OSError), (folder / f"{symbol}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        return
    yield
