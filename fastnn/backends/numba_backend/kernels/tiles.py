"""Tiles of batches of narrow networks, and the mean of their gradients, which are summed in the order of the tiles."""

from fastnn.backends.numba_backend.kernels.driver import call_operation
from fastnn.backends.numba_backend.kernels.memory import integer_at, put_integer
from fastnn.backends.numba_backend.kernels.operation_compiler import partition
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.layout import (
    ARGUMENTS,
    ITEM_SIZE,
    N_SAMPLES,
    OFFSET,
    OPERATION,
    START,
    STEP_SIZE,
    TILE,
    TILES_ITEMS,
    TILES_PROGRAMS,
    TILES_SIZE,
    TILES_STEPS,
)


@body()
def run_tiles(arguments, batch, thread, n_threads):
    """Run a program for every tile of a batch that belongs to this thread."""
    size, n = integer_at(arguments, TILES_SIZE), integer_at(batch, N_SAMPLES)
    program = integer_at(integer_at(arguments, TILES_PROGRAMS), 8 * thread)
    own = integer_at(arguments, TILES_STEPS) + thread * STEP_SIZE
    for place in range(0, STEP_SIZE, 8):
        put_integer(own, place, integer_at(batch, place))
    first, last = partition((n + size - 1) // size, thread, n_threads, 1)
    for tile in range(first, last):
        put_integer(own, START, integer_at(batch, START) + tile * size)
        put_integer(own, N_SAMPLES, min(size, n - tile * size))
        put_integer(own, OFFSET, tile * size)
        put_integer(own, TILE, tile)
        for k in range(integer_at(arguments, TILES_ITEMS)):
            item = program + k * ITEM_SIZE
            status = call_operation(integer_at(item, OPERATION), integer_at(item, ARGUMENTS), own, 0, 1)
            if status != 0:
                return status
    return 0


@body()
def mean_of_tiles(mean, gradients, tile, step):
    """g = sum_t (n_t / n) g_t, for tiles of n_t samples, all full except the last; (T, m) -> (m,)."""
    n, real = step["n_samples"], mean.dtype.type
    share_of_tile = real(min(tile, n) / n)
    for p in range(len(mean)):
        mean[p] = share_of_tile * gradients[0, p]
    for t in range(1, (n + tile - 1) // tile):
        share_of_tile = real(min(tile, n - t * tile) / n)
        for p in range(len(mean)):
            mean[p] += share_of_tile * gradients[t, p]
