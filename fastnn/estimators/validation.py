"""Validation split of an estimator, and losses and scores on it."""

from collections.abc import Callable

import numpy as np
from sklearn.model_selection import train_test_split

from fastnn.estimators.samples import LabelledSamples
from fastnn.network import Network
from fastnn.training.history import Measured
from fastnn.training.validation import Validation

#: A function that computes a loss or score of samples.
Measure = Callable[[LabelledSamples], float]


def hold_out(
    samples: LabelledSamples, fraction: float, random: np.random.RandomState, *, stratifies: bool
) -> tuple[np.ndarray, LabelledSamples]:
    """Rows to train on, and the validation samples: a fraction drawn as in scikit-learn."""
    rows, others = train_test_split(
        np.arange(len(samples)),
        random_state=random,
        test_size=fraction,
        stratify=samples.y.astype(bool) if stratifies else None,
    )
    if len(others) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    held_out = samples.take(others)
    if len(held_out.weights) and not held_out.weights.any():
        raise ValueError("Sample weights of the validation set must contain at least one non-zero number.")
    return rows, held_out


class EstimatorValidation(Validation):
    """Validation for both scikit-learn's rules and fastnn's callbacks.

    Parameters
    ----------
    loss, accuracy : function
        The mean loss as reported by scikit-learn, and the default score: accuracy or R^2.
    score : function or None
        The score monitored by early stopping; None for the default.
    """

    samples: LabelledSamples

    def __init__(
        self, network: Network, samples: LabelledSamples, loss: Measure, accuracy: Measure, score: Measure | None
    ) -> None:
        super().__init__(network, samples)
        self.loss, self.accuracy, self.own_score = loss, accuracy, score

    def measure(self) -> Measured:
        """Loss, score, and for classes the accuracy, which callbacks may monitor."""
        loss = self.loss(self.samples)
        score = self.accuracy(self.samples) if self.own_score is None else self.own_score(self.samples)
        if not self.network.architecture.loss.classifies:
            return Measured(loss, None, {"validation_score": score})
        accuracy = score if self.own_score is None else self.accuracy(self.samples)
        return Measured(loss, accuracy, {"validation_score": score})
