"""Fixtures for tests of data sets."""

from pathlib import Path

import pytest


@pytest.fixture
def table(tmp_path: Path):
    def write(text: str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
