"""Models as the command line makes and reads them."""

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.archives import fitting
from fastnn.cli.checks import kind_of_file
from fastnn.cli.parts import Parts
from fastnn.cli.training import Design
from fastnn.datasets import Dataset
from fastnn.model import Model, Scaling
from fastnn.network import Network
from fastnn.serialization import load, load_metadata


def make_model(dataset: Dataset, parts: Parts, design: Design, network: Network, features: Any, targets: Any) -> Model:
    """A network for a data set, with the StandardScaler of its features and that of its targets, or None."""
    return Model(
        network,
        features=_scaling(features),
        targets=_scaling(targets),
        class_names=dataset.class_names,
        feature_names=dataset.feature_names,
        target_name=dataset.target_name,
        target_index=dataset.target_index,
        dropped=dataset.dropped,
        decimal=dataset.decimal,
        seed=design.seed,
        baseline=_baseline(dataset, parts.train.y),
    )


def _scaling(scaler: Any) -> Scaling | None:
    """That of a fitted StandardScaler, if there is one."""
    return None if scaler is None else Scaling(scaler.mean_, scaler.scale_)


def _baseline(dataset: Dataset, y: np.ndarray) -> str | float:
    """The most frequent class, or the mean, of the targets that are trained on."""
    if dataset.class_names is None:
        return float(np.mean(y))
    return dataset.class_names[np.bincount(y).argmax()]


def load_model(path: Path, backend: str, n_threads: int | None) -> Model:
    """Read a model, or a network that was saved from Python with any of the names and scales that models have."""
    if kind_of_file(path) == "checkpoint":
        raise ValueError(
            f"{path} is a checkpoint, from which a training goes on; the model is the file that it saves at its end."
        )
    saved = load(path, backend=backend, n_threads=n_threads)
    if isinstance(saved, Model):
        return saved
    with fitting(path):
        return Model.from_metadata(saved, load_metadata(path))
