"""Features with their targets, and the part of them that is held out."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features and targets of a supervised task.

    Attributes
    ----------
    name : str
        For reports and file names.
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Class numbers in ``range(len(class_names))``, or numbers for regression.
    class_names : tuple of str or None
        Name of each class; None for regression.
    feature_names : tuple of str or None
        Name of each column of X, where the source has names.
    target_name : str or None
        Name of the target's column, where the source has names.
    target_index : int or None
        Position of the target among the source's columns, where it is one of them.
    dropped : tuple of int
        Positions of the source's columns that were left out.
    decimal : str or None
        Decimal sign of the source's numbers, where it is not the usual one or was chosen.
    standardize : bool
        Whether the features gain from being standardised; pixels come scaled to [0, 1] and do not.
    X_test, y_test : ndarray or None
        The part that the source itself holds out for testing, if it does.
    notes : tuple of str
        Sentences about what was left out of the source, or chosen for it.
    """

    name: str
    X: np.ndarray
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
        """Outputs of a network for the task: one for each class, or a single number."""
        return 1 if self.class_names is None else len(self.class_names)


def split(dataset: Dataset, *, held_out: float = 0.2, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Split into a part to train on and a part to test on.

    The source's own test part is used where it has one. Otherwise the samples are drawn at random, for classification
    with every class in its proportion.

    Parameters
    ----------
    dataset : Dataset
        What to split.
    held_out : float, default=0.2
        Share of the samples to test on.
    seed : int, default=0
        Seed of the draw.

    Returns
    -------
    X_train, X_test, y_train, y_test : ndarray

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
                f"{dataset.name} has {len(dataset.X)} samples, and at least 4 are needed to train on some and hold out "
                "others."
            )
        return
    single = np.flatnonzero(np.bincount(dataset.y) < 2)
    if len(single):
        name = repr(dataset.class_names[single[0]])
        which = f"class {name} has"
        if len(single) > 1:
            which = f"{len(single):,} of {len(dataset.class_names):,} classes, such as {name}, have"
        raise ValueError(
            f"{dataset.name}: {which} a single sample, and each class needs at least two, one to train on and one to "
            "hold out. If the targets are numbers rather than classes, choose the task regression (--task regression)."
        )
