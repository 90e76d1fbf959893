"""Time fastnn's estimators against scikit-learn's, on one processor and on all: ``python -m benchmarks.estimators``.

Run it on an otherwise idle machine, then run ``python -m benchmarks.readme`` to update the README.
"""

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numba
import numpy as np
import scipy
import sklearn

import fastnn
from benchmarks.estimators.demands import shortfalls
from benchmarks.estimators.measure import measure
from benchmarks.estimators.table import SAVED, markdown, reference, row, row_beside_another
from benchmarks.harness import runs
from benchmarks.harness.machine import machine
from benchmarks.peers.libraries import installed
from benchmarks.settings import QUICK
from benchmarks.workloads.libraries import REFERENCE
from benchmarks.workloads.table import CALLS
from benchmarks.workloads.workload import at_size
from fastnn.threads import available_cpus

#: Turns of each library; the result is their median.
TURNS = 7


def measured_here(names: tuple[str, ...], turns: int, quick: bool) -> Iterator[dict[str, Any]]:
    """Results of the calls with these names, or of all calls, on the processors of this process."""
    n_processors = available_cpus()
    for call in runs.chosen(at_size(CALLS, quick), names):
        if n_processors < call.fewest_processors:
            continue
        if missing := call.missing():
            click.echo(f"{call.name} is left out: {missing} is not installed.")
            continue
        result = measure(call, turns)
        click.echo((row if reference(result) == REFERENCE else row_beside_another)(result, n_processors))
        yield result


def measured(names: tuple[str, ...], turns: int, quick: bool) -> dict[str, Any]:
    """The calls on one processor and on all."""
    modules = {"NumPy": np, "SciPy": scipy, "Numba": numba, "scikit-learn": sklearn, "fastnn": fastnn}
    versions = {name: module.__version__ for name, module in modules.items()}
    versions |= {name: found for name, found in installed().items() if name == "JAX"}
    arguments = [*runs.only(names), "--turns", str(turns), *(["--quick"] if quick else [])]
    return {
        "machine": {
            **machine(),
            "processors": available_cpus(),
            "versions": {"Python": platform.python_version(), **versions},
        },
        "turns": turns,
        "runs": [runs.run_on(n, "benchmarks.estimators", arguments) for n in runs.counts()],
    }


@click.command()
@runs.only_option(call.name for call in CALLS)
@click.option(
    "--turns", type=click.IntRange(min=1), help=f"Turns of each library.  [default: {TURNS}, or 1 with --quick]"
)
@click.option("--quick", is_flag=True, default=QUICK, help="Tiny sizes, to check that everything runs. Not saved.")
@runs.here_option
def main(only: tuple[str, ...], turns: int | None, quick: bool, here: Path | None) -> None:
    """Time fastnn's and scikit-learn's MLPClassifier and MLPRegressor, and save medians and ratios.

    Fails if fastnn does not meet its requirements, after everything has been measured.
    """
    turns = turns or (1 if quick else TURNS)
    if here is not None:
        runs.write_run(here, tasks=list(measured_here(only, turns, quick)))
        return
    results = measured(only, turns, quick)
    click.echo("\n" + markdown(results))
    SAVED.save_whole(results, is_whole=not (quick or only))
    if not quick and (sentences := shortfalls(results)):
        raise click.ClickException("\n".join(["Some requirements are not met.", *sentences]))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.estimators")
