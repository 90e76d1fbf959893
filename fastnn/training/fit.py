"""`Network.fit`: checks all arguments before anything changes, then starts a trainer."""

from copy import deepcopy
from dataclasses import replace
from logging import getLogger
from typing import Any

import numpy as np

from fastnn.feed_forward import FeedForward
from fastnn.optimizers import Optimizer, find_optimizer
from fastnn.quasi_newton import LBFGS
from fastnn.training.callbacks import RefusedStateError, callback_lifecycle, check_callbacks
from fastnn.training.checkpoints import Saved, read_checkpoint
from fastnn.training.descent import BatchSteps, Descent
from fastnn.training.description import describe_run
from fastnn.training.divergence import Divergence
from fastnn.training.full_batch import Iterations, Limits, minimize
from fastnn.training.history import History
from fastnn.training.objective import FullBatchLoss, Objective
from fastnn.training.options import FitOptions, begin_schedules, check_batch_size, check_schedule
from fastnn.training.progress import check_progress, progress_reports
from fastnn.training.run import Run
from fastnn.training.samples import Samples, check_samples
from fastnn.training.sampling import Sampler
from fastnn.training.splits import check_fraction, split
from fastnn.training.state import Snapshot, TrainState
from fastnn.training.steps import Epochs
from fastnn.training.trainer import Plan, Trainer
from fastnn.training.validation import given_validation, hold_out
from fastnn.validation import check_batches, check_count, check_flag

logger = getLogger("fastnn")


def fit(network: FeedForward, data: tuple[Any, Any, Any], options: FitOptions) -> History:
    """Train a network on X, y and sample weights, or None for the latter."""
    optimizer = find_optimizer(options.optimizer)
    check_progress(options.progress)
    epochs, shuffle = check_count(options.epochs, "epochs"), check_flag(options.shuffle, "shuffle")
    options = replace(options, epochs=epochs, shuffle=shuffle, drop_last=check_flag(options.drop_last, "drop_last"))
    with network._computing(options.n_threads):
        if isinstance(optimizer, LBFGS):
            run = _fit_by_full_batch(network, data, optimizer, options)
        else:
            run = _fit_by_batches(network, data, optimizer, options)
    logger.info("Training ended after epoch %d: %s.", len(run.history), run.history.stop_reason)
    return run.history


def _begin_run(state: TrainState, samples: Samples, options: FitOptions) -> Run:
    """The run, with its callbacks and the given validation data."""
    network = state.network
    if options.validation_data is not None and options.validation_fraction is not None:
        raise ValueError("validation_data and validation_fraction are mutually exclusive: pass only one of them.")
    if options.validation_fraction is not None:
        check_fraction(options.validation_fraction, len(samples))
    given = options.validation_data
    validation = None if given is None else given_validation(network, given)
    callbacks = check_callbacks(options.callbacks, network, options.validates)
    random_at_start = network.random.bit_generator.state
    return Run(state, callbacks, History(), validation, random_at_start=random_at_start)


def _hold_out(run: Run, samples: Samples, options: FitOptions) -> tuple[np.ndarray | None, Any]:
    """Rows to train on, None for all, and the state of the random numbers after drawing the held-out rows."""
    if options.validation_fraction is None:
        return None, run.random_at_start
    random = deepcopy(run.network.random)  # the held-out samples must be checked before anything changes
    random.bit_generator.state = run.random_at_start
    rows, others = split(samples.y, run.network.architecture, options.validation_fraction, random)
    run.validation = hold_out(run.network, samples, rows, others)
    return rows, random.bit_generator.state


