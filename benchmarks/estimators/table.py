"""The saved comparison as one table, and what of it falls short of what is demanded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.estimators.libraries import REFERENCE, SUBJECT

RESULTS = Path(__file__).parents[1] / "results"
JSON_FILE = RESULTS / "estimators.json"
MARKDOWN_FILE = RESULTS / "estimators.md"

#: Bytes of a pickled estimator, divided by those of its weights and biases, may be so many.
MOST_PICKLED = 1.1


def markdown(results: dict[str, Any]) -> str:
    """Table of the saved results, and below it what its cells mean and what they were measured on."""
    lines = [
        _line(["data", "work", "cores", REFERENCE, SUBJECT, "times as fast"]),
        _line(["---", "---", *["---:"] * 4]),
        *rows(results),
    ]
    notes = [_legend(results["turns"]), *_pickled(results), *_memory(results), _measured_on(results["machine"])]
    return "\n".join([*lines, "", " ".join(notes)]) + "\n"


def rows(results: dict[str, Any]) -> list[str]:
    """A row for each task and number of processors, those of one task below each other."""
    longest = max((run["tasks"] for run in results["runs"]), key=len)  # one core has no tasks for two workers
    measured = {(task["name"], run["processors"]): task for run in results["runs"] for task in run["tasks"]}
    counts = [run["processors"] for run in results["runs"]]
    return [
        row(measured[name, n], n)
        for name in (task["name"] for task in longest)
        for n in counts
        if (name, n) in measured
    ]


def row(task: dict[str, Any], processors: int) -> str:
    """One task on so many processors."""
    n_samples, n_features = task["shape"]
    cells = [
        f"{task['data']}, {n_samples:,} × {n_features}, {task['dtype']}",
        f"{task['estimator']}: {task['work']}",
        str(processors),
        duration(task["seconds"][REFERENCE]),
        f"**{duration(task['seconds'][SUBJECT])}**",
        times(ratio(task)),
    ]
    return _line(cells)


def ratio(task: dict[str, Any]) -> float:
    """How many times as fast as scikit-learn fastnn is."""
    return float(task["seconds"][REFERENCE] / task["seconds"][SUBJECT])


def shortfalls(results: dict[str, Any]) -> list[str]:
    """A sentence for each demand that is not met."""
    return [
        f"{task['name']} on {_cores(run['processors'])}: {sentence}"
        for run in results["runs"]
        for task in run["tasks"]
        for sentence in _shortfalls(task)
    ]


def _shortfalls(task: dict[str, Any]) -> list[str]:
    floor, most, seconds = task["floor"], task["most_seconds"], task["seconds"][SUBJECT]
    pickled, most_memory = task["pickled"].get(SUBJECT, 0), task.get("most_memory")
    sentences = []
    if floor is not None and ratio(task) < floor:
        sentences.append(f"{ratio(task):.3g} times as fast as {REFERENCE}; at least {floor:g} are demanded.")
    if most is not None and seconds > most:
        sentences.append(f"{duration(seconds)}; at most {duration(most)} are allowed.")
    if pickled > MOST_PICKLED:
        sentences.append(f"{pickled:.3g} times its parameters' bytes when pickled; at most {MOST_PICKLED} are allowed.")
    if (
        most_memory is not None
        and task["memory"]
        and (times := task["memory"][SUBJECT] / task["memory"][REFERENCE]) > most_memory
    ):
        sentences.append(f"{times:.3g} times the memory of {REFERENCE}; at most {most_memory} are allowed.")
    return sentences


def duration(seconds: float) -> str:
    """A time with three digits and the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * size:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds / 1e-6)} µs"


def times(number: float) -> str:
    """A ratio with one digit after the point."""
    return f"{number:.1f}×"


def _three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 999.5 else f"{number:#.3g}".removesuffix(".")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cores(processors: int) -> str:
    return f"{processors} {'core' if processors == 1 else 'cores'}"


def _legend(turns: int) -> str:
    return (
        f"Medians of {turns} turns, the two libraries taking turns in one process, with the same `random_state`. Before the "
        "clock ran, both were held to the same parameters, predictions, losses, scores and numbers of epochs, by fits in "
        "which the kernels were compiled or read from disk."
    )


def _pickled(results: dict[str, Any]) -> list[str]:
    for run in results["runs"]:
        for task in run["tasks"]:
            if task["pickled"]:
                ours, theirs = (f"{task['pickled'][name]:.2f}" for name in (SUBJECT, REFERENCE))
                sentence = f"{ours} times the bytes of its weights and biases; {REFERENCE}'s takes {theirs} times."
                return [f"Pickled, the {SUBJECT} estimator that predicts one row takes {sentence}"]
    return []


def _memory(results: dict[str, Any]) -> list[str]:
    """A sentence for each task of which the memory was measured, on the most processors."""
    return [
        f"On {task['data']}, a process that fits and predicts takes {task['memory'][SUBJECT] / 2**20:.0f} MiB at most; with "
        f"{REFERENCE} it takes {task['memory'][REFERENCE] / 2**20:.0f}."
        for task in results["runs"][-1]["tasks"]
        if task.get("memory")
    ]


def _measured_on(at: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in at["versions"].items())
    return f"Measured on a {at['processor']} processor with {_cores(at['processors'])}, on {at['date']}: {versions}."
