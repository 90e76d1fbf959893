"""Many trainings side by side: one in each thread, as a training leaves Python's lock alone while it computes."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from fastnn.threads import team_size, threads_of_call
from fastnn.training.progress import StoppedError, stopped_by
from fastnn.validation import check_count, check_data


def fit_many(models: Sequence[Any], data: Any, *, n_threads: int | None = None, **options: Any) -> list[Any]:
    """Train networks or estimators side by side, each in one thread, and exactly as it would be trained alone.

    A small network gains little from several threads of its own: its batches are too short to be shared out. Many of them
    gain as many times as there are processors.

    Parameters
    ----------
    models : sequence of Network, MLPClassifier or MLPRegressor
        What is to be trained; nothing may be in it twice.
    data : (X, y) or (X, y, sample_weight), or a list of these
        Samples for all models, or a list with those of each.
    n_threads : int, optional
        Trainings at the same time at most; by default ``OMP_NUM_THREADS`` or all processors that the process may use.
    **options
        Passed on to each `fit`, such as ``epochs=50`` for networks.

    Returns
    -------
    list
        What each `fit` returned, in the order of the models: the history of a network, or the estimator itself.

    Raises
    ------
    Exception
        The first that a training raised; the others end at their next chance, with the parameters that they have.

    Examples
    --------
    >>> networks = [fastnn.Network([2, 32, 2], seed=seed) for seed in range(200)]
    >>> histories = fastnn.fit_many(networks, (X, y), optimizer="adam", epochs=50)
    >>> best = min(zip(histories, networks), key=lambda pair: pair[0].loss[-1])[1]
    """
    models = _checked(models)
    team = min(team_size(None if n_threads is None else check_count(n_threads, "n_threads")), max(1, len(models)))
    pairs = zip(models, _data_of_each(data, len(models)), strict=True)
    return _side_by_side([partial(_call, model, each, options) for model, each in pairs], team)


def _checked(models: Any) -> list[Any]:
    """The models as a list, each with a `fit`, and none twice."""
    if not isinstance(models, Sequence) or not all(hasattr(model, "fit") for model in models):
        raise TypeError(f"models must be a list of networks or estimators, got {models!r}.")
    if len(set(map(id, models))) < len(models):
        raise ValueError("The same model is in models twice: it cannot be trained by two threads at once.")
    return list(models)


def _data_of_each(data: Any, n_models: int) -> list[Any]:
    """The data of each model, where they are not the same for all."""
    is_list = isinstance(data, list) and all(isinstance(each, tuple | list) for each in data)
    if not is_list:
        return [check_data(data, "data")] * n_models
    if len(data) != n_models:
        raise ValueError(f"data must be one pair (X, y), or a list of {n_models}, one for each model, got {len(data)}.")
    return [check_data(each, f"data[{k}]") for k, each in enumerate(data)]


def _call(model: Any, data: Sequence[Any], options: dict[str, Any], stop: threading.Event) -> Any:
    """The training of one model, on one thread, until somebody stops it."""
    with threads_of_call(1), stopped_by(stop):
        return model.fit(*data, **options)


def _side_by_side(calls: list[Callable[[threading.Event], Any]], team: int) -> list[Any]:
    """Make calls in threads, and return what they return; an error or Ctrl-C ends them all."""
    stop, futures = threading.Event(), []
    with ThreadPoolExecutor(team) as pool:
        try:
            futures = [pool.submit(call, stop) for call in calls]
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            for future in futures:
                future.cancel()
    errors = [None if future.cancelled() else future.exception() for future in futures]
    for error in errors:
        if error is not None and not isinstance(error, StoppedError):
            raise error
    return [future.result() for future in futures]
