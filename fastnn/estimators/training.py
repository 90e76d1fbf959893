"""Training of estimators: fastnn's trainer with scikit-learn's rules."""

import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.optimize import _check_optimize_result

from fastnn.estimators.protocol import fit_tasks
from fastnn.estimators.rules import (
    InverseScaling,
    Listener,
    NoBetterScore,
    NoImprovement,
    NonFiniteWeights,
    NonFiniteWeightsError,
    PenaltyPerSample,
    ReshufflingSampler,
    mean_offset,
)
from fastnn.estimators.samples import LabelledSamples
from fastnn.estimators.solvers import Solver, UncorrectedEpsilonAdam
from fastnn.estimators.standardizing import Standardizing
from fastnn.estimators.validation import EstimatorValidation, hold_out
from fastnn.optimizers import SGD, Optimizer, find_descent, find_optimizer
from fastnn.quasi_newton import LBFGS
from fastnn.threads import call_threads
from fastnn.training.callbacks import Callback, callback_lifecycle, check_callbacks
from fastnn.training.courses import Courses
from fastnn.training.descent import BatchSteps, Descent
from fastnn.training.full_batch import Iterations, Limits, minimize
from fastnn.training.history import History
from fastnn.training.objective import FullBatchLoss
from fastnn.training.options import check_schedule
from fastnn.training.progress import progress_reports
from fastnn.training.run import Run
from fastnn.training.state import Snapshot, TrainState
from fastnn.training.steps import Steps
from fastnn.training.stopping import StoppingRule
from fastnn.training.trainer import Plan, Trainer
from fastnn.training.validation import score_or_nan
from fastnn.validation import check_batches, check_number

#: Default batch size.
BATCH_SIZE = 200


@dataclass
class Prepared:
    """Everything needed for training, checked before the first step.

    Attributes
    ----------
    samples : LabelledSamples
        All samples.
    rows : ndarray or None
        Rows to train on; None for all.
    validation : EstimatorValidation or None
        Evaluation on held-out samples, or on given validation data.
    incremental : bool
        Whether this is a call of `partial_fit`.
    """

    samples: LabelledSamples
    rows: np.ndarray | None
    validation: EstimatorValidation | None
    incremental: bool

    @property
    def trained(self) -> LabelledSamples:
        """The samples to train on."""
        return self.samples if self.rows is None else self.samples.take(self.rows)

    @property
    def n_trained(self) -> int:
        """The number of samples to train on."""
        return len(self.samples) if self.rows is None else len(self.rows)


