"""Creating and loading models for the command line."""

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.archives import fitting
from fastnn.cli.checks import kind_of_file
from fastnn.cli.table_model import TableModel
from fastnn.cli.training import Plan
from fastnn.datasets import Dataset
from fastnn.model import Model, Scaling, table_entries
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
    if scaler is None:
        return None
    return Scaling(scaler.mean_ if scaler.with_mean else np.zeros(len(scaler.scale_)), scaler.scale_)


def baseline(dataset: Dataset, y: np.ndarray) -> str | float:
    """The most frequent class, or the mean, of the training targets."""
    if dataset.class_names is None:
        return float(np.mean(y))
    return dataset.class_names[np.bincount(y).argmax()]


def model_of(estimator: Any, metadata: dict[str, Any]) -> Model:
    """The model of a fitted `MLPClassifier` or `MLPRegressor`, with what is known of its table."""
    scalers = (getattr(estimator, name, None) for name in ("feature_scaler_", "target_scaler_"))
    features, targets = map(_scaling, scalers)
    names, labels = getattr(estimator, "feature_names_in_", None), getattr(estimator, "classes_", None)
    return Model(
        estimator.network_,
        features=features,
        targets=targets,
        class_names=None if labels is None else tuple(map(str, labels)),
        feature_names=None if names is None else tuple(map(str, names)),
        **table_entries(metadata),
    )


def load_model(path: Path, backend: str, n_threads: int | None) -> Model | TableModel:
    """Load a model, or a network or estimator saved from Python, possibly with some of a model's metadata."""
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
        if type(saved).__name__ in ("MLPClassifier", "MLPRegressor"):
            return model_of(saved, metadata)
        return TableModel.from_metadata(saved, metadata)
