"""The solvers of scikit-learn, as an optimizer of fastnn and a learning rate that changes between iterations."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastnn.network import Network
from fastnn.optimizers import SGD, Adam, Optimizer, OptimizerState
from fastnn.schedules import Constant, Course, Schedule, find_schedule
from fastnn.training import check_schedule
from fastnn.validation import check_number

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


class Solver(Course):
    """An optimizer, its learning rate, and what becomes of that between iterations; it lives as long as a training.

    Parameters
    ----------
    optimizer : Optimizer
        What makes the steps.
    policy : {"constant", "invscaling", "adaptive"}
        How the rate changes: not at all, eta / (t + 1)^p after t samples, or by a fifth when training no longer improves.
    power_t : float
        The exponent p.

    Attributes
    ----------
    l2 : float
        Penalty of an optimizer that was given, beside that by alpha.
    state : OptimizerState or None
        What the optimizer keeps, once it has begun.
    """

    def __init__(self, optimizer: Optimizer, policy: str = "constant", power_t: float = 0.5) -> None:
        super().__init__(Constant(), optimizer.learning_rate, 1, 1)
        self.optimizer, self.policy, self.power_t = optimizer, policy, power_t
        self.l2 = 0.0
        self.state: OptimizerState | None = None

    def rates(self, first_step: int, n_steps: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The same rate for all steps until the iteration ends."""
        return np.full(n_steps, self.learning_rate), None

    def begin(self, n_batches: int, max_iter: int) -> None:
        """Be told, before the first step, how many there are."""

    def end_iteration(self, n_samples_seen: int, loss: float, validation_loss: float | None) -> None:
        """Be told how an iteration went, and after how many samples in all."""
        if self.policy == "invscaling":
            self._change_rate(self.optimizer.learning_rate / (n_samples_seen + 1) ** self.power_t)

    def wants_to_stop(self, reason: str, verbose: Any) -> bool:
        """Whether to stop where training no longer improves; else the rate has been lowered."""
        stops = self.policy != "adaptive" or self.learning_rate <= SMALLEST_RATE
        if not stops:
            self._change_rate(self.learning_rate / STEP_DOWN)
        if verbose:
            too_small = " Learning rate too small." if self.policy == "adaptive" else ""
            print(reason + (f"{too_small} Stopping." if stops else f" Setting learning rate to {self.learning_rate:f}"))
        return stops

    def _change_rate(self, rate: float) -> None:
        """In scikit-learn the velocity is u = -eta v, and stays when eta changes; so v changes here."""
        if self.state is not None:
            self.state.vectors *= self.learning_rate / rate
        self.learning_rate = rate


class ScheduledSolver(Solver):
    """An optimizer whose rate follows a `fastnn.schedules.Schedule`."""

    def __init__(self, optimizer: Optimizer, schedule: Schedule) -> None:
        super().__init__(optimizer)
        self.schedule, self.course = schedule, Constant().begin(optimizer.learning_rate, 1, 1)

    def begin(self, n_batches: int, max_iter: int) -> None:
        """Steps of the whole training, on which some schedules depend."""
        self.course = self.schedule.begin(self.optimizer.learning_rate, n_batches, n_batches * max_iter)
        self.course.rates(0, 0)

    def rates(self, first_step: int, n_steps: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Those of the schedule."""
        rates, momenta = self.course.rates(first_step, n_steps)
        self.learning_rate = float(rates[-1]) if len(rates) else self.learning_rate
        return rates, momenta

    def end_iteration(self, n_samples_seen: int, loss: float, validation_loss: float | None) -> None:
        """Tell the schedule."""
        self.course.end_epoch(loss, validation_loss)


def make_solver(estimator: Any, *, validates: bool) -> Solver:
    """The solver that an estimator's parameters describe."""
    chosen = _make_optimizer(estimator)
    clipped = estimator.max_grad_norm
    if clipped is not None:
        clipped = check_number(clipped, "max_grad_norm", positive=True)
    optimizer = replace(
        chosen,
        l2=1.0,  # any: it has a penalty, and `PenalizedDescent` says for each batch which
        max_grad_norm=chosen.max_grad_norm if clipped is None else clipped,
    )
    solver = _make_solver(estimator, optimizer, validates)
    solver.l2 = chosen.l2
    return solver


def _make_solver(estimator: Any, optimizer: Optimizer, validates: bool) -> Solver:
    if estimator.schedule is not None:
        return ScheduledSolver(optimizer, check_schedule(find_schedule(estimator.schedule), optimizer, validates))
    follows = estimator.optimizer is None and estimator.solver == "sgd"
    return Solver(optimizer, estimator.learning_rate if follows else "constant", estimator.power_t)


def _make_optimizer(estimator: Any) -> Optimizer:
    """The optimizer by name, or the one that was given."""
    if estimator.optimizer is not None:
        given: Optimizer = estimator.optimizer
        return given
    rate = float(estimator.learning_rate_init)
    if estimator.solver == "sgd":
        momentum = float(estimator.momentum)
        return SGD(rate, momentum, nesterov=bool(estimator.nesterovs_momentum and momentum > 0))
    return UncorrectedEpsilonAdam(rate, float(estimator.beta_1), float(estimator.beta_2), float(estimator.epsilon))


def take_up(solver: Solver, network: Network) -> OptimizerState:
    """Give a network the state that its optimizer had, which copies and pickles of a network leave behind."""
    if solver.state is None:
        network.forget_optimizer()
        solver.state = network.optimizer_state(solver.optimizer)
        return solver.state
    state = network.optimizer_state(solver.optimizer)
    if state is not solver.state:
        state.vectors[:], state.n_steps = solver.state.vectors, solver.state.n_steps
        solver.state = state
    return state
