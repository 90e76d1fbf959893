"""How work is partitioned among threads: what is divided, and in multiples of how many."""

from fastnn.backends.numba_backend.levels import level
from fastnn.backends.numba_backend.operations import NOTHING, SAMPLES

#: Rows of a tile of the matrix products: parts are cut at multiples of it.
ROWS = level().tile_rows

#: Rows of weights whose gradient is computed before they are updated, so that it does not leave the cache.
UPDATE_ROWS = 4 * ROWS

#: What shares of parameters and tiles of samples are multiples of, so that they fill vectors.
GRANULE = 64

BY_SAMPLES, BY_ONE = (SAMPLES, ROWS), (NOTHING, 1)


def by_units(n: int) -> tuple[int, int]:
    """The work is shared out by units of a layer, or by rows of its weights."""
    return n, ROWS


def by_numbers(n: int) -> tuple[int, int]:
    """The work is shared out by numbers of a vector."""
    return n, GRANULE
