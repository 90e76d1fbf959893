"""The two libraries taking turns at the tasks, in one process on the processors it was given.

``python -m benchmarks.estimators`` starts this module once for each number of processors.
"""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from benchmarks.estimators.libraries import MODULES
from benchmarks.estimators.table import row
from benchmarks.estimators.tasks import Task, tasks
from benchmarks.peers.turns import PAUSE_SECONDS
from fastnn.threads import available_cpus


def measure(task: Task, n_turns: int) -> dict[str, Any]:
    """Check that the libraries learn the same, which compiles what is timed, then let them take turns; medians."""
    deviations = task.check()
    seconds = take_turns({library: task.prepare(library) for library in MODULES}, n_turns)
    n_processors, data = available_cpus(), task.data
    return {
        "name": task.name,
        "estimator": task.class_name,
        "work": task.work,
        "data": data.source,
        "shape": list(data.X.shape),
        "dtype": str(data.X.dtype),
        "floor": task.floor(n_processors),
        "most_seconds": task.most_seconds,
        "seconds": {library: statistics.median(measured) for library, measured in seconds.items()},
        "fastest_seconds": {library: min(measured) for library, measured in seconds.items()},
        "deviations": deviations,
        "pickled": task.pickled(),
        "memory": task.memory(),
        "most_memory": getattr(task, "most_memory", None),
    }


def take_turns(turns: Mapping[str, Callable[[], float]], n_turns: int) -> dict[str, list[float]]:
    """What each turn returned; who went first in one round goes last in the next."""
    measured: dict[str, list[float]] = {library: [] for library in turns}
    order = list(turns)
    for _ in range(n_turns):
        for library in order:
            time.sleep(PAUSE_SECONDS)
            measured[library].append(turns[library]())
        order.reverse()
    return measured


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--turns", type=click.IntRange(min=1), required=True)
@click.option("--quick", is_flag=True)
def main(output: Path, names: tuple[str, ...], turns: int, quick: bool) -> None:
    """Measure the named tasks, all by default, on this process's processors; write the results to OUTPUT."""
    n_processors = available_cpus()
    results = []
    for task in tasks(quick):
        if (names and task.name not in names) or n_processors < task.fewest_processors:
            continue
        results.append(measure(task, turns))
        click.echo(row(results[-1], n_processors))
    output.write_text(json.dumps({"processors": n_processors, "tasks": results}), encoding="utf-8")


if __name__ == "__main__":
    main()
