"""Where the machine code of an operation comes from: compiled by Numba, or a function in Python that C can call."""

import ctypes
from functools import cache
from typing import Any

import numpy as np
from numba import config, from_dtype

from fastnn.backends.engine.operations import Operation
from fastnn.backends.numba_backend.compilation import provide_linked


def address(operation: Operation, dtype: np.dtype, owner: Any) -> int:
    """The address of what runs an operation for numbers of that type; `owner` keeps alive what belongs to it alone."""
    if operation.in_python:
        return _callback(operation, dtype, owner)
    return _compiled_address(operation, dtype)


@cache
def _compiled_address(operation: Operation, dtype: np.dtype) -> int:
    from fastnn.backends.engine.compiler import compiled

    real = from_dtype(dtype)
    provide_linked(real)
    dispatcher, overload = compiled(operation, real)
    _ALIVE.append(dispatcher)
    return int(overload.library.get_pointer_to_function(overload.fndesc.llvm_func_name))


_ALIVE: list[Any] = []


@cache
def driver() -> int:
    """The address of the compiled driver."""
    from numba import njit, types

    from fastnn.backends.engine.compiler import FLAGS
    from fastnn.backends.engine.driver import run

    dispatcher = njit(run, **FLAGS)
    dispatcher.compile(types.int64(types.int64, types.int64))
    _ALIVE.append(dispatcher)
    overload = dispatcher.overloads[(types.int64, types.int64)]
    return int(overload.library.get_pointer_to_function(overload.fndesc.llvm_func_name))


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
