"""Small workloads, and saved results of the comparison with peers."""

from dataclasses import replace

import numpy as np

from benchmarks.peers.libraries import SUBJECT
from benchmarks.workloads.data import Data
from benchmarks.workloads.training import Training


def tiny_data(n_samples):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, 3)).astype(np.float32)
    return Data(X, (X[:, 0] > 0).astype(np.int64), "tiny")


def tiny_numbers(n_samples):
    X = tiny_data(n_samples).X
    return Data(X, np.sin(X[:, :2]), "tiny numbers")


TINY = Training(
    name="tiny",
    layer_sizes=(3, 5, 2),
    activations=("relu", "softmax"),
    loss="softmax_cross_entropy",
    n_samples=23,
    batch_size=5,
    learning_rate=0.1,
    make_data=tiny_data,
    epochs=3,
)

#: Each loss and hidden activation in the table, with and without mini-batches.
TINY_WORKLOADS = (
    TINY,
    replace(TINY, name="all at once", batch_size=None),
    replace(
        TINY,
        name="one output",
        layer_sizes=(3, 4, 4, 1),
        activations=("sigmoid", "sigmoid", "sigmoid"),
        loss="binary_cross_entropy",
        learning_rate=1.0,
    ),
    replace(
        TINY,
        name="numbers",
        layer_sizes=(3, 5, 2),
        activations=("tanh", "identity"),
        loss="squared_error",
        make_data=tiny_numbers,
    ),
)


def peer_result(milliseconds, gflops=1.0, network="3-5-2 relu"):
    return {"network": network, "milliseconds_per_epoch": milliseconds, "useful_gflops": gflops}


def workload_result(name="tiny", batch_size=5, momentum=0.0, **peers):
    return {
        "name": name,
        "network": "3-5-2 relu",
        "n_samples": 1797,
        "batch_size": batch_size,
        "momentum": momentum,
        "adam": False,
        "data": name,
        "peak_gflops": 100.0,
        "copy_gigabytes_per_second": 20.0,
        "peers": {"PyTorch": peer_result(30.0), SUBJECT: peer_result(12.0, 45.0), **peers},
    }


def saved_results(*workloads, missing=()):
    return {
        "machine": {"date": "2026-01-02", "processor": "cpu", "dtype": "float32", "python": "3", "fastnn": "0"},
        "versions": {"PyTorch": "2", SUBJECT: "1"},
        "missing": list(missing),
        "runs": [{"processors": n, "workloads": list(workloads)} for n in (1, 4)],
    }
