"""``fastnn train``."""

from pathlib import Path

import click

from fastnn import datasets
from fastnn.activations import ACTIVATIONS
from fastnn.cli.checks import check_data_options, check_model_file
from fastnn.cli.model import Model
from fastnn.cli.options import (
    Number,
    backend_option,
    batch_size_type,
    data_dir_option,
    data_source,
    hidden_sizes,
    threads_option,
)
from fastnn.cli.plots import check_plot_file, draw
from fastnn.cli.reports import report, report_results, report_setup
from fastnn.cli.training import INTERRUPTED, Part, Run, Schedule, run_training
from fastnn.network import Network
from fastnn.optimizers import SGD

HIDDEN_ACTIVATIONS = tuple(name for name, activation in ACTIVATIONS.items() if activation.hidden)
LEARNING_RATES = {"classification": 0.2, "regression": 0.002}

# Small data sets want many small steps, large ones few passes in batches that keep the processor busy.
LARGE = 10_000  # samples to train on
SMALL_SCHEDULE, LARGE_SCHEDULE = Schedule(100, 16), Schedule(10, 64)


@click.command(short_help="Train a network and save it.")
@click.option(
    "--data",
    type=data_source,
    default="digits",
    metavar="NAME|FILE",
    help="What to learn: digits, moons, circles, blobs, mnist, or a file ending in .csv, .npz or .npy.",
)
@data_dir_option
@click.option(
    "--target",
    metavar="COLUMN",
    help="Column to predict in a .csv or .npy file: its name, or its position from 0.  [default: the last]",
)
@click.option(
    "--task",
    type=click.Choice(datasets.TASKS),
    default="auto",
    help="For a file: auto takes words and whole numbers for classes, other targets for regression.",
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
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Passes over the training data.  "
    f"[default: {SMALL_SCHEDULE.epochs}; {LARGE_SCHEDULE.epochs} from {LARGE:,} samples]",
)
@click.option(
    "--batch-size",
    type=batch_size_type,
    metavar="SAMPLES",
    help="Samples per update of the parameters, or all.  "
    f"[default: {SMALL_SCHEDULE.batch_size}; {LARGE_SCHEDULE.batch_size} from {LARGE:,} samples]",
)
@click.option(
    "--learning-rate",
    type=Number(),
    metavar="NUMBER",
    help=f"Step size.  [default: {LEARNING_RATES['classification']}, for regression {LEARNING_RATES['regression']}]",
)
@click.option(
    "--l2",
    type=Number(may_be_zero=True),
    default=0.0,
    metavar="NUMBER",
    help="Strength of the penalty on large weights.",
)
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
    help="Bring each feature to mean 0 and standard deviation 1.  [default: yes, except for images]",
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
    task: str,
    hidden: tuple[int, ...],
    activation: str,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    l2: float,
    backend: str,
    dtype: str,
    threads: int | None,
    seed: int,
    standardize: bool | None,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Train a network, report how well it does on held-out samples, and save it.

    \b
    fastnn train                                          digits that come with scikit-learn
    fastnn train --data moons --plot moons.png            points in the plane, with a picture
    fastnn train --data mnist --hidden 512,512            70,000 images, read from files or fetched
    fastnn train --data iris.csv --target species         a table of your own

    A .csv file has a header line and numbers, its target excepted. A .npz file holds arrays X and y, a .npy file one
    array. A fifth of the samples is held out, where the data has no test samples of its own.

    Ctrl-C stops the training and keeps what was learned.
    """  # noqa: D301 (a backspace is click's mark for lines that must not be rewrapped)
    check_data_options(data, data_dir, target, task)
    output = output or Path(f"{data.stem if isinstance(data, Path) else data}-model.npz")
    check_model_file(output)
    check_plot_file(plot, output)
    if isinstance(data, Path):
        dataset = datasets.load_table(data, target=target, task=task)
    else:
        dataset = datasets.load_named(data, data_dir=data_dir, seed=seed)
    X_train, X_test, y_train, y_test = datasets.split(dataset, seed=seed)
    sizes = (X_train.shape[1], *hidden, dataset.n_outputs)
    loss = "squared_error" if dataset.task == "regression" else "softmax_cross_entropy"
    network = Network(sizes, activation, loss, backend=backend, dtype=dtype, seed=seed, n_threads=threads)
    model = Model.untrained(network, dataset, X_train, y_train, standardize, seed)
    train_part, test_part = Part.of(model, X_train, y_train), Part.of(model, X_test, y_test)
    schedule = LARGE_SCHEDULE if len(X_train) >= LARGE else SMALL_SCHEDULE
    schedule = Schedule(epochs or schedule.epochs, min(batch_size or schedule.batch_size, len(X_train)))
    optimizer = SGD(learning_rate or LEARNING_RATES[dataset.task], l2=l2)
    report_setup(dataset, model, train_part, test_part, schedule, optimizer)
    run = run_training(model, train_part, test_part, schedule, optimizer)
    _save_and_report(model, run, train_part, test_part, output, plot)


def _save_and_report(model: Model, run: Run, train: Part, test: Part, output: Path, plot: Path | None) -> None:
    if run.history is None:
        click.echo("Interrupted before anything was learned: no model was saved.", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    model.save(output)
    if run.interrupted:
        click.echo("Interrupted: what was learned until now is kept.", err=True)
    report_results(model, run.history, run.seconds, train, test)
    report("Model", f"saved to {output}")
    if plot is not None:
        draw(plot, model, run.history, test)
        report("Plot", f"saved to {plot}")
    if run.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
