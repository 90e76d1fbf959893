"""The peak speed of the machine: fused multiply-adds and copied bytes per second, on all processors of the process."""

import functools
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from benchmarks.harness.turns import seconds_of
from benchmarks.settings import QUICK
from fastnn.backends.numba_backend.levels import level
from fastnn.threads import available_cpus

#: Steps of one measurement, about ten milliseconds, and bytes to copy, more than the caches hold.
STEPS = 20_000 if QUICK else 2_000_000
COPIED_BYTES = 2**23 if QUICK else 2**28
RUNS = 3


def peak_gflops(lanes: int | None = None, n_threads: int | None = None) -> float:
    """Billions of float32 operations per second, counting a fused multiply-add as two: the best of some short runs.

    On all processors, with the widest vectors, or with those that the kernels are limited to.
    """
    lanes, n_threads = lanes or _lanes(), n_threads or available_cpus()
    run = _compiled(lanes)
    run(0, np.float32(0.5))
    flops = 2 * lanes * _chains(lanes) * STEPS * n_threads
    return flops / _best_seconds(lambda part: run(STEPS, np.float32(0.5)), n_threads) / 1e9


def copy_gigabytes_per_second() -> float:
    """Billions of bytes per second, read and written, when copying in memory: the best of some runs."""
    source, target = (np.ones(COPIED_BYTES // 4, np.float32) for _ in range(2))
    parts = [slice(*bounds) for bounds in _bounds(len(source), available_cpus())]

    def copy(part: int) -> None:
        np.copyto(target[parts[part]], source[parts[part]])

    return 2 * COPIED_BYTES / _best_seconds(copy, available_cpus()) / 1e9


def _bounds(n: int, n_parts: int) -> list[tuple[int, int]]:
    """Divide range(n) into parts of nearly equal length."""
    return [(n * part // n_parts, n * (part + 1) // n_parts) for part in range(n_parts)]


def _best_seconds(work: Callable[[int], object], n_threads: int) -> float:
    """Shortest time in which threads do one part of the work each."""
    with ThreadPoolExecutor(n_threads) as pool:
        return min(seconds_of(lambda: list(pool.map(work, range(n_threads)))) for _ in range(RUNS))


def _lanes() -> int:
    """Number of floats in the vectors that the kernels use."""
    return level().vector_bits // 32


def _chains(lanes: int) -> int:
    """Number of independent sums: enough to hide the latency, few enough for the registers."""
    few_registers = platform.machine().lower() in ("x86_64", "amd64") and lanes < 16
    return 12 if few_registers else 24


@functools.cache
def _compiled(lanes: int) -> Callable[[int, np.float32], float]:
    multiply_adds = _multiply_adds(lanes, _chains(lanes))

    @njit(nogil=True)
    def run(steps, factor):
        return multiply_adds(steps, factor)

    return run


def _multiply_adds(lanes: int, n_chains: int) -> Callable[[int, np.float32], float]:
    @intrinsic
    def multiply_adds(typing_context, steps, factor):
        """total <- factor total + factor, repeated in all lanes of several vectors; returns the sum of their first lanes."""

        def generate(context, builder, signature, values):
            steps, factor = values
            vector = ir.VectorType(ir.FloatType(), lanes)
            function_type = ir.FunctionType(vector, [vector] * 3)
            fma = cgutils.get_or_insert_function(builder.module, function_type, f"llvm.fmuladd.v{lanes}f32")
            factors = _broadcast(builder, factor, vector)
            starts = [ir.Constant(vector, [float(chain)] * lanes) for chain in range(n_chains)]
            totals = [cgutils.alloca_once_value(builder, builder.fmul(start, factors)) for start in starts]
            with cgutils.for_range(builder, steps):
                for total in totals:
                    builder.store(builder.call(fma, [builder.load(total), factors, factors]), total)
            firsts = [builder.extract_element(builder.load(total), ir.IntType(32)(0)) for total in totals]
            return functools.reduce(builder.fadd, firsts)

        return types.float32(types.intp, types.float32), generate

    return multiply_adds


def _broadcast(builder, number, vector):
    """A vector with `number` in every lane."""
    result = ir.Constant(vector, ir.Undefined)
    for lane in range(vector.count):
        result = builder.insert_element(result, number, ir.IntType(32)(lane))
    return result
