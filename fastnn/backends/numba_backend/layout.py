"""Byte offsets of the fields that compiled code reads from the records of programs."""

from typing import Any

from fastnn.updates import SETTINGS

#: One operation of a program: addresses of its code and its record, whether a barrier follows, and the address of the record
#: of its step, or 0 for that of the batch.
ITEM = ("operation", "arguments", "waits", "own_step")

#: The work of a team: the program, the steps to run it for, the number of threads, the number of arrivals at barriers so
#: far, whether the team has been broken up, the address of the system function that yields the processor, and whether
#: subnormal numbers are flushed to 0.
WORK = ("program", "n_items", "steps", "n_steps", "n_threads", "arrivals", "broken", "yield_processor", "flushes")

ITEM_SIZE, WORK_SIZE, STEP_SIZE = 8 * len(ITEM), 8 * len(WORK), SETTINGS.itemsize
OPERATION, ARGUMENTS, WAITS, OWN_STEP = range(0, ITEM_SIZE, 8)
PROGRAM, N_ITEMS, STEPS, N_STEPS, N_THREADS, ARRIVALS, BROKEN, YIELD_PROCESSOR, FLUSHES = range(0, WORK_SIZE, 8)

#: The record of `run_tiles`: samples per tile, addresses of the threads' programs and steps, and operations per program.
TILES_SIZE, TILES_PROGRAMS, TILES_STEPS, TILES_ITEMS = range(0, 32, 8)

#: Offsets in the record of a step.
_FIELDS: Any = SETTINGS.fields
START, N_SAMPLES, OFFSET, TILE = (_FIELDS[name][1] for name in ("start", "n_samples", "offset", "tile"))
