"""Splitting the samples into training, validation and held-out sets."""

import math
from typing import NamedTuple

import numpy as np

from fastnn import datasets
from fastnn.cli.groups import Stopping
from fastnn.datasets import Dataset
from fastnn.training.splits import check_fraction, split_classes

FEWEST_TO_VALIDATE = 5  # samples; with fewer, no early stopping by default


class Part(NamedTuple):
    """A subset of the samples, with sample weights or None."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None


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
        if fraction is None or (stopping.early_stopping is None and not _has_enough(classes, fraction)):
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


def _has_enough(classes: np.ndarray, fraction: float) -> bool:
    """Whether there are enough samples for validation, in classes with further samples for training."""
    return math.ceil(fraction * len(classes)) >= FEWEST_TO_VALIDATE and np.bincount(classes).max() > 1
