"""One result: a method fitted to one split of a table, checked, judged and timed."""

import functools
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from benchmarks.harness.machine import machine
from benchmarks.settings import SEED
from benchmarks.tables.data import Split
from benchmarks.tables.methods import Method, quietly
from benchmarks.tables.registry import Task

WARM_UP_ROWS = 64

#: Probabilities are kept this far from 0 and 1 in the log-loss.
SMALLEST_PROBABILITY = 1e-7


def measure(method: Method, split: Split) -> dict[str, Any]:
    """Fit and predict; returns errors, seconds and sizes, after the predictions were found to be sound."""
    sample = split.sample
    X, y = sample.X.iloc[split.train].reset_index(drop=True), sample.y[split.train]
    X_test = sample.X.iloc[split.test].reset_index(drop=True)
    with quietly():
        model = method.make(sample.table.task, SEED + split.number)
        seconds, cpu_seconds = _seconds_of(lambda: model.fit(X, y))
        predict_seconds, _ = _seconds_of(lambda: model.predict(X_test))
        judged = _judged(model, split)
    return {
        "table": sample.table.name,
        "task": sample.table.task,
        "split": split.number,
        "method": method.name,
        **judged,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "predict_seconds": predict_seconds,
        "rows": len(y),
        "test_rows": len(split.test),
        "columns": sample.X.shape[1],
        "classes": len(sample.classes),
        "version": method.version(),
        "processor": machine()["processor"],
        "date": date.today().isoformat(),
    }


@functools.cache
def warm_up(method: Method, task: Task) -> None:
    """Fit a method once to a few rows, so that loading and compiling its code is not timed."""
    rng = np.random.default_rng(SEED)
    X = pd.DataFrame(
        {"number": rng.normal(size=WARM_UP_ROWS), "category": pd.Categorical(list("ab") * (WARM_UP_ROWS // 2))}
    )
    y = np.arange(WARM_UP_ROWS) % 2 if task == "classification" else rng.normal(size=WARM_UP_ROWS)
    with quietly():
        method.make(task, SEED).fit(X, y).predict(X)


def _seconds_of(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time, and the processor time of this process: other processes hardly change that one."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _judged(model: Any, split: Split) -> dict[str, float | None]:
    X_test = split.sample.X.iloc[split.test].reset_index(drop=True)
    y_test = split.sample.y[split.test]
    predicted = np.asarray(model.predict(X_test))
    if not split.sample.is_classification:
        return {"error": normalised_rmse(y_test, sound_numbers(predicted, len(y_test))), "log_loss": None}
    n_classes = len(split.sample.classes)
    error = float(np.mean(sound_labels(predicted, len(y_test), n_classes) != y_test))
    probabilities = sound_probabilities(np.asarray(model.predict_proba(X_test)), len(y_test), n_classes)
    return {"error": error, "log_loss": log_loss_of(y_test, probabilities)}


def normalised_rmse(y: np.ndarray, predicted: np.ndarray) -> float:
    """``sqrt(mean((y − p)²)) / std(y)``: 1 for the mean of the test rows."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)) / np.std(y))


def log_loss_of(y: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean of ``−log p`` of the true classes, with probabilities that are never 0."""
    clipped = np.clip(probabilities.astype(np.float64), SMALLEST_PROBABILITY, 1.0)
    clipped /= clipped.sum(axis=1, keepdims=True)
    return float(log_loss(y, clipped, labels=np.arange(clipped.shape[1])))


def sound_numbers(predicted: np.ndarray, n_rows: int) -> np.ndarray:
    """Return the predictions as floats; refuses another shape and what is not finite."""
    if predicted.shape != (n_rows,):
        raise ValueError(f"{n_rows} predictions were expected; got an array of shape {predicted.shape}.")
    predicted = predicted.astype(np.float64)
    if not np.isfinite(predicted).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(predicted))} of {n_rows} predictions are not finite.")
    return predicted


def sound_labels(predicted: np.ndarray, n_rows: int, n_classes: int) -> np.ndarray:
    """Return the predictions as class numbers; refuses labels that are none."""
    labels = sound_numbers(predicted, n_rows)
    if unknown := set(labels.tolist()) - set(range(n_classes)):
        raise ValueError(f"{sorted(unknown)} are predicted; there are {n_classes} classes.")
    return labels


def sound_probabilities(probabilities: np.ndarray, n_rows: int, n_classes: int) -> np.ndarray:
    """Return the probabilities; refuses another shape, and rows that are not finite or do not sum to 1."""
    if probabilities.shape != (n_rows, n_classes):
        raise ValueError(f"Probabilities of shape {(n_rows, n_classes)} were expected; got {probabilities.shape}.")
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-3) or (probabilities < 0).any():
        raise ValueError("Probabilities must be positive and sum to 1 for every row.")
    return probabilities
