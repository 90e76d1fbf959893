"""Processor levels: their vector widths, their LLVM names, and the level of this processor."""

import os
import platform
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Level:
    """A processor level for which kernels can be compiled ahead of time.

    Attributes
    ----------
    name : str
        LLVM's name for it.
    vector_bits : int
        Width of its vectors.
    features : tuple of str
        Required processor features, by NumPy's names.
    """

    name: str
    vector_bits: int
    features: tuple[str, ...]

    @property
    def tile_rows(self) -> int:
        """Rows of a tile of the matrix products.

        The accumulators fill half of 32 registers, or three quarters of 16; the others hold the operands.
        """
        return 8 if self.vector_bits == 512 else 6


#: From the widest vectors to the narrowest.
X86_64 = (
    Level("x86-64-v4", 512, ("AVX512_SKX",)),
    Level("x86-64-v3", 256, ("AVX2", "FMA3")),
    Level("x86-64-v2", 128, ("SSE42",)),
)
OTHERS = (Level("generic", 128, ()),)

#: Elements of a gradient whose squares are summed sequentially by one thread.
CHUNK = 4096


def is_x86() -> bool:
    """Whether this is an x86-64 processor."""
    return platform.machine().lower() in ("x86_64", "amd64")


def levels() -> tuple[Level, ...]:
    """The levels of this kind of processor, the widest vectors first."""
    return X86_64 if is_x86() else OTHERS


def is_supported(level: Level) -> bool:
    """Whether this processor has the features of a level."""
    known: dict[str, Any] = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    return all(known.get(feature, False) for feature in level.features)


@cache
def level() -> Level:
    """The level whose kernels are used: the best that this processor supports, no wider than `FASTNN_VECTOR_BITS`.

    `python -m fastnn.build` sets `FASTNN_BUILD_LEVEL` to compile for another level than this processor's.
    """
    if target := os.environ.get("FASTNN_BUILD_LEVEL"):
        return next(known for known in levels() if known.name == target)
    wanted = os.environ.get("FASTNN_VECTOR_BITS", "512")
    if wanted not in ("512", "256", "128"):
        raise ValueError(f"FASTNN_VECTOR_BITS must be 512, 256 or 128, got {wanted!r}.")
    narrow = [known for known in levels() if known.vector_bits <= int(wanted)]
    return next((known for known in narrow if is_supported(known)), narrow[-1])
