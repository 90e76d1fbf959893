"""The most memory that a process of one library's own takes to fit and to predict: ``python -m benchmarks.estimators.memory``."""

import resource
import subprocess
import sys

import click

from benchmarks.estimators.libraries import MODULES, fitted
from benchmarks.peers.processors import ROOT

#: Bytes of the unit in which the system counts.
UNIT = 1 if sys.platform == "darwin" else 1024


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
    click.echo(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT)


if __name__ == "__main__":
    main()
