"""Levels of processors: how wide their vectors are, what the compiler calls them, and which of them this one has."""

import os
import platform
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Level:
    """A level of processors for which kernels can be compiled ahead of time.

    Attributes
    ----------
    name : str
        LLVM's name of it.
    vector_bits : int
        Width of its vectors.
    features : tuple of str
        Names of NumPy's for the features that a processor of this level has.
    """

    name: str
    vector_bits: int
    features: tuple[str, ...]

    @property
    def tile_rows(self) -> int:
        """Rows of a tile of the matrix products.

        Its sums fill half of 32 registers, or three quarters of 16; the rest hold what is multiplied.
        """
        return 8 if self.vector_bits == 512 else 6


#: From the widest vectors to the narrowest.
X86_64 = (
    Level("x86-64-v4", 512, ("AVX512_SKX",)),
    Level("x86-64-v3", 256, ("AVX2", "FMA3")),
    Level("x86-64-v2", 128, ("SSE42",)),
)
OTHERS = (Level("generic", 128, ()),)

#: Numbers of a gradient whose squares are added up by one thread, one after the other.
CHUNK = 4096


def is_x86() -> bool:
    """Whether this is a processor of Intel's or AMD's in 64-bit mode."""
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
    """The level whose kernels are used: the best that this processor has, no wider than `FASTNN_VECTOR_BITS`.

    `python -m fastnn.build` sets `FASTNN_BUILD_LEVEL`, to compile for a level that need not be that of its own processor.
    """
    if target := os.environ.get("FASTNN_BUILD_LEVEL"):
        return next(known for known in levels() if known.name == target)
    wanted = os.environ.get("FASTNN_VECTOR_BITS", "512")
    if wanted not in ("512", "256", "128"):
        raise ValueError(f"FASTNN_VECTOR_BITS must be 512, 256 or 128, got {wanted!r}.")
    narrow = [known for known in levels() if known.vector_bits <= int(wanted)]
    return next((known for known in narrow if is_supported(known)), narrow[-1])
