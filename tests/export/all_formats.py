"""Random trained objects in every format, compared with fastnn: ``python -m tests.export.all_formats --models 1000``.

For each format, it prints the largest error, of a probability relative to the largest of its row, and of a number relative to
the largest; and every seed whose error exceeds what is allowed, 1e-6 in single precision, beside the error of fastnn itself,
found in double precision: where that is as large, rounding is the reason.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from fastnn.export import to_onnx
from fastnn.export.description import prediction_of
from fastnn.export.numpy_file import source_of
from fastnn.export.prediction import Classes, Values
from tests.export.compiled_headers import CompiledHeader, largest_error, tolerance
from tests.export.double_precision import own_error
from tests.export.random_models import random_model
from tests.export.test_numpy_file import run
from tests.export.test_onnx import Runtime


class NumpyFile:
    """The functions of a written Python file."""

    def __init__(self, trained: Any) -> None:
        self.prediction, functions = prediction_of(trained), run(source_of(trained))
        self.predict, self.predict_proba = functions["predict"], functions.get("predict_proba")


class OnnxModel:
    """A model in ONNX Runtime, with fastnn's labels."""

    def __init__(self, trained: Any) -> None:
        self.prediction, self.runtime = prediction_of(trained), Runtime(to_onnx(trained))

    def predict(self, X: Any) -> np.ndarray:
        """Labels, or numbers in the shape that fastnn returns."""
        found, outcome = self.runtime(X), self.prediction.outcome
        if isinstance(outcome, Values):
            return found["variable"][:, 0] if outcome.is_vector else found["variable"]
        if isinstance(outcome, Classes):
            return np.asarray(found["label"]).astype(outcome.labels.dtype)
        return found["label"]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, n_classes)."""
        return self.runtime(X)["probabilities"]


def formats(folder: Path) -> dict[str, Callable[[Any], Any]]:
    """What makes each format of a trained object."""
    return {"ONNX": OnnxModel, "C": lambda trained: CompiledHeader(trained, folder), "NumPy": NumpyFile}


def errors(seed: int, folder: Path) -> Iterator[tuple[str, float, float]]:
    """The largest error of each format for the object of a seed, and what is allowed."""
    trained, X = random_model(seed)
    for name, make in formats(folder).items():
        written = make(trained)
        yield name, largest_error(written, trained, X), tolerance(written)


@click.command()
@click.option("--models", default=1000, show_default=True, help="Number of random objects.")
@click.option("--first", default=0, show_default=True, help="The first seed.")
def main(models: int, first: int) -> None:
    """Compare random trained objects in every format with fastnn."""
    warnings.simplefilter("ignore")
    largest: dict[str, float] = {}
    n_beyond = 0
    for seed in range(first, first + models):
        with tempfile.TemporaryDirectory() as folder:
            for name, error, allowed in errors(seed, Path(folder)):
                largest[name] = max(largest.get(name, 0.0), error / allowed)
                if error > allowed:
                    n_beyond += 1
                    own = own_error(*random_model(seed))
                    click.echo(f"seed {seed}, {name}: error {error:.1e}, allowed {allowed:.0e}, fastnn's own {own:.1e}")
    for name, share in largest.items():
        click.echo(f"{name:6} largest error, as a fraction of what is allowed: {share:.2f}")
    click.echo(f"{models:,} objects in {len(largest)} formats, {n_beyond} errors beyond what is allowed")


if __name__ == "__main__":
    main()
