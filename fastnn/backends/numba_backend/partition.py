"""How work is partitioned among threads: what is divided, and at multiples of which granule."""

from fastnn.backends.numba_backend.levels import level
from fastnn.backends.numba_backend.operations import NOTHING, SAMPLES

#: Rows of a tile of the matrix products: chunks of samples are multiples of it.
ROWS = level().tile_rows

#: Rows of weights that are updated at a time, right after their gradient, so that it stays in cache.
UPDATE_ROWS = 4 * ROWS

#: Chunks of parameters and tiles of samples are multiples of this, so that they fill vectors.
GRANULE = 64

BY_SAMPLES, BY_ONE = (SAMPLES, ROWS), (NOTHING, 1)


def by_units(n: int) -> tuple[int, int]:
    """Partition the units of a layer, or the rows of its weights."""
    return n, ROWS


def by_numbers(n: int) -> tuple[int, int]:
    """Partition the elements of a vector."""
    return n, GRANULE
