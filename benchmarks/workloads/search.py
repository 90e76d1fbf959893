"""``GridSearchCV`` over many small fits: in one job, in worker processes, in threads."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import joblib
from joblib.externals.loky import get_reusable_executor
from sklearn.model_selection import GridSearchCV

from benchmarks.harness.agreement import assert_same_bits
from benchmarks.workloads import same_learning
from benchmarks.workloads.call import Call, of_each
from benchmarks.workloads.libraries import SUBJECT, fitted, seconds_of
from fastnn.threads import available_cpus


def worker_processes(n_jobs: int) -> AbstractContextManager[Any]:
    """Run joblib's jobs in processes with equal numbers of threads, which is joblib's default."""
    threads = max(1, available_cpus() // n_jobs)
    return joblib.parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=threads)


@dataclass(frozen=True, kw_only=True)
class Search(Call):
    """A whole search: splitting, scoring, and the final fit with the best options.

    With `fresh_workers`, the time is that of a program's first search, in which the worker processes start and import
    everything; otherwise they are already running from an earlier search.
    """

    grid: Mapping[str, list[Any]]
    folds: int = 3
    n_jobs: int = 1
    fresh_workers: bool = False

    @property
    def fewest_processors(self) -> int:
        """One per job."""
        return self.n_jobs

    def check(self) -> dict[str, float]:
        """Require the same results of a short training, and the same scores in the search."""
        deviations, found = super().check(), of_each(lambda library: mean_scores(self.search(library)))
        return {**deviations, "scores_of_the_work": same_learning.assert_same_scores(self.name, found)}

    def prepare(self, name: str) -> Callable[[], float]:
        """A search, after stopping the workers if it has to start new ones."""

        def turn() -> float:
            if self.fresh_workers:
                get_reusable_executor().shutdown(wait=True)
            return seconds_of(lambda: self.search(name))

        return turn

    def search(self, library: str) -> GridSearchCV:
        """Run the search with a library's estimator."""
        search = GridSearchCV(self.estimator(library), self.grid, cv=self.folds, n_jobs=self.n_jobs)
        if self.n_jobs == 1:
            return fitted(search, self.data())
        with worker_processes(self.n_jobs):
            return fitted(search, self.data())


@dataclass(frozen=True, kw_only=True)
class ThreadedSearch(Search):
    """fastnn's search in threads of one process against its own in one job."""

    reference: ClassVar[str] = f"{SUBJECT}, n_jobs=1"

    n_jobs: int = 2

    def check(self) -> dict[str, float]:
        """Require the same mean scores, bit for bit."""
        scores = of_each(lambda name: [mean_scores(self.search(name))], (self.reference, SUBJECT))
        assert_same_bits(self.name, scores)
        return {"scores_of_the_work": 0.0}

    def search(self, name: str) -> GridSearchCV:
        """Run fastnn's search, in one job for the reference and in threads otherwise."""
        n_jobs = 1 if name == self.reference else self.n_jobs
        with joblib.parallel_config("threading", n_jobs=n_jobs):
            return fitted(GridSearchCV(self.estimator(SUBJECT), self.grid, cv=self.folds), self.data())


def mean_scores(search: GridSearchCV) -> Any:
    """Return the mean score of each point of the grid."""
    return search.cv_results_["mean_test_score"]
