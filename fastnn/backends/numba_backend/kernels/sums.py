"""Sums of vectors in double precision, with four interleaved accumulators, so that no addition waits for the previous one."""

import numpy as np

from fastnn.backends.numba_backend.kernels.compilation import inlined


@inlined
def total(x):
    """sum_p x_p."""
    a = b = c = d = 0.0
    whole = len(x) // 4 * 4
    for p in range(0, whole, 4):
        a += np.float64(x[p])
        b += np.float64(x[p + 1])
        c += np.float64(x[p + 2])
        d += np.float64(x[p + 3])
    for p in range(whole, len(x)):
        a += np.float64(x[p])
    return (a + b) + (c + d)


@inlined
def dot(x, y):
    """sum_p x_p y_p."""
    a = b = c = d = 0.0
    whole = len(x) // 4 * 4
    for p in range(0, whole, 4):
        a += np.float64(x[p]) * np.float64(y[p])
        b += np.float64(x[p + 1]) * np.float64(y[p + 1])
        c += np.float64(x[p + 2]) * np.float64(y[p + 2])
        d += np.float64(x[p + 3]) * np.float64(y[p + 3])
    for p in range(whole, len(x)):
        a += np.float64(x[p]) * np.float64(y[p])
    return (a + b) + (c + d)
