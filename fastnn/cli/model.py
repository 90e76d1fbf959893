"""Creating and loading models for the command line."""

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.archives import fitting
from fastnn.cli.checks import kind_of_file
from fastnn.cli.table_model import TableModel
from fastnn.cli.training import Plan
from fastnn.datasets import Dataset
from fastnn.model import Model, Scaling
from fastnn.network import Network
from fastnn.serialization import load, load_metadata


def make_model(plan: Plan, network: Network, features: Any, targets: Any) -> Model:
    """A model of a network for a data set, with the StandardScaler of its features and of its targets, or None."""
    dataset = plan.dataset
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
        seed=plan.design.seed,
        baseline=baseline(dataset, plan.parts.train.y),
    )


def _scaling(scaler: Any) -> Scaling | None:
    """The scaling of a fitted StandardScaler, or None."""
    return None if scaler is None else Scaling(scaler.mean_, scaler.scale_)


def baseline(dataset: Dataset, y: np.ndarray) -> str | float:
    """The most frequent class, or the mean, of the training targets."""
    if dataset.class_names is None:
        return float(np.mean(y))
    return dataset.class_names[np.bincount(y).argmax()]


def load_model(path: Path, backend: str, n_threads: int | None) -> Model | TableModel:
    """Load a model, or a network or RealMLP saved from Python, possibly with some of a model's metadata."""
    if kind_of_file(path) == "checkpoint":
        raise ValueError(
            f"{path} is a checkpoint, for resuming training; the model is the file saved at the end of training."
        )
    saved = load(path, backend=backend, n_threads=n_threads)
    if isinstance(saved, Model):
        return saved
    with fitting(path):
        metadata = load_metadata(path)
        if isinstance(saved, Network):
            return Model.from_metadata(saved, metadata)
        return TableModel.from_metadata(saved, metadata)
