"""A team of threads that run a program side by side.

Threads are started for each call, some dozens of microseconds, so nothing is left to outlive a fork or to spin beside other
work.
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

SLEEP = 0.001  # seconds between two looks at a thread that does not end


@cache
def _driver():
    """The driver as a C function: room for its result, for an exception that it never has, its work, and the thread."""
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
    """A program as the driver takes it: its records of `ITEM`, where they are and how many."""

    records: np.ndarray
    address: int
    n: int

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Items":
        """The same from rows of the numbers of each record."""
        records = np.ascontiguousarray(numbers)
        return cls(records, address_of(records), len(records))


_Result = ctypes.c_int64  # room for the driver's result, and for an exception that it never has

#: A record of `WORK`, and the place of one of its numbers.
_Work = ctypes.c_int64 * len(WORK)
_N_THREADS, _BROKEN = (WORK.index(name) for name in ("n_threads", "broken"))


def run_team(items: Items, steps: np.ndarray, n_threads: int, *, flushes: bool = False) -> None:
    """Run a program for every step in a team of threads; `flushes` lets subnormal numbers become 0 meanwhile."""
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
    """The system's function that tells on which processor a thread runs, or None where it cannot be asked or set."""
    return getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None


def _move_away(from_processor: int, places: int) -> None:
    """Move this thread some processors on from another's, and leave it free to move again.

    A thread begins where the one is that started it. Two that wait for each other at barriers would share that processor
    until the system balances its load, some hundredths of a second later.
    """
    allowed = os.sched_getaffinity(0)
    processors = sorted(allowed)
    if from_processor in allowed and len(allowed) > 1:
        with suppress(OSError):
            os.sched_setaffinity(0, {processors[(processors.index(from_processor) + places) % len(processors)]})
            os.sched_setaffinity(0, allowed)


class _Team:
    """The threads of one call: the caller's own, which is thread 0, and members started for it.

    Whatever happens to one of them, none is left waiting for it, and none writes to the caller's arrays afterwards.
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
        """What thread 0 does: start the others, and run the program once all are there."""
        if self._start():
            self.ready.wait()
        else:
            self.ready.abort()
            self.work[_N_THREADS] = 1
        self._compute(0)

    def _compute(self, thread: int) -> None:
        _compute(self.work, thread)

    def _start(self) -> bool:
        """Start every member; False if the system has no more threads to give."""
        try:
            for member in self.members:
                member.start()
        except RuntimeError:
            return False
        return True

    def _join_in(self, thread: int) -> None:
        """What a member does: run the program once all are there."""
        self.at_work.add(thread)
        try:
            if self.processor >= 0:
                _move_away(self.processor, thread)
            self.ready.wait()
            self._compute(thread)
        except threading.BrokenBarrierError:
            pass  # not every thread could be started, or an interrupt came first: none of the members computes
        finally:
            self.at_work.remove(thread)

    def _break_up(self) -> None:
        """Let nobody wait, neither for the program to begin nor at a barrier within it."""
        self.ready.abort()
        self.work[_BROKEN] = 1

    def _wait_for_the_end(self) -> None:
        """Return when every member has left the program; an interrupt meanwhile is raised then, and not before."""
        try:
            for member in self.members:
                if member.is_alive():
                    member.join()
        except BaseException:
            while self.at_work:  # a thread whose join was interrupted may call itself dead while it runs
                time.sleep(SLEEP)
            raise
