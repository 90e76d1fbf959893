"""Dropout, with a stateless (counter-based) random number generator.

Number c of the stream with key k is mix(k + (c + 1) gamma): SplitMix64 (Steele, Lea, Flood (2014), Fast Splittable
Pseudorandom Number Generators, figures 16 and 17), which can compute any of its numbers directly. So the mask does not
depend on the thread that computes it, and both backends drop the same units.
"""

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


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


def drop(A, rate, layer, first, step):
    """a_ij <- a_ij / (1 - p) if u_ij >= p else 0, u_ij in [0, 1) from number (first + i) n_l + j of the stream; A (n, n_l).

    p is the rate after its reduction by a schedule.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout, section 10, with the remaining units scaled
    up, so that inference needs no scaling.
    """
    n, n_outputs = A.shape
    rate = rate * (1 - step["dropout_reduction"])
    key = number(step["mask_key"], layer)  # one stream per layer
    places = np.arange(first * n_outputs, (first + n) * n_outputs).reshape(A.shape)
    numbers = number(key, places) >> np.uint64(32)
    A[:] = np.where(numbers >= rate * 2.0**32, A / A.dtype.type(1 - rate), 0)
