"""Training batch by batch, iteration after iteration, with scikit-learn's rules of when to stop."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn.callbacks import Run, accompanied, check_callbacks, end_epoch
from fastnn.estimators.protocol import STOP_REASON, fit_tasks
from fastnn.estimators.samples import PenalizedDescent, Samples, ShuffledBatches
from fastnn.estimators.solvers import Solver, make_solver, take_up
from fastnn.estimators.validation import Validation
from fastnn.training import progress_reports, report_within
from fastnn.validation import check_batches, is_finite

#: scikit-learn's words for weights that have become NaN or infinite.
NON_FINITE_WEIGHTS = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)

#: Samples of a batch by default.
BATCH_SIZE = 200


@dataclass
class Training:
    """An estimator in training, by the parts that an iteration needs.

    `kept` holds finite parameters: those with the best score under early stopping, else those of the last iteration.
    """

    estimator: Any
    solver: Solver
    batches: ShuffledBatches
    validation: Validation | None
    run: Run
    kept: np.ndarray
    diverged: bool = False


def prepare_stochastic(
    estimator: Any, samples: Samples, rows: np.ndarray | None, validation: Validation | None, incremental: bool
) -> Callable[[], None]:
    """What trains for one iteration, or until scikit-learn's rules, a callback or Ctrl-C end it.

    All that can be wrong with the parameters is found before.
    """
    network, n_samples = estimator._network, len(samples) if rows is None else len(rows)
    if not hasattr(estimator, "loss_curve_") or estimator.early_stopping != (estimator.best_loss_ is None):
        estimator._begin_curves()  # L-BFGS keeps none, and early stopping keeps others
    callbacks = check_estimator_callbacks(estimator, validation)
    is_new = not (incremental and hasattr(estimator, "_optimizer"))
    solver = make_solver(estimator, validates=validation is not None) if is_new else estimator._optimizer
    batch_size = _batch_size(estimator, n_samples)
    check_batches(network.architecture, n_samples, batch_size)
    estimator._optimizer, estimator._trains_on = solver, incremental
    take_up(solver, network)
    random = estimator._random_state if estimator.shuffle else None
    descent = PenalizedDescent(network, solver, float(estimator.alpha), estimator._n_loss_targets)
    batches = ShuffledBatches(descent, samples, rows, batch_size, random, estimator._loss_offsets(samples.y))
    if is_new:
        solver.begin(batches.n_batches, estimator.max_iter)
        batches.compile()
    held_out = validation.for_callbacks() if validation is not None and callbacks else None
    run = Run(network, callbacks, estimator.history_, held_out=held_out)
    training = Training(estimator, solver, batches, validation, run, _finite_parameters(estimator, incremental))
    return partial(_fit, training, samples, rows, incremental)


def _finite_parameters(estimator: Any, incremental: bool) -> np.ndarray:
    """Where finite parameters are kept: early stopping in `partial_fit` goes on with the best of the calls before."""
    learned: np.ndarray = estimator._network.learned.copy()
    if not estimator.early_stopping:
        return learned
    if not (incremental and hasattr(estimator, "_best_learned")):
        estimator._best_learned = learned
    best: np.ndarray = estimator._best_learned
    return best


def _fit(training: Training, samples: Samples, rows: np.ndarray | None, incremental: bool) -> None:
    """Iterate, and end with the best parameters where early stopping has found them, and with finite ones in any case."""
    estimator, run = training.estimator, training.run
    max_iter = 1 if incremental else estimator.max_iter
    try:
        with (
            progress_reports(estimator.progress or False, run.history) as report,
            accompanied(run),
            fit_tasks(estimator, samples, rows, max_iter) as tasks,
        ):
            _train(training, max_iter, incremental, report, tasks)
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    finally:
        is_best = estimator.early_stopping and (estimator.stopped_early_ or not incremental)
        if is_best or not is_finite(run.network.learned):
            run.network.learned[:] = training.kept
        if not incremental:
            estimator.__dict__.pop("_best_learned", None)
    if training.diverged:
        estimator.__dict__.pop("_optimizer", None)  # whose means are not finite either
        raise ValueError(NON_FINITE_WEIGHTS)


def check_trains_in_steps(estimator: Any) -> bool:
    """Whether it has `partial_fit`, which L-BFGS could not do."""
    if not estimator._descends:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


def check_estimator_callbacks(estimator: Any, validation: Validation | None) -> list[Any]:
    """fastnn's callbacks; one that saves needs a training that can be resumed, which an estimator's cannot."""
    callbacks = check_callbacks(estimator.callbacks, estimator._network, validation is not None)
    for callback in callbacks:
        if callback.saves:
            raise ValueError(
                f"{type(callback).__name__} resumes a training of Network.fit; save an estimator with joblib.dump, and go "
                "on with partial_fit or warm_start."
            )
    return callbacks


def _batch_size(estimator: Any, n_samples: int) -> int:
    if isinstance(estimator.batch_size, str):
        return min(BATCH_SIZE, n_samples)
    if estimator.batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=2
        )
    return int(min(estimator.batch_size, n_samples))


def _train(training: Training, max_iter: int, incremental: bool, report: Callable[[float], None], tasks: Any) -> None:
    estimator = training.estimator
    estimator.n_iter_ = 0
    for iteration in range(max_iter):
        tasks.begin_iteration()
        share = lambda done, iteration=iteration: report_within(report, iteration, max_iter, done)  # noqa: E731
        _iterate(training, share)
        if tasks.end_iteration():
            training.run.history.stop_reason = STOP_REASON
        stops = _wants_to_stop(training, is_last=iteration == max_iter - 1)
        if stops or incremental or training.diverged:
            break
        if estimator.n_iter_ == max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )


def _iterate(training: Training, report: Callable[[float], None]) -> None:
    """One pass over the data, what is measured after it, and whether only NaN would follow."""
    estimator, history = training.estimator, training.run.history
    start = time.perf_counter()
    loss, rate = training.batches.train_epoch(report)
    history.seconds.append(time.perf_counter() - start)
    history.loss.append(loss)
    history.learning_rate.append(rate)
    estimator.n_iter_ += 1
    estimator.t_ += training.batches.n_samples
    estimator.loss_ = loss
    estimator.loss_curve_.append(loss)
    if estimator.verbose:
        print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
    if training.validation is not None:
        _measure(training)
    is_best = _count_no_improvement(estimator)
    if not is_finite(training.run.network.learned):
        training.diverged = is_best or not _ignores_divergence(training)
    elif is_best:
        training.kept[:] = training.run.network.learned
    validation_loss = history.validation_loss[-1] if history.validation_loss else None
    training.solver.end_iteration(estimator.t_, loss, validation_loss)


def _ignores_divergence(training: Training) -> bool:
    """Whether scikit-learn goes on with NaN, and returns the best parameters: with early stopping by what it measures itself."""
    return training.batches.rows is not None and training.estimator.scoring is None


def _measure(training: Training) -> None:
    """Score and loss of the validation data."""
    estimator, history = training.estimator, training.run.history
    score, loss = training.validation.record(history)  # type: ignore[union-attr]
    for name, value in (("validation_scores_", score), ("validation_loss_curve_", loss)):
        if getattr(estimator, name, None) is None:
            setattr(estimator, name, [])
        getattr(estimator, name).append(value)
    if estimator.verbose:
        print(f"Validation score: {score:f}")


def _count_no_improvement(estimator: Any) -> bool:
    """Count iterations in which training loss, or validation score, has not improved by `tol`.

    Returns whether the parameters are to be kept: those with the best score, or without early stopping those of the last
    iteration with a finite loss.
    """
    if estimator.early_stopping:
        score = estimator.validation_scores_[-1]
        has_improved = not score < estimator.best_validation_score_ + estimator.tol
        is_best = score > estimator.best_validation_score_
        estimator.best_validation_score_ = max(estimator.best_validation_score_, score)
    else:
        is_best = bool(np.isfinite(estimator.loss_))
        has_improved = not estimator.loss_ > estimator.best_loss_ - estimator.tol
        estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
    estimator._no_improvement_count = 0 if has_improved else estimator._no_improvement_count + 1
    return is_best


def _wants_to_stop(training: Training, *, is_last: bool) -> bool:
    """Whether scikit-learn's rules or a callback end the training after this iteration."""
    estimator, run = training.estimator, training.run
    end_epoch(run.callbacks, run.network, run.history, is_last=is_last)
    if estimator._no_improvement_count > estimator.n_iter_no_change:
        monitored = "Validation score" if estimator.early_stopping else "Training loss"
        reason = (
            f"{monitored} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive "
            "epochs."
        )
        if training.solver.wants_to_stop(reason, estimator.verbose):
            run.history.stop_reason = run.history.stop_reason or reason
            estimator.stopped_early_ = True
            return True
        estimator._no_improvement_count = 0
    return bool(run.history.stop_reason)
