"""Time both backends on the table of workloads, interleaved, and save medians and ratios.

Run ``python -m benchmarks.compare_backends`` on an otherwise idle machine, then ``python -m benchmarks.readme`` to update
the README.
"""

import functools
import platform
import statistics
from typing import Any

import click
import numba
import numpy as np
import scipy

import fastnn
from benchmarks.harness import runs
from benchmarks.harness.machine import machine
from benchmarks.harness.markdown import line, table, three_digits
from benchmarks.harness.results import SavedResults
from benchmarks.harness.turns import exactly, take_turns
from benchmarks.settings import DTYPE, QUICK
from benchmarks.workloads.table import TRAININGS
from benchmarks.workloads.training import Training
from benchmarks.workloads.workload import at_size
from fastnn.threads import available_cpus

WORKLOADS = at_size(TRAININGS)


def measure(workload: Training, rounds: int, n_threads: int | None) -> dict[str, Any]:
    """Median seconds of each backend, interleaved, after a check that the backends agree."""
    workload.assert_backends_agree()
    backends = fastnn.available_backends()
    turns = {backend: functools.partial(workload.seconds, backend, n_threads) for backend in backends}
    seconds = take_turns(turns, exactly(rounds))
    return {
        **workload.description,
        "backends": {backend: _summary(workload, measured) for backend, measured in seconds.items()},
    }


def _summary(workload: Training, seconds: list[float]) -> dict[str, float]:
    samples_per_second = workload.samples_per_second(statistics.median(seconds))
    return {**workload.summary(seconds), "samples_per_second": samples_per_second}


def measured_on(n_threads: int | None) -> dict[str, Any]:
    """A description of the machine and the versions."""
    return {
        **machine(),
        "threads": n_threads or available_cpus(),
        "dtype": DTYPE,
        "python": platform.python_version(),
        **{module.__name__: module.__version__ for module in (np, numba, scipy, fastnn)},
    }


def markdown(results: dict[str, Any]) -> str:
    """Table of the saved results, with a note on the machine and the versions."""
    header = ["workload", "network", "batch"]
    header += ["NumPy, ms per epoch", "Numba, ms per epoch", "times faster", "Numba, samples/s"]
    at = results["machine"]
    note = (
        f"Medians of {results['rounds']} turns on a {at['processor']} processor with {at['threads']} threads, "
        f"{at['dtype']}, on {at['date']}: Python {at['python']}, NumPy {at['numpy']}, Numba {at['numba']}, "
        f"SciPy {at['scipy']}, fastnn {at['fastnn']}."
    )
    return "\n".join([*table(header, 2, map(_row, results["workloads"])), "", note]) + "\n"


def _row(workload: dict[str, Any]) -> str:
    reference, compiled = workload["backends"]["numpy"], workload["backends"]["numba"]
    ratio = reference["milliseconds_per_epoch"] / compiled["milliseconds_per_epoch"]
    return line(
        [
            f"{workload['data']}, {workload['n_samples']:,} samples",
            workload["network"],
            "all" if workload["batch_size"] is None else str(workload["batch_size"]),
            three_digits(reference["milliseconds_per_epoch"]),
            three_digits(compiled["milliseconds_per_epoch"]),
            f"{ratio:.1f}",
            f"{compiled['samples_per_second']:,.0f}",
        ]
    )


SAVED = SavedResults("backends", markdown)


@click.command()
@click.option(
    "--rounds", type=click.IntRange(min=1), default=1 if QUICK else 7, show_default=True, help="Turns of each."
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads of both backends.  [default: one per processor]")
@runs.only_option(workload.name for workload in WORKLOADS)
def main(rounds: int, threads: int | None, only: tuple[str, ...]) -> None:
    """Time both backends on the table of workloads, interleaved, and save medians and ratios."""
    results: dict[str, Any] = {"machine": measured_on(threads), "rounds": rounds, "workloads": []}
    for workload in runs.chosen(WORKLOADS, only):
        results["workloads"].append(measure(workload, rounds, threads))
        click.echo(_row(results["workloads"][-1]))
    SAVED.save_whole(results, is_whole=not (QUICK or only))


if __name__ == "__main__":
    main()
