"""``predict``, call after call."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from benchmarks.workloads.call import Call, of_each
from benchmarks.workloads.libraries import seconds_of
from benchmarks.workloads.same_learning import parameters


@dataclass(frozen=True, kw_only=True)
class Prediction(Call):
    """``predict`` of one or more rows, call after call, and the size of the pickled estimator."""

    n_calls: int = 2000
    n_rows: int = 1

    def quick(self) -> Self:
        """The same work with a few calls."""
        return replace(super().quick(), n_calls=min(self.n_calls, 20), n_rows=min(self.n_rows, 300))

    def prepare(self, name: str) -> Callable[[], float]:
        """Seconds of a call, the mean of many."""
        data, model = self.data(), self.trained_shortly(name, self.data())
        starts = range(0, min(self.n_calls * self.n_rows, self.n_samples), self.n_rows)
        rows = [data.X[start : start + self.n_rows] for start in starts]

        def calls() -> None:
            for call in range(self.n_calls):
                model.predict(rows[call % len(rows)])

        return lambda: seconds_of(calls) / self.n_calls

    def pickled(self) -> dict[str, float]:
        """Bytes of the pickled estimator divided by those of its weights and biases, by library."""
        return of_each(lambda library: pickled_ratio(self.trained_shortly(library, self.data())))


def pickled_ratio(model: Any) -> float:
    """Bytes of a pickled estimator, divided by those of its weights and biases."""
    return len(pickle.dumps(model)) / float(sum(part.nbytes for part in parameters(model)))
