"""Where the machine code of an operation comes from: a prebuilt library, Numba, or a Python callback.

A library holds every operation of `table` in both dtypes for one processor level. It is loaded in less than a millisecond,
without importing Numba. Operations that it lacks, such as registered functions, are compiled.
"""

import ctypes
import os
from functools import cache
from typing import Any

import numpy as np

from fastnn.backends.numba_backend import prebuilt
from fastnn.backends.numba_backend.operations import Operation


def interprets() -> bool:
    """Whether operations run in the Python interpreter, because Numba's compiler is disabled."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


#: Addresses of operations, by identity and dtype.
_ADDRESSES: dict[tuple[tuple[str, Any], np.dtype], int] = {}


def addresses_of(operations: list[Operation], dtype: np.dtype, owner: Any) -> list[int]:
    """The addresses of operations for a dtype; `owner` keeps callbacks alive."""
    compiled = {operation.identity: operation for operation in operations if not operation.in_python}
    missing = [operation for identity, operation in compiled.items() if (identity, dtype) not in _ADDRESSES]
    if missing:
        _find(missing, dtype)
    return [
        _callback(operation, dtype, owner) if operation.in_python else _ADDRESSES[operation.identity, dtype]
        for operation in operations
    ]


def _find(operations: list[Operation], dtype: np.dtype) -> None:
    """Look up operations in the prebuilt library, and compile those that it lacks."""
    missing = []
    for operation in operations:
        found = 0 if operation.key is not None else prebuilt.address(operation.symbol(dtype))
        if found:
            _ADDRESSES[operation.identity, dtype] = found
        else:
            missing.append(operation)
    if missing:
        from fastnn.backends.numba_backend import jit

        for operation, address in zip(missing, jit.addresses_of(missing, dtype), strict=True):
            _ADDRESSES[operation.identity, dtype] = address


@cache
def driver() -> int:
    """The address of the driver that runs programs."""
    if address := prebuilt.address("run_program"):
        return address
    from fastnn.backends.numba_backend import jit

    return jit.driver()


#: Signature of the functions that the driver calls: pointers for a result and an exception, unused, and four arguments.
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 6)


def _callback(operation: Operation, dtype: np.dtype, owner: Any) -> int:
    """A C function that runs an operation in Python, from any thread; the owner raises its exceptions afterwards."""

    def guarded(result: int, exception: int, arguments: int, batch: int, thread: int, n_threads: int) -> int:
        try:
            with np.errstate(all="ignore"):
                operation.interpret(arguments, batch, thread, n_threads, dtype)
        except BaseException as error:  # no exception may leave a C function, not even Ctrl-C
            owner.failures.append(error)
            return 1
        return 0

    function = _PROTOTYPE(guarded)
    owner.kept.append(function)
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
