"""Types of command-line options, and options shared by several commands."""

import math
import sys
from pathlib import Path
from typing import Any

import click

import fastnn
from fastnn import datasets
from fastnn.activations import ACTIVATIONS


def data_source(text: str) -> str | Path:
    """The name of a data set, an existing file, or - for standard input."""
    if text in datasets.NAMES:
        return text
    path = Path(text)
    if text != "-" and not path.is_file():
        raise click.BadParameter(f"{text!r} is neither a data set ({', '.join(datasets.NAMES)}) nor a file.")
    if datasets.file_type(path) is None:
        raise click.BadParameter(f"{text!r} must be a file with an extension among {', '.join(datasets.FILE_TYPES)}.")
    return path


def layer_sizes(text: str, alternative: str = "") -> tuple[int, ...]:
    """Numbers of units, separated by commas."""
    sizes = text.split(",")
    if not all(size.strip().isdecimal() and int(size) > 0 for size in sizes):
        raise click.BadParameter(f"{text!r} must be positive whole numbers such as 128,64{alternative}.")
    return tuple(int(size) for size in sizes)


def hidden_sizes(text: str) -> tuple[int, ...]:
    """Numbers of units, or none."""
    return () if text.strip().lower() == "none" else layer_sizes(text, ", or none")


def activation_names(text: str) -> str | tuple[str, ...]:
    """One activation for all hidden layers, or one per layer, separated by commas."""
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in ACTIVATIONS:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(ACTIVATIONS)}.")
    return names[0] if len(names) == 1 else names


def batch_size_type(text: str) -> int:
    """A number of samples, or all of them."""
    if text.strip().lower() == "all":
        return sys.maxsize  # more than there can be
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} must be a positive whole number, or all.")
    return int(text)


class Number(click.FloatRange):
    """A finite number that is positive, or at least not negative."""

    def __init__(self, *, may_be_zero: bool = False) -> None:
        super().__init__(min=0, min_open=not may_be_zero)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Convert text to a number."""
        number: float = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{value!r} must be a finite number.", parameter, context)
        return number


backend_option = click.option(
    "--backend",
    type=click.Choice(fastnn.available_backends()),
    default="numba",
    help="numba is compiled and fast, numpy is the readable reference.",
)
threads_option = click.option(
    "--threads",
    "n_threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads.  [default: one per processor]",
)
decimal_option = click.option(
    "--decimal",
    type=click.Choice([".", ","]),
    help="Decimal separator of numbers stored as text.  [default: detected in text files]",
)
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the MNIST files, directly or in a subfolder mnist.  "
    "[default: $FASTNN_DATA, then scikit-learn's data folder]",
)
