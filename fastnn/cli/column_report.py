"""The table of what each column of a table was taken for."""

from collections import Counter

import click

from fastnn.cli.reports import shortened
from fastnn.datasets import Dataset
from fastnn.tabular import Column, TableEncoder

#: Columns that are listed; of wider tables, only the first ones are.
MOST_COLUMNS = 50

#: Columns of the table, wide as they are read.
HEADINGS = ("Column", "kind", "levels", "missing")

#: What the kinds of columns that tell nothing mean.
LEFT_OUT = {"constant": "constant, left out", "missing": "empty, left out"}


def report_columns(dataset: Dataset) -> None:
    """Print one line for each column: its name, its kind, its levels, and how many of its cells are missing."""
    columns = TableEncoder().fit(dataset.X).columns_
    rows = [HEADINGS, *map(_cells, columns[:MOST_COLUMNS])]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    click.echo()
    for name, kind, levels, missing in rows:
        line = f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {levels:>{widths[2]}}  {missing:>{widths[3]}}"
        click.echo(line.rstrip())
    if len(columns) > MOST_COLUMNS:
        click.echo(f"and {len(columns) - MOST_COLUMNS:,} more: {_counts(columns[MOST_COLUMNS:])}")
    click.echo()


def _cells(column: Column) -> tuple[str, ...]:
    levels = f"{column.n_levels:,}" if column.kind == "category" else "-"
    return shortened(column.name), LEFT_OUT.get(column.kind, column.kind), levels, f"{column.n_missing:,}"


def _counts(columns: tuple[Column, ...]) -> str:
    """How many columns there are of each kind."""
    counts = Counter(LEFT_OUT.get(column.kind, column.kind) for column in columns)
    return "; ".join(f"{number:,} {kind}" for kind, number in counts.most_common())
