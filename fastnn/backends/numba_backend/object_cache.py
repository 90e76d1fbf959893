"""Disk cache of compiled functions: object code that later processes load instead of compiling again.

A file holds one function for one processor. Its name contains a hash of the sources and settings, so that outdated code is
not found; the old file is removed when a new one is written. A full disk or a damaged file only costs the cache. Ctrl-C
during a compilation takes effect once that function has been compiled and cached.
"""

import hashlib
import os
import pickle
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config
from numba.core.registry import cpu_target
from numba.misc.appdirs import AppDirs

from fastnn.backends.interrupts import KeptSignals
from fastnn.backends.numba_backend.levels import level
from fastnn.backends.numba_backend.prebuilt import source_stamp

try:
    import fcntl
except ImportError:  # Windows: two processes may then compile the same
    fcntl = None  # type: ignore[assignment]


_ALIVE: list[Any] = []  # compiled code must live as long as the process


def provide(symbol: str, compile_it: Callable[[], Any], *, keeps: bool = True) -> int:
    """The address of a function, from disk or compiled by `compile_it`; registered functions are not cached."""
    found = load(symbol) if keeps else None
    if found is None and keeps:
        with only_one_process(symbol):
            found = load(symbol) or _compile(symbol, compile_it, keeps=True)
    library, name = found or _compile(symbol, compile_it, keeps=False)
    _ALIVE.append(library)
    return int(library.get_pointer_to_function(name))


def _compile(symbol: str, compile_it: Callable[[], Any], *, keeps: bool) -> tuple[Any, str]:
    with KeptSignals():  # Ctrl-C within an LLVM callback would be lost
        overload = compile_it()
        _ALIVE.append(overload)
        library, name = overload.library, overload.fndesc.llvm_func_name
        library.get_pointer_to_function(name)  # generates the machine code, so that it can be cached
        if keeps:
            save(symbol, library, name)
    return library, name


@cache
def _stamp() -> str:
    """A digest of the sources, the processor, and the settings that affect the code."""
    codegen = cpu_target.target_context.codegen()
    settings = (
        source_stamp(),
        numba.__version__,
        codegen.magic_tuple(),
        level().vector_bits,
        config.BOUNDSCHECK,
        config.OPT,
    )
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:20]


@cache
def cache_folder() -> Path | None:
    """Folder of the compiled kernels: `NUMBA_CACHE_DIR`, else next to the sources, else the user's cache folder.

    None, with one warning, if none of them is writable: every process then compiles its kernels.
    """
    own = "fastnn-" + hashlib.sha256(__file__.encode()).hexdigest()[:16]
    user_wide = Path(AppDirs(appname="numba", appauthor=False).user_cache_dir, own)
    in_tree = Path(__file__).with_name("__pycache__")
    candidates = [Path(config.CACHE_DIR, own)] if config.CACHE_DIR else [in_tree, user_wide]
    for folder in candidates:
        if _is_writable(folder):
            return folder
    warnings.warn(
        f"fastnn cannot write to {' or '.join(map(str, candidates))}, so every process compiles its kernels again "
        "(a few seconds each time). Set NUMBA_CACHE_DIR to a writable folder to keep them.",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def _is_writable(folder: Path) -> bool:
    """Whether files can be created there, tested by creating one, as Numba does."""
    probe = folder / f".fastnn-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0")
        probe.unlink()
    except OSError:
        return False
    return True


def _path(symbol: str) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / f"{symbol}-{_stamp()}.kernel"


def is_kept(symbol: str) -> bool:
    """Whether a function has been cached."""
    path = _path(symbol)
    return path is not None and path.exists()


def load(symbol: str) -> tuple[Any, str] | None:
    """The library of a function, and its LLVM name; None if it has not been cached."""
    path = _path(symbol)
    if path is None or not path.exists():
        return None
    try:
        state, name = pickle.loads(path.read_bytes())
        return cpu_target.target_context.codegen().unserialize_library(state), name
    except (OSError, EOFError, pickle.UnpicklingError, ValueError, RuntimeError) as error:
        _warn_once(f"fastnn could not read its compiled kernels in {path.parent}: {error}. They are compiled again.")
        return None


def save(symbol: str, library: Any, name: str) -> None:
    """Cache the library of a function."""
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
        _warn_once(f"fastnn could not write its compiled kernels in {path.parent}: {error}. They are compiled again.")


@contextmanager
def only_one_process(symbol: str) -> Iterator[None]:
    """Context manager: no other process compiles the same function; the second one waits, and finds it on disk."""
    folder = cache_folder()
    if fcntl is None or folder is None:
        yield
        return
    with suppress(OSError), (folder / f"{symbol}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        return
    yield


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=4)
