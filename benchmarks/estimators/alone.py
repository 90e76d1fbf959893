"""A process that makes one call with one library and prints its peak memory in bytes."""

import click

from benchmarks.harness.memory import own_peak_bytes
from benchmarks.workloads.libraries import MODULES, fitted
from benchmarks.workloads.table import CALLS


@click.command()
@click.argument("name")
@click.argument("library", type=click.Choice(list(MODULES)))
def main(name: str, library: str) -> None:
    """Fit the estimator of a call, predict its data, and print the peak memory of this process in bytes."""
    call = next(call for call in CALLS if call.name == name)
    fitted(call.estimator(library), call.data()).predict(call.data().X)
    click.echo(own_peak_bytes())


if __name__ == "__main__":
    main()
