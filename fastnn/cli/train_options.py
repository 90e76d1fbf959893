"""The options of ``fastnn train`` as they are given on the command line, in the order of ``--help``."""

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
    """A decorator that gives a command the options of some groups, in their order."""

    def decorate(command: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


#: Which samples to learn from.
DATA: list[Option] = [
    click.option(
        "--data",
        type=data_source,
        default="digits",
        metavar="NAME|FILE",
        help="What to learn: digits, moons, circles, blobs, mnist, or a file ending in .csv, .tsv, .parquet, .feather, .npz "
        "or .npy; - for CSV from the standard input stream.",
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
        help="For a file: auto takes words and few different whole numbers for classes, other targets for regression.",
    ),
]

#: The network, and how its targets count.
NETWORK: list[Option] = [
    click.option(
        "--hidden",
        type=hidden_sizes,
        default="128",
        metavar="SIZES",
        help="Units of the hidden layers, such as 128,64; none for no hidden layer.",
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
        metavar="SHARE",
        help="Share of the hidden units that training leaves out at random, in each batch others.",
    ),
    click.option(
        "--label-smoothing",
        type=click.FloatRange(0, 1),
        default=0.0,
        metavar="SHARE",
        help="Share of each target that is spread evenly over all classes.",
    ),
    click.option(
        "--class-weight",
        type=click.Choice(["balanced"]),
        help="Let all classes count the same in training, however rare.  [default: all samples count the same]",
    ),
]

#: How to train the network.
TRAINING: list[Option] = [
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Passes over the training data.  [default: {SMALL_TRAINING.epochs}; {LARGE_TRAINING.epochs} from {LARGE:,} samples]",
    ),
    click.option(
        "--batch-size",
        type=batch_size_type,
        metavar="SAMPLES",
        help="Samples per update of the parameters, or all.  "
        f"[default: {SMALL_TRAINING.batch_size}; {LARGE_TRAINING.batch_size} from {LARGE:,} samples]",
    ),
    click.option(
        "--optimizer", type=click.Choice(tuple(OPTIMIZERS)), default="sgd", help="How a step follows the gradient."
    ),
    click.option(
        "--learning-rate",
        type=Number(),
        metavar="NUMBER",
        help=f"Step size.  [default: {LEARNING_RATES['classification']} for sgd, for regression "
        f"{LEARNING_RATES['regression']}, (1 - momentum) times that with a momentum; for others their own]",
    ),
    click.option(
        "--momentum",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="SHARE",
        help="Share of the velocity that sgd and rmsprop keep from step to step.  [default: 0]",
    ),
    click.option(
        "--schedule",
        type=click.Choice(tuple(SCHEDULES)),
        default="constant",
        help="How the learning rate changes on the way.",
    ),
    click.option(
        "--l2",
        type=Number(may_be_zero=True),
        default=0.0,
        metavar="NUMBER",
        help="Strength of the penalty on large weights.",
    ),
    click.option(
        "--weight-decay",
        type=Number(may_be_zero=True),
        metavar="NUMBER",
        help="Strength of the decay of weights beside the gradient.  [default: 0, for adamw 0.01]",
    ),
    click.option(
        "--max-grad-norm",
        type=Number(),
        metavar="NUMBER",
        help="Length to which longer gradients are shortened.  [default: none]",
    ),
]

#: When to stop early, and where to resume.
STOPPING: list[Option] = [
    click.option(
        "--validation-fraction",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="SHARE",
        help="Share of the samples to train on that are set aside and watched instead, by early stopping and the plateau "
        f"schedule.  [default: {VALIDATION_FRACTION} with early stopping, else none]",
    ),
    click.option(
        "--early-stopping/--no-early-stopping",
        default=None,
        help="Stop when the validation loss no longer gets smaller, and keep the network of the best epoch.  "
        "[default: yes for files, if they have enough samples]",
    ),
    click.option(
        "--patience",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Epochs that early stopping waits for a smaller validation loss; turns it on.  [default: {PATIENCE}]",
    ),
    click.option(
        "--checkpoint",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write after every epoch what the training needs to go on.",
    ),
    click.option("--resume", is_flag=True, help="Go on from the file of --checkpoint, with the same other options."),
]

#: The arithmetic, the random numbers, and the scale of the features.
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
        help="Seed of all that is random: held-out samples, first weights, order of the samples, generated points.",
    ),
    click.option(
        "--standardize/--no-standardize",
        default=None,
        help="Bring each feature but columns of 0 and 1 to mean 0 and standard deviation 1.  [default: yes, except for images]",
    ),
]

#: What to write.
OUTPUT: list[Option] = [
    click.option(
        "--fingerprint/--no-fingerprint",
        "keeps_hashes",
        default=True,
        help="Keep hashes of the training samples in the model, by which predict recognises them. They hide what a sample "
        "is, but not from those who can guess it.",
    ),
    click.option(
        "--output",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Where to save the model; a model of that name is replaced.  [default: DATA-model.npz]",
    ),
    click.option(
        "--plot",
        type=click.Path(path_type=Path),
        metavar="FILE.png",
        help="Draw the loss of each epoch, and for data with two features the decision boundary.",
    ),
]
