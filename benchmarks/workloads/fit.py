"""``fit`` of one estimator."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from benchmarks.harness.memory import CAN_MEASURE, peak_bytes
from benchmarks.workloads import same_learning
from benchmarks.workloads.call import Call, of_each, scores
from benchmarks.workloads.libraries import fitted, seconds_of


@dataclass(frozen=True, kw_only=True)
class Fit(Call):
    """The whole of ``fit``, until it stops by itself or after its last epoch.

    With ``most_memory``, peak memory is measured too; it must not exceed that multiple of scikit-learn's.
    """

    most_memory: float | None = None

    def check(self) -> dict[str, float]:
        """Require the same results of a short training, and the same epochs and score of the timed one."""
        deviations, data = super().check(), self.data()
        models = of_each(lambda library: fitted(self.estimator(library), data))
        return {
            **deviations,
            "epochs": same_learning.assert_as_many_epochs(self.name, models),
            "scores_of_the_work": same_learning.assert_same_scores(self.name, scores(models, data)),
        }

    def prepare(self, name: str) -> Callable[[], float]:
        """A ``fit`` of a fresh estimator."""
        data = self.data()
        return lambda: seconds_of(lambda: self.estimator(name).fit(data.X, data.y))

    def quick(self) -> Self:
        """The same call in a small size, without measuring memory."""
        return replace(super().quick(), most_memory=None)

    def memory(self) -> dict[str, int]:
        """Peak memory in bytes of a process that only fits and predicts, by library, if the system reports it."""
        if self.most_memory is None or not CAN_MEASURE:
            return {}
        return of_each(lambda library: peak_bytes("benchmarks.estimators.alone", self.name, library))