def _fit_by_batches(network: FeedForward, data: tuple[Any, Any, Any], optimizer: Optimizer, options: FitOptions) -> Run:
    schedule = check_schedule(options.schedule, optimizer, validates=options.validates)
    samples = check_samples(network, *data, reads_X=False)
    batch_size = check_batch_size(options.batch_size, len(samples))
    run = _begin_run(TrainState(network, optimizer), samples, options)
    if options.resume_from is not None or any(callback.saves for callback in run.callbacks):
        run.description = describe_run(run, samples, optimizer, schedule, batch_size, options)
    saved = _read_checkpoint(run, optimizer, options)
    rows, random = _hold_out(run, samples, options)
    sampler = Sampler(network, samples, rows, batch_size, options.shuffle, drop_last=options.drop_last)
    check_batches(network.architecture, sampler.n_samples, sampler.batch_size)
    courses = begin_schedules(schedule, optimizer, options, sampler.n_batches)
    before = None if saved is None else run.state.snapshot()
    network.random.bit_generator.state = random
    steps = BatchSteps(Descent(run.state, Objective(), courses), sampler, draws_within=run.validation is None)
    _go_on(run, steps, saved, before, options, Divergence(samples.X))
    return run


def _read_checkpoint(run: Run, optimizer: Optimizer, options: FitOptions) -> Saved | None:
    """The checkpoint to resume from, checked, if any."""
    if options.resume_from is None:
        return None
    saved = read_checkpoint(options.resume_from)
    saved.check(run.description, run.network, optimizer, run.callbacks)
    run.random_at_start = saved.random_at_start
    return saved


def _go_on(
    run: Run,
    steps: BatchSteps,
    saved: Saved | None,
    before: Snapshot | None,
    options: FitOptions,
    divergence: Divergence,
) -> None:
    """Train from a checkpoint or from the beginning."""
    history, states = run.history, None
    if saved is not None:
        saved.restore(run)
        states = saved.callbacks
        logger.info("Resuming after epoch %d from %s.", len(history), saved.path)
    if len(history) > options.epochs and not history.stop_reason:
        history.stop_reason = f"{len(history)} epochs are done, more than the {options.epochs} asked for"
    steps.descent.compile()
    plan = Plan(options.epochs, divergence=divergence, ending=f"all {options.epochs} epochs are done")
    try:
        with progress_reports(options.progress, history) as report, callback_lifecycle(run, states):
            trainer = Trainer(run, steps, plan, report)
            trainer.tell_steps(0)
            trainer.train()
    except RefusedStateError:
        if before is not None:
            run.state.abandon(before)
        raise


def _fit_by_full_batch(network: FeedForward, data: tuple[Any, Any, Any], optimizer: LBFGS, options: FitOptions) -> Run:
    schedules = options.schedule, options.weight_decay_schedule, options.dropout_schedule
    if any(schedule is not None for schedule in schedules) or options.resume_from is not None:
        raise ValueError(
            "LBFGS chooses its own step sizes and cannot be resumed: it accepts neither schedules nor resume_from."
        )
    if any(network.architecture.dropout):
        raise ValueError("LBFGS needs a deterministic loss, and dropout is random: use another optimizer.")
    samples = check_samples(network, *data)
    run = _begin_run(TrainState(network), samples, options)
    if any(callback.saves for callback in run.callbacks):
        raise ValueError(
            "A Checkpoint cannot resume LBFGS, whose state is in SciPy: save the network with fastnn.save."
        )
    rows, random = _hold_out(run, samples, options)
    samples = samples.ready_for(network.dtype, rows)
    check_batches(network.architecture, len(samples), len(samples))
    network.random.bit_generator.state = random
    objective = Objective(optimizer.l2, penalizes_biases=optimizer.penalize_biases)
    loss = FullBatchLoss(network, samples, objective)
    with progress_reports(options.progress, run.history) as report, callback_lifecycle(run):
        trainer = Trainer(run, Iterations(), Plan(options.epochs), report)
        result = minimize(trainer, loss, Limits.of(optimizer, options.epochs))
        if not len(run.history):  # it had already converged
            trainer.end_epochs(Epochs([float(result.fun) - loss.penalty(result.x)], [1.0]), 0.0)
        run.history.stop_reason = run.history.stop_reason or str(result.message).capitalize()
    return run
