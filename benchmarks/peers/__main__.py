"""Time every library on the table of workloads, interleaved, on one processor and on all: ``python -m benchmarks.peers``.

Install the libraries with ``pip install -e ".[peers]"``, run it on an otherwise idle machine, then run
``python -m benchmarks.readme`` to update the README.
"""

import platform
from pathlib import Path
from typing import Any

import click

import fastnn
from benchmarks.harness import runs
from benchmarks.harness.machine import machine
from benchmarks.peers.libraries import installed, missing
from benchmarks.peers.measure import measure
from benchmarks.peers.table import SAVED, markdown, share_of_peak
from benchmarks.settings import DTYPE, QUICK
from benchmarks.workloads.table import TRAININGS
from benchmarks.workloads.training import Training
from benchmarks.workloads.workload import at_size
from fastnn.threads import available_cpus

WORKLOADS = at_size(TRAININGS)


def told(workload: Training) -> dict[str, Any]:
    """Measure a workload, and print a line about it."""
    result = measure(workload, list(installed()))
    times = ", ".join(f"{name} {peer['milliseconds_per_epoch']:.4g}" for name, peer in result["peers"].items())
    click.echo(f"{available_cpus()} x {workload.name}, ms per epoch: {times}; {share_of_peak(result):.0%} of peak")
    return result


def measured(only: tuple[str, ...]) -> dict[str, Any]:
    """The workloads on one processor and on all."""
    for name in missing():
        click.echo(f'{name} is not installed and is left out; pip install -e ".[peers]" installs it.')
    return {
        "machine": {**machine(), "dtype": DTYPE, "python": platform.python_version(), "fastnn": fastnn.__version__},
        "versions": installed(),
        "missing": missing(),
        "runs": [runs.run_on(n, "benchmarks.peers", runs.only(only)) for n in runs.counts()],
    }


@click.command()
@runs.only_option(workload.name for workload in WORKLOADS)
@runs.here_option
def main(only: tuple[str, ...], here: Path | None) -> None:
    """Time fastnn, scikit-learn, PyTorch and JAX on the table of workloads, and save medians and ratios."""
    if here is not None:
        runs.write_run(here, workloads=list(map(told, runs.chosen(WORKLOADS, only))))
        return
    results = measured(only)
    click.echo(markdown(results))
    SAVED.save_whole(results, is_whole=not (QUICK or only))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.peers")
