"""What dropout, normalisation and clipping add to an epoch: ``python -m benchmarks.regularisation``.

Run it on a machine that does nothing else. All take turns on MNIST-sized networks; medians, and ratios to the plain network.
"""

import json
import statistics
from pathlib import Path
from typing import Any

import click
import numpy as np

import fastnn
from benchmarks.compare_backends import machine
from benchmarks.workloads import QUICK, WORKLOADS, Workload
from fastnn.threads import available_cpus

RESULTS = Path(__file__).parent / "results"
JSON_FILE = RESULTS / "regularisation.json"

NETWORKS = ("mnist_128", "mnist_512_512")

#: By name: options of the network, and of its optimizer.
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "dropout 0.5": ({"dropout": 0.5}, {}),
    "batch normalisation": ({"normalization": "batch"}, {}),
    "layer normalisation": ({"normalization": "layer"}, {}),
    "clipping": ({}, {"max_grad_norm": 1.0}),
}


def network(workload: Workload, n_threads: int, options: dict[str, Any]) -> fastnn.Network:
    """A network of the workload's with more options."""
    return fastnn.Network(
        workload.layer_sizes, workload.activations, workload.loss, seed=0, n_threads=n_threads, **options
    )


def measure(workload: Workload, n_threads: int, turns: int) -> dict[str, float]:
    """Milliseconds per epoch of each, by turns, after a check that each learns."""
    data, times = workload.data(), {name: [] for name in OPTIONS}
    fits = {}
    for name, (options, optimizer_options) in OPTIONS.items():
        net = network(workload, n_threads, options)
        optimizer = fastnn.SGD(workload.learning_rate, **optimizer_options)
        before = net.evaluate(data.X, data.y)
        net.fit(data.X, data.y, optimizer=optimizer, epochs=1, batch_size=workload.batch_size, progress=False)
        if not net.evaluate(data.X, data.y) < before:
            raise AssertionError(f"{workload.name} with {name} did not learn. Nothing was timed.")
        fits[name] = (net, optimizer)
    for _ in range(turns):
        for name, (net, optimizer) in fits.items():
            history = net.fit(
                data.X, data.y, optimizer=optimizer, epochs=1, batch_size=workload.batch_size, progress=False
            )
            times[name].append(1e3 * history.seconds[0])
    return {name: statistics.median(values) for name, values in times.items()}


@click.command()
@click.option(
    "--turns", type=click.IntRange(min=1), default=1 if QUICK else 7, show_default=True, help="Turns of each."
)
def main(turns: int) -> None:
    """Time networks with each option, and save medians."""
    results: dict[str, Any] = {"machine": machine(None), "turns": turns, "networks": []}
    for workload in WORKLOADS:
        for n_threads in np.unique([1, available_cpus()]).tolist() if workload.name in NETWORKS else ():
            times = measure(workload, n_threads, turns)
            results["networks"].append({"name": workload.name, "threads": n_threads, "milliseconds_per_epoch": times})
            ratios = ", ".join(f"{name} {time:.0f} ms ({time / times['plain']:.3f})" for name, time in times.items())
            click.echo(f"{workload.network_shape} on {n_threads}: {ratios}")
    if not QUICK:
        JSON_FILE.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        click.echo(f"Saved {JSON_FILE}.")


if __name__ == "__main__":
    main()
