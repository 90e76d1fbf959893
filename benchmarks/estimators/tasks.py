"""The table of tasks: what a user of scikit-learn's MLPClassifier and MLPRegressor calls, at the sizes it is timed.

A task knows its data, the estimator's options and what is demanded of fastnn. ``check`` compares what the two libraries
learn, and with that compiles every kernel; ``prepare`` then gives a library's turn, which returns seconds.
"""

import functools
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Self

import joblib
import numpy as np
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import load_digits, make_classification, make_regression
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV

from benchmarks.estimators import agreement, libraries
from benchmarks.estimators.libraries import MODULES, fitted, seconds_of
from benchmarks.estimators.memory import STATUS, peak_bytes
from benchmarks.workloads import SEED, Data, half_planes, mnist_images
from fastnn.threads import available_cpus

#: The training after which the libraries are compared: so many samples at most, so many epochs.
COMPARED_SAMPLES = 2000
COMPARED_EPOCHS = 2


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """One piece of work for an estimator.

    ``options`` are those that the estimator does not have by default, but for ``random_state``, which all have.
    ``floors`` are how many times as fast as scikit-learn fastnn has to be, on one processor and on more, and
    ``most_seconds`` what it may take, where that is demanded.
    """

    name: str
    work: str
    class_name: str = "MLPClassifier"
    make_data: Callable[[int], Data]
    n_samples: int
    options: Mapping[str, Any] = field(default_factory=dict)
    floors: tuple[float, float] | None = None
    most_seconds: float | None = None

    @property
    def fewest_processors(self) -> int:
        """Processors without which the task makes no sense."""
        return 1

    @property
    def data(self) -> Data:
        """Inputs and targets, made once and kept while tasks that share them run."""
        return _data(self.make_data, self.n_samples)

    def floor(self, n_processors: int) -> float | None:
        """How many times as fast as scikit-learn fastnn has to be on so many processors, where that is demanded."""
        return None if self.floors is None else self.floors[n_processors > 1]

    def estimator(self, library: str, **changes: Any) -> Any:
        """The library's unfitted estimator with the task's options, some of them changed."""
        return libraries.estimator(library, self.class_name, **{"random_state": SEED, **self.options, **changes})

    def trained_shortly(self, library: str, data: Data) -> Any:
        """The library's estimator after a few epochs."""
        return fitted(self.estimator(library, max_iter=COMPARED_EPOCHS), data)

    def quick(self) -> Self:
        """The same task in a size that shows nothing but that it runs."""
        return replace(self, n_samples=min(self.n_samples, 300), options={**self.options, "max_iter": 3})

    def check(self) -> dict[str, float]:
        """Demand that both libraries learn the same in a short training; returns how far they are apart.

        Parameters and predictions are compared in double precision, losses and scores in single precision.
        """
        double, single = (_beginning(self.data, dtype) for dtype in (np.float64, np.float32))
        in_double = {name: self.trained_shortly(name, double) for name in MODULES}
        in_single = {name: self.trained_shortly(name, single) for name in MODULES}
        parameters = agreement.assert_same_parameters(self.name, in_double)
        predictions = {name: model.predict(double.X) for name, model in in_double.items()}
        agreement.assert_same_predictions(self.name, predictions)
        return {
            "parameters": parameters,
            "losses": agreement.assert_same_losses(self.name, in_single),
            "scores": agreement.assert_same_scores(self.name, _scores(in_single, single)),
        }

    @abstractmethod
    def prepare(self, library: str) -> Callable[[], float]:
        """The library's turn: does the work once and returns its seconds."""

    def pickled(self) -> dict[str, float]:
        """By library, bytes of a pickled estimator divided by those of its parameters; only where that is demanded."""
        return {}

    def memory(self) -> dict[str, int]:
        """By library, the most bytes that a process takes; only where that is demanded."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Fit(Task):
    """The whole of ``fit``, to its own stop or to the last of its epochs; its memory too, where there is ``most_memory``.

    That is how many times scikit-learn's it may be.
    """

    most_memory: float | None = None

    def check(self) -> dict[str, float]:
        """Demand the same of a short training, and as many epochs and the same score of the one that is timed."""
        deviations = super().check()
        models = {name: fitted(self.estimator(name), self.data) for name in MODULES}
        return {
            **deviations,
            "epochs": agreement.assert_as_many_epochs(self.name, models),
            "scores_of_the_work": agreement.assert_same_scores(self.name, _scores(models, self.data)),
        }

    def prepare(self, library: str) -> Callable[[], float]:
        """A ``fit`` of a fresh estimator."""
        data = self.data
        return lambda: seconds_of(lambda: self.estimator(library).fit(data.X, data.y))

    def quick(self) -> Self:
        """The same task in a small size, of which the memory would show nothing."""
        return replace(super().quick(), most_memory=None)

    def memory(self) -> dict[str, int]:
        """By library, the most bytes of a process that does nothing but fit and predict, where the system says so."""
        if self.most_memory is None or not STATUS.exists():
            return {}
        return {library: peak_bytes(self.name, library) for library in MODULES}


@dataclass(frozen=True, kw_only=True)
class Prediction(Task):
    """``predict`` of a single row or more, call after call; and the size of the pickled estimator that is asked."""

    n_calls: int = 2000
    n_rows: int = 1

    def quick(self) -> Self:
        """The same task with a few calls."""
        return replace(super().quick(), n_calls=min(self.n_calls, 20), n_rows=min(self.n_rows, 300))

    def prepare(self, library: str) -> Callable[[], float]:
        """Seconds of a call, the mean of many."""
        model = self.trained_shortly(library, self.data)
        starts = range(0, min(self.n_calls * self.n_rows, self.n_samples), self.n_rows)
        rows = [self.data.X[start : start + self.n_rows] for start in starts]

        def calls() -> None:
            for call in range(self.n_calls):
                model.predict(rows[call % len(rows)])

        return lambda: seconds_of(calls) / self.n_calls

    def pickled(self) -> dict[str, float]:
        """By library, bytes of the pickled estimator divided by those of its weights and biases."""
        return {name: pickled_ratio(self.trained_shortly(name, self.data)) for name in MODULES}


@dataclass(frozen=True, kw_only=True)
class Search(Task):
    """``GridSearchCV`` over many small fits, everything included: splitting, scoring, and the last fit by the best options.

    With `fresh_workers` the time is that of a program's first search, in which the worker processes start and import
    everything; otherwise they are there already, from a search before.
    """

    grid: Mapping[str, list[Any]]
    folds: int = 3
    n_jobs: int = 1
    fresh_workers: bool = False

    @property
    def fewest_processors(self) -> int:
        """One for each worker."""
        return self.n_jobs

    def check(self) -> dict[str, float]:
        """Demand the same of a short training, and the same scores of the search's fits."""
        deviations = super().check()
        searches = {name: self._search(name) for name in MODULES}
        scores = {name: search.cv_results_["mean_test_score"] for name, search in searches.items()}
        return {**deviations, "scores_of_the_work": agreement.assert_same_scores(self.name, scores)}

    def prepare(self, library: str) -> Callable[[], float]:
        """A search, its workers ended before if it is to start them."""

        def turn() -> float:
            if self.fresh_workers:
                get_reusable_executor().shutdown(wait=True)
            return seconds_of(lambda: self._search(library))

        return turn

    def _search(self, library: str) -> GridSearchCV:
        search = GridSearchCV(self.estimator(library), self.grid, cv=self.folds, n_jobs=self.n_jobs)
        with _shared_out(self.n_jobs):
            return fitted(search, self.data)


