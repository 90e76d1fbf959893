"""Fixtures for tests of the command line."""

from pathlib import Path

import pytest

from tests.cli.commands import run, write_flowers


@pytest.fixture(autouse=True)
def _in_an_empty_folder(folder: Path) -> None:
    """Commands write into the working folder."""


@pytest.fixture
def flowers(folder: Path) -> Path:
    """A model of flowers."""
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", "--backend", "numpy")
    return folder / "flowers-model.safetensors"
