"""Operations compiled by Numba, one by one, as programs ask for them."""

from typing import Any

import numpy as np
from numba import from_dtype, njit, types

from fastnn.backends.engine.bodies.compiler import FLAGS, compiled
from fastnn.backends.engine.bodies.driver import run
from fastnn.backends.engine.operations import Operation
from fastnn.backends.numba_backend.compilation import provide_linked

_ALIVE: list[Any] = []  # what has been compiled lives as long as the process


def address(operation: Operation, dtype: np.dtype) -> int:
    """Compile an operation for numbers of that type; its address."""
    real = from_dtype(dtype)
    provide_linked(real)
    return _address_of(*compiled(operation, real))


def driver() -> int:
    """Compile the driver; its address."""
    dispatcher, signature = njit(run, **FLAGS), (types.int64, types.int64)
    dispatcher.compile(types.int64(*signature))
    return _address_of(dispatcher, dispatcher.overloads[signature])


def _address_of(dispatcher: Any, overload: Any) -> int:
    _ALIVE.append(dispatcher)
    return int(overload.library.get_pointer_to_function(overload.fndesc.llvm_func_name))
