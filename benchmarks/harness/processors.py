"""Processes that run on chosen processors: the affinity mask, and the thread settings that go with it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
CAN_PIN = hasattr(os, "sched_setaffinity")


@contextmanager
def pinned(n_processors: int) -> Iterator[None]:
    """Within this context, this process and its children run on the first `n_processors` of its processors."""
    if not CAN_PIN:
        yield
        return
    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(everything)[:n_processors])
    try:
        yield
    finally:
        os.sched_setaffinity(0, everything)


def vector_settings() -> dict[str, str]:
    """Environment that limits every library to 256-bit vectors if `FASTNN_VECTOR_BITS` limits fastnn."""
    if os.environ.get("FASTNN_VECTOR_BITS") != "256":
        return {}
    return {
        "OPENBLAS_CORETYPE": "Haswell",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    }


def thread_settings(n_processors: int) -> dict[str, str]:
    """Environment in which every library uses one thread per processor; JAX respects the affinity mask by itself."""
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {**dict.fromkeys(variables, str(n_processors)), "JAX_PLATFORMS": "cpu"}


def run_module(module: str, arguments: Sequence[str], n_processors: int) -> None:
    """Run ``python -m module arguments`` on some processors, show its output, and wait for it."""
    environment = {**os.environ, **thread_settings(n_processors), **vector_settings()}
    with pinned(n_processors):
        process = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment, check=False)
    if process.returncode != 0:
        raise click.ClickException(
            f"Measuring on {n_processors} processor(s) ended with code {process.returncode}; see its output above."
        )
