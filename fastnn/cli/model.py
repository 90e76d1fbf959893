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
    """Mean and standard deviation of each column."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, scaler: Any) -> "Scaling | None":
        """That of a fitted StandardScaler of scikit-learn's, if there is one."""
        return None if scaler is None else cls(scaler.mean_, scaler.scale_)


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
    dropped: tuple[int, ...] = ()
    decimal: str | None = None
    seed: int = 0

    @classmethod
    def of(cls, dataset: Dataset, network: Network, features: Any, targets: Any, seed: int) -> "Model":
        """A network for a data set, with the StandardScaler of its features and that of its targets, or None."""
        return cls(
            network,
            features=Scaling.of(features),
            targets=Scaling.of(targets),
            class_names=dataset.class_names,
            feature_names=dataset.feature_names,
            target_name=dataset.target_name,
            target_index=dataset.target_index,
            dropped=dataset.dropped,
            decimal=dataset.decimal,
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
    def has_two_classes(self) -> bool:
        """Whether a single output is the probability of the second of two classes, whose names are known."""
        return self.class_names is not None and len(self.class_names) == 2 > self.network.architecture.n_outputs

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

    def prepared(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features and targets as the network takes them."""
        return self.inputs(X), self.outputs(y)

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Probability of each class, or what the outputs are where they have no names."""
        A = self.network.forward(inputs)
        return np.hstack([1 - A, A]) if self.has_two_classes else A

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Predictions of the network, in the unit of the targets."""
        predictions = self.network.predict(inputs)
        return predictions if self.targets is None else predictions * self.targets.scale + self.targets.mean

    def save(self, path: Path) -> None:
        """Write everything to one file."""
        metadata: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("class_names", "feature_names", "target_name", "target_index", "dropped", "decimal", "seed")
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
            class_names=_saved_names(path, metadata, "class_names", _n_class_names(network, metadata)),
            feature_names=_saved_names(path, metadata, "feature_names", n_features),
            target_name=_saved(path, metadata, "target_name", str),
            target_index=_saved(path, metadata, "target_index", int),
            dropped=tuple(_saved(path, metadata, "dropped", list) or ()),
            decimal=_saved(path, metadata, "decimal", str),
            seed=_saved(path, metadata, "seed", int) or 0,
        )


def _saved_scaling(path: Path, metadata: dict[str, Any], name: str, n_columns: int) -> Scaling | None:
    mean, scale = metadata.get(f"{name}_mean"), metadata.get(f"{name}_scale")
    if mean is None or scale is None:
        return None
    if np.shape(mean) != (n_columns,) or np.shape(scale) != (n_columns,):
        raise ValueError(f"{path}: {name}_mean and {name}_scale must have {n_columns} numbers each.")
    mean, scale = _finite_numbers(path, f"{name}_mean", mean), _finite_numbers(path, f"{name}_scale", scale)
    if scale.min() <= 0:
        raise ValueError(f"{path}: {name}_scale must be positive, got {scale.min():g}.")
    return Scaling(mean, scale)


def _finite_numbers(path: Path, name: str, values: Any) -> np.ndarray:
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf" or not np.isfinite(numbers).all():
        raise ValueError(f"{path}: {name} must be finite numbers.")
    return numbers


def _saved(path: Path, metadata: dict[str, Any], name: str, kind: type) -> Any:
    """A piece of metadata of that type; None if there is none."""
    value = metadata.get(name)
    if value is not None and type(value) is not kind:
        raise ValueError(f"{path}: {name} must be of type {kind.__name__}, got {value!r}.")
    return value


def _n_class_names(network: Network, metadata: dict[str, Any]) -> int:
    """One for each output; or two, where a single one is the probability of the second class."""
    n_outputs, names = network.architecture.n_outputs, metadata.get("class_names") or ()
    return 2 if n_outputs == 1 and np.shape(names) == (2,) and network.architecture.loss.classifies else n_outputs


def _saved_names(path: Path, metadata: dict[str, Any], name: str, n_names: int) -> tuple[str, ...] | None:
    names = _saved(path, metadata, name, list)
    if names is not None and len(names) != n_names:
        raise ValueError(f"{path}: {name} must have {n_names} names, got {len(names)}.")
    return None if names is None else tuple(str(each) for each in names)
