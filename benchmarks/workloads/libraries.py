"""The estimators of both libraries, and how they are fitted."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from benchmarks.harness import turns
from benchmarks.workloads.data import Data

#: The library that fastnn is compared with, in results and in time, unless a call names another reference.
REFERENCE = "scikit-learn"
SUBJECT = "fastnn"

#: The module with MLPClassifier and MLPRegressor, by library. They are looked up only when needed, because asv imports this
#: package also for older commits, which lack them.
MODULES = {REFERENCE: "sklearn.neural_network", SUBJECT: "fastnn"}


def estimator(library: str, class_name: str, **options: Any) -> Any:
    """An unfitted estimator of this class with these options."""
    return getattr(import_module(MODULES[library]), class_name)(**options)


@contextmanager
def few_epochs() -> Iterator[None]:
    """Within this context, convergence warnings are ignored: the epochs are few on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def fitted(estimator: Any, data: Data) -> Any:
    """The estimator, fitted to the data."""
    with few_epochs():
        return estimator.fit(data.X, data.y)


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of some work, without convergence warnings."""
    with few_epochs():
        return turns.seconds_of(work)
