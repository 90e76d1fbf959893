"""A team of threads that run a program in parallel.

Threads are started for each call, which takes some tens of microseconds, so that none outlives a fork or spins while other
code runs.
"""

import ctypes
import os
import threading
import time
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fastnn.backends.numba_backend import addresses
from fastnn.backends.numba_backend.layout import WORK
from fastnn.backends.numba_backend.operations import address_of

SLEEP = 0.001  # seconds between checks of a thread that has not ended


@cache
def _driver():
    """The driver as a C function of pointers for a result and an exception, unused, its work, and the thread."""
    return ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 4)(addresses.driver())


@cache
def _yield_processor() -> int:
    """Address of the system call that lets another thread run."""
    library: Any
    library, name = (
        (vars(ctypes)["windll"].kernel32, "SwitchToThread") if os.name == "nt" else (ctypes.CDLL(None), "sched_yield")
    )
    return int(ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0)


class Items(NamedTuple):
    """A program as the driver takes it: its `ITEM` records, their address and their number."""

    records: np.ndarray
    address: int
    n: int

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Items":
        """Items from the rows of an array, one per record."""
        records = np.ascontiguousarray(numbers)
        return cls(records, address_of(records), len(records))


_Result = ctypes.c_int64  # memory for the driver's result and exception, which are not used

#: A `WORK` record, and the positions of some of its fields.
_Work = ctypes.c_int64 * len(WORK)
_N_THREADS, _BROKEN = (WORK.index(name) for name in ("n_threads", "broken"))


def run_team(items: Items, steps: np.ndarray, n_threads: int, *, flushes: bool = False) -> None:
    """Run a program for every step in a team of threads; with `flushes`, subnormal numbers are flushed to 0."""
    work = _Work(items.address, items.n, address_of(steps), len(steps), n_threads, 0, 0, _yield_processor(), flushes)
    if n_threads == 1:
        _compute(work, 0)
    else:
        _Team(work, n_threads).run()


def _compute(work: Any, thread: int) -> None:
    """Run a program as one thread of its team."""
    result = _Result()
    room = ctypes.addressof(result)
    _driver()(room, room, ctypes.addressof(work), thread)


@cache
def _current_processor() -> Any:
    """The system function that tells on which processor a thread runs, or None if affinity cannot be set."""
    return getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None


def _move_away(from_processor: int, places: int) -> None:
    """Move this thread to another processor, `places` after the given one, and leave it free to move again.

    A new thread starts on the processor of its parent. Two threads that wait for each other at barriers would share that
    processor until the system balances the load, some tens of milliseconds later.
    """
    allowed = os.sched_getaffinity(0)
    processors = sorted(allowed)
    if from_processor in allowed and len(allowed) > 1:
        with suppress(OSError):
            os.sched_setaffinity(0, {processors[(processors.index(from_processor) + places) % len(processors)]})
            os.sched_setaffinity(0, allowed)


class _Team:
    """The threads of one call: the caller's, which is thread 0, and members started for it.

    Whatever happens to one of them, no other keeps waiting for it, and none writes to the caller's arrays after the call.
    """

    def __init__(self, work: Any, n_threads: int) -> None:
        self.work, self.n_threads = work, n_threads
        self.ready = threading.Barrier(self.n_threads)
        self.at_work: set[int] = set()
        self.processor = -1 if _current_processor() is None else _current_processor()()
        self.members = [
            threading.Thread(target=self._join_in, args=(thread,), daemon=True) for thread in range(1, self.n_threads)
        ]

    def run(self) -> None:
        try:
            self._lead()
        except BaseException:  # Ctrl-C, before or after the program
            self._break_up()
            raise
        finally:
            self._wait_for_the_end()

    def _lead(self) -> None:
        """Thread 0: start the others, and run the program once all are ready."""
        if self._start():
            self.ready.wait()
        else:
            self.ready.abort()
            self.work[_N_THREADS] = 1
        self._compute(0)

    def _compute(self, thread: int) -> None:
        _compute(self.work, thread)

    def _start(self) -> bool:
        """Start every member; False if no more threads are available."""
        try:
            for member in self.members:
                member.start()
        except RuntimeError:
            return False
        return True

    def _join_in(self, thread: int) -> None:
        """Member: run the program once all threads are ready."""
        self.at_work.add(thread)
        try:
            if self.processor >= 0:
                _move_away(self.processor, thread)
            self.ready.wait()
            self._compute(thread)
        except threading.BrokenBarrierError:
            pass  # not every thread could be started, or an interrupt came first: no member computes
        finally:
            self.at_work.remove(thread)

    def _break_up(self) -> None:
        """Release all waiting threads, both before the program and at barriers within it."""
        self.ready.abort()
        self.work[_BROKEN] = 1

    def _wait_for_the_end(self) -> None:
        """Return when every member has left the program; an interrupt in the meantime is raised only then."""
        try:
            for member in self.members:
                if member.is_alive():
                    member.join()
        except BaseException:
            while self.at_work:  # a thread whose join was interrupted may report itself dead while it runs
                time.sleep(SLEEP)
            raise
