"""Dropout, as operations: units that a batch does without, chosen by a generator that needs no state.

Number c of the stream of key k is mix(k + (c + 1) gamma): SplitMix64 (Steele, Lea, Flood (2014), Fast Splittable Pseudorandom
Number Generators, figures 16 and 17), which can be asked for any of its numbers. So it makes no difference which thread
drops a unit, and both backends drop the same.
"""

import numpy as np

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.registry import body

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@inlined
def mix(z):
    """A number of 64 bits of which each depends on all bits of z, and none of them alike."""
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    return z ^ (z >> np.uint64(31))


@inlined
def _drop(columns, rate, start, steps):
    """Drop units of a block in columns, whose element (i, j) has number `start` + i steps[0] + j steps[1] of the stream."""
    real, limit = columns.dtype.type, np.uint64(np.ceil(rate * 2.0**32))
    scale, lane_step = real(1 - rate), np.uint64(steps[0]) * GAMMA
    for j in range(columns.shape[1]):
        first = start + np.uint64(j) * (np.uint64(steps[1]) * GAMMA)
        for i in range(columns.shape[0]):
            drawn = mix(first + np.uint64(i) * lane_step) >> np.uint64(32)
            columns[i, j] = columns[i, j] / scale if drawn >= limit else real(0)


@inlined
def _start(step, layer, first, width):
    """What the generator mixes for the first unit of sample `first` of the batch; the layer has a stream of its own."""
    key = mix(np.uint64(step["mask_key"]) + np.uint64(layer + 1) * GAMMA)
    return key + np.uint64(first * width + 1) * GAMMA


@body()
def drop(A, rate, layer, first, step):
    """a_ij <- a_ij / (1 - p) where number (first + i) n_l + j of the stream is p or more, of 1, else 0; A (n, n_l).

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout, section 10, with the survivors scaled up, so
    that inference takes all units as they are.
    """
    width = A.shape[1]
    _drop(A.T, rate, _start(step, layer, first, width), (1, width))


@body()
def drop_in_columns(A, rate, layer, first, step):
    """The same for samples in columns."""
    width = A.shape[1]
    _drop(A, rate, _start(step, layer, first, width), (width, 1))
