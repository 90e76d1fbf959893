"""Training by an optimizer that asks for the loss of all samples where it likes: SciPy's L-BFGS."""

import time
from collections.abc import Callable
from copy import deepcopy
from logging import getLogger
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.callbacks import Run, accompanied, check_callbacks, end_epoch
from fastnn.held_out import hold_out, split
from fastnn.history import History
from fastnn.optimizers import LBFGS
from fastnn.training import Progress, check_progress, divergence, given_validation, progress_reports, ready
from fastnn.validation import check_batches, check_count, check_features, check_sample_weight, check_targets

if TYPE_CHECKING:
    from fastnn.network import Network

logger = getLogger("fastnn")


class Objective:
    """Loss and penalty of all samples, as a function of the parameters in double precision."""

    def __init__(self, network: "Network", X: Any, y: np.ndarray, weights: np.ndarray, optimizer: LBFGS) -> None:
        self.network, self.data = network, (X, y, weights)
        self.strengths = np.zeros(len(network.parameters))
        if optimizer.penalize_biases:
            self.strengths[:] = optimizer.l2
        for W in network.architecture.weight_views(self.strengths):
            W[:] = optimizer.l2

    def penalty(self, theta: np.ndarray) -> float:
        """(1/2) sum_p lambda_p theta_p^2."""
        return 0.5 * float(self.strengths @ (theta * theta))

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """L + (1/2) sum_p lambda_p theta_p^2 and its gradient, which are not finite where the loss is not."""
        self.network.parameters[:] = theta
        loss = self.network.training_loss(*self.data)
        return loss + self.penalty(theta), self.network.backward() + self.strengths * theta


def minimize_loss(
    network: "Network",
    X: Any,
    y: Any,
    sample_weight: Any,
    optimizer: LBFGS,
    epochs: int,
    validation_data: tuple[Any, ...] | None,
    validation_fraction: float | None,
    callbacks: Any,
    progress: Progress,
) -> History:
    """Train a network by L-BFGS, an iteration an epoch; the arguments are those of `Network.fit`."""
    check_progress(progress)
    epochs = check_count(epochs, "epochs")
    if any(network.architecture.dropout):
        raise ValueError("LBFGS needs the same loss wherever it asks twice; with dropout, take another optimizer.")
    X = ready(check_features(X, network.architecture.n_inputs, network.dtype), network.dtype)
    y = check_targets(y, X.shape[0], network.architecture, network.dtype)
    weights = check_sample_weight(sample_weight, len(y))
    held_out = given_validation(network, validation_data, validation_fraction, len(y))
    callbacks = check_callbacks(callbacks, network, validation_data is not None or validation_fraction is not None)
    if any(callback.saves for callback in callbacks):
        raise ValueError("A Checkpoint cannot resume LBFGS, whose state is SciPy's: save the network with fastnn.save.")
    if validation_fraction is not None:
        random = deepcopy(network.random)
        rows, others = split(y, network.architecture, validation_fraction, random)
        held_out = hold_out(network, X, y, weights, rows, others)
        X, y, weights = X[rows], y[rows], weights[rows] if len(weights) else weights
        network.random.bit_generator.state = random.bit_generator.state
    check_batches(network.architecture, len(y), len(y))
    run = Run(network, callbacks, History(), held_out=held_out)
    with progress_reports(progress, run.history) as report, accompanied(run):
        _minimize(run, Objective(network, X, y, weights, optimizer), optimizer, epochs, report)
    logger.info("Training ended after iteration %d: %s.", len(run.history), run.history.stop_reason)
    return run.history


def _minimize(run: Run, objective: Objective, optimizer: LBFGS, epochs: int, report: Callable[[float], None]) -> None:
    """Iterate until SciPy converges or a callback stops; however it ends, the network is that of the last iteration."""
    from scipy.optimize import minimize

    network, history = run.network, run.history
    reached = network.learned.copy()  # between iterations the network goes to wherever SciPy looks
    value, _ = objective(network.parameters.astype(np.float64))
    if not np.isfinite(value):
        network.learned[:] = reached
        raise divergence("iteration 0", value, 1.0)
    start = time.perf_counter()  # kernels are compiled by now

    def end_iteration(intermediate_result: Any) -> None:
        nonlocal start
        network.parameters[:] = intermediate_result.x
        network.forget_batch()
        reached[:] = network.learned
        network.n_updates += 1
        history.loss.append(float(intermediate_result.fun) - objective.penalty(intermediate_result.x))
        history.learning_rate.append(1.0)
        history.seconds.append(time.perf_counter() - start)
        if run.held_out is not None:
            run.held_out.measure(history)
        end_epoch(run.callbacks, network, history, is_last=len(history) == epochs)
        reached[:] = network.learned  # which a callback may have changed
        report(len(history) / epochs)
        start = time.perf_counter()
        if history.stop_reason:
            raise StopIteration

    options = {
        "maxiter": epochs,
        "maxfun": optimizer.max_evaluations,
        "maxcor": optimizer.history_size,
        "gtol": optimizer.gradient_tolerance,
        "ftol": optimizer.loss_tolerance,
    }
    theta = network.parameters.astype(np.float64)
    try:
        result = minimize(objective, theta, jac=True, method="L-BFGS-B", callback=end_iteration, options=options)
        if not len(history):  # there was nothing left to do
            end_iteration(result)
    except StopIteration:
        pass
    finally:
        network.learned[:] = reached
        network.forget_batch()
    history.stop_reason = history.stop_reason or str(result.message).capitalize()
