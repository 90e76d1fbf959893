"""Dropout, with a stateless (counter-based) random number generator.

Keys are numbers of SplitMix64 (Steele, Lea, Flood (2014), Fast Splittable Pseudorandom Number Generators, figures 16 and 17):
number c of the stream with key k is mix(k + (c + 1) gamma). The number of unit c of a layer is a 32-bit hash of c and of both
halves of the layer's key, which processors compute several times as fast. Any number can be computed directly, so the mask
does not depend on the thread that computes it, and both backends drop the same units.
"""

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

UNIT_GAMMA = np.uint32(0x9E3779B9)
UNIT_FACTORS = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)


def mix(z):
    """A 64-bit hash of z: each of its bits depends on all bits of z."""
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    return z ^ (z >> np.uint64(31))


def number(key, c):
    """Number c of the stream with a key, 64 bits: a random number, or the key of a substream."""
    key, place = np.asarray(key).astype(np.uint64), np.asarray(c).astype(np.uint64)
    with np.errstate(over="ignore"):  # arithmetic is modulo 2^64
        return mix(key + (place + np.uint64(1)) * GAMMA)


def number_of_unit(key, c):
    """The 32-bit random numbers of units c of a layer with that key.

    The two multiplications and three shifts are those of the hash function lowbias32 (Wellons (2018), Prospecting for Hash
    Functions), in the middle of which the second half of the key is added.
    """
    low, high = np.uint32(key & np.uint64(0xFFFFFFFF)), np.uint32(key >> np.uint64(32))
    with np.errstate(over="ignore"):  # arithmetic is modulo 2^32
        x = low + (np.asarray(c).astype(np.uint32) + np.uint32(1)) * UNIT_GAMMA
        x = (x ^ (x >> np.uint32(16))) * UNIT_FACTORS[0]
        x = ((x ^ (x >> np.uint32(15))) + high) * UNIT_FACTORS[1]
        return x ^ (x >> np.uint32(16))


def drop(A, rate, layer, first, step):
    """a_ij <- a_ij / (1 - p) if u_ij >= p else 0, u_ij in [0, 1) from the number of unit (first + i) n_l + j; A (n, n_l).

    p is the rate after its reduction by a schedule.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout, section 10, with the remaining units scaled
    up, so that inference needs no scaling.
    """
    n, n_outputs = A.shape
    rate = rate * (1 - step["dropout_reduction"])
    key = number(step["mask_key"], layer)  # one stream per layer
    places = np.arange(first * n_outputs, (first + n) * n_outputs).reshape(A.shape)
    A[:] = np.where(number_of_unit(key, places) >= rate * 2.0**32, A * A.dtype.type(1 / (1 - rate)), 0)
