"""Commands run by tests, their reports, and tables to train on."""

import csv
import re
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from fastnn.cli import main

QUICK = ["--epochs", "2", "--hidden", "8"]


def run(*arguments: object, status: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def sentence(*arguments: object, status: int) -> str:
    """The error message of a command that must fail."""
    result = run(*arguments, status=status)
    assert "Traceback" not in result.output
    last = result.stderr.rstrip().splitlines()[-1]
    assert last.startswith("Error: ")
    return last


def reported(output: str, label: str) -> tuple[float, float]:
    """Two columns of a line of the report, training and held out; validation is in between."""
    match = re.search(rf"^{label} +(\S+)(?: +\S+)? +(\S+)$", output, re.MULTILINE)
    assert match is not None, output
    return float(match[1]), float(match[2])


def write_flowers(path: Path, n_samples: int = 60, *, columns: str = "width,length,kind") -> None:
    """Two classes that differ in both measurements, in the given order of columns."""
    generator = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        for n in range(n_samples):
            kind = ("lily", "rose")[n % 2]
            cells = {
                "width": 100 + 50 * (n % 2) + generator.normal(),
                "length": 0.01 * (n % 2) + 0.001 * generator.normal(),
                "kind": kind,
                "name": f"flower {n}",
            }
            writer.writerow([cells[column] for column in columns.split(",")])


def write_house_prices(path: Path, n_samples: int = 80) -> None:
    """Prices in the hundreds of thousands, linear in two measurements."""
    X = np.random.default_rng(0).uniform(20, 200, (n_samples, 2))
    np.savez(path, X=X, y=300_000.5 + 2000 * X[:, 0] - 500 * X[:, 1])


def write_mnist(path: Path) -> None:
    """Two classes of images, with a bright left or right half, as four IDX files."""
    path.mkdir(parents=True)
    for part, n_images in (("train", 40), ("t10k", 10)):
        labels = np.arange(n_images, dtype=np.uint8) % 2
        images = np.zeros((n_images, 4, 4), np.uint8)
        images[labels == 0, :, :2] = images[labels == 1, :, 2:] = 255
        for name, content in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            shape = np.array(content.shape, ">u4").tobytes()
            (path / name).write_bytes(bytes([0, 0, 8, content.ndim]) + shape + content.tobytes())
