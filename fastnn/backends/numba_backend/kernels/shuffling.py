"""The order of the samples of an epoch, drawn before its first batch, as operations.

Both draw the numbers that NumPy draws, bit for bit, so that a training whose epochs are drawn here is the training whose
epochs NumPy draws.
"""

import numpy as np

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.whole_epochs import WORDS

#: Matsumoto, Nishimura (1998), Mersenne Twister, table II: m, a, b, c, and the masks of the upper bit and the lower ones.
MIDDLE, MATRIX, TEMPERING_B, TEMPERING_C = 397, 0x9908B0DF, 0x9D2C5680, 0xEFC60000
UPPER, LOWER, ALL_BITS = 0x80000000, 0x7FFFFFFF, 0xFFFFFFFF

#: O'Neill (2014), PCG, section 6.3: the multiplier of the 128-bit generator, whose output function is XSL-RR.
MULTIPLIER_HIGH, MULTIPLIER_LOW = np.uint64(2549297995355413924), np.uint64(4865540595714422341)
HALF, HALF_BITS = np.uint64(32), np.uint64(ALL_BITS)
STATE_HIGH, STATE_LOW, INCREMENT_HIGH, INCREMENT_LOW, HAS_HALF, STORED_HALF = range(6)


@inlined
def _refill(random):
    """The next words of a Mersenne Twister, section 2.1, equation 2.1; the same, word by word, in place."""
    for k in range(WORDS):
        word = (random[k] & UPPER) | (random[(k + 1) % WORDS] & LOWER)
        random[k] = random[(k + MIDDLE) % WORDS] ^ (word >> 1) ^ (MATRIX if word & 1 else 0)
    random[WORDS] = 0


@inlined
def _next_of_mersenne_twister(random):
    """The next number of 32 bits, tempered by equations 2.2 to 2.5."""
    if random[WORDS] == WORDS:
        _refill(random)
    word = random[random[WORDS]]
    random[WORDS] += 1
    word ^= word >> 11
    word ^= (word << 7) & TEMPERING_B
    word ^= (word << 15) & TEMPERING_C
    return word ^ (word >> 18)


@inlined
def _product(a, b):
    """The upper and the lower 64 bits of the product of two numbers of 64 bits."""
    a_high, a_low, b_high, b_low = a >> HALF, a & HALF_BITS, b >> HALF, b & HALF_BITS
    middle = a_high * b_low + (a_low * b_low >> HALF)
    crossed = a_low * b_high + (middle & HALF_BITS)
    return a_high * b_high + (middle >> HALF) + (crossed >> HALF), a * b


@inlined
def _next_of_pcg64(random):
    """The next number of 64 bits: a step of the generator, and its output."""
    high, low = np.uint64(random[STATE_HIGH]), np.uint64(random[STATE_LOW])
    upper, lower = _product(low, MULTIPLIER_LOW)
    upper += high * MULTIPLIER_LOW + low * MULTIPLIER_HIGH
    low = lower + np.uint64(random[INCREMENT_LOW])
    high = upper + np.uint64(random[INCREMENT_HIGH]) + np.uint64(low < lower)
    random[STATE_HIGH], random[STATE_LOW] = np.int64(high), np.int64(low)
    mixed, turn = high ^ low, high >> np.uint64(58)
    return (mixed >> turn) | (mixed << ((np.uint64(64) - turn) & np.uint64(63)))


@inlined
def _next_half_of_pcg64(random):
    """The next number of 32 bits, the lower half of one of 64 first."""
    if random[HAS_HALF] != 0:
        random[HAS_HALF] = 0
        return random[STORED_HALF]
    number = _next_of_pcg64(random)
    random[HAS_HALF], random[STORED_HALF] = 1, np.int64(number >> HALF)
    return np.int64(number & HALF_BITS)


@inlined
def _shuffle(order, draw, random):
    """Fisher and Yates, from the last to the first; places come from the lowest bits of numbers, those too large rejected."""
    mask = 1
    while mask < len(order) - 1:
        mask = 2 * mask + 1
    for k in range(len(order) - 1, 0, -1):
        while mask >> 1 >= k:
            mask >>= 1
        place = draw(random) & mask
        while place > k:
            place = draw(random) & mask
        order[k], order[place] = order[place], order[k]


@body()
def shuffle_by_mersenne_twister(order, random, step):
    """Shuffle an order as `numpy.random.RandomState.shuffle` does, before the first batch of an epoch."""
    if step["start"] == 0:
        _shuffle(order, _next_of_mersenne_twister, random)


@body()
def permute_by_pcg64(order, random, step):
    """Draw an order as `numpy.random.Generator.permutation` does, before the first batch of an epoch."""
    if step["start"] == 0:
        for k in range(len(order)):
            order[k] = k
        _shuffle(order, _next_half_of_pcg64, random)
