"""Training many models in parallel threads, which works because the kernels release the global interpreter lock."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from fastnn.threads import team_size, threads_of_call
from fastnn.training.progress import StoppedError, stopped_by
from fastnn.validation import check_count, check_data


def fit_many(models: Sequence[Any], data: Any, *, n_threads: int | None = None, **options: Any) -> list[Any]:
    """Train networks or estimators in parallel, one thread each, with the same results as when each is trained alone.

    A small network gains little from several threads, because its batches are too small to be divided among them. Training
    many such networks in parallel is faster by up to the number of processors.

    Parameters
    ----------
    models : sequence of Network, MLPClassifier or MLPRegressor
        Models to train, without duplicates.
    data : (X, y) or (X, y, sample_weight), or a list of these
        Samples for all models, or a list with those of each model.
    n_threads : int, optional
        Maximum number of parallel trainings; by default ``OMP_NUM_THREADS``, or all processors available to the process.
    **options
        Passed on to each `fit`, such as ``epochs=50`` for networks.

    Returns
    -------
    list
        The return value of each `fit`, in the order of the models: the history of a network, or the estimator itself.

    Raises
    ------
    Exception
        The first exception of a training; the others are then stopped, and keep the parameters they have reached.

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
    """The models as a list, each with a `fit` method, without duplicates."""
    if not isinstance(models, Sequence) or not all(hasattr(model, "fit") for model in models):
        raise TypeError(f"models must be a list of networks or estimators, got {models!r}.")
    if len(set(map(id, models))) < len(models):
        raise ValueError("models contains the same model twice: it cannot be trained by two threads at once.")
    return list(models)


def _data_of_each(data: Any, n_models: int) -> list[Any]:
    """The data of each model."""
    is_list = isinstance(data, list) and all(isinstance(each, tuple | list) for each in data)
    if not is_list:
        return [check_data(data, "data")] * n_models
    if len(data) != n_models:
        raise ValueError(f"data must be one pair (X, y), or a list of {n_models}, one per model, got {len(data)}.")
    return [check_data(each, f"data[{k}]") for k, each in enumerate(data)]


def _call(model: Any, data: Sequence[Any], options: dict[str, Any], stop: threading.Event) -> Any:
    """Train one model on one thread, until `stop` is set."""
    with threads_of_call(1), stopped_by(stop):
        return model.fit(*data, **options)


def _side_by_side(calls: list[Callable[[threading.Event], Any]], team: int) -> list[Any]:
    """Run functions in threads, and return their results; an error or Ctrl-C stops them all."""
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
