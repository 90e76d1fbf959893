"""The saved comparison with scikit-learn as a table, and that with other references as a second one."""

from typing import Any

from benchmarks.harness.markdown import cores, duration, line, table, times
from benchmarks.harness.results import SavedResults
from benchmarks.workloads.libraries import REFERENCE, SUBJECT

#: The results of one call, and the number of processors.
Measured = tuple[dict[str, Any], int]


def markdown(results: dict[str, Any]) -> str:
    """Tables of the saved results, with notes on their cells, the machine and the versions."""
    beside = [measured for measured in in_order(results) if reference(measured[0]) == REFERENCE]
    others = [measured for measured in in_order(results) if reference(measured[0]) != REFERENCE]
    header = ["data", "work", "cores", REFERENCE, SUBJECT, "times as fast"]
    lines = [*table(header, 2, (row(*measured) for measured in beside)), "", *_others(others)]
    notes = [_legend(results), *_pickled(results), *_memory(results), _measured_on(results["machine"])]
    return "\n".join([*lines, " ".join(notes)]) + "\n"


def in_order(results: dict[str, Any]) -> list[Measured]:
    """The results of each call on each number of processors, grouped by call."""
    longest = max((run["tasks"] for run in results["runs"]), key=len)  # one core has no calls for two workers
    measured = {(task["name"], run["processors"]): task for run in results["runs"] for task in run["tasks"]}
    counts = [run["processors"] for run in results["runs"]]
    names = [task["name"] for task in longest]
    return [(measured[name, n], n) for name in names for n in counts if (name, n) in measured]


def row(task: dict[str, Any], processors: int) -> str:
    """The row of a call against scikit-learn."""
    return line([*_work(task, processors), duration(task["seconds"][reference(task)]), *_ours(task)])


def row_beside_another(task: dict[str, Any], processors: int) -> str:
    """The row of a call against another reference."""
    theirs = duration(task["seconds"][reference(task)])
    return line([*_work(task, processors)[:2], reference(task), str(processors), theirs, *_ours(task)])


def reference(task: dict[str, Any]) -> str:
    """The reference of a call; scikit-learn in results of earlier versions."""
    return str(task.get("reference", REFERENCE))


def ratio(task: dict[str, Any]) -> float:
    """The speed of fastnn relative to the reference."""
    return float(task["seconds"][reference(task)] / task["seconds"][SUBJECT])


def _others(measured: list[Measured]) -> list[str]:
    if not measured:
        return []
    header = ["data", "work", "beside", "cores", "its time", SUBJECT, "times as fast"]
    return [*table(header, 3, (row_beside_another(*one) for one in measured)), ""]


def _work(task: dict[str, Any], processors: int) -> list[str]:
    n_samples, n_features = task["shape"]
    data = f"{task['data']}, {n_samples:,} × {n_features}, {task['dtype']}"
    return [data, f"{task['estimator']}: {task['work']}", str(processors)]


def _ours(task: dict[str, Any]) -> list[str]:
    return [f"**{duration(task['seconds'][SUBJECT])}**", times(ratio(task))]


def _legend(results: dict[str, Any]) -> str:
    turns = results["turns"]
    fewer = {task["turns"] for run in results["runs"] for task in run["tasks"] if task.get("turns", turns) < turns}
    few = "".join(f" ({number} where a turn is long)" for number in sorted(fewer))
    return (
        f"Medians of {turns} turns{few}, the two libraries taking turns in one process, with the same `random_state`. Before the "
        "clock ran, both were held to the same parameters, predictions, losses, scores and numbers of epochs, by fits in "
        "which the kernels were compiled or read from disk."
    )


def _pickled(results: dict[str, Any]) -> list[str]:
    """A sentence about the first estimator that was pickled."""
    pickled = [task["pickled"] for run in results["runs"] for task in run["tasks"] if task["pickled"]]
    return [
        f"Pickled, the {SUBJECT} estimator that predicts one row takes {sizes[SUBJECT]:.2f} times the bytes of its weights "
        f"and biases; {REFERENCE}'s takes {sizes[REFERENCE]:.2f} times."
        for sizes in pickled[:1]
    ]


def _memory(results: dict[str, Any]) -> list[str]:
    """A sentence for each call whose memory was measured, on the most processors."""
    return [
        f"On {task['data']}, a process that fits and predicts takes {task['memory'][SUBJECT] / 2**20:.0f} MiB at most; with "
        f"{REFERENCE} it takes {task['memory'][REFERENCE] / 2**20:.0f}."
        for task in results["runs"][-1]["tasks"]
        if task.get("memory")
    ]


def _measured_on(at: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in at["versions"].items())
    return f"Measured on a {at['processor']} processor with {cores(at['processors'])}, on {at['date']}: {versions}."


SAVED = SavedResults("estimators", markdown)
