"""What temperature scaling does to the log-loss: ``python -m benchmarks.tables.calibration``.

RealMLPClassifier learns each table once, by its defaults; its probabilities are judged with its temperature and without.
Results are printed, not saved.
"""

from collections.abc import Sequence

import click
import numpy as np

from benchmarks.settings import SEED
from benchmarks.tables.data import sample, split_of
from benchmarks.tables.measure import log_loss_of
from benchmarks.tables.registry import TABLES, Table
from fastnn.realmlp import RealMLPClassifier
from fastnn.realmlp.calibration import rescaled

CHOSEN = ("vehicle", "german", "contraceptive", "wa_churn", "car", "segment", "HMDA", "satimage")


def losses(table: Table, number: int) -> tuple[float, float, float]:
    """The temperature, and the log-loss of the test rows without it and with it."""
    split = split_of(sample(table), number)
    X, y = split.sample.X, split.sample.y
    model = RealMLPClassifier(random_state=SEED + number, n_threads=1).fit(X.iloc[split.train], y[split.train])
    plain = model._mean_outputs(X.iloc[split.test])
    scaled = rescaled(plain, model.temperature_)
    return model.temperature_, log_loss_of(y[split.test], plain), log_loss_of(y[split.test], scaled)


@click.command()
@click.option("--tables", "names", multiple=True, default=CHOSEN, help="Tables to take; may be repeated.")
@click.option("--splits", default=1, help="Splits of each table.")
def main(names: Sequence[str], splits: int) -> None:
    """Compare log-losses with and without temperature scaling."""
    click.echo(f"{'table':16}{'temperature':>12}{'without':>10}{'with':>10}")
    ratios = []
    for table in (table for table in TABLES if table.name in names):
        for number in range(splits):
            temperature, without, with_it = losses(table, number)
            ratios.append(with_it / without)
            click.echo(f"{table.name:16}{temperature:12.3f}{without:10.4f}{with_it:10.4f}")
    click.echo(f"geometric mean of the ratios {np.exp(np.mean(np.log(ratios))):.4f}")


if __name__ == "__main__":
    main()
