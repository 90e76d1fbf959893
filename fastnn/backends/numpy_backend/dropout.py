"""Dropout: units that a batch does without, chosen by a generator that needs no state.

Number c of the stream of key k is mix(k + (c + 1) gamma): SplitMix64 (Steele, Lea, Flood (2014), Fast Splittable Pseudorandom
Number Generators, figures 16 and 17), which can be asked for any of its numbers. So it makes no difference which thread
drops a unit, and both backends drop the same.
"""

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(z):
    """A number of 64 bits of which each depends on all bits of z, and none of them alike."""
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    return z ^ (z >> np.uint64(31))


def number(key, c):
    """Number c of the stream of a key, 64 bits: a number to compare with, or the key of a stream below it."""
    key, place = np.asarray(key).astype(np.uint64), np.asarray(c).astype(np.uint64)
    with np.errstate(over="ignore"):  # what does not fit into 64 bits is meant to be lost
        return mix(key + (place + np.uint64(1)) * GAMMA)


def drop(A, rate, layer, first, step):
    """a_ij <- a_ij / (1 - p) where number (first + i) n_l + j of the stream is p or more, of 1, else 0; A (n, n_l).

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout, section 10, with the survivors scaled up, so
    that inference takes all units as they are.
    """
    n, n_outputs = A.shape
    key = number(step["mask_key"], layer)  # a stream for each layer
    places = np.arange(first * n_outputs, (first + n) * n_outputs).reshape(A.shape)
    numbers = number(key, places) >> np.uint64(32)
    A[:] = np.where(numbers >= rate * 2.0**32, A / A.dtype.type(1 - rate), 0)
