"""Registered functions in Python, called from compiled kernels.

A C callback takes the lock of the interpreter by itself, from whatever thread it is called. It must not raise: what the
function raises is kept for its thread, results are NaN from there on, and the error is raised when the kernel has returned.
"""

import ctypes
import threading
from typing import Any

import numpy as np

from fastnn.backends.interrupts import KeptSignals
from fastnn.backends.numba_backend.compilation import kernel

DOUBLE = 8  # bytes of a number in double precision


class _Thread(threading.local):
    """What the functions have raised in the kernel that runs in this thread.

    A function may run other kernels itself, but none is called after one has failed, so there is one failure at most.
    """

    failure: BaseException | None = None


_THREAD = _Thread()

#: Whether there are such functions in this process, in which kernels take precautions.
_any_functions = False


def run_kernel(function, *arguments) -> Any:
    """The result of a kernel, or the error of a registered function that it called in this thread."""
    if not _any_functions:
        return function(*arguments)
    with KeptSignals():  # a handler would run, and raise, before `guarded` is on its guard
        _THREAD.failure = None
        result = function(*arguments)
    failure, _THREAD.failure = _THREAD.failure, None
    if failure is not None:
        raise failure
    return result


def python_activation(function):
    """The kernel A = f(Z) for f(z) of whole arrays."""

    def compute(result, n, itemsize, z):
        _numbers(result, n, itemsize)[:] = function(_given(z, n, itemsize))

    invoke = _callback(compute, 4)

    def apply(A, Z):
        invoke(A.ctypes.data, A.size, A.itemsize, Z.ctypes.data)

    return kernel(apply)


def python_derivative(derivative):
    """The kernel dZ = dA * f'(Z) for f'(z, a) of whole arrays, dZ holding dA before."""

    def compute(result, n, itemsize, z, a):
        _numbers(result, n, itemsize)[:] *= derivative(_given(z, n, itemsize), _given(a, n, itemsize))

    invoke = _callback(compute, 5)

    def apply(dZ, Z, A):
        invoke(dZ.ctypes.data, dZ.size, dZ.itemsize, Z.ctypes.data, A.ctypes.data)

    return kernel(apply)


def python_loss(function, derivative):
    """The kernel of a loss that starts from outputs, for its values and slopes of whole arrays; blocks are in columns."""

    def compute(result, size, itemsize, losses, n, a, y):
        A, Y = (_given(address, size, itemsize).reshape(-1, n).T for address in (a, y))
        values, slopes = function(A, Y), derivative(A, Y)
        _numbers(losses, n, DOUBLE)[:] = values if np.ndim(values) == 1 else np.sum(values, axis=1)
        _numbers(result, size, itemsize).reshape(-1, n).T[:] = slopes

    invoke = _callback(compute, 7)

    def apply(losses, dA, A, Y, options):
        if len(A) > 0:
            invoke(dA.ctypes.data, dA.size, dA.itemsize, losses.ctypes.data, len(A), A.ctypes.data, Y.ctypes.data)

    return kernel(apply)


def _callback(compute, n_arguments):
    """The C function that computes, from integers: the address of the result, how many numbers, their size, ..."""
    global _any_functions
    _any_functions = True

    def guarded(result, n, itemsize, *others):
        if _THREAD.failure is None:
            try:
                with np.errstate(all="ignore"):
                    return compute(result, n, itemsize, *others)
            except BaseException as error:  # nothing may leave a C function
                _THREAD.failure = error
        _numbers(result, n, itemsize)[:] = np.nan
        return None

    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * n_arguments)(guarded)


def _numbers(address, n, itemsize):
    """The numbers at an address."""
    real = ctypes.c_float if itemsize == 4 else ctypes.c_double
    return np.ctypeslib.as_array((real * n).from_address(address))


def _given(address, n, itemsize):
    """The same, not to be written."""
    numbers = _numbers(address, n, itemsize)
    numbers.flags.writeable = False
    return numbers
