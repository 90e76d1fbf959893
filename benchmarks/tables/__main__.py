"""Compare networks and gradient boosting on tables, by error and by time: ``python -m benchmarks.tables``.

Results are saved one by one, and a run goes on where the last one stopped. Then run ``python -m benchmarks.readme``.
"""

import importlib.util
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from threadpoolctl import threadpool_limits

from benchmarks.harness.processors import thread_settings
from benchmarks.settings import QUICK
from benchmarks.tables import store
from benchmarks.tables.methods import METHODS, Method
from benchmarks.tables.plot import PLOT_FILE, plot
from benchmarks.tables.registry import PACKAGES, TABLES, Table
from benchmarks.tables.report import SAVED

SPLITS = 3
QUICK_TABLES = ("german", "Titanicp", "car_prices")

#: A method, a table, and the number of a split.
Job = tuple[Method, Table, int]


def jobs(methods: Sequence[Method], tables: Sequence[Table], n_splits: int) -> Iterator[Job]:
    """The first split of all tables by all methods first, and within a split the cheap methods first."""
    for split in range(n_splits):
        for method in methods:
            for table in tables:
                yield method, table, split


def open_jobs(of: Sequence[Job], done: set[store.Key]) -> list[Job]:
    """The jobs without a saved result."""
    return [(method, table, split) for method, table, split in of if (table.name, split, method.name) not in done]


def run(of: Sequence[Job], most_rows: int, path: Path | None) -> list[str]:
    """Do the jobs one after another and save each result at once; returns what went wrong, which stops nothing."""
    failures = []
    start = time.perf_counter()
    for number, job in enumerate(of, start=1):
        minutes = (time.perf_counter() - start) / 60
        where = f"{number}/{len(of)}, {minutes:.1f} minutes: {job[0].name}, {job[1].name}, split {job[2]}"
        try:
            result = done(job, most_rows)
        except Exception as failure:  # of any kind: a peer must not end a run of hours
            failures.append(f"{where}: {failure}")
            click.echo(failures[-1])
            continue
        if path is not None:
            store.append(path, result)
        click.echo(f"{where}: error {result['error']:.4f}, {result['seconds']:.2f} s")
    return failures


def done(job: Job, most_rows: int) -> store.Result:
    """The result of a job."""
    from benchmarks.tables.data import sample, split_of
    from benchmarks.tables.measure import measure, warm_up

    method, table, split = job
    warm_up(method, table.task)
    return measure(method, split_of(sample(table, most_rows), split))


def chosen_methods(names: Sequence[str]) -> list[Method]:
    """The methods with these names, or all that can be run here."""
    methods = [method for method in METHODS if not names or method.name in names]
    return [method for method in methods if names or not _left_out(method)]


def chosen_tables(names: Sequence[str]) -> list[Table]:
    """The tables with these names, or all; those whose package is not installed are left out."""
    there = {package: bool(importlib.util.find_spec(package.replace("-", "_"))) for package in PACKAGES}
    for package in (package for package, is_there in there.items() if not is_there):
        click.echo(f"Its tables are left out: {package} is not installed.")
    return [table for table in TABLES if there[table.package] and (not names or table.name in names)]


def _left_out(method: Method) -> bool:
    """Whether a method cannot be run here; says why."""
    if missing := method.missing():
        click.echo(f"{method.name} is left out: {missing} is not installed.")
        return True
    return False


@click.command()
@click.option("--methods", multiple=True, type=click.Choice([method.name for method in METHODS]), help="Only these.")
@click.option("--tables", multiple=True, type=click.Choice([table.name for table in TABLES]), help="Only these.")
@click.option("--splits", default=SPLITS, show_default=True, type=click.IntRange(min=1), help="Splits of each table.")
@click.option("--again", is_flag=True, help="Also do what has a saved result, and replace that.")
@click.option("--quick", is_flag=True, default=QUICK, help="Three small tables, to see that all runs. Not saved.")
def main(methods: tuple[str, ...], tables: tuple[str, ...], splits: int, again: bool, quick: bool) -> None:
    """Fit every method to every split of every table on one thread; save errors and seconds, one by one."""
    # For the libraries that are loaded later, and for those that are loaded already.
    os.environ.update(thread_settings(1))
    with threadpool_limits(1):
        failures = _main(methods, tables, 1 if quick else splits, again, quick)
    if failures:
        raise click.ClickException("\n".join(["Some results are missing.", *failures]))


def _main(methods: tuple[str, ...], tables: tuple[str, ...], n_splits: int, again: bool, quick: bool) -> list[str]:
    from benchmarks.tables.data import MOST_ROWS, QUICK_ROWS

    names = tables or (QUICK_TABLES if quick else ())
    wanted = list(
        jobs(chosen_methods(methods), [table for table in TABLES if not names or table.name in names], n_splits)
    )
    saved = set() if again or quick else {store.key(result) for result in store.load(SAVED.json_file)}
    todo = open_jobs(wanted, saved)
    click.echo(f"{len(wanted) - len(todo)} of {len(wanted)} results are saved already.")
    if quick:
        return run(todo, QUICK_ROWS, None)
    failures = run(todo, MOST_ROWS, SAVED.json_file)
    write_report()
    return failures


def write_report() -> None:
    """Write the table and the plot of all saved results."""
    results = store.load(SAVED.json_file)
    SAVED.markdown_file.write_text(SAVED.table(), encoding="utf-8")
    plot(results, PLOT_FILE)
    click.echo(f"Saved {SAVED.markdown_file} and {PLOT_FILE}.")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.tables")
