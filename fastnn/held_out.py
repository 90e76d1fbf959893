"""Data that are held out of training: which samples, and what is measured on them."""

import math
from collections.abc import Callable
from functools import cached_property, partial
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.architecture import Architecture
from fastnn.history import History
from fastnn.validation import check_features, check_number, check_sample_weight, check_targets, is_finite

if TYPE_CHECKING:
    from fastnn.network import Network


class HeldOut:
    """Held-out data, which have been checked, and what is measured on them after an epoch."""

    def __init__(self, network: "Network", X: Any, y: np.ndarray, sample_weights: np.ndarray) -> None:
        self.network, self.X, self.y, self.sample_weights = network, X, y, sample_weights

    def measure(self, history: History) -> None:
        """Append loss, and accuracy for classes."""
        history.validation_loss.append(self.network.mean_loss(self.X, self.y, self.sample_weights))
        if self.network.architecture.loss.classifies:
            history.validation_accuracy.append(self.network.accuracy(self.X, self.y, self.sample_weights))

    def score(self, scorer: Callable[..., Any]) -> float:
        """What ``scorer(network, X, y)`` gives; one of scikit-learn's is shown an estimator, labels, and the weights."""
        if type(scorer).__module__.startswith("sklearn."):
            weighted = len(self.sample_weights) > 0 and takes_weights(scorer)
            weights = {"sample_weight": self.sample_weights} if weighted else {}
            labels = one_dimensional(self.network.labels(self.y))
            return score_or_nan(partial(scorer, self._estimator, self.X, labels, **weights), self.network, self.X)
        return float(scorer(self.network, self.X, self.y))

    @cached_property
    def _estimator(self) -> Any:
        return as_estimator(self.network)


def check_held_out(network: "Network", X: Any, y: Any, sample_weight: Any = None) -> HeldOut:
    """Validation data as a user gives them."""
    X = check_features(X, network.architecture.n_inputs, network.dtype)
    y = check_targets(y, X.shape[0], network.architecture, network.dtype)
    return HeldOut(network, X, y, check_sample_weight(sample_weight, X.shape[0]))


def hold_out(
    network: "Network", X: Any, y: np.ndarray, sample_weights: np.ndarray, rows: np.ndarray, others: np.ndarray
) -> HeldOut:
    """The others of checked samples of which `rows` are trained on; either part has some weight."""
    weights = sample_weights[others] if len(sample_weights) else sample_weights
    if len(weights) and not (weights.any() and sample_weights[rows].any()):
        part = "trained on" if weights.any() else "held out"
        raise ValueError(
            f"validation_fraction leaves no weight for the samples that are {part}: too few have a sample_weight above 0. "
            "Give validation_data instead."
        )
    return HeldOut(network, check_features(X[others], network.architecture.n_inputs, network.dtype), y[others], weights)


def score_or_nan(score: Callable[[], Any], network: "Network", X: Any) -> float:
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


def as_estimator(network: "Network") -> Any:
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


def check_fraction(fraction: Any, n_samples: int) -> float:
    """A share of the samples that leaves some on either side."""
    share = check_number(fraction, "validation_fraction", positive=True)
    if share >= 1:
        raise ValueError(f"validation_fraction must be above 0 and below 1, got {fraction!r}.")
    if math.ceil(share * n_samples) >= n_samples:
        raise ValueError(f"validation_fraction={fraction!r} of {n_samples} samples leaves none to train on.")
    return share


def split(
    y: np.ndarray, architecture: Architecture, fraction: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and rows to hold out, as `split_classes` gives them."""
    return split_classes(_classes(y, architecture), fraction, random)


def split_classes(classes: np.ndarray, fraction: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and rows to hold out: a share of each class, counted from 0; both ascending.

    As many are held out as in scikit-learn's `train_test_split`, the share of all samples rounded up, but each class keeps
    at least one sample to train on.
    """
    sizes = np.bincount(classes)
    counts = _share_of_each(sizes, math.ceil(fraction * len(classes)))
    if not counts.any():
        raise ValueError("validation_fraction needs a class with two samples or more, got one sample of each.")
    order = random.permutation(len(classes))
    by_class = order[np.argsort(classes[order], kind="stable")]
    rank_in_class = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held_out = np.zeros(len(classes), bool)
    held_out[by_class[rank_in_class < np.repeat(counts, sizes)]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _classes(y: np.ndarray, architecture: Architecture) -> np.ndarray:
    """The class of each sample; all one class where targets are numbers, or several outputs independent."""
    if not architecture.loss.classifies:
        return np.zeros(len(y), np.int64)
    if y.ndim == 1:
        return y
    if y.shape[1] == 1:
        return (y[:, 0] > 0.5).astype(np.int64)
    if architecture.activations[-1] == "softmax":
        return np.asarray(np.argmax(y, axis=1))
    return np.zeros(len(y), np.int64)


def _share_of_each(sizes: np.ndarray, n_held_out: int) -> np.ndarray:
    """How many to hold out of classes of these sizes: in proportion, largest remainders rounded up."""
    exact = sizes * (n_held_out / sizes.sum())
    counts = np.minimum(exact.astype(np.int64), np.maximum(sizes - 1, 0))
    remainders = np.where(counts < sizes - 1, exact - counts, -1)
    largest = np.argsort(-remainders, kind="stable")[: n_held_out - counts.sum()]
    counts[largest[remainders[largest] >= 0]] += 1
    return np.asarray(counts)
