"""Functions of the user's in Python, called from compiled kernels.

A C callback takes the lock of the interpreter by itself, from whatever thread it is called. It must not raise: what the
function raises is kept, its result is NaN, and the error is raised when the kernel has returned.
"""

import ctypes

import numpy as np

from fastnn.backends.numba_backend.compilation import kernel

DOUBLE = 8  # bytes of a number in double precision

_FAILURES: list[BaseException] = []


def raise_failure() -> None:
    """Raise what a function of the user's has raised meanwhile, if any."""
    if _FAILURES:
        failure = _FAILURES[0]
        _FAILURES.clear()
        raise failure


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
    """The C function that computes, from so many integers: the address of the result, how many numbers, their size, ..."""

    def guarded(result, n, itemsize, *others):
        try:
            with np.errstate(all="ignore"):
                compute(result, n, itemsize, *others)
        except BaseException as error:  # nothing may leave a C function; Ctrl-C neither
            _FAILURES.append(error)
            _numbers(result, n, itemsize)[:] = np.nan

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
