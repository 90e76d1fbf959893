"""Estimator calls: what users of scikit-learn's MLPClassifier and MLPRegressor do."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from benchmarks.settings import SEED
from benchmarks.workloads import libraries, same_learning
from benchmarks.workloads.data import Data
from benchmarks.workloads.libraries import REFERENCE, SUBJECT, fitted
from benchmarks.workloads.workload import Workload

#: The short training after which the libraries are compared: at most this many samples, and this many epochs.
COMPARED_SAMPLES = 2000
COMPARED_EPOCHS = 2


@dataclass(frozen=True, kw_only=True)
class Call(Workload):
    """A call that fastnn and a reference both make; the reference is scikit-learn unless a subclass names another.

    ``check`` compares what the two learn, which also compiles every kernel; ``prepare`` returns the turn of either.
    ``options`` are the estimator's options apart from ``random_state``. Where they are required, ``floors`` say how many
    times as fast as the reference fastnn must be on one processor and on more, and ``most_seconds`` how long it may take.
    ``most_turns`` limits the turns of long calls.
    """

    reference: ClassVar[str] = REFERENCE

    work: str
    class_name: str = "MLPClassifier"
    options: Mapping[str, Any] = field(default_factory=dict)
    floors: tuple[float | None, float | None] = (None, None)
    most_seconds: float | None = None
    most_turns: int | None = None

    @property
    def fewest_processors(self) -> int:
        """The smallest number of processors on which the call makes sense."""
        return 1

    def floor(self, n_processors: int) -> float | None:
        """Return how many times as fast as the reference fastnn must be on `n_processors`, if that is required."""
        return self.floors[n_processors > 1]

    def missing(self) -> str | None:
        """Return the name of a required library that is not installed, if any."""
        return None

    def estimator(self, library: str, **changes: Any) -> Any:
        """Return the library's unfitted estimator with the call's options and these changes."""
        return libraries.estimator(library, self.class_name, **{"random_state": SEED, **self.options, **changes})

    def trained_shortly(self, library: str, data: Data) -> Any:
        """Return the library's estimator after a few epochs."""
        return fitted(self.estimator(library, max_iter=COMPARED_EPOCHS), data)

    def quick(self) -> Self:
        """Return the same call in a tiny size, to check that it runs."""
        return replace(self, n_samples=min(self.n_samples, 300), options={**self.options, "max_iter": 3})

    def check(self) -> dict[str, float]:
        """Require both libraries to learn the same in a short training, and return how far they are apart.

        Parameters and predictions are compared in double precision, losses and scores in single precision.
        """
        double, single = (self.data().beginning(COMPARED_SAMPLES, dtype) for dtype in (np.float64, np.float32))
        in_double = of_each(lambda library: self.trained_shortly(library, double))
        in_single = of_each(lambda library: self.trained_shortly(library, single))
        deviation = same_learning.assert_same_parameters(self.name, in_double)
        predictions = {name: model.predict(double.X) for name, model in in_double.items()}
        same_learning.assert_same_predictions(self.name, predictions)
        return {
            "parameters": deviation,
            "losses": same_learning.assert_same_losses(self.name, in_single),
            "scores": same_learning.assert_same_scores(self.name, scores(in_single, single)),
        }

    @abstractmethod
    def prepare(self, name: str) -> Callable[[], float]:
        """Return the turn of `name`, the reference or fastnn: a function that makes the call and returns its seconds."""

    def pickled(self) -> dict[str, float]:
        """Return bytes of the pickled estimator per byte of its parameters, by library, if the call measures that."""
        return {}

    def memory(self) -> dict[str, int]:
        """Return the peak memory of a process in bytes, by library, if the call measures that."""
        return {}


def of_each(make: Callable[[str], Any], names: Iterable[str] = (REFERENCE, SUBJECT)) -> dict[str, Any]:
    """Call `make` with each name, the reference first, and return the results by name."""
    return {name: make(name) for name in names}


def scores(models: Mapping[str, Any], data: Data) -> dict[str, float]:
    """Return the score of each model."""
    return {name: model.score(data.X, data.y) for name, model in models.items()}
