"""Write the saved table of results into the README, or check that it is there: ``python -m benchmarks.readme``."""

import json
from pathlib import Path

import click

from benchmarks.compare_backends import JSON_FILE, MARKDOWN_FILE, markdown

README = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- backends:begin -->"
END = "<!-- backends:end -->"


def with_table(text: str, table: str) -> str:
    """Return `text` with `table` between the two markers, in place of what stood there."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise click.ClickException(f"The README must hold {BEGIN} once and, after it, {END} once.")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table}{END}{after}"


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail where README and saved results differ.")
def main(check: bool) -> None:
    """Bring the README's table up to date with the saved results."""
    if not JSON_FILE.exists():
        raise click.ClickException(f"{JSON_FILE} does not exist: run `python -m benchmarks.compare_backends` first.")
    table = markdown(json.loads(JSON_FILE.read_text(encoding="utf-8")))
    current = README.read_text(encoding="utf-8")
    updated = with_table(current, table)
    if not check:
        README.write_text(updated, encoding="utf-8")
    elif current != updated or MARKDOWN_FILE.read_text(encoding="utf-8") != table:
        raise click.ClickException(f"README.md differs from {JSON_FILE.name}: run `python -m benchmarks.readme`.")


if __name__ == "__main__":
    main()
