"""Results that fall short of what is required."""

from collections.abc import Iterator
from typing import Any

from benchmarks.estimators.table import ratio, reference
from benchmarks.harness.markdown import cores, duration
from benchmarks.workloads.libraries import SUBJECT

#: Maximum size of a pickled estimator, relative to its weights and biases.
MOST_PICKLED = 1.1

#: The results of one call.
Result = dict[str, Any]


def shortfalls(results: dict[str, Any]) -> list[str]:
    """A sentence for each requirement that is not met."""
    return [
        f"{task['name']} on {cores(run['processors'])}: {sentence}"
        for run in results["runs"]
        for task in run["tasks"]
        for demand in (_speed, _time, _pickled, _memory)
        for sentence in demand(task)
    ]


def _speed(task: Result) -> Iterator[str]:
    if task["floor"] is not None and ratio(task) < task["floor"]:
        yield f"{ratio(task):.3g} times as fast as {reference(task)}; at least {task['floor']:g} are demanded."


def _time(task: Result) -> Iterator[str]:
    most, seconds = task["most_seconds"], task["seconds"][SUBJECT]
    if most is not None and seconds > most:
        yield f"{duration(seconds)}; at most {duration(most)} are allowed."


def _pickled(task: Result) -> Iterator[str]:
    pickled = task["pickled"].get(SUBJECT, 0)
    if pickled > MOST_PICKLED:
        yield f"{pickled:.3g} times its parameters' bytes when pickled; at most {MOST_PICKLED} are allowed."


def _memory(task: Result) -> Iterator[str]:
    if not task["memory"] or task["most_memory"] is None:
        return
    times = task["memory"][SUBJECT] / task["memory"][reference(task)]
    if times > task["most_memory"]:
        yield f"{times:.3g} times the memory of {reference(task)}; at most {task['most_memory']} are allowed."
