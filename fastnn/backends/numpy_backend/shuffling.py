"""Shuffling of the samples before the first batch of an epoch, with the same results as NumPy's generators."""

import numpy as np

from fastnn.backends.whole_epochs import (
    MERSENNE_TWISTER,
    PCG64,
    set_pcg64,
    state_of_pcg64,
    with_words,
    words_of,
)


def shuffle_by_mersenne_twister(order, random, step):
    """Shuffle an order as `numpy.random.RandomState.shuffle` does, before the first batch of an epoch."""
    if step["start"] == 0:
        generator = np.random.RandomState(0)
        generator.set_state(with_words(generator.get_state(legacy=False), random))
        generator.shuffle(order)
        random[:] = words_of(generator.get_state(legacy=False))


def permute_by_pcg64(order, random, step):
    """Draw an order as `numpy.random.Generator.permutation` does, before the first batch of an epoch."""
    if step["start"] == 0:
        bit_generator = np.random.PCG64(0)
        set_pcg64(bit_generator, random)
        order[:] = np.random.Generator(bit_generator).permutation(len(order))
        random[:] = state_of_pcg64(bit_generator)


#: Shuffles by name of their generator.
SHUFFLES = {MERSENNE_TWISTER: shuffle_by_mersenne_twister, PCG64: permute_by_pcg64}
