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
    """The whole of ``fit``, to its own stop or to the last of its epochs; its memory too, where there is ``most_memory``.

    That is how many times scikit-learn's it may be.
    """

    most_memory: float | None = None

    def check(self) -> dict[str, float]:
        """Demand the same of a short training, and as many epochs and the same score of the one that is timed."""
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
        """The same call in a small size, of which the memory would show nothing."""
        return replace(super().quick(), most_memory=None)

    def memory(self) -> dict[str, int]:
        """By library, the most bytes of a process that does nothing but fit and predict, where the system says so."""
        if self.most_memory is None or not CAN_MEASURE:
            return {}
        return of_each(lambda library: peak_bytes("benchmarks.estimators.alone", self.name, library))
