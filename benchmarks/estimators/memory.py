"""The most memory that a process of one library's own takes to fit and to predict: ``python -m benchmarks.estimators.memory``."""

import subprocess
import sys
from pathlib import Path

import click

from benchmarks.estimators.libraries import MODULES, fitted
from benchmarks.peers.processors import ROOT

#: Where Linux says what a process takes. What `getrusage` says begins with the memory of the process that started this one.
STATUS = Path("/proc/self/status")


def peak_bytes(task_name: str, library: str) -> int:
    """The most bytes in memory at once, those of Python and of all libraries included, in a process that was started anew."""
    command = [sys.executable, "-m", "benchmarks.estimators.memory", task_name, library]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


@click.command()
@click.argument("task_name")
@click.argument("library", type=click.Choice(list(MODULES)))
def main(task_name: str, library: str) -> None:
    """Fit the estimator of a task, predict its data, and print the most bytes that this process had in memory."""
    from benchmarks.estimators.tasks import TASKS

    task = next(task for task in TASKS if task.name == task_name)
    fitted(task.estimator(library), task.data).predict(task.data.X)
    most = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    click.echo(int(most.split()[1]) * 1024)


if __name__ == "__main__":
    main()
