"""Dropout, as operations, with a stateless (counter-based) random number generator.

Number c of the stream with key k is mix(k + (c + 1) gamma): SplitMix64 (Steele, Lea, Flood (2014), Fast Splittable
Pseudorandom Number Generators, figures 16 and 17), which can compute any of its numbers directly. So the mask does not
depend on the thread that computes it, and both backends drop the same units.
"""

import numpy as np

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.registry import body

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@inlined
def mix(z):
    """A 64-bit hash of z: each of its bits depends on all bits of z."""
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    return z ^ (z >> np.uint64(31))


@inlined
def _drop(columns, rate, start, steps):
    """Drop units of a column-major block; element (i, j) uses number i steps[0] + j steps[1] of the stream from `start`."""
    real, limit = columns.dtype.type, np.uint64(np.ceil(rate * 2.0**32))
    scale, lane_step = real(1 - rate), np.uint64(steps[0]) * GAMMA
    for j in range(columns.shape[1]):
        first = start + np.uint64(j) * (np.uint64(steps[1]) * GAMMA)
        for i in range(columns.shape[0]):
            drawn = mix(first + np.uint64(i) * lane_step) >> np.uint64(32)
            columns[i, j] = columns[i, j] / scale if drawn >= limit else real(0)


@inlined
def _start(step, layer, first, width):
    """The generator's input for the first unit of sample `first` of the batch; each layer has its own stream."""
    key = mix(np.uint64(step["mask_key"]) + np.uint64(layer + 1) * GAMMA)
    return key + np.uint64(first * width + 1) * GAMMA


@inlined
def _reduced(rate, step):
    """The dropout rate after its reduction by a schedule."""
    return rate * (1 - step["dropout_reduction"])


@body()
def drop(A, rate, layer, first, step):
    """a_ij <- a_ij / (1 - p) if u_ij >= p else 0, u_ij in [0, 1) from number (first + i) n_l + j of the stream; A (n, n_l).

    p is the rate after its reduction by a schedule.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout, section 10, with the remaining units scaled
    up, so that inference needs no scaling.
    """
    width = A.shape[1]
    _drop(A.T, _reduced(rate, step), _start(step, layer, first, width), (1, width))


@body()
def drop_in_columns(A, rate, layer, first, step):
    """Apply the same mask to samples in columns."""
    width = A.shape[1]
    _drop(A, _reduced(rate, step), _start(step, layer, first, width), (width, 1))
