"""Operations compiled by Numba, as programs ask for them, and kept on disk for later processes."""

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numba import from_dtype, njit, types

from fastnn.backends.numba_backend.kernels.compilation import provide_linked
from fastnn.backends.numba_backend.kernels.driver import run
from fastnn.backends.numba_backend.kernels.operation_compiler import FLAGS, compiled
from fastnn.backends.numba_backend.kernels.products import PRODUCTS
from fastnn.backends.numba_backend.object_cache import is_kept, provide
from fastnn.backends.numba_backend.operations import Operation

_ADDRESSES: dict[tuple[str, Any], int] = {}


def address(operation: Operation, dtype: np.dtype) -> int:
    """The address of an operation for numbers of that type, compiled if need be."""
    key = operation.symbol(dtype), operation.key
    if key not in _ADDRESSES:
        real = from_dtype(dtype)
        provide_linked(PRODUCTS, real)
        _ADDRESSES[key] = provide(key[0], lambda: compiled(operation, real)[1], keeps=operation.key is None)
    return _ADDRESSES[key]


def driver() -> int:
    """The address of the driver."""
    if ("run_program", None) not in _ADDRESSES:
        _ADDRESSES["run_program", None] = provide("run_program", _compiled_driver)
    return _ADDRESSES["run_program", None]


def _compiled_driver() -> Any:
    dispatcher, signature = njit(run, **FLAGS), (types.int64, types.int64)
    dispatcher.compile(types.int64(*signature))
    return dispatcher.overloads[signature]


def prepare(operations: Iterable[Operation], dtype: np.dtype) -> None:
    """Compile what is missing of some operations; a terminal sees how far that is."""
    missing = [operation for operation in operations if (operation.symbol(dtype), operation.key) not in _ADDRESSES]
    shows = sys.stderr is not None and sys.stderr.isatty() and not _all_on_disk(missing, dtype)
    for number, operation in enumerate(missing, 1):
        if shows:
            _show(f"compiling kernels for this machine, once: {number} of {len(missing)}")
        address(operation, dtype)
    if shows:
        _show("")


def _all_on_disk(operations: list[Operation], dtype: np.dtype) -> bool:
    return all(is_kept(operation.symbol(dtype)) for operation in operations)


def _show(text: str) -> None:
    """Replace the last line of a terminal."""
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()
