"""Checks made before training starts, so that its result is not lost at the end."""

import tempfile
from pathlib import Path

import click

from fastnn.archives import read_header
from fastnn.cli.groups import Design, Files, Preparation, Source, Stopping


def check_data_options(source: Source) -> None:
    """Reject options that do not apply to the data."""
    data = source.data
    if not source.is_file and (source.target is not None or source.task != "auto"):
        raise click.UsageError(f"--target and --task are for your own files, but {data} has its own targets.")
    if not source.is_file and (source.drop or source.decimal is not None):
        raise click.UsageError(f"--drop and --decimal are for your own files, but {data} is a built-in data set.")
    if source.data_dir is not None and data != "mnist":
        raise click.UsageError(f"--data-dir is the folder of the MNIST files, but --data is {data}.")


def check_stopping_options(stopping: Stopping) -> None:
    """Reject a patience without early stopping."""
    if stopping.early_stopping is False and stopping.patience is not None:
        raise click.UsageError("--patience is for early stopping, which --no-early-stopping turns off.")


def check_network_options(design: Design, preparation: Preparation, task: str) -> None:
    """Reject options that do not apply to the network or the task."""
    for option, value in (("--dropout", design.dropout), ("--normalization", design.normalization)):
        if value and not design.hidden:
            raise click.UsageError(f"{option} is for hidden layers, but --hidden is none.")
    for_classes = (("--label-smoothing", preparation.label_smoothing), ("--class-weight", preparation.class_weight))
    for option, value in for_classes:
        if value and task == "regression":
            raise click.UsageError(f"{option} is for classification, but the task is regression.")


def check_model_file(path: Path) -> None:
    """Reject a file that cannot be written, or that exists and is not a model."""
    check_writable(path, "--output")
    if path.exists() and kind_of_file(path) != "model":
        raise click.BadParameter(
            f"{path} exists and is not a model: choose another name, or remove it.", param_hint="--output"
        )


def check_checkpoint_file(files: Files, data: str | Path) -> None:
    """Reject a file that cannot be written, is used by another option, or exists unless training resumes from it."""
    path, resume, others = files.checkpoint, files.resume, (data, files.output, files.plot)
    if path is None:
        if resume:
            raise click.UsageError("--resume continues from the file given by --checkpoint: give both.")
        return
    check_writable(path, "--checkpoint")
    if any(isinstance(other, Path) and other.resolve() == path.resolve() for other in others):
        raise click.UsageError(f"--checkpoint needs a file of its own, but {path} is used by another option.")
    if resume and not path.exists():
        raise click.BadParameter(f"there is no {path}: without --resume, it is created.", param_hint="--checkpoint")
    if path.exists() and kind_of_file(path) != "checkpoint":
        raise click.BadParameter(
            f"{path} exists and is not a checkpoint: choose another name, or remove it.", param_hint="--checkpoint"
        )
    if path.exists() and not resume:
        raise click.BadParameter(
            f"{path} exists: continue from it with --resume, choose another name, or remove it.",
            param_hint="--checkpoint",
        )


def kind_of_file(path: Path) -> str:
    """Whether a file is a model, a checkpoint, or neither."""
    try:
        header = read_header(path)
    except ValueError:
        return "neither"
    return "checkpoint" if "progress" in header else "model"


def check_writable(path: Path, option: str) -> None:
    """Report before training, rather than after it, that a file cannot be written."""
    folder = path.resolve().parent
    if path.exists() and not path.is_file():
        raise click.BadParameter(f"{path} is not a regular file.", param_hint=option)
    if not folder.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.", param_hint=option)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be written: {error.strerror}.", param_hint=option) from None
