"""Time every library on the table, interleaved, on one processor and on all: ``python -m benchmarks.peers``.

Run it on a machine that does nothing else, after ``pip install -e ".[peers]"``, then ``python -m benchmarks.readme`` to
bring the README up to date.
"""

import json
import os
import platform
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import click
import llvmlite.binding

import fastnn
from benchmarks.peers.libraries import installed, missing
from benchmarks.peers.processors import CAN_PIN, counts, run_module
from benchmarks.peers.table import JSON_FILE, MARKDOWN_FILE, RESULTS, markdown
from benchmarks.workloads import DTYPE, QUICK, WORKLOADS


def machine() -> dict[str, str]:
    """What the numbers were measured on."""
    return {
        "date": date.today().isoformat(),
        "processor": llvmlite.binding.get_host_cpu_name() + vectors(),
        "system": platform.system(),
        "dtype": DTYPE,
        "python": platform.python_version(),
        "fastnn": fastnn.__version__,
    }


def vectors() -> str:
    """A note on the width of vectors where it is limited: for fastnn, and for the libraries that have a setting for it."""
    bits = os.environ.get("FASTNN_VECTOR_BITS")
    return f" (at most {bits}-bit vectors)" if bits else ""


def measured_on(n_processors: int, names: tuple[str, ...]) -> dict[str, Any]:
    """Results of the workloads of those names, all if there is none, from a process on that many processors."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.json"
        run_module("benchmarks.peers.turns", [str(output), *names], n_processors)
        results: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return results


def save(results: dict[str, Any]) -> None:
    """Write results and table where the README's comes from."""
    RESULTS.mkdir(exist_ok=True)
    JSON_FILE.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    MARKDOWN_FILE.write_text(markdown(results), encoding="utf-8")
    click.echo(f"Saved {JSON_FILE} and {MARKDOWN_FILE}.")


@click.command()
@click.option("--only", multiple=True, type=click.Choice([workload.name for workload in WORKLOADS]), help="Not saved.")
def main(only: tuple[str, ...]) -> None:
    """Time fastnn, scikit-learn, PyTorch and JAX on the table of workloads, and save medians and ratios."""
    for name in missing():
        click.echo(f'{name} is not installed and is left out; pip install -e ".[peers]" installs it.')
    if not CAN_PIN:
        click.echo("This system cannot bind a process to one processor: only all of them are measured.")
    results = {
        "machine": machine(),
        "versions": installed(),
        "missing": missing(),
        "runs": [measured_on(n_processors, only) for n_processors in counts()],
    }
    click.echo(markdown(results))
    if QUICK or only:
        click.echo("Not saved: this was not the whole table at its full size.")
    else:
        save(results)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.peers")
