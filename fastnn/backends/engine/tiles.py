"""Batches of narrow networks, cut into tiles of samples: each goes through a whole program while all of it lies in the caches.

A tile is a batch of its own to the program that computes it. The gradients of the tiles are added in their order, so the
sum does not depend on which thread computed which.
"""

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.backends.engine.compiler import RECORD_SIZE, share
from fastnn.backends.engine.driver import ARGUMENTS, ITEM_SIZE, OPERATION, call_operation
from fastnn.backends.engine.memory import integer_at, put_integer
from fastnn.backends.engine.operations import BLOCK, FLAT, INTEGER, STEP, Operation, address_of, operation
from fastnn.optimizers import SETTINGS

if TYPE_CHECKING:
    from fastnn.backends.engine.program import Program

#: The record of `run_tiles`: samples of a tile, where the tables of the threads' programs and of their own steps lie, and
#: how many operations a program has.
TILE_SIZE, PROGRAMS, OWN_STEPS, N_ITEMS = range(0, 32, 8)

START, N_SAMPLES, OFFSET, TILE = (SETTINGS.fields[name][1] for name in ("start", "n_samples", "offset", "tile"))


def run_tiles(arguments, batch, thread, n_threads):
    """Run a program for every tile of a batch that is this thread's."""
    size, n = integer_at(arguments, TILE_SIZE), integer_at(batch, N_SAMPLES)
    program = integer_at(integer_at(arguments, PROGRAMS), 8 * thread)
    own = integer_at(arguments, OWN_STEPS) + thread * RECORD_SIZE
    for place in range(0, RECORD_SIZE, 8):
        put_integer(own, place, integer_at(batch, place))
    first, last = share((n + size - 1) // size, thread, n_threads, 1)
    for tile in range(first, last):
        put_integer(own, START, integer_at(batch, START) + tile * size)
        put_integer(own, N_SAMPLES, min(size, n - tile * size))
        put_integer(own, OFFSET, tile * size)
        put_integer(own, TILE, tile)
        for k in range(integer_at(arguments, N_ITEMS)):
            item = program + k * ITEM_SIZE
            status = call_operation(integer_at(item, OPERATION), integer_at(item, ARGUMENTS), own, 0, 1)
            if status != 0:
                return status
    return 0


class TilesOperation(Operation):
    """`run_tiles` with the programs of the threads, which it needs beside its record where nothing is compiled."""

    returns_status = True

    def __init__(self, programs: list["Program"], tile: int) -> None:
        super().__init__(run_tiles, (), "run_tiles")
        self.programs, self.tile = programs, tile
        self.items = np.array([address_of(program.items) for program in programs]) if not programs[0].interpreted else None
        self.own_steps = np.zeros(len(programs), SETTINGS)

    def record(self, partition: tuple[int, int], arguments: tuple[Any, ...]) -> np.ndarray:
        """Its record is all about programs."""
        items = 0 if self.items is None else address_of(self.items)
        return np.array([self.tile, items, address_of(self.own_steps), len(self.programs[0])], np.int64)

    def interpret(self, arguments: int, batch: int, thread: int, n_threads: int, dtype: np.dtype) -> None:
        """Run the program of the first thread for every tile."""
        step = np.frombuffer((ctypes.c_char * SETTINGS.itemsize).from_address(batch), SETTINGS)
        for tile, offset in enumerate(range(0, int(step["n_samples"][0]), self.tile)):
            own = step.copy()
            own["start"] += offset
            own["n_samples"], own["offset"], own["tile"] = min(self.tile, int(step["n_samples"][0]) - offset), offset, tile
            self.programs[0].run(own)


@operation(FLAT, BLOCK, INTEGER, STEP)
def mean_of_tiles(mean, gradients, tile, step):
    """g = sum_t (n_t / n) g_t, for tiles of n_t samples, all whole but the last; (T, m) -> (m,)."""
    n, real = step["n_samples"], mean.dtype.type
    share_of_tile = real(min(tile, n) / n)
    for p in range(len(mean)):
        mean[p] = share_of_tile * gradients[0, p]
    for t in range(1, (n + tile - 1) // tile):
        share_of_tile = real(min(tile, n - t * tile) / n)
        for p in range(len(mean)):
            mean[p] += share_of_tile * gradients[t, p]
