"""The command-line options of ``fastnn train``, in the order of ``--help``."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from fastnn import datasets
from fastnn.activations import ACTIVATIONS
from fastnn.cli.groups import PATIENCE, VALIDATION_FRACTION
from fastnn.cli.optimizers import LARGE, LARGE_TRAINING, LEARNING_RATES, OPTIMIZERS, SCHEDULES, SMALL_TRAINING
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

#: Adds an option to the function of a command.
Option = Callable[[Any], Any]

HIDDEN_ACTIVATIONS = tuple(name for name, activation in ACTIVATIONS.items() if activation.hidden)


def with_options(*groups: Sequence[Option]) -> Option:
    """A decorator that adds groups of options to a command, in order."""

    def decorate(command: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


#: The data set.
DATA: list[Option] = [
    click.option(
        "--data",
        type=data_source,
        default="digits",
        metavar="NAME|FILE",
        help="Data set: digits, moons, circles, blobs, mnist, or a file ending in .csv, .tsv, .parquet, .feather, .npz "
        "or .npy; - for CSV from standard input.",
    ),
    data_dir_option,
    click.option(
        "--target",
        metavar="COLUMN",
        help="Column to predict in a table: its name, or its position from 0.  [default: the last]",
    ),
    click.option(
        "--drop",
        multiple=True,
        metavar="COLUMN",
        help="Column to leave out of a table: its name, or its position from 0. May be repeated.",
    ),
    decimal_option,
    click.option(
        "--task",
        type=click.Choice(datasets.TASKS),
        default="auto",
        help="For a file: auto treats text and whole numbers with few distinct values as classes, other targets as regression.",
    ),
]

#: The kind of model, and the options of a RealMLP.
MODEL: list[Option] = [
    click.option(
        "--model",
        type=click.Choice(["realmlp", "mlp"]),
        help="realmlp takes tables as they are, with categories and missing values, and needs no tuning; mlp is a plain "
        "network, to be designed by all options below.  [default: realmlp for a table, unless options of the mlp are given; "
        "otherwise mlp]",
    ),
    click.option(
        "--preset",
        type=click.Choice(["td", "td-s"]),
        default="td",
        help="Hyperparameters of a realmlp: the tuned ones of its paper, or its simplified variant, which trains faster.",
    ),
    click.option(
        "--members",
        "n_members",
        type=click.IntRange(min=1, max=1000),
        metavar="N",
        help="Number of networks of a realmlp whose predictions are averaged.  [default: 4, of half the epochs]",
    ),
]

#: The network and its loss.
NETWORK: list[Option] = [
    click.option(
        "--hidden",
        type=hidden_sizes,
        default="128",
        metavar="SIZES",
        help="Number of units in each hidden layer, such as 128,64; none for no hidden layer.",
    ),
    click.option(
        "--activation",
        type=click.Choice(HIDDEN_ACTIVATIONS),
        default="relu",
        metavar="NAME",
        help=f"Activation of the hidden layers: {', '.join(HIDDEN_ACTIVATIONS)}.",
    ),
    click.option(
        "--normalization",
        type=click.Choice(["batch", "layer"]),
        help="Normalise the hidden layers over each batch, or over the units of each sample.  [default: neither]",
    ),
    click.option(
        "--dropout",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.0,
        metavar="FRACTION",
        help="Fraction of the hidden units dropped at random in training.",
    ),
    click.option(
        "--label-smoothing",
        type=click.FloatRange(0, 1),
        default=0.0,
        metavar="FRACTION",
        help="Fraction of each target that is spread evenly over all classes.",
    ),
    click.option(
        "--class-weight",
        type=click.Choice(["balanced"]),
        help="Give all classes the same total weight in training, however rare.  [default: all samples count equally]",
    ),
]

#: How to train the network.
TRAINING: list[Option] = [
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Passes over the training data.  [default: {SMALL_TRAINING.epochs}, or {LARGE_TRAINING.epochs} for {LARGE:,} "
        "or more samples; 256 for a realmlp]",
    ),
    click.option(
        "--batch-size",
        type=batch_size_type,
        metavar="SAMPLES",
        help="Samples per mini-batch, or all.  "
        f"[default: {SMALL_TRAINING.batch_size}, or {LARGE_TRAINING.batch_size} for {LARGE:,} or more samples]",
    ),
    click.option("--optimizer", type=click.Choice(tuple(OPTIMIZERS)), default="sgd", help="Optimizer."),
    click.option(
        "--learning-rate",
        type=Number(),
        metavar="NUMBER",
        help=f"Learning rate.  [default: for sgd, {LEARNING_RATES['classification']}, for regression "
        f"{LEARNING_RATES['regression']}, times (1 - momentum); otherwise that of the optimizer]",
    ),
    click.option(
        "--momentum",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="NUMBER",
        help="Momentum of sgd and rmsprop.  [default: 0]",
    ),
    click.option(
        "--schedule",
        type=click.Choice(tuple(SCHEDULES)),
        default="constant",
        help="Learning-rate schedule.",
    ),
    click.option(
        "--l2",
        type=Number(may_be_zero=True),
        default=0.0,
        metavar="NUMBER",
        help="Strength of the L2 penalty on the weights.",
    ),
    click.option(
        "--weight-decay",
        type=Number(may_be_zero=True),
        metavar="NUMBER",
        help="Strength of the decoupled weight decay.  [default: 0, for adamw 0.01]",
    ),
    click.option(
        "--max-grad-norm",
        type=Number(),
        metavar="NUMBER",
        help="Maximum gradient norm; longer gradients are clipped.  [default: none]",
    ),
]

#: Early stopping and checkpoints.
STOPPING: list[Option] = [
    click.option(
        "--validation-fraction",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="FRACTION",
        help="Fraction of the training samples used for validation instead, by early stopping and the plateau schedule.  "
        f"[default: {VALIDATION_FRACTION} with early stopping, else none]",
    ),
    click.option(
        "--early-stopping/--no-early-stopping",
        default=None,
        help="Stop when the validation loss no longer decreases, and keep the network of the best epoch.  "
        "[default: yes for files, if they have enough samples]",
    ),
    click.option(
        "--patience",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Epochs without a smaller validation loss before stopping; turns on early stopping.  [default: {PATIENCE}]",
    ),
    click.option(
        "--checkpoint",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Save a checkpoint after every epoch, from which training can be resumed.",
    ),
    click.option("--resume", is_flag=True, help="Resume from the --checkpoint file; other options must be the same."),
]

#: Backend, precision, random numbers, and scaling of the features.
COMPUTATION: list[Option] = [
    backend_option,
    click.option(
        "--dtype",
        type=click.Choice(["float32", "float64"]),
        default="float32",
        help="Precision of the parameters and of all arithmetic.",
    ),
    threads_option,
    click.option(
        "--seed",
        type=click.IntRange(min=0, max=2**32 - 1),
        default=0,
        metavar="N",
        help="Seed of all random numbers: held-out samples, initial weights, order of the samples, generated points.",
    ),
    click.option(
        "--standardize/--no-standardize",
        default=None,
        help="Scale each feature, except 0/1 columns, to mean 0 and standard deviation 1.  [default: yes, except for images]",
    ),
]

#: Output files.
OUTPUT: list[Option] = [
    click.option(
        "--fingerprint/--no-fingerprint",
        "keeps_hashes",
        default=True,
        help="Store hashes of the training samples in the model, so that predict recognises them. They do not reveal a "
        "sample, except to someone who can guess it.",
    ),
    click.option(
        "--output",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Model file; an existing model is replaced.  [default: DATA-model.safetensors]",
    ),
    click.option(
        "--plot",
        type=click.Path(path_type=Path),
        metavar="FILE.png",
        help="Plot the loss of each epoch, and the decision boundary if there are two features.",
    ),
]
