"""Offsets, in bytes, of what compiled code reads from the records of programs."""

from typing import Any

from fastnn.updates import SETTINGS

#: One operation of a program: where its code and its record lie, and whether all threads wait for each other afterwards.
ITEM = ("operation", "arguments", "waits")

#: What the threads of a team run: a program, for the records of how many steps; how many threads there are; how often they
#: have come to a barrier, and whether the team is broken up; the function of the system that lets another thread run; and whether subnormal numbers become 0.
WORK = ("program", "n_items", "steps", "n_steps", "n_threads", "arrivals", "broken", "yield_processor", "flushes")

ITEM_SIZE, WORK_SIZE, STEP_SIZE = 8 * len(ITEM), 8 * len(WORK), SETTINGS.itemsize
OPERATION, ARGUMENTS, WAITS = range(0, ITEM_SIZE, 8)
PROGRAM, N_ITEMS, STEPS, N_STEPS, N_THREADS, ARRIVALS, BROKEN, YIELD_PROCESSOR, FLUSHES = range(0, WORK_SIZE, 8)

#: The record of `run_tiles`: samples of a tile, where the tables of the threads' programs and of their own steps lie, and
#: how many operations a program has.
TILES_SIZE, TILES_PROGRAMS, TILES_STEPS, TILES_ITEMS = range(0, 32, 8)

#: Within the record of a step.
_FIELDS: Any = SETTINGS.fields
START, N_SAMPLES, OFFSET, TILE = (_FIELDS[name][1] for name in ("start", "n_samples", "offset", "tile"))
