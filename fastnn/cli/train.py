"""``fastnn train``."""

from dataclasses import replace
from functools import partial
from typing import Any

import click
import numpy as np
from click.core import ParameterSource

from fastnn.cli.checks import (
    check_checkpoint_file,
    check_data_options,
    check_model_file,
    check_network_options,
    check_stopping_options,
)
from fastnn.cli.choice import REALMLP, choose_model
from fastnn.cli.fingerprint import fingerprint
from fastnn.cli.groups import Options
from fastnn.cli.learners import choose_learner
from fastnn.cli.optimizers import check_optimizer_options, make_training
from fastnn.cli.parts import Parts
from fastnn.cli.plots import check_plot_file, draw
from fastnn.cli.realmlp import train_realmlp
from fastnn.cli.reports import report, report_data, report_epochs, report_results, report_training
from fastnn.cli.train_options import COMPUTATION, DATA, MODEL, NETWORK, OUTPUT, STOPPING, TRAINING, with_options
from fastnn.cli.training import INTERRUPTED, Plan, Run, run_training
from fastnn.datasets import Dataset
from fastnn.model import Model
from fastnn.serialization import save


@click.command(short_help="Train a network and save it.")
@with_options(DATA, MODEL, NETWORK, TRAINING, STOPPING, COMPUTATION, OUTPUT)
def train(**options: Any) -> None:
    """Train a network, evaluate it on held-out samples, and save it.

    \b
    fastnn train                                          the digits that ship with scikit-learn
    fastnn train --data moons --plot moons.png            points in the plane, with a plot
    fastnn train --data mnist --hidden 512,512            70,000 images, read from files or downloaded
    fastnn train --optimizer adam --schedule one-cycle    another optimizer and schedule
    fastnn train --dropout 0.3 --early-stopping           against overfitting
    fastnn train --data iris.csv --target species         your own table, with a realmlp
    fastnn train --data iris.csv --model mlp              your own table of numbers, with a plain network

    A table (CSV or TSV, plain or compressed, Parquet, Feather) has named columns. By default a RealMLP learns from it: columns
    of words are categories, values may be missing, and the report says what each column was taken for. Options that only a
    plain network has, such as --hidden, choose a plain network (mlp), for which features must be numbers. A .npz file holds
    arrays X and y, a .npy file one array. Empty cells, NA, ?, -, None, null and the like are missing values; rows without a
    target are left out. A fifth of the samples is held out unless the data set has its own test samples.

    A realmlp is a fastnn.RealMLPClassifier or fastnn.RealMLPRegressor. Training an mlp on a file uses fastnn.MLPClassifier or
    fastnn.MLPRegressor; on a built-in data set, or with --checkpoint, which these do not support, Network.fit, whose initial
    weights differ.

    Ctrl-C stops training and keeps the mlp trained so far. With --checkpoint FILE, the same command with --resume
    continues the training later.
    """  # noqa: D301 (a backspace is click's mark for lines that must not be rewrapped)
    chosen = Options.of(options)
    model, why = choose_model(chosen, _given())
    if model == REALMLP:
        train_realmlp(chosen, why)
    else:
        _train_mlp(chosen, why)


def _given() -> dict[str, str]:
    """Names of the options on the command line, and how they are spelled there."""
    context, spelled = click.get_current_context(), {}
    for option in context.command.params:
        name = str(option.name)
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            spelled[name] = (option.secondary_opts if context.params[name] is False else option.opts)[0]
    return spelled


def _train_mlp(chosen: Options, why: str) -> None:
    """Train a network as it was designed, save it, and print what was done."""
    _check(chosen)
    if why:  # before the table is read, because errors in it may depend on the model
        report("Model", f"mlp, {why}")
    dataset = chosen.source.load(chosen.design.seed)
    plan = _make_plan(chosen, dataset)
    report_data(plan)
    hashes = _hashes(plan)  # before training, so that Ctrl-C cannot interrupt it afterwards
    learn = choose_learner(chosen.source, chosen.files)
    run = run_training(learn, plan, announce=partial(report_training, plan=plan))
    model = _save(run, plan, hashes)
    _report(run, model, plan)


def _check(chosen: Options) -> None:
    """Reject what can be rejected before the data are read."""
    check_data_options(chosen.source)
    check_optimizer_options(chosen.descent)
    check_stopping_options(chosen.stopping)
    check_network_options(chosen.design, chosen.preparation, chosen.source.task)
    check_model_file(chosen.files.output)
    check_plot_file(chosen.files.plot, chosen.files.output)
    check_checkpoint_file(chosen.files, chosen.source.data)


def _make_plan(chosen: Options, dataset: Dataset) -> Plan:
    """Complete the options with the defaults of the data set, and split it."""
    check_network_options(chosen.design, chosen.preparation, dataset.task)
    stopping = chosen.stopping.completed(chosen.source.is_file)
    parts = Parts.of(dataset, stopping, chosen.design.seed)
    return Plan(
        dataset=dataset,
        parts=parts if chosen.preparation.class_weight is None else parts.balanced(),
        design=chosen.design,
        preparation=chosen.preparation.completed(dataset),
        training=make_training(chosen.descent, dataset.task, parts),
        stopping=stopping,
        files=chosen.files,
    )


def _hashes(plan: Plan) -> np.ndarray | None:
    """The hashes of the training samples, if the model is to keep them."""
    return fingerprint(*plan.parts.learned_from) if plan.files.keeps_hashes else None


def _save(run: Run, plan: Plan, hashes: np.ndarray | None) -> Model:
    """Save the model, if there is one, with the hashes of the training samples."""
    if run.model is None:
        click.echo("Interrupted before anything was learned: no model was saved.", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    model = replace(run.model, trained_rows=hashes)
    save(model, plan.files.output)
    return model


def _report(run: Run, model: Model, plan: Plan) -> None:
    """Print how training went, and plot it if asked for; after Ctrl-C, end with its exit status."""
    if run.interrupted:
        click.echo(f"Interrupted: the model trained so far is kept{_how_to_resume(plan)}.", err=True)
    if plan.patience is not None or run.interrupted:
        report_epochs(run, plan)
    report_results(run, model, plan.parts)
    report("Model", f"saved to {plan.files.output}")
    if plan.files.plot is not None:
        draw(plan.files.plot, model, run.history, plan.parts)
        report("Plot", f"saved to {plan.files.plot}")
    if run.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)


def _how_to_resume(plan: Plan) -> str:
    checkpoint = plan.files.checkpoint
    return f"; --resume continues from {checkpoint}" if checkpoint and checkpoint.exists() else ""
