"""Held-out validation data, and losses and scores on them."""

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
    """Evaluation of a network on checked, held-out samples after an epoch.

    Parameters
    ----------
    network : FeedForward
        The network to evaluate.
    samples : Samples
        The held-out samples.
    """

    def __init__(self, network: FeedForward, samples: Samples) -> None:
        self.network, self.samples = network, samples

    def measure(self) -> Measured:
        """The loss, and the accuracy for classes."""
        samples, classifies = self.samples, self.network.architecture.loss.classifies
        loss = self.network._mean_loss(samples.X, samples.y, samples.weights)
        return Measured(loss, self._accuracy() if classifies else None)

    def _accuracy(self) -> float:
        """Fraction of correctly classified samples, or of outputs if there are several independent ones."""
        right = self.network.predict(self.samples.X) == self.network._labels(self.samples.y)
        return weighted_mean(right, self.samples.weights)

    def score(self, scorer: Callable[..., Any]) -> float:
        """``scorer(network, X, y)``; a scikit-learn scorer gets an estimator, labels, and the sample weights instead."""
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
    """The validation data passed by the user, checked."""
    parts = check_data(data, "validation_data")
    try:
        return Validation(network, check_samples(network, *parts))
    except (TypeError, ValueError) as error:
        raise type(error)(f"Invalid validation_data: {error}") from error


def hold_out(network: FeedForward, samples: Samples, rows: np.ndarray, others: np.ndarray) -> Validation:
    """Hold out the samples in rows `others`, and train on those in `rows`; both parts must have some weight."""
    weights = samples.weights_of(others)
    if len(weights) and not (weights.any() and samples.weights[rows].any()):
        part = "training" if weights.any() else "validation"
        raise ValueError(
            f"validation_fraction leaves only samples of weight 0 for {part}: too few have a sample_weight above 0. "
            "Pass validation_data instead."
        )
    held_out = samples.take(others)
    check_finite(held_out.X, "X", network.dtype)
    return Validation(network, held_out)


def score_or_nan(score: Callable[[], Any], network: FeedForward, X: Any) -> float:
    """A score, or NaN if scikit-learn rejects outputs that are not finite: training then reports the divergence itself."""
    try:
        return float(score())
    except ValueError:
        if is_finite(network.forward(X)):
            raise
        return math.nan


def takes_weights(scorer: Callable[..., Any]) -> bool:
    """Whether the metric of a scikit-learn scorer accepts sample weights; `max_error`, for one, does not."""
    return "sample_weight" in signature(getattr(scorer, "_score_func", scorer)).parameters


def as_estimator(network: FeedForward) -> Any:
    """The network as a fitted classifier or regressor for scikit-learn's scorers."""
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
    """Targets of a single output as (n,), scikit-learn's shape."""
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
