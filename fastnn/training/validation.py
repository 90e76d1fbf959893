"""Held-out data: which samples are held out, and what is measured on them."""

import math
from collections.abc import Callable
from functools import cached_property, partial
from inspect import signature
from typing import Any

import numpy as np

from fastnn.batches import weighted_mean
from fastnn.feed_forward import FeedForward
from fastnn.training.history import Measured
from fastnn.training.samples import Samples, check_samples
from fastnn.validation import check_data, check_finite, is_finite


class Validation:
    """Held-out samples, which have been checked, and what is measured on them after an epoch.

    Parameters
    ----------
    network : FeedForward
        What is measured.
    samples : Samples
        The held-out samples.
    """

    def __init__(self, network: FeedForward, samples: Samples) -> None:
        self.network, self.samples = network, samples

    def measure(self) -> Measured:
        """Loss, and accuracy for classes."""
        samples, classifies = self.samples, self.network.architecture.loss.classifies
        loss = self.network._mean_loss(samples.X, samples.y, samples.weights)
        return Measured(loss, self._accuracy() if classifies else None)

    def _accuracy(self) -> float:
        """Share of the samples, or of outputs where several are independent, that are classified as their targets."""
        right = self.network.predict(self.samples.X) == self.network._labels(self.samples.y)
        return weighted_mean(right, self.samples.weights)

    def score(self, scorer: Callable[..., Any]) -> float:
        """What ``scorer(network, X, y)`` gives; one of scikit-learn's is shown an estimator, labels, and the weights."""
        X, y, sample_weights = self.samples.X, self.samples.y, self.samples.weights
        if not type(scorer).__module__.startswith("sklearn."):
            return float(scorer(self.network, X, y))
        weights = {"sample_weight": sample_weights} if len(sample_weights) > 0 and takes_weights(scorer) else {}
        labels = one_dimensional(self.network._labels(y))
        return score_or_nan(partial(scorer, self._estimator, X, labels, **weights), self.network, X)

    @cached_property
    def _estimator(self) -> Any:
        return as_estimator(self.network)


def given_validation(network: FeedForward, data: Any) -> Validation:
    """Validation data as a user gives them."""
    parts = check_data(data, "validation_data")
    try:
        return Validation(network, check_samples(network, *parts))
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data are refused: {error}") from error


def hold_out(network: FeedForward, samples: Samples, rows: np.ndarray, others: np.ndarray) -> Validation:
    """The others of samples of which `rows` are trained on; either part has some weight."""
    weights = samples.weights_of(others)
    if len(weights) and not (weights.any() and samples.weights[rows].any()):
        part = "trained on" if weights.any() else "held out"
        raise ValueError(
            f"validation_fraction leaves no weight for the samples that are {part}: too few have a sample_weight above 0. "
            "Give validation_data instead."
        )
    held_out = samples.take(others)
    check_finite(held_out.X, "X", network.dtype)
    return Validation(network, held_out)


def score_or_nan(score: Callable[[], Any], network: FeedForward, X: Any) -> float:
    """A score, or NaN where scikit-learn refuses outputs that are not finite: the training diverges, and says so itself."""
    try:
        return float(score())
    except ValueError:
        if is_finite(network.forward(X)):
            raise
        return math.nan


def takes_weights(scorer: Callable[..., Any]) -> bool:
    """Whether the metric of a scikit-learn scorer knows weights of samples; the largest error, for one, does not."""
    return "sample_weight" in signature(getattr(scorer, "_score_func", scorer)).parameters


def as_estimator(network: FeedForward) -> Any:
    """The network as scikit-learn's scorers want it: a fitted classifier or regressor."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class Regressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
        def predict(self, X: np.ndarray) -> np.ndarray:
            return one_dimensional(network.predict(X))

        def __sklearn_is_fitted__(self) -> bool:
            return True

    class Classifier(ClassifierMixin, Regressor):  # type: ignore[misc]
        classes_ = np.arange(max(2, network.architecture.n_outputs))

        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            A = network.forward(X)
            return np.hstack([1 - A, A]) if A.shape[1] == 1 else A

    return Classifier() if network.architecture.loss.classifies else Regressor()


def one_dimensional(y: np.ndarray) -> np.ndarray:
    """Targets of a single output as (n,), as scikit-learn has them."""
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
