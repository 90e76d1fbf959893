"""``fastnn train``."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import click

from fastnn import datasets
from fastnn.activations import ACTIVATIONS
from fastnn.cli.checks import (
    check_checkpoint_file,
    check_data_options,
    check_model_file,
    check_network_options,
    check_stopping_options,
)
from fastnn.cli.fingerprint import fingerprint
from fastnn.cli.learners import choose_learner
from fastnn.cli.optimizers import (
    LEARNING_RATES,
    OPTIMIZERS,
    SCHEDULES,
    check_optimizer_options,
    make_optimizer,
    make_schedule,
)
from fastnn.cli.options import (
    Number,
    backend_option,
    batch_size_type,
    data_dir_option,
    data_source,
    decimal_option,
    hidden_sizes,
    threads_option,
)
from fastnn.cli.parts import PATIENCE, VALIDATION_FRACTION, Parts, Stopping
from fastnn.cli.plots import check_plot_file, draw
from fastnn.cli.reports import report, report_data, report_epochs, report_results, report_training
from fastnn.cli.training import INTERRUPTED, Design, Plan, Run, run_training
from fastnn.serialization import save

HIDDEN_ACTIVATIONS = tuple(name for name, activation in ACTIVATIONS.items() if activation.hidden)


class Options(SimpleNamespace):
    """The options of the command, by name."""


class Steps(NamedTuple):
    """How often to go through the samples, and by how many at a time."""

    epochs: int
    batch_size: int


# Small data sets want many small steps, large ones few passes in batches that keep the processor busy.
LARGE = 10_000  # samples to train on
SMALL_TRAINING, LARGE_TRAINING = Steps(epochs=100, batch_size=16), Steps(epochs=10, batch_size=64)


@click.command(short_help="Train a network and save it.")
@click.option(
    "--data",
    type=data_source,
    default="digits",
    metavar="NAME|FILE",
    help="What to learn: digits, moons, circles, blobs, mnist, or a file ending in .csv, .tsv, .parquet, .feather, .npz "
    "or .npy; - for CSV from the standard input stream.",
)
@data_dir_option
@click.option(
    "--target",
    metavar="COLUMN",
    help="Column to predict in a table: its name, or its position from 0.  [default: the last]",
)
@click.option(
    "--drop",
    multiple=True,
    metavar="COLUMN",
    help="Column to leave out of a table: its name, or its position from 0. May be repeated.",
)
@decimal_option
@click.option(
    "--task",
    type=click.Choice(datasets.TASKS),
    default="auto",
    help="For a file: auto takes words and few different whole numbers for classes, other targets for regression.",
)
@click.option(
    "--hidden",
    type=hidden_sizes,
    default="128",
    metavar="SIZES",
    help="Units of the hidden layers, such as 128,64; none for no hidden layer.",
)
@click.option(
    "--activation",
    type=click.Choice(HIDDEN_ACTIVATIONS),
    default="relu",
    metavar="NAME",
    help=f"Activation of the hidden layers: {', '.join(HIDDEN_ACTIVATIONS)}.",
)
@click.option(
    "--normalization",
    type=click.Choice(["batch", "layer"]),
    help="Normalise the hidden layers over each batch, or over the units of each sample.  [default: neither]",
)
@click.option(
    "--dropout",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    metavar="SHARE",
    help="Share of the hidden units that training leaves out at random, in each batch others.",
)
@click.option(
    "--label-smoothing",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="SHARE",
    help="Share of each target that is spread evenly over all classes.",
)
@click.option(
    "--class-weight",
    type=click.Choice(["balanced"]),
    help="Let all classes count the same in training, however rare.  [default: all samples count the same]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Passes over the training data.  [default: {SMALL_TRAINING.epochs}; {LARGE_TRAINING.epochs} from {LARGE:,} samples]",
)
@click.option(
    "--batch-size",
    type=batch_size_type,
    metavar="SAMPLES",
    help="Samples per update of the parameters, or all.  "
    f"[default: {SMALL_TRAINING.batch_size}; {LARGE_TRAINING.batch_size} from {LARGE:,} samples]",
)
@click.option(
    "--optimizer", type=click.Choice(tuple(OPTIMIZERS)), default="sgd", help="How a step follows the gradient."
)
@click.option(
    "--learning-rate",
    type=Number(),
    metavar="NUMBER",
    help=f"Step size.  [default: {LEARNING_RATES['classification']} for sgd, for regression "
    f"{LEARNING_RATES['regression']}, (1 - momentum) times that with a momentum; for others their own]",
)
@click.option(
    "--momentum",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share of the velocity that sgd and rmsprop keep from step to step.  [default: 0]",
)
@click.option(
    "--schedule",
    type=click.Choice(tuple(SCHEDULES)),
    default="constant",
    help="How the learning rate changes on the way.",
)
@click.option(
    "--l2",
    type=Number(may_be_zero=True),
    default=0.0,
    metavar="NUMBER",
    help="Strength of the penalty on large weights.",
)
@click.option(
    "--weight-decay",
    type=Number(may_be_zero=True),
    metavar="NUMBER",
    help="Strength of the decay of weights beside the gradient.  [default: 0, for adamw 0.01]",
)
@click.option(
    "--max-grad-norm",
    type=Number(),
    metavar="NUMBER",
    help="Length to which longer gradients are shortened.  [default: none]",
)
@click.option(
    "--validation-fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Share of the samples to train on that are set aside and watched instead, by early stopping and the plateau "
    f"schedule.  [default: {VALIDATION_FRACTION} with early stopping, else none]",
)
@click.option(
    "--early-stopping/--no-early-stopping",
    default=None,
    help="Stop when the validation loss no longer gets smaller, and keep the network of the best epoch.  "
    "[default: yes for files, if they have enough samples]",
)
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Epochs that early stopping waits for a smaller validation loss; turns it on.  [default: {PATIENCE}]",
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write after every epoch what the training needs to go on.",
)
@click.option("--resume", is_flag=True, help="Go on from the file of --checkpoint, with the same other options.")
@backend_option
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    help="Precision of the parameters and of all arithmetic.",
)
@threads_option
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=0,
    metavar="N",
    help="Seed of all that is random: held-out samples, first weights, order of the samples, generated points.",
)
@click.option(
    "--standardize/--no-standardize",
    default=None,
    help="Bring each feature but columns of 0 and 1 to mean 0 and standard deviation 1.  [default: yes, except for images]",
)
@click.option(
    "--fingerprint/--no-fingerprint",
    "keeps_hashes",
    default=True,
    help="Keep hashes of the training samples in the model, by which predict recognises them. They hide what a sample "
    "is, but not from those who can guess it.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to save the model; a model of that name is replaced.  [default: DATA-model.npz]",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Draw the loss of each epoch, and for data with two features the decision boundary.",
)
def train(**options: Any) -> None:
    """Train a network, report how well it does on held-out samples, and save it.

    \b
    fastnn train                                          digits that come with scikit-learn
    fastnn train --data moons --plot moons.png            points in the plane, with a picture
    fastnn train --data mnist --hidden 512,512            70,000 images, read from files or fetched
    fastnn train --optimizer adam --schedule one-cycle    another way of descent
    fastnn train --dropout 0.3 --early-stopping           against overfitting
    fastnn train --data iris.csv --target species         a table of your own

    A table (CSV, TSV, both perhaps compressed, Parquet, Feather) has named columns of numbers, its target excepted. A .npz
    file holds arrays X and y, a .npy file one array. Empty cells, NA, ?, -, None, null and the like are missing values;
    rows without a target are left out. A fifth of the samples is held out, where the data has no test samples of its own.

    A file is learned by fastnn.MLPClassifier or fastnn.MLPRegressor. With --checkpoint, which these do not have,
    Network.fit learns it, as it does the data sets that have a name; it begins with other weights.

    Ctrl-C stops the training and keeps what was learned. With --checkpoint FILE the same command goes on later, if --resume
    is added to it.
    """  # noqa: D301 (a backspace is click's mark for lines that must not be rewrapped)
    chosen = Options(**options)
    _check_options(chosen)
    dataset = _load(chosen)
    _check_network(chosen, dataset.task)
    design = _make_design(chosen, dataset)
    stopping = Stopping.of(_is_file(chosen), chosen.early_stopping, chosen.patience, chosen.validation_fraction)
    parts = Parts.of(dataset, stopping, chosen.seed)
    if chosen.class_weight is not None:
        parts = parts.balanced()
    plan = _make_plan(chosen, dataset, parts, stopping)
    report_data(dataset, parts, design, stopping)
    for note in dataset.notes:
        report("Note", note)
    # Now: Ctrl-C must not lose what was learned.
    hashes = fingerprint(*parts.learned_from) if chosen.keeps_hashes else None
    announce = partial(report_training, n_samples=len(parts.train.X), plan=plan)
    run = run_training(choose_learner(chosen.data, design, plan), dataset, parts, design, plan, announce)
    if run.model is not None:
        run = run._replace(model=replace(run.model, trained_rows=hashes))
    _save_and_report(run, parts, plan, chosen.output, chosen.plot)


def _is_file(chosen: Options) -> bool:
    return isinstance(chosen.data, Path)


def _check_options(chosen: Options) -> None:
    """Refuse what can be refused before the data are read, and name the model if nobody did."""
    data = chosen.data
    check_data_options(
        data, chosen.data_dir, target=chosen.target, task=chosen.task, drop=chosen.drop, decimal=chosen.decimal
    )
    check_optimizer_options(chosen.optimizer, chosen.momentum)
    check_stopping_options(chosen.early_stopping, chosen.patience)
    _check_network(chosen, chosen.task)
    if chosen.output is None:
        chosen.output = Path(f"{datasets.table_name(data) if _is_file(chosen) else data}-model.npz")
    check_model_file(chosen.output)
    check_plot_file(chosen.plot, chosen.output)
    check_checkpoint_file(chosen.checkpoint, chosen.resume, data, chosen.output, chosen.plot)


def _check_network(chosen: Options, task: str) -> None:
    check_network_options(
        chosen.hidden, chosen.dropout, chosen.normalization, chosen.label_smoothing, chosen.class_weight, task
    )


def _load(chosen: Options) -> datasets.Dataset:
    if _is_file(chosen):
        return datasets.load_table(
            chosen.data, target=chosen.target, task=chosen.task, drop=chosen.drop, decimal=chosen.decimal
        )
    return datasets.load_named(chosen.data, data_dir=chosen.data_dir, seed=chosen.seed)


def _make_design(chosen: Options, dataset: datasets.Dataset) -> Design:
    return Design(
        hidden=chosen.hidden,
        activation=chosen.activation,
        normalization=chosen.normalization,
        dropout=chosen.dropout,
        label_smoothing=chosen.label_smoothing,
        standardize=dataset.standardize if chosen.standardize is None else chosen.standardize,
        backend=chosen.backend,
        dtype=chosen.dtype,
        threads=chosen.threads,
        seed=chosen.seed,
    )


def _make_plan(chosen: Options, dataset: datasets.Dataset, parts: Parts, stopping: Stopping) -> Plan:
    optimizer = make_optimizer(
        chosen.optimizer,
        dataset.task,
        learning_rate=chosen.learning_rate,
        momentum=chosen.momentum,
        l2=chosen.l2,
        weight_decay=chosen.weight_decay,
        max_grad_norm=chosen.max_grad_norm,
    )
    n_samples = len(parts.train.X)
    defaults = LARGE_TRAINING if n_samples >= LARGE else SMALL_TRAINING
    return Plan(
        optimizer=optimizer,
        schedule=make_schedule(chosen.schedule, optimizer, validates=parts.validation is not None),
        epochs=chosen.epochs or defaults.epochs,
        batch_size=min(chosen.batch_size or defaults.batch_size, n_samples),
        patience=None if parts.validation is None else stopping.patience,
        class_weight=chosen.class_weight,
        checkpoint=chosen.checkpoint,
        resume=chosen.resume,
    )


def _save_and_report(run: Run, parts: Parts, plan: Plan, output: Path, plot: Path | None) -> None:
    model = run.model
    if model is None:
        click.echo("Interrupted before anything was learned: no model was saved.", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    save(model, output)
    if run.interrupted:
        goes_on = f"; --resume goes on from {plan.checkpoint}" if plan.checkpoint and plan.checkpoint.exists() else ""
        click.echo(f"Interrupted: what was learned until now is kept{goes_on}.", err=True)
    if plan.patience is not None or run.interrupted:
        report_epochs(run, plan)
    report_results(run, model, parts)
    report("Model", f"saved to {output}")
    if plot is not None:
        draw(plot, model, run.history, parts)
        report("Plot", f"saved to {plot}")
    if run.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
