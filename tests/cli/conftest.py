"""What tests of the command line share."""

from pathlib import Path

import pytest

from tests.cli.commands import in_empty_folder, run, write_flowers

folder = pytest.fixture(in_empty_folder, autouse=True)


@pytest.fixture
def flowers(folder: Path) -> Path:
    """A model of flowers."""
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", "--backend", "numpy")
    return folder / "flowers-model.npz"
