"""Saved results: the numbers as JSON, and next to them the table made from them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class SavedResults:
    """The files of a comparison's results, and the function that makes their table."""

    name: str
    markdown: Callable[[Any], str]
    folder: Path = RESULTS

    @property
    def json_file(self) -> Path:
        """The numbers."""
        return self.folder / f"{self.name}.json"

    @property
    def markdown_file(self) -> Path:
        """The table."""
        return self.folder / f"{self.name}.md"

    def table(self) -> str:
        """The table made from the saved numbers; empty if there are none."""
        if not self.json_file.exists():
            return ""
        return self.markdown(json.loads(self.json_file.read_text(encoding="utf-8")))

    def save(self, results: Any) -> None:
        """Write numbers and table."""
        self.folder.mkdir(exist_ok=True)
        save_json(self.json_file, results)
        self.markdown_file.write_text(self.markdown(results), encoding="utf-8")
        click.echo(f"Saved {self.markdown_file}.")

    def save_whole(self, results: Any, is_whole: bool) -> None:
        """Save the results of the whole table at full size; otherwise say that nothing is saved."""
        if is_whole:
            self.save(results)
        else:
            click.echo("Not saved: this was not the whole table at its full size.")


def save_json(path: Path, results: Any) -> None:
    """Write numbers, and print the file name."""
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    click.echo(f"Saved {path}.")
