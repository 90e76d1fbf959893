"""Where the two pairs of estimators come from, and how they are fitted."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from benchmarks.harness import turns
from benchmarks.workloads.data import Data

#: Whose results the other has to reach, unless a call says otherwise, and whose time is compared with its.
REFERENCE = "scikit-learn"
SUBJECT = "fastnn"

#: By library, the module with its MLPClassifier and MLPRegressor. They are looked up when they are needed: asv imports
#: this package for older commits too, which have none.
MODULES = {REFERENCE: "sklearn.neural_network", SUBJECT: "fastnn"}


def estimator(library: str, class_name: str, **options: Any) -> Any:
    """An unfitted estimator of that class with those options."""
    return getattr(import_module(MODULES[library]), class_name)(**options)


@contextmanager
def few_epochs() -> Iterator[None]:
    """Within it, nobody is told that a training stopped before it converged: the epochs are few on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def fitted(estimator: Any, data: Data) -> Any:
    """The estimator, fitted to the data."""
    with few_epochs():
        return estimator.fit(data.X, data.y)


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time that the work takes, however few its epochs are."""
    with few_epochs():
        return turns.seconds_of(work)
