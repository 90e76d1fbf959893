"""Features with their targets, and the split into training and held-out samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features and targets of a supervised task.

    Attributes
    ----------
    name : str
        Name for reports and file names.
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Features; a data frame if a table was read as one.
    y : ndarray of shape (n_samples,)
        Class indices in ``range(len(class_names))``, or numbers for regression.
    class_names : tuple of str or None
        Name of each class; None for regression.
    feature_names : tuple of str or None
        Name of each column of X, if the source has names.
    target_name : str or None
        Name of the target column, if the source has names.
    target_index : int or None
        Position of the target among the columns of the source, if it is one of them.
    dropped : tuple of int
        Positions of the columns of the source that were left out.
    decimal : str or None
        Decimal separator of the source, if it is not a point or was given.
    standardize : bool
        Whether the features should be standardised; pixels, which are scaled to [0, 1], should not.
    X_test, y_test : ndarray or None
        Test set, if the source comes with one.
    notes : tuple of str
        Sentences about what was left out of the source, or decided automatically.
    """

    name: str
    X: Any
    y: np.ndarray
    class_names: tuple[str, ...] | None
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    target_index: int | None = None
    standardize: bool = True
    X_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    dropped: tuple[int, ...] = ()
    decimal: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return "regression" if self.class_names is None else "classification"

    @property
    def n_outputs(self) -> int:
        """Number of outputs of a network for the task: one per class, or 1 for regression."""
        return 1 if self.class_names is None else len(self.class_names)


def split(dataset: Dataset, *, held_out: float = 0.2, seed: int = 0) -> tuple[Any, ...]:
    """Split into a training set and a test set.

    If the source comes with a test set, that is used. Otherwise the split is random, and stratified by class for
    classification.

    Parameters
    ----------
    dataset : Dataset
        Data set to split.
    held_out : float, default=0.2
        Fraction of the samples in the test set.
    seed : int, default=0
        Random seed.

    Returns
    -------
    X_train, X_test, y_train, y_test : ndarray, or data frames of features

    Raises
    ------
    ValueError
        If there are too few samples, or a class has only one.
    """
    from sklearn.model_selection import train_test_split

    if dataset.X_test is not None and dataset.y_test is not None:
        return dataset.X, dataset.X_test, dataset.y, dataset.y_test
    _check_can_be_split(dataset)
    smallest_part = dataset.n_outputs if dataset.task == "classification" else 2  # R2 needs two
    n_samples = len(dataset.X)
    n_test = min(max(round(held_out * n_samples), smallest_part), n_samples - smallest_part)
    stratify = dataset.y if dataset.task == "classification" else None
    parts = train_test_split(dataset.X, dataset.y, test_size=n_test, random_state=seed, stratify=stratify)
    return tuple(parts)


def _check_can_be_split(dataset: Dataset) -> None:
    if dataset.class_names is None:
        if len(dataset.X) < 4:
            raise ValueError(
                f"{dataset.name} has {len(dataset.X)} samples, but at least 4 are needed for training and held-out sets."
            )
        return
    single = np.flatnonzero(np.bincount(dataset.y) < 2)
    if len(single):
        name = repr(dataset.class_names[single[0]])
        which = f"class {name} has"
        if len(single) > 1:
            which = f"{len(single):,} of {len(dataset.class_names):,} classes, such as {name}, have"
        raise ValueError(
            f"{dataset.name}: {which} a single sample, but each class needs at least two, one to train on and one to "
            "hold out. If the targets are numbers rather than classes, choose regression (--task regression)."
        )
