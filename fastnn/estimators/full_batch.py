"""Training by L-BFGS on all samples at once, with scikit-learn's objective, limits and warnings."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from fastnn.callbacks import Run, accompanied, end_epoch
from fastnn.estimators.protocol import STOP_REASON, fit_tasks
from fastnn.estimators.samples import Samples
from fastnn.estimators.stochastic import NON_FINITE_WEIGHTS, check_estimator_callbacks
from fastnn.estimators.validation import Validation
from fastnn.training import progress_reports
from fastnn.validation import check_batches, is_finite


class Objective:
    """scikit-learn's loss of all samples, with its penalty, and the gradient, as functions of the parameters."""

    def __init__(self, estimator: Any, samples: Samples) -> None:
        self.estimator, self.network, self.samples = estimator, estimator._network, samples
        total = samples.weights.sum() if len(samples.weights) else len(samples)
        l2 = estimator.alpha / total + getattr(estimator.optimizer, "l2", 0.0)
        self.strengths = np.zeros(len(self.network.parameters))
        if getattr(estimator.optimizer, "penalize_biases", False):
            self.strengths[:] = l2
        for W in self.network.architecture.weight_views(self.strengths):
            W[:] = l2
        self.offset = estimator._mean_offset(samples)

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss as it is reported, a mean over targets, with the gradient of the sum over targets, as scikit-learn has it."""
        self.network.parameters[:] = theta
        samples = self.samples
        loss = self.network.training_loss(samples.X, samples.y, samples.weights)
        penalty = 0.5 * float(self.strengths @ (theta * theta))
        value = loss / self.estimator._n_loss_targets + self.offset + penalty
        return value, self.network.backward() + self.strengths * theta


def prepare_full_batch(estimator: Any, samples: Samples, validation: Validation | None) -> Callable[[], None]:
    """What minimises the objective until SciPy converges or a callback stops; arguments are checked before."""
    network = estimator._network
    if any(network.architecture.dropout):
        raise ValueError("L-BFGS needs the same loss wherever it asks twice; with dropout, take another solver.")
    if estimator.schedule is not None or estimator.max_grad_norm is not None:
        raise ValueError("L-BFGS finds the length of its steps itself: it takes no schedule and no max_grad_norm.")
    check_batches(network.architecture, len(samples), len(samples))
    callbacks = check_estimator_callbacks(estimator, validation)
    held_out = validation.for_callbacks() if validation is not None and callbacks else None
    run = Run(network, callbacks, estimator.history_, held_out=held_out)
    estimator._trains_on = False
    return partial(_fit, estimator, samples, validation, run)


def _fit(estimator: Any, samples: Samples, validation: Validation | None, run: Run) -> None:
    objective = Objective(estimator, samples)
    with (
        progress_reports(estimator.progress or False, run.history) as report,
        accompanied(run),
        fit_tasks(estimator, samples, None, estimator.max_iter) as tasks,
    ):
        result = _minimize(estimator, objective, validation, run, report, tasks)
    if run.history.stop_reason:  # a callback's, which is no failure
        estimator.n_iter_ = result.nit
    else:
        estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)
    estimator.loss_ = float(result.fun)


def _minimize(
    estimator: Any, objective: Objective, validation: Validation | None, run: Run, report: Any, tasks: Any
) -> Any:
    network, history, start = estimator._network, run.history, time.perf_counter()
    reached = network.learned.copy()  # between iterations the network goes to wherever SciPy looks

    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray]:
        tasks.begin_iteration()  # only now, as SciPy may have converged
        return objective(theta)

    def end_iteration(intermediate_result: Any) -> None:
        nonlocal start
        network.parameters[:] = intermediate_result.x
        if not is_finite(network.parameters):
            raise StopIteration
        network.n_updates += 1
        history.loss.append(float(intermediate_result.fun))
        history.learning_rate.append(1.0)
        history.seconds.append(time.perf_counter() - start)
        if validation is not None:
            validation.record(history)
        end_epoch(run.callbacks, network, history, is_last=len(history) == estimator.max_iter)
        reached[:] = network.learned
        report(min(1.0, len(history) / estimator.max_iter))
        if tasks.end_iteration() and not history.stop_reason:
            history.stop_reason = STOP_REASON
        if history.stop_reason:
            raise StopIteration
        start = time.perf_counter()

    try:
        result = scipy.optimize.minimize(
            evaluate,
            network.parameters.astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=end_iteration,
            options=_options(estimator),
        )
        end = result.x.astype(network.dtype)
        if is_finite(end):
            reached[: len(end)] = end
    finally:
        network.learned[:] = reached
        network.forget_batch()
    if not is_finite(end):
        raise ValueError(NON_FINITE_WEIGHTS)
    return result


def _options(estimator: Any) -> dict[str, Any]:
    """SciPy's options: scikit-learn's, or those of a `fastnn.LBFGS`."""
    options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    if estimator.optimizer is not None:
        given = estimator.optimizer
        options |= {
            "maxfun": given.max_evaluations,
            "maxcor": given.history_size,
            "gtol": given.gradient_tolerance,
            "ftol": given.loss_tolerance,
        }
    return options
