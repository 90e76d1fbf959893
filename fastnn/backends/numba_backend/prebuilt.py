"""The library of operations that was made ahead of time for a level of processors: where it is, and what is in it.

Its name has the level and a stamp of all that it was made from, so that a library of other sources is not used.
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

#: Sources of what is compiled: files, and folders of them.
SOURCES = (
    _HERE / "kernels",
    *(_HERE / f"{name}.py" for name in ("operations", "table", "layout")),
)

#: Where kernels come from: compiled by Numba, from a library, or from a library where there is one.
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
        Why it is in use, or why there is none.
    """

    library: ctypes.CDLL | None
    path: Path | None
    reason: str


@cache
def source_stamp() -> str:
    """A digest of the sources of all that is compiled, and of the records that it reads."""
    from fastnn.activations import ELEMENTWISE
    from fastnn.losses import LOSS_KERNELS
    from fastnn.updates import SETTINGS, UPDATES

    digest = hashlib.sha256(repr((SETTINGS, ELEMENTWISE, LOSS_KERNELS, UPDATES)).encode())
    for path in sorted(path for source in SOURCES for path in (source.glob("*.py") if source.is_dir() else [source])):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def library_path(of: Level) -> Path:
    """The file of the library of a level that was made from these sources."""
    return FOLDER / f"kernels-{of.name}-{source_stamp()}{ENDING}"


def wanted() -> str:
    """What ``FASTNN_KERNELS`` asks for: a member of `CHOICES`."""
    kernels = os.environ.get("FASTNN_KERNELS", "auto")
    if kernels not in CHOICES:
        raise ValueError(f"FASTNN_KERNELS must be one of {', '.join(CHOICES)}, got {kernels!r}.")
    return kernels


@cache
def choice() -> Choice:
    """The library of this processor's level, if it may be used and is there."""
    if wanted() == "jit":
        return Choice(None, None, "FASTNN_KERNELS=jit")
    path = library_path(level())
    try:
        library = _load(path)
    except OSError as error:
        if wanted() == "prebuilt":
            raise OSError(
                f"FASTNN_KERNELS=prebuilt asks for kernels compiled ahead of time, and there are none: {error}. "
                "Make them with python -m fastnn.build."
            ) from None
        return Choice(None, None, _reason(path))
    return Choice(library, path, f"the best level that this processor has is {level().name}")


def _load(path: Path) -> ctypes.CDLL:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    return ctypes.CDLL(str(path))


def _reason(path: Path) -> str:
    """Why there is no library; a warning, once, where there is one of other sources."""
    if path.exists():
        return f"{path} cannot be loaded"
    others = sorted(path.parent.glob(f"kernels-{level().name}-*{ENDING}"))
    if not others:
        return _why_none_was_made()
    warnings.warn(
        f"{others[0]} was made from other sources than those of fastnn that are installed, and is not used: kernels are "
        "compiled as they are needed. Make it anew with python -m fastnn.build.",
        RuntimeWarning,
        stacklevel=2,
    )
    return f"{others[0].name} was made from other sources"


def _why_none_was_made() -> str:
    """What the build has left in place of libraries, if it could make none."""
    try:
        reason = json.loads((FOLDER / "none.json").read_text())["reason"]
    except (OSError, ValueError, KeyError):
        return "none was made when fastnn was installed"
    return f"none was made when fastnn was installed: {reason}"


@cache
def address(symbol: str) -> int:
    """The address of a function of the library in use; 0 where there is none."""
    library = choice().library
    function = None if library is None else getattr(library, symbol, None)
    return 0 if function is None else int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def versions(path: Path) -> dict[str, Any]:
    """What a library was made with: the versions of Numba and LLVM, and when."""
    with path.with_suffix(".json").open() as file:
        content: dict[str, Any] = json.load(file)
    return content