def pickled_ratio(model: Any) -> float:
    """Bytes of a pickled estimator, divided by those of its weights and biases."""
    return len(pickle.dumps(model)) / float(sum(part.nbytes for part in (*model.coefs_, *model.intercepts_)))


def _shared_out(n_jobs: int) -> AbstractContextManager[Any]:
    """Give each worker its share of the processors, as joblib does where no environment variable says otherwise."""
    if n_jobs == 1:
        return nullcontext()
    return joblib.parallel_config("loky", inner_max_num_threads=max(1, available_cpus() // n_jobs))


def _beginning(data: Data, dtype: type[np.floating[Any]]) -> Data:
    return Data(data.X[:COMPARED_SAMPLES].astype(dtype), data.y[:COMPARED_SAMPLES], data.source)


def _scores(models: Mapping[str, Any], data: Data) -> dict[str, float]:
    return {name: model.score(data.X, data.y) for name, model in models.items()}


@functools.lru_cache(maxsize=1)
def _data(make_data: Callable[[int], Data], n_samples: int) -> Data:
    return make_data(n_samples)


def _digits(n_samples: int) -> Data:
    """Digits as they come: double precision, pixels from 0 to 16."""
    X, y = load_digits(return_X_y=True)
    return Data(X[:n_samples], y[:n_samples], "digits")


def _half_planes_in_double(n_samples: int) -> Data:
    data = half_planes(n_samples)
    return Data(data.X.astype(np.float64), data.y, data.source)


def _documents(n_samples: int) -> tuple[list[str], np.ndarray]:
    """Documents of 100 words, the frequent ones far more often than the rare ones, and for each one of four topics."""
    random = np.random.default_rng(SEED)
    topics = random.integers(0, 4, n_samples)
    words = random.zipf(1.3, (n_samples, 100)) % 30_000
    is_special = random.random(words.shape) < 0.2
    words = np.where(is_special, 30_000 + 1000 * topics[:, np.newaxis] + words % 1000, words)
    return [" ".join(f"word{word}" for word in document) for document in words], topics


def _hashed_text(n_samples: int) -> Data:
    documents, topics = _documents(n_samples)
    return Data(HashingVectorizer(ngram_range=(1, 2)).transform(documents), topics, "hashed text, sparse")


def _tfidf(n_samples: int) -> Data:
    documents, topics = _documents(n_samples)
    return Data(TfidfVectorizer(max_features=10_000).fit_transform(documents), topics, "TF-IDF, sparse")


def _two_classes(n_samples: int) -> Data:
    X, y = make_classification(n_samples, n_features=20, n_informative=8, random_state=SEED)
    return Data(X, y, "make_classification")


def _numbers(n_samples: int) -> Data:
    X, y = make_regression(n_samples, n_features=20, noise=10.0, random_state=SEED)
    return Data(X, y, "make_regression")


#: No training stops before its last epoch.
_TO_THE_END = {"n_iter_no_change": 10_000}

_MNIST = Fit(
    name="mnist",
    work="3 epochs, (128,)",
    make_data=mnist_images,
    n_samples=60_000,
    options={"hidden_layer_sizes": (128,), "max_iter": 3, **_TO_THE_END},
    floors=(3.5, 4),
)

_HALF_PLANES = Fit(
    name="half_planes",
    work="5 epochs, (8, 4)",
    make_data=half_planes,
    n_samples=100_000,
    options={"hidden_layer_sizes": (8, 4), "max_iter": 5, **_TO_THE_END},
    floors=(25, 25),
)

_REGRESSION = Fit(
    name="regression",
    work="20 epochs, all defaults",
    class_name="MLPRegressor",
    make_data=_numbers,
    n_samples=10_000,
    options={"max_iter": 20},
)

_SEARCH = Search(
    name="search",
    work="GridSearchCV, 8 × 3 fits, n_jobs=1",
    make_data=_two_classes,
    n_samples=500,
    options={"max_iter": 100},
    grid={"hidden_layer_sizes": [(16,), (32,)], "alpha": [1e-4, 1e-2], "learning_rate_init": [1e-3, 1e-2]},
    floors=(6, 6),
)

_HASHED_TEXT = Fit(
    name="hashed_text",
    work="5 epochs, (4,)",
    make_data=_hashed_text,
    n_samples=400,
    options={"hidden_layer_sizes": (4,), "max_iter": 5, **_TO_THE_END},
    floors=(1, 1),
    most_memory=1.2,
)

_TFIDF = Fit(
    name="tfidf",
    work="5 epochs, all defaults",
    make_data=_tfidf,
    n_samples=2000,
    options={"max_iter": 5, **_TO_THE_END},
    floors=(1, 1),
)

#: Every task that is timed, at its full size.
TASKS: tuple[Task, ...] = (
    _MNIST,
    Fit(
        name="digits",
        work="fit to its own stop, all defaults",
        make_data=_digits,
        n_samples=1797,
        floors=(8, 8),
    ),
    _HALF_PLANES,
    replace(_HALF_PLANES, name="half_planes_float64", make_data=_half_planes_in_double),
    _REGRESSION,
    replace(
        _REGRESSION,
        name="regression_early_stopping",
        work="at most 20 epochs, early_stopping=True",
        options={**_REGRESSION.options, "early_stopping": True},
    ),
    _SEARCH,
    replace(_SEARCH, name="search_two_jobs", work="GridSearchCV, 8 × 3 fits, n_jobs=2", n_jobs=2),
    replace(
        _SEARCH,
        name="search_new_workers",
        work="GridSearchCV, 8 × 3 fits, n_jobs=2, workers started anew",
        n_jobs=2,
        fresh_workers=True,
        floors=None,
    ),
    Prediction(
        name="predict",
        work="predict of one row, (128,)",
        make_data=mnist_images,
        n_samples=2000,
        options={"hidden_layer_sizes": (128,), **_TO_THE_END},
        most_seconds=60e-6,
    ),
    _HASHED_TEXT,
    Prediction(
        name="hashed_text_predict",
        work="predict of 400 rows, (4,)",
        make_data=_hashed_text,
        n_samples=400,
        options=_HASHED_TEXT.options,
        floors=(1, 1),
        n_calls=100,
        n_rows=400,
    ),
    _TFIDF,
    Prediction(
        name="tfidf_predict",
        work="predict of 2,000 rows, all defaults",
        make_data=_tfidf,
        n_samples=2000,
        options=_TFIDF.options,
        floors=(1, 1),
        n_calls=50,
        n_rows=2000,
    ),
)


def tasks(quick: bool) -> tuple[Task, ...]:
    """Every task, in its full size or in one that shows nothing but that it runs."""
    return tuple(task.quick() for task in TASKS) if quick else TASKS
