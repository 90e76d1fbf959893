"""The solvers of scikit-learn: a fastnn optimizer and its learning-rate schedule."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastnn.feed_forward import FeedForward
from fastnn.optimizers import Adam, Optimizer
from fastnn.schedules import Constant, Course, Schedule
from fastnn.training.options import begin_schedule
from fastnn.training.state import OptimizerState, optimizer_state

#: The adaptive learning rate is not lowered below SMALLEST_RATE; each time, it is divided by STEP_DOWN.
SMALLEST_RATE, STEP_DOWN = 1e-6, 5.0


@dataclass(frozen=True)
class UncorrectedEpsilonAdam(Adam):
    """`Adam` with epsilon added before the bias correction: theta <- theta - eta (sqrt(c2) / c1) m / (sqrt(s) + epsilon).

    That is `Adam` with an epsilon of epsilon / sqrt(c2), because m / c1 / (sqrt(s / c2) + e) equals sqrt(c2) / c1 m /
    (sqrt(s) + sqrt(c2) e).

    References
    ----------
    Kingma, Ba (2015), Adam: A Method for Stochastic Optimization, the last paragraph of section 2.
    """

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        super()._fill(records, steps, momenta)
        records["epsilon"] /= np.sqrt(records["squares_correction"])


class Solver:
    """An optimizer and its learning rate, which persist over all calls of `partial_fit`.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    schedule : Schedule
        The learning-rate schedule.
    adaptive : bool
        Whether to lower the rate when training no longer improves, instead of stopping.
    verbose : bool
        Whether to print a message then.

    Attributes
    ----------
    l2 : float
        L2 penalty of the optimizer itself, in addition to alpha.
    course : Course
        The learning rates of this training.
    state : OptimizerState or None
        The optimizer state, once training has begun.
    """

    def __init__(
        self, optimizer: Optimizer, schedule: Schedule, *, adaptive: bool = False, verbose: Any = False
    ) -> None:
        self.l2 = optimizer.l2
        self.optimizer = replace(optimizer, l2=1.0)  # any value but 0: the objective sets the penalty of each batch
        self.schedule, self.adaptive, self.verbose = schedule, adaptive, verbose
        self.course: Course = Constant().begin(optimizer.learning_rate, 1, 1)
        self.state: OptimizerState | None = None

    @property
    def learning_rate(self) -> float:
        """The current learning rate, under scikit-learn's name."""
        return self.course.learning_rate

    def begin(self, n_batches: int, max_iter: int) -> None:
        """Begin the schedule, which may depend on the total number of steps."""
        self.course = begin_schedule(self.schedule, self.optimizer, max_iter, n_batches)

    def lower_rate(self, reason: str) -> bool:
        """Lower the rate when training no longer improves; False if training should stop instead."""
        lowers = self.adaptive and self.course.learning_rate > SMALLEST_RATE
        if lowers:
            self.change_rate(self.course.learning_rate / STEP_DOWN)
        if self.verbose:
            too_small = " Learning rate too small." if self.adaptive else ""
            said = f" Setting learning rate to {self.course.learning_rate:f}" if lowers else f"{too_small} Stopping."
            print(reason + said)
        return lowers

    def change_rate(self, rate: float) -> None:
        """Change the rate and rescale v: scikit-learn keeps its velocity u = -eta v when eta changes."""
        if self.state is not None:
            self.state.vectors *= self.course.learning_rate / rate
        self.course.learning_rate = rate

    def take_up(self, network: FeedForward) -> None:
        """Restore the optimizer state in a network, because copies and pickles of networks do not include it."""
        known = self.state
        if known is None:
            network._optimizer_state = None
        self.state = optimizer_state(network, self.optimizer)
        if known is not None and self.state is not known:
            self.state.vectors[:], self.state.n_steps = known.vectors, known.n_steps
