"""Dropout: units that a batch does without, chosen by a generator that needs no state.

Number c of the stream of key k is mix(k + (c + 1) gamma): SplitMix64 (Steele, Lea, Flood (2014), Fast Splittable Pseudorandom
Number Generators, figures 16 and 17), which can be asked for any of its numbers. So it makes no difference which thread
drops a unit, and both backends drop the same.
"""

import numpy as np
from numba import types
from numba.extending import overload

from fastnn.backends.numba_backend.compilation import FLAGS, caller, entry_point, inlined
from fastnn.backends.numba_backend.layouts import along_lanes

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@inlined
def mix(z):
    """A number of 64 bits of which each depends on all bits of z, and none of them alike."""
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    return z ^ (z >> np.uint64(31))


@inlined
def number(key, c):
    """Number c of the stream of a key, 64 bits: a number to compare with, or the key of a stream below it."""
    return mix(np.uint64(key) + np.uint64(c + 1) * GAMMA)


@inlined
def drop(A, layer, key, first):
    """a_ij <- a_ij / (1 - p) where number (first + i) n_l + j of the stream is p or more, of 1, else 0; A (n, n_l).

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout, section 10, with the survivors scaled up, so
    that inference takes all units as they are.
    """
    lane_step, step = _steps(A)
    call(layer["drop"], along_lanes(A), layer["dropout"], key, first * layer["n_outputs"], lane_step, step)


@entry_point
def _drop_pass(A, rate, key, first, lane_step, step):
    """The same for a block in columns, whose element (i, j) has number first + i lane_step + j step of the stream."""
    real, n, limit = A.dtype.type, A.shape[0], np.uint64(np.ceil(rate * 2.0**32))
    scale = real(1 - rate)
    for j in range(A.shape[1]):
        start = key + np.uint64(first + j * step + 1) * GAMMA
        for i in range(n):
            drawn = mix(start + np.uint64(i) * np.uint64(lane_step) * GAMMA) >> np.uint64(32)
            A[i, j] = A[i, j] / scale if drawn >= limit else real(0)


call = caller(types.void)


def _steps(A):
    """How far apart in the stream neighbours within a column of `along_lanes` are, and neighbouring columns."""
    return A.shape[1], 1


@overload(_steps, jit_options=FLAGS, inline="always")
def _typed_steps(A):
    return (lambda A: (1, A.shape[1])) if A.layout == "C" else (lambda A: (A.shape[1], 1))
