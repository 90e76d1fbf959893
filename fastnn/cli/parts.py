"""The samples of a training: those to train on, to validate on, and held out for the report."""

import math
from typing import NamedTuple

import numpy as np

from fastnn import datasets
from fastnn.datasets import Dataset
from fastnn.training.splits import check_fraction, split_classes

# Early stopping, which is the default for files.
PATIENCE = 10  # epochs
VALIDATION_FRACTION = 0.1  # of the samples to train on
FEWEST_TO_VALIDATE = 5  # samples; by fewer than these, nothing is stopped unless it is asked for


class Part(NamedTuple):
    """Some of the samples, with their weights unless all count the same."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None


class Stopping(NamedTuple):
    """How early stopping works: epochs to wait, and the share of the samples that is set aside to validate on.

    What was not asked for gives way where there are too few samples.
    """

    patience: int | None
    validation_fraction: float | None
    asked_for: bool = True

    @classmethod
    def of(cls, is_file: bool, wanted: bool | None, patience: int | None, fraction: float | None) -> "Stopping":
        """By the options, and by default for files."""
        asked_for = bool(wanted) or patience is not None
        if wanted is False or not (is_file or asked_for):
            return cls(None, fraction)
        return cls(patience or PATIENCE, fraction or VALIDATION_FRACTION, asked_for or fraction is not None)

    def has_enough(self, classes: np.ndarray) -> bool:
        """Whether there are samples to validate on, of classes that have others to train on."""
        n_validated = math.ceil((self.validation_fraction or 0.0) * len(classes))
        return n_validated >= FEWEST_TO_VALIDATE and np.bincount(classes).max() > 1


class Parts(NamedTuple):
    """The samples to train on, those held out for the report, and those to validate on, if any."""

    train: Part
    test: Part
    validation: Part | None = None

    @classmethod
    def of(cls, dataset: Dataset, stopping: Stopping, seed: int) -> "Parts":
        """The parts of a data set, with a share of each class of those to train on set aside to validate on."""
        X, X_test, y, y_test = datasets.split(dataset, seed=seed)
        test, fraction = Part(X_test, y_test), stopping.validation_fraction
        classes = np.zeros(len(y), np.int64) if dataset.class_names is None else y
        if fraction is None or not (stopping.asked_for or stopping.has_enough(classes)):
            return cls(Part(X, y), test)
        check_fraction(fraction, len(y))
        rows, others = split_classes(classes, fraction, np.random.default_rng(seed))
        return cls(Part(X[rows], y[rows]), test, Part(X[others], y[others]))

    def balanced(self) -> "Parts":
        """The same with weights by which all classes count the same in training."""
        counts = np.bincount(self.train.y)
        of_classes = len(self.train.y) / (len(counts) * counts)
        weighted = (None if part is None else part._replace(weights=of_classes[part.y]) for part in self)
        return Parts(*weighted)  # type: ignore[arg-type]

    @property
    def learned_from(self) -> list[np.ndarray]:
        """The features that have a part in training, if only by ending it."""
        return [part.X for part in (self.train, self.validation) if part is not None]

    @property
    def watched(self) -> Part:
        """The samples on which loss and accuracy are measured after every epoch."""
        return self.test if self.validation is None else self.validation

    @property
    def watched_name(self) -> str:
        """What the report and the plot call them."""
        return "held out" if self.validation is None else "validation"
