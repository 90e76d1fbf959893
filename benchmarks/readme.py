"""Write the saved tables of results into the README, or check that they are up to date: ``python -m benchmarks.readme``.

Nothing is written between the markers of a table that has not been saved yet.
"""

from pathlib import Path

import click

from benchmarks import compare_backends
from benchmarks.estimators import table as estimators
from benchmarks.harness.results import SavedResults
from benchmarks.peers import table as peers
from benchmarks.tables import report as tables

README = Path(__file__).parents[1] / "README.md"

#: Comparisons by their name in the markers.
TABLES: dict[str, SavedResults] = {
    "estimators": estimators.SAVED,
    "backends": compare_backends.SAVED,
    "peers": peers.SAVED,
    "tables": tables.SAVED,
}


def with_table(text: str, name: str, table: str) -> str:
    """Return `text` with `table` between the two markers of this name, replacing the old text."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise click.ClickException(f"The README must hold {begin} once and, after it, {end} once.")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    return f"{before}{begin}\n{table}{end}{after}"


def up_to_date() -> dict[Path, str]:
    """The up-to-date contents of the README and of the files of the tables."""
    text = README.read_text(encoding="utf-8")
    files = {}
    for name, saved in TABLES.items():
        table = saved.table()
        text = with_table(text, name, table)
        if table:
            files[saved.markdown_file] = table
    return {README: text, **files}


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail if a file differs from the saved results.")
def main(check: bool) -> None:
    """Update the tables in the README and in the results folder from the saved results."""
    for path, text in up_to_date().items():
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise click.ClickException(f"{path} differs from the saved results: run `python -m benchmarks.readme`.")


if __name__ == "__main__":
    main()
