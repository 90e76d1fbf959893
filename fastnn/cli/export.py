"""``fastnn export``."""

from pathlib import Path
from typing import Any

import click
import numpy as np

import fastnn
from fastnn.cli.checks import check_writable
from fastnn.cli.model import load_model
from fastnn.cli.options import data_source
from fastnn.cli.reports import report
from fastnn.cli.samples import samples_for
from fastnn.datasets import is_missing

#: The method that writes each format.
METHODS = {"onnx": "to_onnx", "c": "to_c", "numpy": "to_numpy", "safetensors": "save"}

#: The formats, and the extension of the file that is written.
SUFFIXES = {"onnx": ".onnx", "c": ".h", "numpy": ".py", "safetensors": ".safetensors"}


@click.command(short_help="Write a trained network for other programs.")
@click.argument("model_file", metavar="MODEL", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--to",
    "format_name",
    type=click.Choice(list(SUFFIXES)),
    required=True,
    help="onnx for ONNX Runtime and others, c for a C99 header, numpy for a Python file, safetensors for fastnn.load.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write; an existing file is replaced.  [default: MODEL with the extension of the format, and with "
    "underscores for hyphens in the name of a Python file]",
)
@click.option(
    "--int8",
    "data",
    type=data_source,
    metavar="DATA",
    help="Only with --to c: round weights to 8 bits, and measure on DATA, a file as for prediction, what that costs.",
)
def export(model_file: Path, format_name: str, output: Path | None, data: Any) -> None:
    """Write a trained network for other programs, with its preprocessing and class names.

    \b
    fastnn export customers-model.safetensors --to onnx
    fastnn export digits-model.safetensors --to c --output digits.h
    fastnn export digits-model.safetensors --to c --int8 digits
    fastnn export iris-model.safetensors --to numpy

    MODEL is a file saved by "fastnn train" or from Python, or a checkpoint.
    """  # noqa: D301
    path = output or _default_output(model_file, format_name)
    _check(path, model_file, format_name, data)
    trained = fastnn.load(model_file, backend="numpy")
    options = {} if data is None else {"weights": "int8", "data": _rows_to_measure(model_file, data)}
    written = getattr(trained, METHODS[format_name])(path, **options)
    report("Export", f"{type(trained).__name__} written to {path}, {path.stat().st_size:,} bytes")
    if data is not None:
        click.echo(written)


def _rows_to_measure(model_file: Path, data: Any) -> Any:
    """X, or X and y if all rows have a target that the model knows."""
    model = load_model(model_file, "numpy", None)
    X, targets = samples_for(model, data, None, None)
    if targets is None or is_missing(targets).any():
        return X
    if not model.loss.classifies:
        return X, targets.astype(np.float64)
    labels = dict(zip(model.output_names, model.labels.tolist(), strict=True))
    return (X, np.array([labels[name] for name in targets])) if set(targets) <= labels.keys() else X


def _default_output(model_file: Path, format_name: str) -> Path:
    """Beside the model; a Python file with a name that can be imported."""
    path = model_file.with_suffix(SUFFIXES[format_name])
    return path.with_stem(path.stem.replace("-", "_")) if format_name == "numpy" else path


def _check(path: Path, model_file: Path, format_name: str, data: Any) -> None:
    if data is not None and format_name != "c":
        raise click.UsageError(f"--int8 is for --to c: {format_name} keeps the weights as they are.")
    check_writable(path, "--output")
    if path.exists() and path.samefile(model_file):
        raise click.BadParameter(f"{path} is the model itself, and would be replaced.", param_hint="--output")
