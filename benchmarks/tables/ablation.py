"""What each ingredient of RealMLP-TD is worth: ``python -m benchmarks.tables.ablation``.

Each line is the preset without one ingredient, on a few tables and splits: the geometric mean of its errors relative to the
whole preset's. Results are printed, not saved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import click
import numpy as np

from benchmarks.tables.data import sample, split_of
from benchmarks.tables.measure import measure
from benchmarks.tables.methods import Method
from benchmarks.tables.registry import TABLES, Table, Task
from fastnn.realmlp import RealMLPClassifier, RealMLPRegressor
from fastnn.realmlp.presets import CLASSIFICATION, REGRESSION, Preset
from fastnn.schedules import Constant

#: Small tables with some signal, numbers and categories.
CHOSEN = ("vehicle", "german", "contraceptive", "Sacramento", "car_prices")

#: The changes to the preset, by what they leave out.
WITHOUT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "embeddings": {"embeds": False, "max_one_hot": 10_000},
    "parametric activations": {"parametric": False},
    "initialisation from data": {"initializes_from_data": False},
    "NTK parametrisation": {"parametrization": "standard"},
    "factors of learning rates": {"learning_rate_factors": (), "weight_decay_factors": ()},
    "schedule of the learning rate": {"schedule": Constant()},
    "dropout": {"dropout": 0.0},
    "weight decay": {"weight_decay": 0.0},
    "label smoothing": {"label_smoothing": 0.0},
    "clipped targets": {"clips_targets": False},
    "beta_2 = 0.95": {"beta_2": 0.999},
}


def method(name: str, changes: dict[str, Any]) -> Method:
    """RealMLP-TD with a changed preset."""

    def make(task: Task, seed: int) -> Any:
        base, presets = (
            (RealMLPClassifier, CLASSIFICATION) if task == "classification" else (RealMLPRegressor, REGRESSION)
        )
        changed: dict[str, Preset] = {"td": replace(presets["td"], **changes)}
        made = type(base.__name__, (base,), {"_presets": changed})
        return made(n_members=1, random_state=seed, n_threads=1)

    return Method(name, "fastnn", "fastnn", make)


def errors(of: Method, tables: Sequence[Table], n_splits: int) -> Iterator[float]:
    """The error on each split of each table."""
    for table in tables:
        for number in range(n_splits):
            yield float(measure(of, split_of(sample(table), number))["error"])


@click.command()
@click.option("--tables", "names", multiple=True, default=CHOSEN, help="Tables to take; may be repeated.")
@click.option("--splits", default=3, help="Splits of each table.")
@click.option("--only", multiple=True, help="Ingredients to leave out; may be repeated.")
def main(names: Sequence[str], splits: int, only: Sequence[str]) -> None:
    """Leave out each ingredient of RealMLP-TD in turn."""
    tables = [table for table in TABLES if table.name in names]
    whole = np.array(list(errors(method("nothing", {}), tables, splits)))
    click.echo(f"{'without':32}relative error, geometric mean")
    for name, changes in WITHOUT.items():
        if changes and (not only or name in only):
            found = np.array(list(errors(method(name, changes), tables, splits)))
            click.echo(f"{name:32}{np.exp(np.log(found / whole).mean()):.3f}")


if __name__ == "__main__":
    main()