class Training(Standardizing):
    """An estimator that trains."""

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: tuple[Any, Any, Any], incremental: bool
    ) -> Self:
        train = self._prepare_or_restore(X, y, sample_weight, validation_data, incremental)
        with self._computing():
            train()
        return self

    def _computing(self) -> AbstractContextManager[None]:
        return self._network._computing(self._threads())

    def _threads(self) -> int | None:
        """Maximum number of threads: one in a joblib worker thread, because others run in parallel."""
        if call_threads() is not None:
            return None
        if self.n_threads is not None or threading.current_thread() is threading.main_thread():
            return self.n_threads
        from joblib.parallel import get_active_backend

        backend, _ = get_active_backend()
        return 1 if backend.nesting_level else None

    def _prepare_or_restore(self, *arguments: Any) -> Callable[[], None]:
        """`_prepare`, but invalid arguments change nothing. The previous network, which may be large, is not kept longer."""
        before = dict(self.__dict__)
        try:
            return self._prepare(*arguments)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, validation_data: tuple[Any, Any, Any], incremental: bool
    ) -> Callable[[], None]:
        """Prepare everything up to the first step; returns the function that trains."""
        hidden = self._hidden_sizes()
        is_new = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        self._scorer()
        X, y = self._validate_input(X, y, incremental, reset=is_new)
        samples = self._as_samples(X, y, sample_weight, "y")
        samples = replace(samples, weights=self._weigh(samples.weights, y, incremental))
        given = self._given_validation(*validation_data, samples)
        self.n_outputs_ = self._n_outputs(samples.y)
        self._random_state = check_random_state(self.random_state)
        self._take_up(X, hidden, is_new)
        self._begin_history(is_new, incremental)
        rows, held_out = (None, given) if given is not None else self._hold_out(samples, incremental)
        prepared = self._standardized(samples, rows, held_out, incremental)
        with self._computing():
            return self._prepare_descent(prepared) if self._descends else self._prepare_full_batch(prepared)

    def _take_up(self, X: Any, hidden: list[int], is_new: bool) -> None:
        """Create a new network, or update the existing one if its parameters have changed."""
        if is_new:
            dtype = X.dtype if self.dtype is None else np.dtype(self.dtype)
            self._initialize([X.shape[1], *hidden, self.n_outputs_], dtype)
            return
        self._check_sizes(X.shape[1], self.n_outputs_)
        if self.__dict__.get("_described") != self._description():
            self._renew()
        self._forget_scalers()
        self._synchronize()

    def _begin_history(self, is_new: bool, incremental: bool) -> None:
        if is_new or not incremental or not hasattr(self, "history_"):
            self.history_ = History()
        self.history_.stop_reason, self.stopped_early_ = "", False

    def _hold_out(
        self, samples: LabelledSamples, incremental: bool
    ) -> tuple[np.ndarray | None, LabelledSamples | None]:
        """Rows to train on, None for all, and the held-out samples, if any."""
        if not self.early_stopping or not self._descends:
            return None, None
        if incremental:
            raise ValueError(
                "partial_fit does not support early_stopping=True without validation data: pass X_val and y_val."
            )
        return hold_out(samples, self.validation_fraction, self._random_state, stratifies=self._stratifies)

    def _standardized(
        self, samples: LabelledSamples, rows: np.ndarray | None, held_out: LabelledSamples | None, incremental: bool
    ) -> Prepared:
        """The samples in the form the network takes, standardised if requested."""
        if self.standardize:
            self._fit_scalers(samples if rows is None else samples.take(rows), incremental)
            samples, held_out = self._scaled(samples), None if held_out is None else self._scaled(held_out)
        network = self._network
        validation = None
        if held_out is not None:
            measures = self._reported_loss, self._default_score, self._own_score()
            validation = EstimatorValidation(network, held_out.ready_for(network.dtype), *measures)
        return Prepared(samples.ready_for(network.dtype), rows, validation, incremental)

    def _given_validation(self, X: Any, y: Any, sample_weight: Any, trained: LabelledSamples) -> LabelledSamples | None:
        """The validation data passed to `fit`, if any."""
        if (X is None) != (y is None) or (X is None and sample_weight is not None):
            raise ValueError(
                "Validation data need both X_val and y_val; sample_weight_val cannot be passed without them."
            )
        if X is None:
            return None
        try:
            X, y = self._validate_input(X, y, incremental=True, reset=False)
            samples: LabelledSamples = self._as_samples(X, y, sample_weight, "y_val")
        except ValueError as error:
            raise ValueError(f"Invalid X_val and y_val: {error}") from error
        if samples.y.shape[1:] != trained.y.shape[1:]:
            raise ValueError(f"y_val must have as many columns as y, {trained.y.shape[1]}, got {samples.y.shape[1]}.")
        return samples

    # Losses and scores.

    def _reported_loss(self, samples: LabelledSamples) -> float:
        """Mean loss over samples, without penalties, as reported by scikit-learn."""
        loss: float = self._network._mean_loss(samples.X, samples.y, samples.weights)
        return loss / self._n_loss_targets + mean_offset(self._loss_offsets(samples.y), samples)

    def _scorer(self) -> Any:
        """The scorer named by `scoring`; None for the default score and the loss."""
        return None if self.scoring in (None, "loss") else check_scoring(self, scoring=self.scoring)

    def _own_score(self) -> Callable[[LabelledSamples], float] | None:
        """The score that early stopping monitors instead of the default one."""
        if self.scoring is None:
            return None
        if self.scoring == "loss":
            return lambda samples: -self._reported_loss(samples)
        return partial(self._score_by, self._scorer())

    def _default_score(self, samples: LabelledSamples) -> float:
        return float(self._score_outputs(self._network.forward(samples.X), samples))

    def _score_by(self, scorer: Any, samples: LabelledSamples) -> float:
        weights = {} if samples.sample_weight is None else {"sample_weight": samples.sample_weight}
        self._watched = samples.given_X, samples.X  # already validated and scaled
        score = partial(scorer, self, samples.given_X, samples.labels, **weights)
        try:
            return score_or_nan(score, self._network, samples.X)
        finally:
            del self._watched

    # Mini-batch training.

    def _prepare_descent(self, prepared: Prepared) -> Callable[[], None]:
        """A function that trains for one iteration, or until scikit-learn's rules, a callback or Ctrl-C stop it."""
        if not hasattr(self, "loss_curve_") or self.early_stopping != (self.best_loss_ is None):
            self._begin_curves()  # L-BFGS has no curves, and early stopping has different ones
        network, callbacks = self._network, self._checked_callbacks(prepared)
        is_new = not (prepared.incremental and hasattr(self, "_optimizer"))
        known: Solver | None = None if is_new else self.__dict__["_optimizer"]
        solver = known or self._make_solver(validates=prepared.validation is not None)
        batch_size = self._batch_size(prepared.n_trained)
        check_batches(network.architecture, prepared.n_trained, batch_size)
        self._optimizer, self._trains_on = solver, prepared.incremental
        solver.take_up(network)
        random = self._random_state if self.shuffle else None
        sampler = ReshufflingSampler(network, prepared.samples, prepared.rows, batch_size, random)
        if is_new:
            solver.begin(sampler.n_batches, self.max_iter)
        state, objective = TrainState(network, solver.optimizer), self._objective(prepared, solver.l2)
        steps = BatchSteps(
            Descent(state, objective, Courses(solver.course)),
            sampler,
            gives_up=False,
            draws_within=not prepared.incremental and len(objective.offsets) == 0 and not self._shares_random,
        )
        if is_new:
            steps.descent.compile()
        run = Run(state, callbacks, self.history_, prepared.validation)
        return partial(self._descend, run, steps, solver, prepared)

    @property
    def _shares_random(self) -> bool:
        """Whether the random numbers are those of the whole process, which other threads may draw from meanwhile."""
        return self._random_state is check_random_state(None)

    def _objective(self, prepared: Prepared, l2: float, *, penalizes_biases: bool = False) -> PenaltyPerSample:
        offsets = self._loss_offsets(prepared.samples.y)
        n_targets = self._n_loss_targets
        return PenaltyPerSample(float(self.alpha), l2, offsets, n_targets=n_targets, penalizes_biases=penalizes_biases)

    def _descend(self, run: Run, steps: BatchSteps, solver: Solver, prepared: Prepared) -> None:
        """Iterate, and restore the best parameters with early stopping."""
        stopping = self._stopping(run.state, solver, prepared.incremental)
        self.n_iter_ = 0
        try:
            self._train(run, steps, self._plan(run, solver, stopping, prepared), prepared)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        except NonFiniteWeightsError:
            self.__dict__.pop("_optimizer", None)  # its state is not finite either
            raise
        finally:
            self._finish(run, stopping, prepared.incremental)
        if not (prepared.incremental or run.history.stop_reason):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _plan(self, run: Run, solver: Solver, stopping: NoImprovement, prepared: Prepared) -> Plan:
        """The stopping rules, and the recording of each iteration."""
        n_trained, first = prepared.n_trained, len(run.history)
        rules: list[StoppingRule] = [Listener(partial(self._keep_iterations, n_trained)), stopping]
        if self._follows_solver and self.learning_rate == "invscaling":
            rules.insert(1, InverseScaling(solver, self.power_t, self.t_, n_trained))
        divergence = NonFiniteWeights(ignored=prepared.rows is not None and self.scoring is None)
        return Plan(first + (1 if prepared.incremental else self.max_iter), rules, divergence, first)

    def _train(self, run: Run, steps: Steps, plan: Plan, prepared: Prepared) -> None:
        """Train with callbacks and a progress bar."""
        with progress_reports(self.progress or False, run.history) as report, callback_lifecycle(run):
            if prepared.incremental:  # scikit-learn's callbacks do not support partial_fit
                Trainer(run, steps, plan, report).train()
                return
            with fit_tasks(self, prepared.trained, self.max_iter) as tasks:
                run.callbacks[:0] = tasks
                Trainer(run, steps, plan, report).train()

    def _stopping(self, state: TrainState, solver: Solver, incremental: bool) -> NoImprovement:
        """scikit-learn's stopping rule; in `partial_fit` it continues from the previous call."""
        tol, patience, count = float(self.tol), float(self.n_iter_no_change), self._no_improvement_count
        best: Any = self.best_validation_score_ if self.early_stopping else self.best_loss_
        if not self.early_stopping:
            return NoImprovement(tol, patience, solver, best=best, count=count)
        kept = self.__dict__.get("_best_learned") if incremental else None
        snapshot = None if kept is None else Snapshot(kept)
        return NoBetterScore(tol, patience, solver, best=best, count=count, state=state, kept=snapshot)

    def _keep_iterations(self, n_trained: int, history: History, n_epochs: int) -> None:
        """Record the last iterations in scikit-learn's attributes, and print them if `verbose`."""
        losses = history.loss[-n_epochs:]
        scores = history.scores.get("validation_score", [])[-n_epochs:]
        self._append("validation_scores_", scores)
        self._append("validation_loss_curve_", history.validation_loss[-n_epochs:])
        self.loss_curve_ += losses
        self.loss_ = losses[-1]
        self.t_ += n_epochs * n_trained
        for loss in losses:
            self.n_iter_ += 1
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")
        if self.verbose and scores:
            print(f"Validation score: {scores[-1]:f}")

    def _append(self, name: str, values: list[float]) -> None:
        """Append to a curve, creating it if necessary."""
        if values:
            setattr(self, name, [*(getattr(self, name, None) or []), *values])

    def _finish(self, run: Run, stopping: NoImprovement, incremental: bool) -> None:
        """Store the state of the stopping rule, and restore the best parameters if it has kept them."""
        self._no_improvement_count, self.stopped_early_ = stopping.count, stopping.stopped
        if isinstance(stopping, NoBetterScore):
            self.best_validation_score_, self._best_learned = stopping.best, stopping.kept.learned
            if not incremental or stopping.stopped or not run.network._is_finite:
                run.state.restore(stopping.kept)
        else:
            self.best_loss_ = stopping.best
        if not incremental:
            self.__dict__.pop("_best_learned", None)

    def _checked_callbacks(self, prepared: Prepared) -> list[Callback]:
        """fastnn's callbacks, except `Checkpoint`, because the training of an estimator cannot be resumed."""
        callbacks = check_callbacks(self.callbacks, self._network, prepared.validation is not None)
        for callback in callbacks:
            if callback.saves:
                raise ValueError(
                    f"{type(callback).__name__} works only with Network.fit: save an estimator with joblib.dump, and "
                    "continue its training with partial_fit or warm_start."
                )
        return callbacks

    def _batch_size(self, n_samples: int) -> int:
        if isinstance(self.batch_size, str):
            return min(BATCH_SIZE, n_samples)
        if self.batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=2
            )
        return int(min(self.batch_size, n_samples))

    @property
    def _follows_solver(self) -> bool:
        """Whether the schedule is given by `learning_rate`."""
        return self.optimizer is None and self.schedule is None and self.solver == "sgd"

    def _make_solver(self, *, validates: bool) -> Solver:
        """The solver described by the parameters."""
        optimizer = self._make_optimizer()
        if self.max_grad_norm is not None:
            norm = check_number(self.max_grad_norm, "max_grad_norm", positive=True)
            optimizer = replace(optimizer, max_grad_norm=norm)
        schedule = check_schedule(self.schedule, optimizer, validates=validates)
        adaptive = self._follows_solver and self.learning_rate == "adaptive"
        return Solver(optimizer, schedule, adaptive=adaptive, verbose=self.verbose)

    def _make_optimizer(self) -> Optimizer:
        """The user's optimizer, or scikit-learn's."""
        if self.optimizer is not None:
            return find_descent(self.optimizer)
        rate = float(self.learning_rate_init)
        if self.solver == "sgd":
            momentum = float(self.momentum)
            return SGD(rate, momentum, nesterov=bool(self.nesterovs_momentum and momentum > 0))
        return UncorrectedEpsilonAdam(rate, float(self.beta_1), float(self.beta_2), float(self.epsilon))

    # L-BFGS.

    def _prepare_full_batch(self, prepared: Prepared) -> Callable[[], None]:
        """Check the arguments; returns a function that minimises the objective until SciPy converges or a callback stops."""
        network = self._network
        if any(network.architecture.dropout):
            raise ValueError("L-BFGS needs a deterministic loss, and dropout is random: use another solver.")
        if self.schedule is not None or self.max_grad_norm is not None:
            raise ValueError("L-BFGS chooses its own step sizes: it accepts neither schedule nor max_grad_norm.")
        check_batches(network.architecture, len(prepared.samples), len(prepared.samples))
        callbacks = self._checked_callbacks(prepared)
        self._trains_on = False
        run = Run(TrainState(network), callbacks, self.history_, prepared.validation)
        return partial(self._minimize, run, prepared)

    def _minimize(self, run: Run, prepared: Prepared) -> None:
        given = None if self.optimizer is None else find_optimizer(self.optimizer)
        limits = Limits(self.max_iter, self.max_fun, self.tol)
        objective = self._objective(prepared, 0.0)
        if isinstance(given, LBFGS):
            limits = Limits.of(given, self.max_iter)
            objective = self._objective(prepared, given.l2, penalizes_biases=given.penalize_biases)
        loss = FullBatchLoss(run.network, prepared.samples, objective)
        plan = Plan(self.max_iter, divergence=NonFiniteWeights(ignored=False))
        with (
            progress_reports(self.progress or False, run.history) as report,
            callback_lifecycle(run),
            fit_tasks(self, prepared.samples, self.max_iter) as tasks,
        ):
            run.callbacks[:0] = tasks
            result = minimize(Trainer(run, Iterations(), plan, report), loss, limits)
        if run.history.stop_reason:  # stopped by a callback, which is not a failure to converge
            self.n_iter_ = result.nit
        else:
            self.n_iter_ = _check_optimize_result("lbfgs", result, self.max_iter)
        self.loss_ = float(result.fun)


def check_trains_in_steps(estimator: Training) -> bool:
    """Whether it has `partial_fit`, which L-BFGS does not support."""
    if not estimator._descends:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True
