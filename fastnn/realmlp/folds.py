"""Which rows each network of a RealMLP holds out."""

from collections.abc import Iterator

import numpy as np

#: The fewest rows of which some are held out.
FEWEST_ROWS = 10


def held_out_rows(
    classes: np.ndarray, fraction: float, n_members: int, random: np.random.Generator
) -> list[np.ndarray]:
    """For each member a mask of the rows it holds out: a fraction of each class, different rows for different members.

    Rows are dealt to 1 / fraction folds, rounded, class by class, and each member holds out one fold. Once all folds have been held
    out, rows are dealt anew. The only row of a class is never held out; nor is any of fewer than ten rows.

    Parameters
    ----------
    classes : ndarray of int, of shape (n_rows,)
        The class of each row; all 0 for regression.
    fraction : float
        The fraction, from 0 to 1/2; 0 holds out nothing.
    n_members : int
        Number of members.
    random : Generator
        Source of random numbers.
    """
    is_single = np.bincount(classes)[classes] == 1
    if fraction == 0 or len(classes) < FEWEST_ROWS or is_single.all():
        return [np.zeros(len(classes), bool)] * n_members
    n_folds = max(2, round(1 / fraction))
    folds = _deals(classes, is_single, n_folds, random)
    return [next(folds) for _ in range(n_members)]


def _deals(
    classes: np.ndarray, is_single: np.ndarray, n_folds: int, random: np.random.Generator
) -> Iterator[np.ndarray]:
    """Masks of fold after fold, without end; rows that are the only one of their class are in none."""
    while True:
        order = random.permutation(len(classes))
        by_class = order[np.argsort(classes[order], kind="stable")]
        fold = np.empty(len(classes), np.int64)
        fold[by_class] = np.arange(len(classes)) % n_folds
        for number in range(n_folds):
            mask = (fold == number) & ~is_single
            if mask.any():
                yield mask
