"""Early stopping by scikit-learn's rules: data that are held out, their score after each iteration, the best parameters."""

from functools import partial
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from fastnn.estimators.samples import Samples
from fastnn.held_out import HeldOut, score_or_nan
from fastnn.history import History


def hold_out(
    estimator: Any, samples: Samples, given: Samples | None, incremental: bool
) -> tuple[np.ndarray | None, Samples | None]:
    """Rows to train on, None for all, and the samples to validate on: those given, a share that is drawn, or none."""
    if given is not None or not estimator.early_stopping or not estimator._descends:
        return None, given
    if incremental:
        raise ValueError(
            "partial_fit does not support early_stopping=True without validation data: pass X_val and y_val."
        )
    y = samples.y.astype(bool) if estimator._stratifies else None
    rows, others = train_test_split(
        np.arange(len(samples)),
        random_state=estimator._random_state,
        test_size=estimator.validation_fraction,
        stratify=y,
    )
    if len(others) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    held_out = samples.take(others)
    if len(held_out.weights) and not held_out.weights.any():
        raise ValueError("Sample weights of the validation set must contain at least one non-zero number.")
    return rows, held_out


def find_scorer(estimator: Any) -> Any:
    """The scorer that `scoring` names; None for what the estimator measures itself."""
    return None if estimator.scoring in (None, "loss") else check_scoring(estimator, scoring=estimator.scoring)


class Validation:
    """Validation data of an estimator, and what is measured on them."""

    def __init__(self, estimator: Any, samples: Samples) -> None:
        self.estimator, self.samples, self.scorer = estimator, samples, find_scorer(estimator)
        self.given_X = samples.X if samples.raw is None else samples.raw

    def measure(self) -> tuple[float, float]:
        """Score, of which more is better, and mean loss."""
        estimator, samples = self.estimator, self.samples
        loss = estimator._reported_loss(samples)
        if estimator.scoring == "loss":
            return -loss, loss
        if self.scorer is None:
            return self._default_score(), loss
        weights = {} if samples.sample_weight is None else {"sample_weight": samples.sample_weight}
        estimator._watched = self.given_X, samples.X  # which need no validation, nor scaling, again
        score = partial(self.scorer, estimator, self.given_X, samples.labels, **weights)
        try:
            return score_or_nan(score, estimator._network, samples.X), loss
        finally:
            del estimator._watched

    def record(self, history: History) -> tuple[float, float]:
        """Measure, and append to a history score, loss, and for classes the accuracy, which callbacks may watch."""
        score, loss = self.measure()
        history.validation_loss.append(loss)
        history.scores.setdefault("validation_score", []).append(score)
        if self.estimator._network.architecture.loss.classifies:
            history.validation_accuracy.append(score if self.estimator.scoring is None else self._default_score())
        return score, loss

    def _default_score(self) -> float:
        estimator, samples = self.estimator, self.samples
        return float(estimator._score_outputs(estimator._network.forward(samples.X), samples))

    def for_callbacks(self) -> HeldOut:
        """The same for fastnn's own callbacks."""
        return HeldOut(self.estimator._network, self.samples.X, self.samples.y, self.samples.weights)
