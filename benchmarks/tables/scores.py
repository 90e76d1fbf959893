"""From results to scores: geometric means of errors, mean ranks, tables won, seconds per 1,000 rows.

All methods are compared on common ground: the splits of tables for which each of them has a result. The error of a method on
a table is the mean over these splits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, studentized_range

from benchmarks.tables.methods import METHODS, REFERENCE
from benchmarks.tables.registry import TABLES, Task
from benchmarks.tables.store import Result


@dataclass(frozen=True)
class Ground:
    """The results of one task that are compared: `results[method][table, split]`, with the same cells for every method."""

    results: Mapping[str, Mapping[tuple[str, int], Result]]

    @property
    def methods(self) -> list[str]:
        """The methods, in the order in which they are run."""
        return list(self.results)

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Tables and splits."""
        return list(next(iter(self.results.values()), {}))

    @property
    def tables(self) -> list[str]:
        """The tables, in their order in the list of all."""
        return list(dict.fromkeys(table for table, _ in self.cells))

    def splits(self, table: str) -> list[Result]:
        """The results of the first method on a table: rows, columns and classes are the same for all."""
        return [result for (name, _), result in self.results[self.methods[0]].items() if name == table]

    def errors(self) -> np.ndarray:
        """Mean errors, a row for each table and a column for each method; never less than half a mistake in all test rows."""
        return np.array(
            [[max(self._mean(method, table), self._floor(table)) for method in self.methods] for table in self.tables]
        )

    def _mean(self, method: str, table: str) -> float:
        found = [result["error"] for (name, _), result in self.results[method].items() if name == table]
        return float(np.mean(found))

    def _floor(self, table: str) -> float:
        """A table that is solved without a mistake has no logarithm, and no more is known than that few are made."""
        return 0.5 / sum(result["test_rows"] for result in self.splits(table))


@dataclass(frozen=True)
class Score:
    """What is said of a method on all tables of a task."""

    method: str
    geometric_mean: float
    relative: float | None
    mean_rank: float
    won: float
    seconds: float
    log_loss: float | None


def common_ground(results: Sequence[Result], task: Task) -> Ground:
    """The methods that have at least the first split of every table, and the cells that all of these have."""
    tables = [table.name for table in TABLES if table.task == task]
    by_method: dict[str, dict[tuple[str, int], Result]] = {method.name: {} for method in METHODS}
    for result in results:
        if result["table"] in tables and result["method"] in by_method:
            by_method[result["method"]][result["table"], result["split"]] = result
    by_method = {name: found for name, found in by_method.items() if all((table, 0) in found for table in tables)}
    shared = set.intersection(*(set(found) for found in by_method.values())) if by_method else set()
    cells = sorted(shared, key=lambda cell: (tables.index(cell[0]), cell[1]))
    return Ground({name: {cell: found[cell] for cell in cells} for name, found in by_method.items()})


def scores(ground: Ground) -> list[Score]:
    """A score for each method, the best mean rank first."""
    errors = ground.errors()
    logs = np.log(errors)
    reference = ground.methods.index(REFERENCE) if REFERENCE in ground.methods else None
    ranks, won = ranks_of(errors).mean(axis=0), wins_of(errors)
    found = [
        Score(
            method=method,
            geometric_mean=float(np.exp(logs[:, j].mean())),
            relative=None if reference is None else float(np.exp((logs[:, j] - logs[:, reference]).mean())),
            mean_rank=float(ranks[j]),
            won=float(won[j]),
            seconds=seconds_per_thousand_rows(list(ground.results[method].values())),
            log_loss=mean_log_loss(list(ground.results[method].values())),
        )
        for j, method in enumerate(ground.methods)
    ]
    return sorted(found, key=lambda score: score.mean_rank)


def ranks_of(errors: np.ndarray) -> np.ndarray:
    """The rank of each method on each table, 1 for the smallest error; equal errors share the mean of their ranks."""
    return np.asarray(rankdata(errors, axis=1))


def wins_of(errors: np.ndarray) -> np.ndarray:
    """The share of tables on which a method has the smallest error; methods with equal errors share a table."""
    smallest = errors == errors.min(axis=1, keepdims=True)
    return np.asarray((smallest / smallest.sum(axis=1, keepdims=True)).mean(axis=0))


def seconds_per_thousand_rows(results: Sequence[Result]) -> float:
    """The geometric mean of the processor time of a fit, for 1,000 training rows."""
    return float(np.exp(np.mean([np.log(1000 * result["cpu_seconds"] / result["rows"]) for result in results])))


def mean_log_loss(results: Sequence[Result]) -> float | None:
    """The mean log-loss, if these are results of classifiers."""
    losses = [result["log_loss"] for result in results if result["log_loss"] is not None]
    return float(np.mean(losses)) if losses else None


def critical_difference(n_methods: int, n_tables: int, level: float = 0.05) -> float:
    """``q √(k (k + 1) / (6 N))``: how far two mean ranks must be apart, by Nemenyi's test (Demšar, JMLR 2006)."""
    quantile = studentized_range.ppf(1 - level, n_methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(n_methods * (n_methods + 1) / (6 * n_tables)))
