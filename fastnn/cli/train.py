"""``fastnn train``."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

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
    "--max-gradient-norm",
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
def train(
    data: str | Path,
    data_dir: Path | None,
    target: str | None,
    drop: tuple[str, ...],
    decimal: str | None,
    task: str,
    hidden: tuple[int, ...],
    activation: str,
    normalization: str | None,
    dropout: float,
    label_smoothing: float,
    class_weight: str | None,
    epochs: int | None,
    batch_size: int | None,
    optimizer: str,
    learning_rate: float | None,
    momentum: float | None,
    schedule: str,
    l2: float,
    weight_decay: float | None,
    max_gradient_norm: float | None,
    validation_fraction: float | None,
    early_stopping: bool | None,
    patience: int | None,
    checkpoint: Path | None,
    resume: bool,
    backend: str,
    dtype: str,
    threads: int | None,
    seed: int,
    standardize: bool | None,
    keeps_hashes: bool,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Train a network, report how well it does on held-out samples, and save it.

    \b
    fastnn train                                          digits that come with scikit-learn
    fastnn train --data moons --plot moons.png            points in the plane, with a picture
    fastnn train --data mnist --hidden 512,512            70,000 images, read from files or fetched
    fastnn train --optimizer adam --schedule one-cycle    another way of descent
    fastnn train --dropout 0.3 --early-stopping           against overfitting
    fastnn train --data iris.csv --target species         a table of your own

    A table (CSV, TSV, both perhaps compressed, Parquet, Feather) has named columns of numbers, its target excepted. A .npz
    file holds arrays X and y, a .npy file one array. A fifth of the samples is held out, where the data has no test
    samples of its own.

    A file is learned by fastnn.MLPClassifier or fastnn.MLPRegressor. With --checkpoint or --normalization layer, which these
    do not have, Network.fit learns it, as it does the data sets that have a name; it begins with other weights.

    Ctrl-C stops the training and keeps what was learned. With --checkpoint FILE the same command goes on later, if --resume
    is added to it.
    """  # noqa: D301 (a backspace is click's mark for lines that must not be rewrapped)
    check_data_options(data, data_dir, target=target, task=task, drop=drop, decimal=decimal)
    check_optimizer_options(optimizer, momentum)
    check_stopping_options(early_stopping, patience)
    check_network_options(hidden, dropout, normalization, label_smoothing, class_weight, task)
    output = output or Path(f"{datasets.table_name(data) if isinstance(data, Path) else data}-model.npz")
    check_model_file(output)
    check_plot_file(plot, output)
    check_checkpoint_file(checkpoint, resume, data, output, plot)
    if isinstance(data, Path):
        dataset = datasets.load_table(data, target=target, task=task, drop=drop, decimal=decimal)
    else:
        dataset = datasets.load_named(data, data_dir=data_dir, seed=seed)
    check_network_options(hidden, dropout, normalization, label_smoothing, class_weight, dataset.task)
    design = Design(
        hidden=hidden,
        activation=activation,
        normalization=normalization,
        dropout=dropout,
        label_smoothing=label_smoothing,
        standardize=dataset.standardize if standardize is None else standardize,
        backend=backend,
        dtype=dtype,
        threads=threads,
        seed=seed,
    )
    stopping = Stopping.of(isinstance(data, Path), early_stopping, patience, validation_fraction)
    parts = Parts.of(dataset, stopping, seed)
    if class_weight is not None:
        parts = parts.balanced()
    chosen = make_optimizer(
        optimizer,
        dataset.task,
        learning_rate=learning_rate,
        momentum=momentum,
        l2=l2,
        weight_decay=weight_decay,
        max_gradient_norm=max_gradient_norm,
    )
    n_samples = len(parts.train.X)
    defaults = LARGE_TRAINING if n_samples >= LARGE else SMALL_TRAINING
    plan = Plan(
        optimizer=chosen,
        schedule=make_schedule(schedule, chosen, validates=parts.validation is not None),
        epochs=epochs or defaults.epochs,
        batch_size=min(batch_size or defaults.batch_size, n_samples),
        patience=None if parts.validation is None else stopping.patience,
        class_weight=class_weight,
        checkpoint=checkpoint,
        resume=resume,
    )
    report_data(dataset, parts, design, stopping)
    for note in dataset.notes:
        report("Note", note)
    hashes = fingerprint(*parts.learned_from) if keeps_hashes else None  # now: Ctrl-C must not lose what was learned
    announce = partial(report_training, n_samples=n_samples, plan=plan)
    run = run_training(choose_learner(data, design, plan), dataset, parts, design, plan, announce)
    if run.model is not None:
        run = run._replace(model=replace(run.model, trained_rows=hashes))
    _save_and_report(run, parts, plan, output, plot)


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
