"""Full-batch training with SciPy's L-BFGS, whose iterations are the epochs of a trainer."""

import time
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fastnn.quasi_newton import LBFGS
from fastnn.training.callbacks import begin_epoch
from fastnn.training.objective import FullBatchLoss
from fastnn.training.steps import Epochs, Steps
from fastnn.training.trainer import Trainer


@dataclass(frozen=True)
class Limits:
    """Stopping criteria and history size of L-BFGS; None means SciPy's default.

    Attributes
    ----------
    iterations, evaluations : int
        Maximum number of iterations, and of evaluations of loss and gradient.
    gradient_tolerance : float
        Stop when no entry of the gradient is larger in magnitude.
    loss_tolerance : float, optional
        Stop when the relative decrease of the loss in an iteration is no larger.
    history_size : int, optional
        Number of past steps from which the curvature is estimated.
    """

    iterations: int
    evaluations: int
    gradient_tolerance: float
    loss_tolerance: float | None = None
    history_size: int | None = None

    @classmethod
    def of(cls, optimizer: LBFGS, iterations: int) -> Self:
        """The limits of an optimizer."""
        tolerances = optimizer.gradient_tolerance, optimizer.loss_tolerance
        return cls(iterations, optimizer.max_evaluations, *tolerances, optimizer.history_size)

    def options(self) -> dict[str, Any]:
        """The same under SciPy's names."""
        options = {
            "maxiter": self.iterations,
            "maxfun": self.evaluations,
            "gtol": self.gradient_tolerance,
            "ftol": self.loss_tolerance,
            "maxcor": self.history_size,
        }
        return {name: value for name, value in options.items() if value is not None}


class Iterations(Steps):
    """Iterations that SciPy takes, and reports to the trainer."""

    unit = "iteration"


def minimize(trainer: Trainer, loss: FullBatchLoss, limits: Limits) -> Any:
    """Iterate until SciPy converges or a callback stops; returns SciPy's result.

    However it ends, the network has the parameters of the last complete iteration.
    """
    import scipy.optimize

    iterations, network = _Iterations(trainer, loss), trainer.run.network
    try:
        iterations.look_at_start()
        result = scipy.optimize.minimize(
            iterations.evaluate,
            network.parameters.astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=iterations.end,
            options=limits.options(),
        )
    finally:
        trainer.run.state.restore(iterations.reached)
    return result


class _Iterations:
    """The iterations of a minimisation; in between, the network has the trial parameters of SciPy's line search."""

    def __init__(self, trainer: Trainer, loss: FullBatchLoss) -> None:
        self.trainer, self.loss, self.run = trainer, loss, trainer.run
        self.reached = self.run.state.snapshot_of_parameters()
        self.start: float | None = None

    def look_at_start(self) -> None:
        """Compile the kernels, and raise if the initial loss is not finite."""
        value, _ = self.loss(self.run.network.parameters.astype(np.float64))
        self.trainer.check(Epochs([value], [1.0]), self.reached)

    def evaluate(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient. An iteration begins here, because SciPy may have converged after the last one."""
        if self.start is None:
            self.start = time.perf_counter()
            begin_epoch(self.run.callbacks, self.run.network, self.run.history)
        return self.loss(theta)

    def end(self, intermediate_result: Any) -> None:
        """Record an iteration; StopIteration makes SciPy stop."""
        run, seconds = self.run, time.perf_counter() - (self.start or time.perf_counter())
        theta, value = intermediate_result.x, float(intermediate_result.fun)
        run.network.parameters[:] = theta
        run.network._forget_batch()
        epochs = Epochs([self.loss.objective.reported(value, self.loss.penalty(theta))], [1.0])
        self.trainer.check(epochs, self.reached)
        run.state.count_steps(1)
        self.reached = run.state.snapshot_of_parameters(self.reached)
        self.trainer.end_epochs(epochs, seconds)
        self.reached = run.state.snapshot_of_parameters(self.reached)  # again, as callbacks may change the network
        self.start = None
        if run.history.stop_reason:
            raise StopIteration
