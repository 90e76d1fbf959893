"""Time both backends on the table, taking turns, and save medians and ratios.

Run it on a machine that does nothing else: ``python -m benchmarks.compare_backends``, then
``python -m benchmarks.readme`` to bring the README up to date.
"""

import json
import platform
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

import click
import llvmlite.binding
import numba
import numpy as np
import scipy

import fastnn
from benchmarks.workloads import DTYPE, QUICK, WORKLOADS, Workload
from fastnn.threads import available_cpus

RESULTS = Path(__file__).parent / "results"
JSON_FILE = RESULTS / "backends.json"
MARKDOWN_FILE = RESULTS / "backends.md"

#: Threads of a matrix library spin for a while after its last product, and would take the next turn's processors.
PAUSE_SECONDS = 0.2


def measure(workload: Workload, rounds: int, n_threads: int | None) -> dict[str, Any]:
    """Median seconds of each backend over `rounds` turns, the backends taking turns within each."""
    workload.assert_backends_agree()
    seconds: dict[str, list[float]] = {backend: [] for backend in fastnn.available_backends()}
    for _ in range(rounds):
        for backend, measured in seconds.items():
            time.sleep(PAUSE_SECONDS)
            measured.append(workload.seconds(backend, n_threads))
    return {
        "name": workload.name,
        "network": workload.network_shape,
        "loss": workload.loss,
        "n_samples": workload.n_samples,
        "batch_size": workload.batch_size,
        "data": workload.data().source,
        "epochs": workload.epochs,
        "backends": {backend: _summary(workload, measured) for backend, measured in seconds.items()},
    }


def _summary(workload: Workload, seconds: list[float]) -> dict[str, float]:
    median = statistics.median(seconds)
    return {
        "milliseconds_per_epoch": 1e3 * median / workload.epochs,
        "fastest_milliseconds_per_epoch": 1e3 * min(seconds) / workload.epochs,
        "samples_per_second": workload.samples_per_second(median),
        "useful_gflops": workload.gflops(median),
    }


def machine(n_threads: int | None) -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "date": date.today().isoformat(),
        "processor": llvmlite.binding.get_host_cpu_name(),
        "system": platform.system(),
        "threads": n_threads or available_cpus(),
        "dtype": DTYPE,
        "python": platform.python_version(),
        **{module.__name__: module.__version__ for module in (np, numba, scipy, fastnn)},
    }


def markdown(results: dict[str, Any]) -> str:
    """Table of the saved results, and below it what they were measured on."""
    lines = [
        "| workload | network | batch | NumPy, ms per epoch | Numba, ms per epoch | times faster | Numba, samples/s |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        *map(_row, results["workloads"]),
    ]
    at = results["machine"]
    measured_on = (
        f"Medians of {results['rounds']} turns on a {at['processor']} processor with {at['threads']} threads, "
        f"{at['dtype']}, on {at['date']}: Python {at['python']}, NumPy {at['numpy']}, Numba {at['numba']}, "
        f"SciPy {at['scipy']}, fastnn {at['fastnn']}."
    )
    return "\n".join([*lines, "", measured_on]) + "\n"


def _row(workload: dict[str, Any]) -> str:
    reference, compiled = workload["backends"]["numpy"], workload["backends"]["numba"]
    ratio = reference["milliseconds_per_epoch"] / compiled["milliseconds_per_epoch"]
    cells = [
        f"{workload['data']}, {workload['n_samples']:,} samples",
        workload["network"],
        "all" if workload["batch_size"] is None else str(workload["batch_size"]),
        _three_digits(reference["milliseconds_per_epoch"]),
        _three_digits(compiled["milliseconds_per_epoch"]),
        f"{ratio:.1f}",
        f"{compiled['samples_per_second']:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _three_digits(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"


@click.command()
@click.option(
    "--rounds", type=click.IntRange(min=1), default=1 if QUICK else 7, show_default=True, help="Turns of each."
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads of both backends.  [default: as many as there are]"
)
@click.option("--only", multiple=True, type=click.Choice([workload.name for workload in WORKLOADS]), help="Not saved.")
def main(rounds: int, threads: int | None, only: tuple[str, ...]) -> None:
    """Time both backends on the table of workloads, interleaved, and save medians and ratios."""
    results = {"machine": machine(threads), "rounds": rounds, "workloads": []}
    for workload in WORKLOADS:
        if only and workload.name not in only:
            continue
        results["workloads"].append(measure(workload, rounds, threads))
        click.echo(_row(results["workloads"][-1]))
    table = markdown(results)
    if QUICK or only:
        click.echo("Not saved: this was not the whole table at its full size.")
        return
    RESULTS.mkdir(exist_ok=True)
    JSON_FILE.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    MARKDOWN_FILE.write_text(table, encoding="utf-8")
    click.echo(f"Saved {JSON_FILE} and {MARKDOWN_FILE}.")


if __name__ == "__main__":
    main()
