"""The solvers of scikit-learn: an optimizer of fastnn, and the course of its learning rate."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastnn.feed_forward import FeedForward
from fastnn.optimizers import Adam, Optimizer
from fastnn.schedules import Constant, Course, Schedule
from fastnn.training.options import begin_schedule
from fastnn.training.state import OptimizerState, optimizer_state

#: Below it, the adaptive learning rate is not lowered again; and what it is divided by.
SMALLEST_RATE, STEP_DOWN = 1e-6, 5.0


@dataclass(frozen=True)
class UncorrectedEpsilonAdam(Adam):
    """`Adam` with epsilon beside the uncorrected root: theta <- theta - eta (sqrt(c2) / c1) m / (sqrt(s) + epsilon).

    That is `Adam` with an epsilon of epsilon / sqrt(c2), as m / c1 / (sqrt(s / c2) + e) is sqrt(c2) / c1 m / (sqrt(s) +
    sqrt(c2) e).

    References
    ----------
    Kingma, Ba (2015), Adam: A Method for Stochastic Optimization, the last paragraph of section 2.
    """

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        super()._fill(records, steps, momenta)
        records["epsilon"] /= np.sqrt(records["squares_correction"])


class Solver:
    """An optimizer and its learning rate, which live as long as an estimator trains, over all calls of `partial_fit`.

    Parameters
    ----------
    optimizer : Optimizer
        What makes the steps.
    schedule : Schedule
        How the learning rate changes from step to step.
    adaptive : bool
        Whether the rate is lowered where training no longer improves, before that ends it.
    verbose : bool
        Whether to print what is done then.

    Attributes
    ----------
    l2 : float
        Penalty of an optimizer that was given, beside that by alpha.
    course : Course
        The learning rate.
    state : OptimizerState or None
        What the optimizer remembers, once it has begun.
    """

    def __init__(
        self, optimizer: Optimizer, schedule: Schedule, *, adaptive: bool = False, verbose: Any = False
    ) -> None:
        self.l2 = optimizer.l2
        self.optimizer = replace(
            optimizer, l2=1.0
        )  # any: there is a penalty, and the objective says for each batch which
        self.schedule, self.adaptive, self.verbose = schedule, adaptive, verbose
        self.course: Course = Constant().begin(optimizer.learning_rate, 1, 1)
        self.state: OptimizerState | None = None

    @property
    def learning_rate(self) -> float:
        """The present learning rate, by scikit-learn's name."""
        return self.course.learning_rate

    def begin(self, n_batches: int, max_iter: int) -> None:
        """Begin the schedule, which may depend on the number of steps of the whole training."""
        self.course = begin_schedule(self.schedule, self.optimizer, max_iter, n_batches)

    def lower_rate(self, reason: str) -> bool:
        """Lower the rate where training no longer improves; False if it is to end instead."""
        lowers = self.adaptive and self.course.learning_rate > SMALLEST_RATE
        if lowers:
            self.change_rate(self.course.learning_rate / STEP_DOWN)
        if self.verbose:
            too_small = " Learning rate too small." if self.adaptive else ""
            said = f" Setting learning rate to {self.course.learning_rate:f}" if lowers else f"{too_small} Stopping."
            print(reason + said)
        return lowers

    def change_rate(self, rate: float) -> None:
        """In scikit-learn the velocity is u = -eta v, and stays when eta changes; so v changes here."""
        if self.state is not None:
            self.state.vectors *= self.course.learning_rate / rate
        self.course.learning_rate = rate

    def take_up(self, network: FeedForward) -> None:
        """Give a network the state that its optimizer had, which copies and pickles of a network leave behind."""
        known = self.state
        if known is None:
            network._optimizer_state = None
        self.state = optimizer_state(network, self.optimizer)
        if known is not None and self.state is not known:
            self.state.vectors[:], self.state.n_steps = known.vectors, known.n_steps
