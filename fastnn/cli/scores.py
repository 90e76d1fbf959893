"""Scores of predictions, and of a baseline that always predicts the same value."""

import math

import numpy as np

from fastnn.cli.parts import Part
from fastnn.model import Model

#: Scores by name. "Baseline" is the accuracy of always predicting the most frequent class, or the RMSE of the mean.
Scores = dict[str, float]


def score_part(model: Model, part: Part) -> Scores:
    """Scores of a model on some samples of its data set."""
    if not model.loss.classifies:
        return score_numbers(model.predict(part.X), part.y, model.baseline)
    X, y = model.inputs(part.X), part.y
    predictions = model.network.predict(X)
    scores = {"Loss": model.network.evaluate(X, y, part.weights), "Accuracy": float(np.mean(predictions == y))}
    if part.weights is not None:
        scores["Mean recall"] = mean_recall(predictions, y)
    return scores | {"Baseline": float(np.mean(y == model.output_names.index(str(model.baseline))))}


def score_names(predictions: np.ndarray, targets: np.ndarray, baseline: str | float | None) -> Scores:
    """Scores of predicted class names; baseline may be None."""
    scores = {"Accuracy": float(np.mean(predictions == targets))}
    return scores if baseline is None else scores | {"Baseline": float(np.mean(targets == baseline))}


def score_numbers(predictions: np.ndarray, targets: np.ndarray, baseline: str | float | None) -> Scores:
    """Root mean squared error, in the units of the targets, and coefficient of determination, R^2."""
    error, differ = np.mean((predictions - targets) ** 2), np.ptp(targets) > 0  # rounding gives equal ones a variance
    scores = {"RMSE": math.sqrt(error), "R2": float(1 - error / np.var(targets)) if differ else math.nan}
    if not isinstance(baseline, float):
        return scores
    return scores | {"Baseline": math.sqrt(np.mean((targets - baseline) ** 2))}


def mean_recall(predictions: np.ndarray, y: np.ndarray) -> float:
    """Recall, averaged over the classes that occur in y."""
    counts = np.bincount(y)
    found = np.bincount(y[predictions == y], minlength=len(counts))
    return float(np.mean(found[counts > 0] / counts[counts > 0]))


def beats_baseline(scores: Scores, n_classes: int) -> bool:
    """Whether a model is better than one that ignores the features."""
    if "RMSE" in scores:
        return scores["RMSE"] < scores["Baseline"]
    if "Mean recall" in scores:  # always predicting one class has recall 1 for it and 0 for all others
        return scores["Mean recall"] > 1 / n_classes
    return scores["Accuracy"] > scores["Baseline"]


def formatted(name: str, value: float, *, is_share: bool = False) -> str:
    """A score as text: four decimals for fractions, at least four digits for anything else."""
    if math.isnan(value):
        return "undefined"
    if is_share or name in ("Accuracy", "Mean recall", "R2"):
        return f"{value:.4f}"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.4g}"
