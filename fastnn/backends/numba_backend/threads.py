"""A team of threads that run the same kernel side by side, and the barrier at which they meet.

Every thread gets its number and works on its share of the rows; no thread waits for another but at a barrier. Threads are
started for each call, some dozens of microseconds, so nothing is left to outlive a fork or to spin beside other work.
"""

import os
import platform
import threading
import time
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastnn.backends.numba_backend.callbacks import run_kernel
from fastnn.backends.numba_backend.compilation import inlined, kernel

_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")

#: The number of the first meeting; a plain 1 would be a type of its own, for which kernels are compiled once more.
FIRST = np.int64(1)

#: Looks at the counter before a waiting thread offers its processor to others: some ten microseconds.
LOOKS_BEFORE_YIELD = 400


def run_team(function, n_threads: int, *arguments):
    """Call `function(thread, n_threads, meeting, *arguments)` in every thread of a team; their results, in any order."""
    meeting = np.zeros(2, np.int64)  # how often a thread has come to the barrier; whether the team is broken up
    if n_threads == 1 or config.DISABLE_JIT:
        return [run_kernel(function, 0, 1, meeting, *arguments)]
    _compile(function, 0, n_threads, meeting, *arguments)
    return _Team(function, n_threads, meeting, arguments).run()


def _compile(function, *arguments) -> None:
    """Compile while there is no team yet that an interrupted compilation would leave waiting.

    Numba takes tens of microseconds to find out that there is nothing to compile, so calls of the same kind are remembered.
    """
    kinds = function, *map(_kind, arguments)
    if kinds not in _COMPILED:
        function.compile(tuple(map(function.typeof_pyval, arguments)))
        _COMPILED.add(kinds)


_COMPILED: set[tuple] = set()


def _kind(argument):
    """What Numba's type of an argument depends on."""
    if isinstance(argument, np.ndarray):
        return argument.dtype, argument.ndim, argument.flags.num
    if isinstance(argument, tuple):
        return type(argument), *map(_kind, argument)
    return type(argument)


class _Team:
    """The threads of one call: the caller's own, which is thread 0, and members started for it.

    Whatever happens to one of them, none is left waiting for it, and none writes to the caller's arrays afterwards.
    """

    def __init__(self, function, n_threads, meeting, arguments) -> None:
        self.function, self.n_threads, self.meeting, self.arguments = function, n_threads, meeting, arguments
        self.ready = threading.Barrier(n_threads)
        self.at_work: set[int] = set()
        self.errors: list[BaseException] = []
        self.results: list[Any] = []
        self.members = [
            threading.Thread(target=self._join_in, args=(thread,), daemon=True) for thread in range(1, n_threads)
        ]

    def run(self):
        try:
            self._lead()
        except BaseException:  # Ctrl-C, before or after the kernel
            self._break_up()
            raise
        finally:
            self._wait_for_the_end()
        if self.errors:
            raise self.errors[0]
        return self.results

    def _lead(self) -> None:
        """What thread 0 does: start the others, and run the kernel once all are there."""
        if self._start():
            self.ready.wait()
            self._compute(0, self.n_threads)
        else:
            self.ready.abort()
            self._compute(0, 1)

    def _compute(self, thread, n_threads) -> None:
        self.results.append(run_kernel(self.function, thread, n_threads, self.meeting, *self.arguments))

    def _start(self) -> bool:
        """Start every member; False if the system has no more threads to give."""
        try:
            for member in self.members:
                member.start()
        except RuntimeError:
            return False
        return True

    def _join_in(self, thread) -> None:
        """What a member does: run the kernel once all are there."""
        self.at_work.add(thread)
        try:
            self.ready.wait()
            self._compute(thread, self.n_threads)
        except threading.BrokenBarrierError:
            pass  # not every thread could be started, or an interrupt came first: none of the members computes
        except BaseException as error:
            self.errors.append(error)
            self._break_up()
        finally:
            self.at_work.remove(thread)

    def _break_up(self) -> None:
        """Let nobody wait, neither for the kernel to begin nor at a meeting within it."""
        self.ready.abort()
        self.meeting[1] = True

    def _wait_for_the_end(self) -> None:
        """Return when every member has left the kernel; an interrupt meanwhile is raised then, and not before."""
        try:
            for member in self.members:
                if member.is_alive():  # which one that was never started is not
                    member.join()
        except BaseException:
            while self.at_work:  # a thread of which the join was interrupted may call itself dead while it runs
                time.sleep(0.001)
            raise


@inlined
def share(n, thread, n_threads, granule):
    """The range of `range(n)` that is this thread's, cut at multiples of `granule`."""
    pieces = (n + granule - 1) // granule
    return min(n, pieces * thread // n_threads * granule), min(n, pieces * (thread + 1) // n_threads * granule)


@kernel
def meet(meeting, n_threads, phase):
    """Wait until every thread of the team has come here for the `phase`-th time; the number of the next meeting.

    It is 0 if the team was broken up: the kernel has to end.
    """
    if n_threads > 1:
        _arrive(meeting.ctypes.data)
        looks = 0
        while _number_at(meeting.ctypes.data) < phase * n_threads:
            if _number_at(meeting.ctypes.data + meeting.itemsize) != 0:
                return 0
            looks += 1
            if looks < LOOKS_BEFORE_YIELD:
                _pause()
            else:
                _yield_processor()
    return phase + 1


@intrinsic
def _arrive(typing_context, counter):
    def generate(context, builder, signature, values):
        pointer = builder.inttoptr(values[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", pointer, ir.IntType(64)(1), "seq_cst")

    return types.int64(types.intp), generate


@intrinsic
def _number_at(typing_context, address):
    def generate(context, builder, signature, values):
        return builder.load_atomic(builder.inttoptr(values[0], ir.IntType(64).as_pointer()), "seq_cst", 8)

    return types.int64(types.intp), generate


def _calls(name, result):
    """The operation that calls a C function without arguments."""

    @intrinsic
    def call(typing_context):
        def generate(context, builder, signature, values):
            known = builder.module.globals.get(name)
            builder.call(known or ir.Function(builder.module, ir.FunctionType(result, []), name), [])
            return context.get_dummy_value()

        return types.void(), generate

    return call


#: A hint to the processor that this is a waiting loop, and the system call that lets another thread run.
_pause = _calls("llvm.x86.sse2.pause", ir.VoidType()) if _IS_X86 else _calls("sched_yield", ir.IntType(32))
_yield_processor = _calls("SwitchToThread" if os.name == "nt" else "sched_yield", ir.IntType(32))
