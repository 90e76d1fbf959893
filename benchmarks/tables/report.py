"""The saved results as tables: a summary for each task, and the errors on every table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.markdown import line, table, three_digits
from benchmarks.harness.results import SavedResults
from benchmarks.tables import store
from benchmarks.tables.methods import REFERENCE
from benchmarks.tables.registry import Task
from benchmarks.tables.scores import Ground, Score, common_ground, scores

TASKS: tuple[Task, ...] = ("classification", "regression")

#: What an error is.
ERRORS = {"classification": "classification error", "regression": "RMSE by the target's deviation"}


def markdown(results: list[store.Result]) -> str:
    """The summaries, a legend, and the errors on every table behind a fold; empty without a whole first split."""
    grounds = {task: common_ground(results, task) for task in TASKS}
    if not all(ground.results for ground in grounds.values()):
        return ""
    lines: list[str] = []
    for task, ground in grounds.items():
        lines += [*_summary(task, ground), ""]
    lines += [_legend(grounds, results), "", "<details>", "<summary>The error on every table</summary>", ""]
    for ground in grounds.values():
        lines += [*_errors(ground), ""]
    return "\n".join([*lines, "</details>"]) + "\n"


def _summary(task: Task, ground: Ground) -> Iterator[str]:
    header = [task, "mean rank", f"{ERRORS[task]}, geometric mean"]
    header += [f"relative to {REFERENCE}"] if REFERENCE in ground.methods else []
    header += ["tables won", "s per 1,000 rows", *(["log-loss"] if task == "classification" else [])]
    yield from table(header, 1, map(_score, scores(ground)))


def _score(score: Score) -> str:
    cells = [_name(score.method), f"{score.mean_rank:.2f}", f"{score.geometric_mean:.4f}"]
    cells += [] if score.relative is None else [f"{score.relative:.3f}"]
    cells += [f"{score.won:.0%}", three_digits(score.seconds)]
    cells += [] if score.log_loss is None else [f"{score.log_loss:.3f}"]
    return line(cells)


def _errors(ground: Ground) -> Iterator[str]:
    header = ["table", "rows", "columns", *(["classes"] if _classes(ground, ground.tables[0]) else []), *ground.methods]
    rows = zip(ground.tables, ground.errors().tolist(), strict=True)
    yield from table(header, 1, (_error_row(ground, name, errors) for name, errors in rows))


def _error_row(ground: Ground, name: str, errors: list[float]) -> str:
    first = ground.splits(name)[0]
    sizes = [f"{first['rows'] + first['test_rows']:,}", str(first["columns"])]
    sizes += [str(first["classes"])] if _classes(ground, name) else []
    best = min(errors)
    return line([name, *sizes, *(f"**{error:.4f}**" if error == best else f"{error:.4f}" for error in errors)])


def _classes(ground: Ground, name: str) -> int:
    return int(ground.splits(name)[0]["classes"])


def _name(method: str) -> str:
    return f"**{method}**" if method.startswith("fastnn") else method


def _legend(grounds: dict[Task, Ground], results: list[store.Result]) -> str:
    counts = [f"{len(ground.tables)} tables of {task}" for task, ground in grounds.items()]
    fewest = min(len(ground.splits(name)) for ground in grounds.values() for name in ground.tables)
    shown = {method for ground in grounds.values() for method in ground.methods}
    of_shown = [result for result in results if result["method"] in shown]
    versions = dict.fromkeys(f"{_library(result)} {result['version']}" for result in of_shown)
    processors = " and ".join(dict.fromkeys(result["processor"] for result in of_shown))
    return (
        f"{' and '.join(counts)}, of at most 2,000 rows each, in {'one split' if fewest == 1 else f'{fewest} splits'}: three "
        "quarters of the rows to learn from, one quarter to be judged on. A rank is a method's place among all on one table. "
        "Seconds are the processor time of a fit on one thread, as geometric means. Measured on a "
        f"{processors} processor until {max(result['date'] for result in of_shown)}: {', '.join(versions)}."
    )


def _library(result: store.Result) -> str:
    from benchmarks.tables.methods import METHODS

    return next(method.package for method in METHODS if method.name == result["method"])


@dataclass(frozen=True)
class SavedLines(SavedResults):
    """Results that are saved line by line."""

    @property
    def json_file(self) -> Path:
        """The numbers, a line for each result."""
        return self.folder / f"{self.name}.jsonl"

    def table(self) -> str:
        """The tables made from the saved results; empty if there are none."""
        results = store.load(self.json_file)
        return self.markdown(results) if results else ""


SAVED = SavedLines("tables", markdown)
