"""Libraries taking turns at a workload, in one process on the processors it was given.

``python -m benchmarks.peers`` starts this module once for each number of processors.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.libraries import LIBRARIES, REFERENCE, SUBJECT, installed
from benchmarks.peers.machine import copy_gigabytes_per_second, peak_gflops
from benchmarks.peers.peer import Peer
from benchmarks.workloads import LOSS_TOLERANCE, QUICK, WORKLOADS, Workload
from fastnn.threads import available_cpus

#: Threads of a matrix library spin for some hundredths of a second after its last product.
PAUSE_SECONDS = 0.1

#: Turns of each library: as many as fit into the seconds, but at least and at most so many.
SECONDS_OF_TURNS = 6.0
FEWEST_TURNS, MOST_TURNS = (1, 1) if QUICK else (3, 9)

#: Batches after which libraries that train by Adam are compared.
ADAM_BATCHES = 10

#: How far the parameters of two libraries may end from each other, relative to the way they came. Rounding was seen to
#: part networks of ReLUs by some hundredths; a forgotten update, rate or momentum parts them by about 1.
DRIFT_TOLERANCE = 0.2


def measure(workload: Workload, names: Sequence[str], seconds: float = SECONDS_OF_TURNS) -> dict[str, Any]:
    """Check that the libraries learn the same, then let them, and the machine's own speed, take turns; medians."""
    compared = comparable(workload)
    agreement = assert_same_learning(compared, {name: LIBRARIES[name].prepare(compared) for name in names})
    peers = {name: LIBRARIES[name].prepare(workload) for name in names}
    turns: dict[str, Callable[[], float]] = {
        "peak_gflops": peak_gflops,
        "copy_gigabytes_per_second": copy_gigabytes_per_second,
        **{name: peer_turn(peer) for name, peer in peers.items()},
    }
    measured = take_turns(turns, seconds)
    medians = {name: statistics.median(values) for name, values in measured.items()}
    return {
        "name": workload.name,
        "network": workload.network_shape,
        "loss": workload.loss,
        "n_samples": workload.n_samples,
        "batch_size": workload.batch_size,
        "momentum": workload.momentum,
        "adam": workload.adam,
        "data": workload.data().source,
        "epochs": workload.epochs,
        "turns": len(measured["peak_gflops"]),
        "peak_gflops": medians["peak_gflops"],
        "copy_gigabytes_per_second": medians["copy_gigabytes_per_second"],
        "peers": {
            name: {
                "network": peer.workload.network_shape,
                "milliseconds_per_epoch": 1e3 * medians[name] / workload.epochs,
                "fastest_milliseconds_per_epoch": 1e3 * min(measured[name]) / workload.epochs,
                "useful_gflops": peer.workload.gflops(medians[name]),
                **agreement[name],
            }
            for name, peer in peers.items()
        },
    }


def comparable(workload: Workload) -> Workload:
    """The training after which all libraries must have come to the same parameters: all of it, or the first batches.

    Adam divides a gradient by its own size, so that one which is nothing but rounding moves a parameter as far as any
    other: after hundreds of steps in single precision no two programs agree, and after ten they still do.
    """
    if not workload.adam or workload.batch_size is None:
        return workload
    return replace(workload, n_samples=ADAM_BATCHES * workload.batch_size, epochs=1)


def peer_turn(peer: Peer) -> Callable[[], float]:
    """A turn of a library: seconds of the workload's epochs, samples shuffled, from its initial parameters."""

    def turn() -> float:
        peer.reset()
        start = time.perf_counter()
        peer.train(peer.workload.epochs, shuffle=True)
        return time.perf_counter() - start

    return turn


def take_turns(turns: dict[str, Callable[[], float]], seconds: float) -> dict[str, list[float]]:
    """What each turn returned, round by round, until the time is used up."""
    measured: dict[str, list[float]] = {name: [] for name in turns}
    start, n_turns = time.perf_counter(), 0
    while n_turns < FEWEST_TURNS or (n_turns < MOST_TURNS and time.perf_counter() - start < seconds):
        for name, turn in turns.items():
            time.sleep(PAUSE_SECONDS)
            measured[name].append(turn())
        n_turns += 1
    return measured


def assert_same_learning(workload: Workload, peers: dict[str, Peer]) -> dict[str, dict[str, float]]:
    """Demand that all libraries, given the samples in order, end with the reference's loss and close to its parameters.

    Returns
    -------
    dict
        For each library, its loss and its drift: |theta - theta_reference| / |theta_reference - theta_start|.
    """
    references: dict[Workload, tuple[NDArray[np.float32], float]] = {}
    agreement = {}
    for name, peer in peers.items():
        if peer.workload not in references:  # a library may only have a slightly different network
            references[peer.workload] = _trained(LIBRARIES[REFERENCE].prepare(peer.workload))
        expected, expected_loss = references[peer.workload]
        parameters, loss = references[peer.workload] if name == REFERENCE else _trained(peer)
        drift = relative_drift(parameters, expected, peer.start_parameters())
        if not (abs(loss - expected_loss) <= LOSS_TOLERANCE * abs(expected_loss) and drift <= DRIFT_TOLERANCE):
            raise AssertionError(
                f"{workload.name}: {name} ends with a loss of {loss:.8g} and {REFERENCE} with {expected_loss:.8g}; they "
                f"may differ by a factor of 1 +- {LOSS_TOLERANCE:.1g}. Their parameters are {drift:.2g} of the way that "
                f"training took apart; {DRIFT_TOLERANCE:g} is allowed. Nothing was timed."
            )
        agreement[name] = {"loss": loss, "drift": drift}
    return agreement


def _trained(peer: Peer) -> tuple[NDArray[np.float32], float]:
    """Parameters after the workload's epochs on samples in order, and the loss that fastnn's reference finds for them."""
    peer.reset()
    peer.train(peer.workload.epochs, shuffle=False)
    network, data = peer.workload.network("numpy"), peer.workload.data()
    network.parameters[:] = peer.parameters()
    return network.parameters.copy(), network.evaluate(data.X, data.y)


def relative_drift(parameters: NDArray, expected: NDArray, start: NDArray) -> float:
    """|parameters - expected| / |expected - start|, Euclidean norms in double precision."""
    theta, theta_expected, theta_start = (np.asarray(vector, np.float64) for vector in (parameters, expected, start))
    return float(np.linalg.norm(theta - theta_expected) / np.linalg.norm(theta_expected - theta_start))


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
def main(output: Path, names: tuple[str, ...]) -> None:
    """Measure the named workloads, all by default, on this process's processors; write the results to OUTPUT."""
    results = []
    for workload in WORKLOADS:
        if names and workload.name not in names:
            continue
        results.append(measure(workload, list(installed())))
        times = ", ".join(f"{name} {peer['milliseconds_per_epoch']:.4g}" for name, peer in results[-1]["peers"].items())
        peak = results[-1]["peers"][SUBJECT]["useful_gflops"] / results[-1]["peak_gflops"]
        click.echo(f"{available_cpus()} x {workload.name}, ms per epoch: {times}; {peak:.0%} of peak")
    output.write_text(json.dumps({"processors": available_cpus(), "workloads": results}), encoding="utf-8")


if __name__ == "__main__":
    main()
