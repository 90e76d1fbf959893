"""Operations compiled by Numba on demand, and cached on disk for later processes."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numba import from_dtype, njit, types

from fastnn.backends.numba_backend.kernels.compilation import provide_linked
from fastnn.backends.numba_backend.kernels.driver import run
from fastnn.backends.numba_backend.kernels.operation_compiler import FLAGS, compiled
from fastnn.backends.numba_backend.kernels.products import PRODUCTS
from fastnn.backends.numba_backend.object_cache import is_kept, provide
from fastnn.backends.numba_backend.operations import Operation


def driver() -> int:
    """The address of the driver."""
    return provide("run_program", compiled_driver)


def compiled_driver() -> Any:
    """The compiled driver."""
    dispatcher, signature = njit(run, **FLAGS), (types.int64, types.int64)
    dispatcher.compile(types.int64(*signature))
    return dispatcher.overloads[signature]


def addresses_of(operations: Sequence[Operation], dtype: np.dtype) -> Iterator[int]:
    """The addresses of operations for a dtype, compiled if necessary; a terminal shows the progress."""
    shows = sys.stderr is not None and sys.stderr.isatty() and not _all_on_disk(operations, dtype)
    for number, operation in enumerate(operations, 1):
        if shows:
            _show(f"compiling kernels for this machine, once: {number} of {len(operations)}")
        yield _address(operation, dtype)
    if shows:
        _show("")


def _address(operation: Operation, dtype: np.dtype) -> int:
    real = from_dtype(dtype)
    provide_linked(PRODUCTS, real)
    return provide(operation.symbol(dtype), lambda: compiled(operation, real)[1], keeps=operation.key is None)


def _all_on_disk(operations: Sequence[Operation], dtype: np.dtype) -> bool:
    return all(is_kept(operation.symbol(dtype)) for operation in operations)


def _show(text: str) -> None:
    """Replace the last line of a terminal."""
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()
