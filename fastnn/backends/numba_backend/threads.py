"""A team of threads that run the same kernel side by side, and the barrier at which they meet.

Every thread gets its number and works on its share of the rows; no thread waits for another but at a barrier. Threads are
started for each call, some dozens of microseconds, so nothing is left to outlive a fork or to spin beside other work.
"""

import os
import platform
import threading

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastnn.backends.numba_backend.compilation import inlined, kernel

_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")

#: Looks at the counter before a waiting thread offers its processor to others: some ten microseconds.
LOOKS_BEFORE_YIELD = 400


def run_team(function, n_threads: int, *arguments):
    """Call `function(thread, n_threads, meeting, *arguments)` in every thread of a team; return thread 0's result."""
    meeting = np.zeros(2, np.int64)  # how often a thread has come to the barrier; whether the team is broken up
    if n_threads == 1 or config.DISABLE_JIT:
        return function(0, 1, meeting, *arguments)
    _compile(function, 0, n_threads, meeting, *arguments)
    ready = threading.Barrier(n_threads)
    team = [
        threading.Thread(target=_join_in, args=(ready, function, thread, n_threads, meeting, *arguments), daemon=True)
        for thread in range(1, n_threads)
    ]
    try:
        for member in team:
            member.start()
    except RuntimeError:  # the system has no more threads to give
        ready.abort()
        return function(0, 1, meeting, *arguments)
    try:
        ready.wait()
        return function(0, n_threads, meeting, *arguments)
    except BaseException:  # Ctrl-C, just before the kernel: nobody must wait for thread 0
        ready.abort()
        meeting[1] = True
        raise
    finally:
        for member in team:
            member.join()


def _compile(function, *arguments) -> None:
    """Compile while there is no team yet that an interrupted compilation would leave waiting."""
    function.compile(tuple(map(function.typeof_pyval, arguments)))


def _join_in(ready: threading.Barrier, function, *arguments) -> None:
    """What the other threads of a team do: run the kernel once all of them are there."""
    try:
        ready.wait()
    except threading.BrokenBarrierError:
        return  # not every thread could be started: none of the others runs
    function(*arguments)


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
