"""The description of a training run, which must match for it to resume from a checkpoint."""

import zlib
from dataclasses import asdict
from typing import Any

import numpy as np

from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule
from fastnn.training.callbacks import stateful
from fastnn.training.options import FitOptions
from fastnn.training.run import Run
from fastnn.training.samples import Samples
from fastnn.validation import is_sparse

#: Maximum number of rows of X in its checksum.
ROWS_PER_CHECKSUM = 256


def describe_run(
    run: Run, samples: Samples, optimizer: Optimizer, schedule: Schedule, batch_size: int, options: FitOptions
) -> dict[str, Any]:
    """The description of a training run, by name, in JSON types."""
    return {
        **_describe_network(run),
        "optimizer": {"class": type(optimizer).__name__} | asdict(optimizer),
        "schedule": repr(schedule),
        "weight_decay_schedule": repr(options.weight_decay_schedule),
        "dropout_schedule": repr(options.dropout_schedule),
        **_describe_samples(samples),
        "number of validation samples": None if run.validation is None else len(run.validation.samples),
        "callbacks": [str(callback) for callback in stateful(run.callbacks)],
        "batch_size": batch_size,
        "shuffle": options.shuffle,
        "drop_last": options.drop_last,
        "validation_fraction": options.validation_fraction,
    }


def _describe_network(run: Run) -> dict[str, Any]:
    network, architecture = run.network, run.network.architecture
    return {
        "layer sizes": architecture.layer_sizes,
        "activations": architecture.activations,
        "loss": repr(architecture.loss),
        "dtype": network.dtype.name,
        "random numbers from": type(network.random.bit_generator).__name__,
        "normalization": architecture.normalizations,
        "dropout": architecture.dropout,
        "parametric": architecture.parametric,
        "inputs": repr(architecture.inputs),
        "parametrization": architecture.parametrization,
    }


def _describe_samples(samples: Samples) -> dict[str, Any]:
    return {
        "number of samples": len(samples),
        "checksum of the weights of samples": zlib.crc32(samples.weights.data),
        "features of type": samples.X.dtype.name,
        "checksum of the features": _checksum_of_rows(samples.X),
        "checksum of the targets": zlib.crc32(np.ascontiguousarray(samples.y).data),
    }


def _checksum_of_rows(X: Any) -> int:
    """A checksum of evenly spaced rows, from the first to the last, because X may be huge."""
    rows = np.linspace(0, X.shape[0] - 1, min(X.shape[0], ROWS_PER_CHECKSUM)).astype(np.int64)
    if is_sparse(X):
        return zlib.crc32(X[rows].indices, zlib.crc32(X[rows].data))
    return zlib.crc32(np.ascontiguousarray(X[rows]).data)
