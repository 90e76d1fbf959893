"""Batches of narrow networks, cut into tiles of samples: each passes through a whole program while it stays in cache.

To its program, a tile is a batch. The gradients of the tiles are summed in order, so the sum does not depend on which thread
computed which tile.
"""

from typing import Any

import numpy as np

from fastnn.backends.numba_backend.operations import Operation, address_of, array_at
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.updates import SETTINGS


class TilesOperation(Operation):
    """`run_tiles` together with the threads' programs, which it needs when nothing is compiled."""

    returns_status = True

    def __init__(self, programs: list[Program], tile: int) -> None:
        super().__init__("run_tiles", ())
        self.programs, self.tile = programs, tile
        self.items = np.array([program.items.address for program in programs]) if not programs[0].interpreted else None
        self.own_steps = np.zeros(len(programs), SETTINGS)

    def record(self, partition: tuple[int, int], arguments: tuple[Any, ...]) -> np.ndarray:
        """The record: tile size, programs, their steps, and their number of operations."""
        items = 0 if self.items is None else address_of(self.items)
        return np.array([self.tile, items, address_of(self.own_steps), len(self.programs[0])], np.int64)

    def interpret(self, arguments: int, batch: int, thread: int, n_threads: int, dtype: np.dtype) -> int:
        """Run the program of the first thread for every tile."""
        step = array_at(batch, (1,), (SETTINGS.itemsize,), np.dtype((np.void, SETTINGS.itemsize))).view(SETTINGS)
        for tile, offset in enumerate(range(0, int(step["n_samples"][0]), self.tile)):
            own = step.copy()
            own["start"] += offset
            own["n_samples"], own["offset"], own["tile"] = (
                min(self.tile, int(step["n_samples"][0]) - offset),
                offset,
                tile,
            )
            self.programs[0].run(own)
        return 0
