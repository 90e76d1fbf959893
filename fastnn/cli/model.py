"""A trained network with what its data went through."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastnn.cli.checks import kind_of_file
from fastnn.datasets import Dataset
from fastnn.losses import Loss
from fastnn.network import Network
from fastnn.serialization import load, load_metadata, save


class Scaling(NamedTuple):
    """Mean and standard deviation of each column, as scikit-learn's StandardScaler finds them."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray) -> "Scaling":
        """The scaling that brings each column to mean 0 and standard deviation 1."""
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(X)
        return cls(scaler.mean_, scaler.scale_)


@dataclass(frozen=True)
class Model:
    """A network, the scaling of its features and targets, and the names of classes and columns."""

    network: Network
    features: Scaling | None = None
    targets: Scaling | None = None
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    target_index: int | None = None
    seed: int = 0

    @classmethod
    def untrained(
        cls, network: Network, dataset: Dataset, X: np.ndarray, y: np.ndarray, standardize: bool | None, seed: int
    ) -> "Model":
        """A model still to be trained, with scales from the training part (X, y) of a data set."""
        standardize = dataset.standardize if standardize is None else standardize
        return cls(
            network,
            features=Scaling.fit(X) if standardize else None,
            targets=Scaling.fit(y[:, np.newaxis]) if standardize and dataset.task == "regression" else None,
            class_names=dataset.class_names,
            feature_names=dataset.feature_names,
            target_name=dataset.target_name,
            target_index=dataset.target_index,
            seed=seed,
        )

    @property
    def n_features(self) -> int:
        """Features that the network takes."""
        return self.network.architecture.n_inputs

    @property
    def loss(self) -> Loss:
        """Loss of the network, which says what its predictions are."""
        return self.network.architecture.loss

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the classes, or positions of the outputs."""
        return self.class_names or tuple(str(k) for k in range(self.network.architecture.n_outputs))

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Features as the network takes them."""
        if self.features is not None:
            X = (X - self.features.mean) / self.features.scale
        return np.asarray(X, self.network.dtype)

    def outputs(self, y: np.ndarray) -> np.ndarray:
        """Targets as the network takes them."""
        if self.targets is None:
            return y
        return np.asarray((y[:, np.newaxis] - self.targets.mean) / self.targets.scale, self.network.dtype)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Predictions of the network, in the unit of the targets."""
        predictions = self.network.predict(inputs)
        return predictions if self.targets is None else predictions * self.targets.scale + self.targets.mean

    def save(self, path: Path) -> None:
        """Write everything to one file."""
        metadata: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("class_names", "feature_names", "target_name", "target_index", "seed")
        }
        for name, scaling in (("features", self.features), ("targets", self.targets)):
            if scaling is not None:
                metadata |= {f"{name}_mean": scaling.mean, f"{name}_scale": scaling.scale}
        save(self.network, path, **metadata)

    @classmethod
    def load(cls, path: Path, backend: str, n_threads: int | None) -> "Model":
        """Read a model; one that was saved from Python need not have any of the names and scales."""
        if kind_of_file(path) == "checkpoint":
            raise ValueError(
                f"{path} is a checkpoint, from which a training goes on; the model is the file that it saves at its end."
            )
        network, metadata = load(path, backend=backend, n_threads=n_threads), load_metadata(path)
        n_features, n_outputs = network.architecture.n_inputs, network.architecture.n_outputs
        return cls(
            network,
            features=_saved_scaling(path, metadata, "features", n_features),
            targets=_saved_scaling(path, metadata, "targets", n_outputs),
            class_names=_saved_names(path, metadata, "class_names", n_outputs),
            feature_names=_saved_names(path, metadata, "feature_names", n_features),
            target_name=metadata.get("target_name"),
            target_index=metadata.get("target_index"),
            seed=metadata.get("seed", 0),
        )


def _saved_scaling(path: Path, metadata: dict[str, Any], name: str, n_columns: int) -> Scaling | None:
    mean, scale = metadata.get(f"{name}_mean"), metadata.get(f"{name}_scale")
    if mean is None or scale is None:
        return None
    if np.shape(mean) != (n_columns,) or np.shape(scale) != (n_columns,):
        raise ValueError(f"{path}: {name}_mean and {name}_scale must have {n_columns} numbers each.")
    return Scaling(np.asarray(mean), np.asarray(scale))


def _saved_names(path: Path, metadata: dict[str, Any], name: str, n_names: int) -> tuple[str, ...] | None:
    names = metadata.get(name)
    if names is not None and len(names) != n_names:
        raise ValueError(f"{path}: {name} must have {n_names} names, got {len(names)}.")
    return None if names is None else tuple(str(each) for each in names)
