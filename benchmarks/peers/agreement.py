"""Checks that all libraries learn the same, made before any of them is timed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.agreement import assert_within
from benchmarks.peers.libraries import LIBRARIES, REFERENCE
from benchmarks.peers.peer import Peer
from benchmarks.workloads.training import DRIFT_TOLERANCE, LOSS_TOLERANCE, Training, relative_drifts

#: Parameters after training, and their loss computed by fastnn's reference.
Outcome = tuple[NDArray[np.float32], float]


def assert_same_learning(workload: Training, peers: Mapping[str, Peer]) -> dict[str, dict[str, float]]:
    """Require that all libraries, given the samples in order, end with the reference's loss and close to its parameters.

    Returns
    -------
    dict
        For each library, its loss and its drift: |theta - theta_reference| / |theta_reference - theta_start|.
    """
    references: dict[Training, Outcome] = {}
    agreement = {}
    for name, peer in peers.items():
        if peer.workload not in references:  # some libraries support only a slightly different network
            references[peer.workload] = _outcome(LIBRARIES[REFERENCE].prepare(peer.workload))
        expected = references[peer.workload]
        outcome = expected if name == REFERENCE else _outcome(peer)
        agreement[name] = _assert_same_outcome(workload.name, name, outcome, expected, peer.start_parameters())
    return agreement


def _assert_same_outcome(
    what: str, name: str, outcome: Outcome, expected: Outcome, start: NDArray[Any]
) -> dict[str, float]:
    (parameters, loss), (expected_parameters, expected_loss), pair = outcome, expected, (REFERENCE, name)
    drift = float(relative_drifts(parameters, expected_parameters, start))
    assert_within(what, "losses", pair, abs(loss / expected_loss - 1), LOSS_TOLERANCE)
    assert_within(what, "parameters", pair, drift, DRIFT_TOLERANCE)
    return {"loss": loss, "drift": drift}


def _outcome(peer: Peer) -> Outcome:
    """The result of the workload's epochs on samples in order."""
    peer.reset()
    peer.train(peer.workload.epochs, shuffle=False)
    network, data = peer.workload.network("numpy"), peer.workload.data()
    network.parameters[:] = peer.parameters()
    return network.parameters.copy(), network.evaluate(data.X, data.y)
