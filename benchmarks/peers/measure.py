"""Interleaved timing of the libraries and of the machine's peak, on the processors of this process."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.harness.peak import copy_gigabytes_per_second, peak_gflops
from benchmarks.harness.turns import Rounds, medians, seconds_of, take_turns
from benchmarks.peers.agreement import assert_same_learning
from benchmarks.peers.libraries import LIBRARIES
from benchmarks.peers.peer import Peer
from benchmarks.settings import QUICK
from benchmarks.workloads.training import Training

ROUNDS = Rounds(1, 1) if QUICK else Rounds(3, 9, seconds=6.0)

#: Turns that measure the machine's peak.
SPEEDS: dict[str, Callable[[], float]] = {
    "peak_gflops": peak_gflops,
    "copy_gigabytes_per_second": copy_gigabytes_per_second,
}


def measure(workload: Training, names: Sequence[str], rounds: Rounds = ROUNDS) -> dict[str, Any]:
    """Check that the libraries learn the same, then time them and the machine's peak, interleaved; returns medians."""
    agreement = assert_same_learning(workload, _prepared(workload.comparable(), names))
    peers = _prepared(workload, names)
    for peer in peers.values():
        peer.reset()
        peer.train(1, shuffle=True)  # compiles what is timed
    measured = take_turns(SPEEDS | {name: peer_turn(peer) for name, peer in peers.items()}, rounds)
    middle = medians(measured)
    return {
        **workload.description,
        "momentum": workload.momentum,
        "adam": workload.adam,
        "turns": len(measured["peak_gflops"]),
        **{name: middle[name] for name in SPEEDS},
        "peers": {name: _summary(peer, measured[name]) | agreement[name] for name, peer in peers.items()},
    }


def peer_turn(peer: Peer) -> Callable[[], float]:
    """A turn of a library: seconds of the workload's epochs, samples shuffled, from its initial parameters."""

    def turn() -> float:
        peer.reset()
        return seconds_of(lambda: peer.train(peer.workload.epochs, shuffle=True))

    return turn


def _prepared(workload: Training, names: Sequence[str]) -> Mapping[str, Peer]:
    return {name: LIBRARIES[name].prepare(workload) for name in names}


def _summary(peer: Peer, seconds: list[float]) -> dict[str, Any]:
    return {"network": peer.workload.network_shape, **peer.workload.summary(seconds)}
