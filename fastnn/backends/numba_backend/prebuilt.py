"""The prebuilt library of operations for a processor level: finding it and loading it.

Its name contains the level and a hash of the sources, so that a library built from other sources is not used.
"""

import ctypes
import hashlib
import json
import os
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastnn.backends.numba_backend.levels import Level, level

FOLDER = Path(__file__).parent / "libraries"
ENDING = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")

_HERE = Path(__file__).parent

#: Sources of the compiled code: files and folders.
SOURCES = (
    _HERE / "kernels",
    *(_HERE / f"{name}.py" for name in ("operations", "table", "layout")),
)

#: Where kernels come from: compiled by Numba, from the library, or from the library if there is one.
CHOICES = ("jit", "prebuilt", "auto")


@dataclass(frozen=True)
class Choice:
    """The library in use, or why there is none.

    Attributes
    ----------
    library : ctypes.CDLL or None
        The library.
    path : Path or None
        Its file.
    reason : str
        Why it is used, or why there is none.
    """

    library: ctypes.CDLL | None
    path: Path | None
    reason: str


@cache
def source_stamp() -> str:
    """A digest of the sources of the compiled code, and of the layouts of the records it reads."""
    from fastnn.activations import ELEMENTWISE
    from fastnn.losses import LOSS_KERNELS
    from fastnn.updates import SETTINGS, UPDATES

    digest = hashlib.sha256(repr((SETTINGS, ELEMENTWISE, LOSS_KERNELS, UPDATES)).encode())
    for path in sorted(path for source in SOURCES for path in (source.glob("*.py") if source.is_dir() else [source])):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def library_path(of: Level) -> Path:
    """The library file for a level, built from these sources."""
    return FOLDER / f"kernels-{of.name}-{source_stamp()}{ENDING}"


def wanted() -> str:
    """The value of ``FASTNN_KERNELS``: a member of `CHOICES`."""
    kernels = os.environ.get("FASTNN_KERNELS", "auto")
    if kernels not in CHOICES:
        raise ValueError(f"FASTNN_KERNELS must be one of {', '.join(CHOICES)}, got {kernels!r}.")
    return kernels


@cache
def choice() -> Choice:
    """The library for this processor's level, if it exists and may be used."""
    if wanted() == "jit":
        return Choice(None, None, "FASTNN_KERNELS=jit")
    path = library_path(level())
    try:
        library = _load(path)
    except OSError as error:
        if wanted() == "prebuilt":
            raise OSError(
                f"FASTNN_KERNELS=prebuilt requires kernels compiled ahead of time, but there are none: {error}. "
                "Build them with python -m fastnn.build."
            ) from None
        return Choice(None, None, _reason(path))
    return Choice(library, path, f"the best level that this processor supports is {level().name}")


def _load(path: Path) -> ctypes.CDLL:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    return ctypes.CDLL(str(path))


def _reason(path: Path) -> str:
    """Why there is no library; warns, once, if there is one built from other sources."""
    if path.exists():
        return f"{path} cannot be loaded"
    others = sorted(path.parent.glob(f"kernels-{level().name}-*{ENDING}"))
    if not others:
        return _why_none_was_made()
    warnings.warn(
        f"{others[0]} was built from other sources than the installed fastnn, and is not used: kernels are compiled on "
        "first use. Rebuild it with python -m fastnn.build.",
        RuntimeWarning,
        stacklevel=2,
    )
    return f"{others[0].name} was built from other sources"


def _why_none_was_made() -> str:
    """The reason recorded by the build, if it failed to build a library."""
    try:
        reason = json.loads((FOLDER / "none.json").read_text())["reason"]
    except (OSError, ValueError, KeyError):
        return "none was built when fastnn was installed"
    return f"none was built when fastnn was installed: {reason}"


@cache
def address(symbol: str) -> int:
    """The address of a function in the library in use; 0 if there is none."""
    library = choice().library
    function = None if library is None else getattr(library, symbol, None)
    return 0 if function is None else int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def versions(path: Path) -> dict[str, Any]:
    """The versions of Numba and LLVM that a library was built with."""
    with path.with_suffix(".json").open() as file:
        content: dict[str, Any] = json.load(file)
    return content
