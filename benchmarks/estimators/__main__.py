"""Time fastnn's estimators beside scikit-learn's, on one processor and on all: ``python -m benchmarks.estimators``.

Run it on a machine that does nothing else, then ``python -m benchmarks.readme`` to bring the README up to date.
"""

import json
import platform
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import click
import llvmlite.binding
import numba
import numpy as np
import scipy
import sklearn

import fastnn
from benchmarks.estimators.table import JSON_FILE, MARKDOWN_FILE, RESULTS, markdown, shortfalls
from benchmarks.estimators.tasks import TASKS
from benchmarks.peers.processors import CAN_PIN, counts, run_module
from benchmarks.workloads import QUICK
from fastnn.threads import available_cpus

#: Turns of each library, of which the median is taken.
TURNS = 7


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    modules = {"NumPy": np, "SciPy": scipy, "Numba": numba, "scikit-learn": sklearn, "fastnn": fastnn}
    return {
        "date": date.today().isoformat(),
        "processor": llvmlite.binding.get_host_cpu_name(),
        "processors": available_cpus(),
        "system": platform.system(),
        "versions": {
            "Python": platform.python_version(),
            **{name: module.__version__ for name, module in modules.items()},
        },
    }


def measured_on(n_processors: int, names: tuple[str, ...], turns: int, quick: bool) -> dict[str, Any]:
    """Results of the tasks of those names, all if there is none, from a process on that many processors."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.json"
        arguments = [str(output), *names, "--turns", str(turns), *(["--quick"] if quick else [])]
        run_module("benchmarks.estimators.turns", arguments, n_processors)
        results: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return results


def save(results: dict[str, Any]) -> None:
    """Write results and table where the README's comes from."""
    RESULTS.mkdir(exist_ok=True)
    JSON_FILE.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    MARKDOWN_FILE.write_text(markdown(results), encoding="utf-8")
    click.echo(f"Saved {JSON_FILE} and {MARKDOWN_FILE}.")


@click.command()
@click.option("--only", multiple=True, type=click.Choice([task.name for task in TASKS]), help="Not saved.")
@click.option(
    "--turns", type=click.IntRange(min=1), help=f"Turns of each library.  [default: {TURNS}, or 1 with --quick]"
)
@click.option("--quick", is_flag=True, default=QUICK, help="Tiny sizes, to see that everything runs. Not saved.")
def main(only: tuple[str, ...], turns: int | None, quick: bool) -> None:
    """Time fastnn's and scikit-learn's MLPClassifier and MLPRegressor, and save medians and ratios.

    Fails where fastnn falls short of what is demanded of it, after everything was measured.
    """
    if not CAN_PIN:
        click.echo("This system cannot bind a process to one processor: only all of them are measured.")
    turns = turns or (1 if quick else TURNS)
    runs = [measured_on(n_processors, only, turns, quick) for n_processors in counts()]
    results = {"machine": machine(), "turns": turns, "runs": runs}
    click.echo("\n" + markdown(results))
    if quick or only:
        click.echo("Not saved: this was not the whole table at its full size.")
    else:
        save(results)
    if not quick and (sentences := shortfalls(results)):
        raise click.ClickException("\n".join(["Some demands are not met.", *sentences]))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.estimators")
