"""Several networks of a RealMLP, trained in parallel on different rows."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.realmlp.best_epoch import Metric, Rows
from fastnn.realmlp.folds import held_out_rows
from fastnn.realmlp.member import Member
from fastnn.training.history import History
from fastnn.training.many import fit_many
from fastnn.training.progress import Progress, progress_reports


@dataclass(frozen=True)
class TrainingPlan:
    """How an ensemble is trained.

    Attributes
    ----------
    metric : function
        The value of a network on held-out rows.
    fraction : float
        The fraction of the rows that each member holds out.
    refits : bool
        Whether members are trained again on all rows, for as many epochs as were best on average.
    n_threads : int or None
        Maximum number of threads.
    progress : bool, callable or None
        As in `Network.fit`.
    """

    metric: Metric
    fraction: float
    refits: bool
    n_threads: int | None
    progress: Progress


@dataclass(frozen=True)
class Ensemble:
    """Trained members, and what they said about rows that they had not seen.

    Attributes
    ----------
    members : list of Member
        The members.
    held_out_outputs : ndarray of shape (n_rows, n_outputs)
        The mean outputs for each row over the members that held it out; NaN for other rows.
    """

    members: list[Member]
    held_out_outputs: np.ndarray

    def among(self, rows: np.ndarray, n_rows: int) -> "Ensemble":
        """The same for a table of `n_rows` rows, of which it was trained on those at the positions `rows`."""
        outputs = np.full((n_rows, self.held_out_outputs.shape[1]), np.nan)
        outputs[rows] = self.held_out_outputs
        return Ensemble(self.members, outputs)


def train(
    members: Sequence[Member],
    renew: Callable[[], list[Member]],
    rows: Rows,
    classes: np.ndarray,
    plan: TrainingPlan,
    random: np.random.Generator,
) -> Ensemble:
    """Train members on the rows that they do not hold out, and perhaps new ones on all rows.

    Parameters
    ----------
    members : sequence of Member
        The members.
    renew : function
        Returns new members, to be trained on all rows.
    rows : Rows
        All rows.
    classes : ndarray of int, of shape (n_rows,)
        The class of each row, by which held-out rows are stratified; all 0 for regression.
    plan : TrainingPlan
        How they are trained.
    random : Generator
        Source of random numbers for the held-out rows.
    """
    masks = held_out_rows(classes, plan.fraction, len(members), random)
    data = [(rows.take(~mask), rows.take(mask) if mask.any() else None, plan.metric) for mask in masks]
    with progress_reports(plan.progress, History()) as report:
        shared = SharedProgress(report, len(members) * (2 if plan.refits else 1))
        _fit(members, data, shared, plan)
        outputs = _held_out_outputs(members, rows, masks, plan.n_threads)
        if plan.refits and any(mask.any() for mask in masks):
            n_epochs = max(1, round(float(np.mean([member.epoch for member in members]))))
            members = renew()
            _fit(members, [(rows, None, plan.metric)] * len(members), shared, plan, n_epochs=n_epochs)
    return Ensemble(list(members), outputs)


def _fit(
    members: Sequence[Member], data: list[Any], shared: "SharedProgress", plan: TrainingPlan, *, n_epochs: int = 0
) -> None:
    """Train members in parallel, or a single one with all threads."""
    options: dict[str, Any] = {"n_epochs": n_epochs, "progress": shared}
    if len(members) == 1:
        members[0].fit(*data[0], n_threads=plan.n_threads, **options)
    else:
        fit_many(members, data, n_threads=plan.n_threads, **options)


def _held_out_outputs(
    members: Sequence[Member], rows: Rows, masks: list[np.ndarray], n_threads: int | None
) -> np.ndarray:
    """The mean outputs for each row over the members that held it out; NaN for rows that none did."""
    totals = np.zeros((len(rows), members[0].design.n_outputs))
    counts = np.zeros((len(rows), 1))
    for member, mask in zip(members, masks, strict=True):
        if mask.any():
            totals[mask] += member.outputs(rows.X[mask], n_threads)
            counts[mask] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(totals / counts)


class SharedProgress:
    """Collects the progress of several trainings, which may run in parallel threads, into that of all of them.

    Parameters
    ----------
    report : function
        Called with the fraction of all the work that is done.
    n_trainings : int
        Number of trainings.
    """

    def __init__(self, report: Callable[[float], None], n_trainings: int) -> None:
        self.report, self.n_trainings = report, n_trainings
        self._lock = threading.Lock()
        self._done: dict[int, tuple[float, History]] = {}  # with the history, so that no other can have its id

    def __call__(self, fraction: float, history: History) -> None:
        """Take note of the fraction of one training, which its history identifies."""
        with self._lock:
            self._done[id(history)] = fraction, history
            self.report(min(1.0, sum(done for done, _ in self._done.values()) / self.n_trainings))
