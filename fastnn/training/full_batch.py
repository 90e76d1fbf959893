"""L-BFGS, which asks for the loss of all samples where it likes: SciPy's, with the epochs of a trainer for its iterations."""

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
    """When L-BFGS ends, and how many steps it remembers; what is None is as SciPy has it.

    Attributes
    ----------
    iterations, evaluations : int
        At most, of steps, and of losses and gradients.
    gradient_tolerance : float
        It ends when no entry of the gradient is larger.
    loss_tolerance : float, optional
        It ends when an iteration lowers the loss by no larger share.
    history_size : int, optional
        Pairs of steps and gradients that the curvature is estimated from.
    """

    iterations: int
    evaluations: int
    gradient_tolerance: float
    loss_tolerance: float | None = None
    history_size: int | None = None

    @classmethod
    def of(cls, optimizer: LBFGS, iterations: int) -> Self:
        """Those of an optimizer."""
        tolerances = optimizer.gradient_tolerance, optimizer.loss_tolerance
        return cls(iterations, optimizer.max_evaluations, *tolerances, optimizer.history_size)

    def options(self) -> dict[str, Any]:
        """The same as SciPy names it."""
        options = {
            "maxiter": self.iterations,
            "maxfun": self.evaluations,
            "gtol": self.gradient_tolerance,
            "ftol": self.loss_tolerance,
            "maxcor": self.history_size,
        }
        return {name: value for name, value in options.items() if value is not None}


class Iterations(Steps):
    """Those of SciPy, which tells the trainer of each that has ended."""

    unit = "iteration"


def minimize(trainer: Trainer, loss: FullBatchLoss, limits: Limits) -> Any:
    """Iterate until SciPy converges or a callback stops; however it ends, the network is that of the last iteration.

    Returns SciPy's result.
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
    """The iterations of a minimisation, between which the network goes to wherever SciPy looks."""

    def __init__(self, trainer: Trainer, loss: FullBatchLoss) -> None:
        self.trainer, self.loss, self.run = trainer, loss, trainer.run
        self.reached = self.run.state.snapshot_of_parameters()
        self.start: float | None = None

    def look_at_start(self) -> None:
        """Raise where the training begins with a loss that is not finite; kernels are compiled then."""
        value, _ = self.loss(self.run.network.parameters.astype(np.float64))
        self.trainer.check(Epochs([value], [1.0]), self.reached)

    def evaluate(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient; an iteration begins only now, as SciPy may have converged."""
        if self.start is None:
            self.start = time.perf_counter()
            begin_epoch(self.run.callbacks, self.run.network, self.run.history)
        return self.loss(theta)

    def end(self, intermediate_result: Any) -> None:
        """Record an iteration; SciPy stops at StopIteration."""
        run, seconds = self.run, time.perf_counter() - (self.start or time.perf_counter())
        theta, value = intermediate_result.x, float(intermediate_result.fun)
        run.network.parameters[:] = theta
        run.network._forget_batch()
        epochs = Epochs([self.loss.objective.reported(value, self.loss.penalty(theta))], [1.0])
        self.trainer.check(epochs, self.reached)
        run.state.count_steps(1)
        self.reached = run.state.snapshot_of_parameters(self.reached)
        self.trainer.end_epochs(epochs, seconds)
        self.reached = run.state.snapshot_of_parameters(self.reached)  # which a callback may have changed
        self.start = None
        if run.history.stop_reason:
            raise StopIteration
