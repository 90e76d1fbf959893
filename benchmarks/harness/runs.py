"""Commands that measure in a fresh process for each number of cores.

Each has a hidden option ``--here FILE``, with which it measures in its own process and writes the results to that file.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.processors import CAN_PIN, run_module
from fastnn.threads import available_cpus

#: The results of one such process.
Run = dict[str, Any]

here_option = click.option(
    "--here", type=click.Path(path_type=Path), hidden=True, help="Measure in this process; write results to FILE."
)


def only_option(names: Iterable[str]) -> Callable[[Any], Any]:
    """Return the option that selects workloads by name."""
    return click.option("--only", multiple=True, type=click.Choice(list(names)), help="Not saved.")


def only(names: Iterable[str]) -> list[str]:
    """Return the arguments that select the workloads of these names."""
    return [argument for name in names for argument in ("--only", name)]


def chosen(workloads: Iterable[Any], names: Sequence[str]) -> list[Any]:
    """Return the workloads with these names, or all of them if there are no names."""
    return [workload for workload in workloads if not names or workload.name in names]


def counts() -> list[int]:
    """Return the numbers of processors to measure on: one and all, or only all where processes cannot be bound to some."""
    if CAN_PIN:
        return sorted({1, available_cpus()})
    click.echo("This system cannot bind a process to one processor: only all of them are measured.")
    return [available_cpus()]


def run_on(n_processors: int, module: str, arguments: Sequence[str]) -> Run:
    """Return what ``python -m module --here FILE arguments`` measures on `n_processors` processors."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.json"
        run_module(module, ["--here", str(output), *arguments], n_processors)
        results: Run = json.loads(output.read_text(encoding="utf-8"))
    return results


def write_run(output: Path, **results: Any) -> None:
    """Write what this process measured, and on how many processors."""
    output.write_text(json.dumps({"processors": available_cpus(), **results}), encoding="utf-8")
