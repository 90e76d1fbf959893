"""The cost of dropout, normalisation and clipping in an epoch: ``python -m benchmarks.regularisation``.

Run it on an otherwise idle machine. It prints medians of interleaved turns on MNIST-sized networks, and ratios to the plain
network.
"""

from collections.abc import Callable
from typing import Any

import click

import fastnn
from benchmarks.compare_backends import measured_on
from benchmarks.harness.results import RESULTS, save_json
from benchmarks.harness.turns import exactly, medians, take_turns
from benchmarks.settings import QUICK
from benchmarks.workloads.table import TRAININGS
from benchmarks.workloads.training import Training
from benchmarks.workloads.workload import at_size
from fastnn.threads import available_cpus

JSON_FILE = RESULTS / "regularisation.json"

NETWORKS = ("mnist_128", "mnist_512_512")

#: Options of the network and of its optimizer, by name.
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "dropout 0.5": ({"dropout": 0.5}, {}),
    "batch normalisation": ({"normalization": "batch"}, {}),
    "layer normalisation": ({"normalization": "layer"}, {}),
    "clipping": ({}, {"max_grad_norm": 1.0}),
}


def prepared(workload: Training, name: str, n_threads: int) -> Callable[[], float]:
    """Return the turn of one of the `OPTIONS`, which returns milliseconds per epoch, after checking that the backends agree."""
    options, optimizer_options = OPTIONS[name]
    optimizer = fastnn.SGD(workload.learning_rate, **optimizer_options)
    workload.assert_backends_agree(optimizer, **options)
    network = workload.network("numba", n_threads, **options)
    return lambda: 1e3 * workload.fit(network, optimizer=optimizer, epochs=1).seconds[0]


def measure(workload: Training, n_threads: int, turns: int) -> dict[str, float]:
    """Milliseconds per epoch with each of the options, interleaved."""
    return medians(take_turns({name: prepared(workload, name, n_threads) for name in OPTIONS}, exactly(turns)))


def told(workload: Training, n_threads: int, turns: int) -> dict[str, Any]:
    """Measure a workload, print a line about it, and return the results to save."""
    times = measure(workload, n_threads, turns)
    ratios = ", ".join(f"{name} {time:.0f} ms ({time / times['plain']:.3f})" for name, time in times.items())
    click.echo(f"{workload.network_shape} on {n_threads}: {ratios}")
    return {"name": workload.name, "threads": n_threads, "milliseconds_per_epoch": times}


@click.command()
@click.option(
    "--turns", type=click.IntRange(min=1), default=1 if QUICK else 7, show_default=True, help="Turns of each."
)
def main(turns: int) -> None:
    """Time networks with each option, and save medians."""
    workloads = [workload for workload in at_size(TRAININGS) if workload.name in NETWORKS]
    counts = sorted({1, available_cpus()})
    networks = [told(workload, n_threads, turns) for workload in workloads for n_threads in counts]
    if not QUICK:
        save_json(JSON_FILE, {"machine": measured_on(None), "turns": turns, "networks": networks})


if __name__ == "__main__":
    main()
