"""``fastnn train``."""

from pathlib import Path

import click

from fastnn import datasets
from fastnn.activations import ACTIVATIONS
from fastnn.cli.checks import check_data_options, check_model_file
from fastnn.cli.model import Model
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
    hidden_sizes,
    threads_option,
)
from fastnn.cli.plots import check_plot_file, draw
from fastnn.cli.reports import report, report_results, report_setup
from fastnn.cli.training import INTERRUPTED, Part, Plan, Run, run_training
from fastnn.network import Network

HIDDEN_ACTIVATIONS = tuple(name for name, activation in ACTIVATIONS.items() if activation.hidden)

# Small data sets want many small steps, large ones few passes in batches that keep the processor busy.
LARGE = 10_000  # samples to train on
SMALL_PLAN, LARGE_PLAN = Plan(100, 16), Plan(10, 64)


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
    help=f"Passes over the training data.  [default: {SMALL_PLAN.epochs}; {LARGE_PLAN.epochs} from {LARGE:,} samples]",
)
@click.option(
    "--batch-size",
    type=batch_size_type,
    metavar="SAMPLES",
    help="Samples per update of the parameters, or all.  "
    f"[default: {SMALL_PLAN.batch_size}; {LARGE_PLAN.batch_size} from {LARGE:,} samples]",
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
    optimizer: str,
    learning_rate: float | None,
    momentum: float | None,
    schedule: str,
    l2: float,
    weight_decay: float | None,
    max_gradient_norm: float | None,
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
    fastnn train --optimizer adam --schedule one-cycle    another way of descent
    fastnn train --data iris.csv --target species         a table of your own

    A .csv file has a header line and numbers, its target excepted. A .npz file holds arrays X and y, a .npy file one
    array. A fifth of the samples is held out, where the data has no test samples of its own.

    Ctrl-C stops the training and keeps what was learned.
    """  # noqa: D301 (a backspace is click's mark for lines that must not be rewrapped)
    check_data_options(data, data_dir, target, task)
    check_optimizer_options(optimizer, momentum)
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
    plan = LARGE_PLAN if len(X_train) >= LARGE else SMALL_PLAN
    plan = Plan(epochs or plan.epochs, min(batch_size or plan.batch_size, len(X_train)))
    chosen = make_optimizer(
        optimizer,
        dataset.task,
        learning_rate=learning_rate,
        momentum=momentum,
        l2=l2,
        weight_decay=weight_decay,
        max_gradient_norm=max_gradient_norm,
    )
    course = make_schedule(schedule, chosen)
    report_setup(dataset, model, train_part, test_part, plan, chosen, course)
    run = run_training(model, train_part, test_part, plan, chosen, course)
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
