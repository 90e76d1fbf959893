"""Splitting the samples into training, validation and held-out sets."""

import math
from typing import NamedTuple

import numpy as np

from fastnn import datasets
from fastnn.datasets import Dataset
from fastnn.training.splits import check_fraction, split_classes

# Early stopping, the default for files.
PATIENCE = 10  # epochs
VALIDATION_FRACTION = 0.1  # of the training samples
FEWEST_TO_VALIDATE = 5  # samples; with fewer, no early stopping by default


class Part(NamedTuple):
    """A subset of the samples, with sample weights or None."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None


class Stopping(NamedTuple):
    """Options of early stopping: patience, and the fraction of the training samples used for validation.

    Unless it was requested explicitly, early stopping is turned off if there are too few samples.
    """

    patience: int | None
    validation_fraction: float | None
    asked_for: bool = True

    @classmethod
    def of(cls, is_file: bool, wanted: bool | None, patience: int | None, fraction: float | None) -> "Stopping":
        """From the command-line options; by default, early stopping is on for files."""
        asked_for = bool(wanted) or patience is not None
        if wanted is False or not (is_file or asked_for):
            return cls(None, fraction)
        return cls(patience or PATIENCE, fraction or VALIDATION_FRACTION, asked_for or fraction is not None)

    def has_enough(self, classes: np.ndarray) -> bool:
        """Whether there are enough samples for validation, in classes with other samples to train on."""
        n_validated = math.ceil((self.validation_fraction or 0.0) * len(classes))
        return n_validated >= FEWEST_TO_VALIDATE and np.bincount(classes).max() > 1


class Parts(NamedTuple):
    """The training set, the held-out set for the report, and the validation set, if any."""

    train: Part
    test: Part
    validation: Part | None = None

    @classmethod
    def of(cls, dataset: Dataset, stopping: Stopping, seed: int) -> "Parts":
        """Split a data set; the validation set is a stratified part of the training samples."""
        X, X_test, y, y_test = datasets.split(dataset, seed=seed)
        test, fraction = Part(X_test, y_test), stopping.validation_fraction
        classes = np.zeros(len(y), np.int64) if dataset.class_names is None else y
        if fraction is None or not (stopping.asked_for or stopping.has_enough(classes)):
            return cls(Part(X, y), test)
        check_fraction(fraction, len(y))
        rows, others = split_classes(classes, fraction, np.random.default_rng(seed))
        return cls(Part(X[rows], y[rows]), test, Part(X[others], y[others]))

    def balanced(self) -> "Parts":
        """The same sets with sample weights that give all classes equal total weight in training."""
        counts = np.bincount(self.train.y)
        of_classes = len(self.train.y) / (len(counts) * counts)
        weighted = (None if part is None else part._replace(weights=of_classes[part.y]) for part in self)
        return Parts(*weighted)  # type: ignore[arg-type]

    @property
    def learned_from(self) -> list[np.ndarray]:
        """The features used in training, including validation features, which may stop it."""
        return [part.X for part in (self.train, self.validation) if part is not None]

    @property
    def watched(self) -> Part:
        """The samples on which loss and accuracy are measured after every epoch."""
        return self.test if self.validation is None else self.validation

    @property
    def watched_name(self) -> str:
        """Name of these samples in the report and the plot."""
        return "held out" if self.validation is None else "validation"
