"""Where the machine code of an operation comes from: a library made ahead of time, Numba, or a function in Python.

A library holds every operation of `table` in both types for one level of processors. It is loaded in less than a millisecond,
and Numba is not imported. What it does not have, such as functions that users have registered, is compiled.
"""

import ctypes
import os
from functools import cache
from typing import Any

import numpy as np

from fastnn.backends.numba_backend import prebuilt
from fastnn.backends.numba_backend.operations import Operation


def interprets() -> bool:
    """Whether operations run as they stand, because Numba's compiler is switched off."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def address(operation: Operation, dtype: np.dtype, owner: Any) -> int:
    """The address of what runs an operation for numbers of that type; `owner` keeps alive what belongs to it alone."""
    if operation.in_python:
        return _callback(operation, dtype, owner)
    if found := prebuilt_address(operation, dtype):
        return found
    from fastnn.backends.numba_backend import jit

    return jit.address(operation, dtype)


def prebuilt_address(operation: Operation, dtype: np.dtype) -> int:
    """The address of an operation in the library made ahead of time; 0 where it is not there."""
    return 0 if operation.key is not None else prebuilt.address(operation.symbol(dtype))


def prepare(operations: list[Operation], dtype: np.dtype) -> None:
    """Compile those that are neither in the library nor called back."""
    missing = [op for op in dict.fromkeys(operations) if not op.in_python and not prebuilt_address(op, dtype)]
    if missing:
        from fastnn.backends.numba_backend import jit

        jit.prepare(missing, dtype)


@cache
def driver() -> int:
    """The address of the driver that runs programs."""
    if address := prebuilt.address("run_program"):
        return address
    from fastnn.backends.numba_backend import jit

    return jit.driver()


#: What the driver calls: room for a result and an exception, unused, and the four arguments of every operation.
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 6)


def _callback(operation: Operation, dtype: np.dtype, owner: Any) -> int:
    """A C function that runs an operation in Python, in whatever thread; what it raises, its owner raises afterwards."""

    def guarded(result: int, exception: int, arguments: int, batch: int, thread: int, n_threads: int) -> int:
        try:
            with np.errstate(all="ignore"):
                operation.interpret(arguments, batch, thread, n_threads, dtype)
        except BaseException as error:  # nothing may leave a C function; Ctrl-C neither
            owner.failures.append(error)
            return 1
        return 0

    function = _PROTOTYPE(guarded)
    owner.kept.append(function)
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
