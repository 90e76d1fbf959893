"""What all tests share."""

import os

# Set before NumPy is loaded. Idle BLAS threads spin, and those of several test processes would fight for the processors.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path
from typing import Any

import pytest

import fastnn
from tests.cases import allow_large_teams


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run each file in one process under ``pytest -n``, so that what its tests share is compiled once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log) if config.getoption("dist") == "load" else None


@pytest.fixture
def large_teams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any work be divided among as many threads as a network asks for, up to eight."""
    allow_large_teams(monkeypatch)


@pytest.fixture
def processes_find_fastnn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let subprocesses import the package under test, whatever their working folder."""
    monkeypatch.setenv("PYTHONPATH", str(Path(fastnn.__file__).parents[1]))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes_find_fastnn: None) -> Path:
    """An empty working folder, with only the bundled data sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "data_home"))
    return tmp_path
