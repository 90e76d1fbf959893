"""Checks before the work starts, so that nothing learned is lost at its end."""

import tempfile
from pathlib import Path

import click

from fastnn.serialization import load_metadata


def check_data_options(data: str | Path, data_dir: Path | None, target: str | None = None, task: str = "auto") -> None:
    """Refuse options that have no meaning for the data."""
    if isinstance(data, str) and (target is not None or task != "auto"):
        raise click.UsageError(f"--target and --task are for files of your own, and {data} has its own targets.")
    if data_dir is not None and data != "mnist":
        raise click.UsageError(f"--data-dir says where the files of mnist are, and --data is {data}.")


def check_model_file(path: Path) -> None:
    """Refuse a file that cannot be written, or that exists and is something else than a model."""
    check_writable(path, "--output")
    try:
        if path.exists():
            load_metadata(path)
    except ValueError:
        raise click.BadParameter(
            f"{path} exists and is not a model: choose another name, or remove it.", param_hint="--output"
        ) from None


def check_writable(path: Path, option: str) -> None:
    """Say now, rather than at the end, that a file cannot be written."""
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
