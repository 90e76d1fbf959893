"""Where the machine code of an operation comes from: a library made ahead of time, Numba, or a function in Python.

A library holds every operation of `table` in both types for one level of processors. It is loaded in less than a millisecond,
and Numba is not imported. What it does not have, such as functions that users have registered, is compiled.
"""

import ctypes
import os
from functools import cache
from typing import Any

import numpy as np

from fastnn.backends.engine import prebuilt
from fastnn.backends.engine.operations import Operation


def interprets() -> bool:
    """Whether operations run as they stand, because Numba's compiler is switched off."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def address(operation: Operation, dtype: np.dtype, owner: Any) -> int:
    """The address of what runs an operation for numbers of that type; `owner` keeps alive what belongs to it alone."""
    if operation.in_python:
        return _callback(operation, dtype, owner)
    return prebuilt.address(f"{operation.name}_{dtype.name}") or _compiled_address(operation, dtype)


@cache
def driver() -> int:
    """The address of the driver that runs programs."""
    if address := prebuilt.address("run_program"):
        return address
    from fastnn.backends.engine import jit

    return jit.driver()


@cache
def _compiled_address(operation: Operation, dtype: np.dtype) -> int:
    from fastnn.backends.engine import jit

    return jit.address(operation, dtype)


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
