"""Dropout, as operations, with a stateless (counter-based) random number generator.

Keys are numbers of SplitMix64 (Steele, Lea, Flood (2014), Fast Splittable Pseudorandom Number Generators, figures 16 and 17):
number c of the stream with key k is mix(k + (c + 1) gamma). The number of unit c of a layer is a 32-bit hash of c and of both
halves of the layer's key, which processors compute several times as fast. Any number can be computed directly, so the mask
does not depend on the thread that computes it, and both backends drop the same units.
"""

import numpy as np

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.views import column
from fastnn.backends.numba_backend.kernels.words import add, exclusive_or, multiply, shift_right

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

UNIT_GAMMA = np.uint32(0x9E3779B9)
UNIT_FACTORS = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)


@inlined
def mix(z):
    """A 64-bit hash of z: each of its bits depends on all bits of z."""
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    return z ^ (z >> np.uint64(31))


@inlined
def fold(x, n):
    """The exclusive or of a word and itself, shifted to the right."""
    return exclusive_or(x, shift_right(x, n))


@inlined
def number_of_unit(low, high, c):
    """The 32-bit random number of unit c of a layer with a key of these halves: the hash function lowbias32."""
    x = add(low, multiply(add(c, np.uint32(1)), UNIT_GAMMA))
    x = multiply(fold(x, np.uint32(16)), UNIT_FACTORS[0])
    x = multiply(add(fold(x, np.uint32(15)), high), UNIT_FACTORS[1])
    return fold(x, np.uint32(16))


@inlined
def _drop(columns, rate, key, first, steps):
    """Drop units of a column-major block, in which element (i, j) is unit first + i steps[0] + j steps[1]."""
    real, limit = columns.dtype.type, np.uint32(min(np.ceil(rate * 2.0**32), 2.0**32 - 1))
    low, high, scale = np.uint32(key), np.uint32(key >> np.uint64(32)), real(1 / (1 - rate))
    for j in range(columns.shape[1]):
        unit, a = np.uint32(first + j * steps[1]), column(columns, j, 0, len(columns))
        for i in range(len(a)):
            drawn = number_of_unit(low, high, add(unit, multiply(np.uint32(i), np.uint32(steps[0]))))
            a[i] = a[i] * scale if drawn >= limit else real(0)


@inlined
def _key(step, layer):
    """The key of a layer's masks in this step."""
    return mix(np.uint64(step["mask_key"]) + np.uint64(layer + 1) * GAMMA)


@inlined
def _reduced(rate, step):
    """The dropout rate after its reduction by a schedule."""
    return rate * (1 - step["dropout_reduction"])


@body()
def drop(A, rate, layer, first, step):
    """a_ij <- a_ij / (1 - p) if u_ij >= p else 0, u_ij in [0, 1) from the number of unit (first + i) n_l + j; A (n, n_l).

    p is the rate after its reduction by a schedule.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout, section 10, with the remaining units scaled
    up, so that inference needs no scaling.
    """
    width = A.shape[1]
    _drop(A.T, _reduced(rate, step), _key(step, layer), first * width, (1, width))


@body()
def drop_in_columns(A, rate, layer, first, step):
    """Apply the same mask to samples in columns."""
    width = A.shape[1]
    _drop(A, _reduced(rate, step), _key(step, layer), first * width, (width, 1))
