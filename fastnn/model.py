"""A network together with the scaling of its features and targets, and the names of its classes and columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastnn.losses import Loss
from fastnn.network import Network
from fastnn.portable import Portable
from fastnn.validation import check_feature_shape

#: Attributes of a model saved as JSON; scaling and hashes are saved as arrays.
PLAIN = ("class_names", "feature_names", "target_name", "target_index", "dropped", "decimal", "seed", "baseline")

#: Entries of the metadata that describe the table a model was trained on, and not its features and classes.
TABLE_ENTRIES = ("target_name", "target_index", "dropped", "decimal", "seed", "baseline", "trained_rows")


class Scaling(NamedTuple):
    """Mean and standard deviation of each column."""

    mean: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True, eq=False)
class Model(Portable):
    """A network whose features and predictions are in the units of the table it was trained on.

    Features are standardised, (x - mean) / scale, before they reach the network; outputs are scaled back to the units of
    the targets in float64; classes are returned by name. ``fastnn train`` saves models, and `fastnn.load` returns them.

    Attributes
    ----------
    network : Network
        Takes standardised features, and returns class indices or standardised targets.
    features, targets : Scaling or None
        Mean and scale of each feature and each target; None if they are not scaled.
    class_names : tuple of str or None
        Name of each class, in the order of the outputs.
    feature_names : tuple of str or None
        Name of each column of X, if the table had names.
    target_name : str or None
        Name of the target, if the table had names.
    target_index : int or None
        Position of the target among the columns of the table, if it was one of them.
    dropped : tuple of int
        Positions of the columns of the table that were left out.
    decimal : str or None
        Decimal separator of the table, if known.
    seed : int
        Seed used in training.
    baseline : str, float or None
        Baseline prediction: the most frequent class, or the mean of the targets, in the training samples.
    trained_rows : ndarray of uint64 or None
        Sorted hashes of the training samples' features, by which ``fastnn predict`` recognises them.

    Examples
    --------
    >>> model = fastnn.load("iris-model.safetensors")
    >>> model.predict([[5.1, 3.5, 1.4, 0.2]])
    array(['setosa'], dtype=object)
    """

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
    baseline: str | float | None = None
    trained_rows: np.ndarray | None = None

    def predict(self, X: Any) -> np.ndarray:
        """Predict class names, or numbers in the units of the targets.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Features in the units of the training data. If the model has feature names, the columns of a DataFrame are
            selected by name.

        Returns
        -------
        ndarray
            Class names (n_samples,), as integers if they all are integers; or numbers (n_samples,), or
            (n_samples, n_outputs) for several outputs, in float64 if the targets were scaled. Without class names, the
            same as `Network.predict`.
        """
        predictions = self.network.predict(self.inputs(X))
        if self.predicts_names:
            return np.asarray(self.labels[predictions])
        if self.loss.classifies:
            return predictions
        numbers = predictions if self.targets is None else predictions * self.targets.scale + self.targets.mean
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            As for `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `class_names`; without class names, the outputs of the network.

        Raises
        ------
        ValueError
            If the model predicts numbers.
        """
        if not self.loss.classifies:
            raise ValueError(f"predict_proba needs classes, and this model predicts numbers ({self.loss.name}).")
        A = self.network.forward(self.inputs(X))
        return np.hstack([1 - A, A]) if self.has_two_classes else A

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.network.architecture.n_inputs

    @property
    def loss(self) -> Loss:
        """Loss of the network, which determines the kind of its predictions."""
        return self.network.architecture.loss

    @property
    def has_two_classes(self) -> bool:
        """Whether the single output is the probability of the second of two named classes."""
        return self.class_names is not None and len(self.class_names) == 2 > self.network.architecture.n_outputs

    @property
    def predicts_names(self) -> bool:
        """Whether predictions are class names, one per sample."""
        return self.class_names is not None and (self.loss.targets == "classes" or self.has_two_classes)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Class names, or else the positions of the outputs."""
        return self.class_names or tuple(str(k) for k in range(self.network.architecture.n_outputs))

    @property
    def labels(self) -> np.ndarray:
        """Class names; integers if they all are, as ``0, 1, 2`` but not ``007``."""
        return class_labels(self.output_names)

    def inputs(self, X: Any) -> np.ndarray:
        """Standardised features, in the dtype of the network."""
        X = check_feature_shape(self._columns(X), self.n_features, np.dtype(np.float64))
        if self.features is not None:
            X = (X - self.features.mean) / self.features.scale
        return np.asarray(X, self.network.dtype)

    def _columns(self, X: Any) -> Any:
        """The columns of a DataFrame that the model was trained on."""
        if self.feature_names is None or not hasattr(X, "columns"):
            return X
        missing = [name for name in self.feature_names if name not in X.columns]
        if missing:
            more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
            raise ValueError(f"X lacks columns that the model was trained on: {', '.join(missing[:10])}{more}.")
        return X[list(self.feature_names)]

    def outputs(self, y: np.ndarray) -> np.ndarray:
        """Standardised targets, in the dtype of the network."""
        if self.targets is None:
            return y
        return np.asarray((y[:, np.newaxis] - self.targets.mean) / self.targets.scale, self.network.dtype)

    def to_metadata(self) -> dict[str, Any]:
        """Everything except the network, as metadata for a file."""
        metadata = {name: getattr(self, name) for name in PLAIN}
        for name, scaling in (("features", self.features), ("targets", self.targets)):
            if scaling is not None:
                metadata |= {f"{name}_mean": scaling.mean, f"{name}_scale": scaling.scale}
        return metadata if self.trained_rows is None else metadata | {"trained_rows": self.trained_rows}

    @classmethod
    def from_metadata(cls, network: Network, metadata: dict[str, Any]) -> "Model":
        """A model from a network and the metadata in a file, any of which may be missing.

        Raises
        ------
        ValueError
            If the metadata do not fit the network.
        """
        n_features, n_outputs = network.architecture.n_inputs, network.architecture.n_outputs
        return cls(
            network,
            features=_saved_scaling(metadata, "features", n_features),
            targets=_saved_scaling(metadata, "targets", n_outputs),
            class_names=_saved_names(metadata, "class_names", _n_class_names(network, metadata)),
            feature_names=_saved_names(metadata, "feature_names", n_features),
            **table_entries(metadata),
        )


def table_entries(metadata: dict[str, Any]) -> dict[str, Any]:
    """The `TABLE_ENTRIES` of the metadata in a file, any of which may be missing; ValueError if they are not valid."""
    return {
        "target_name": _saved(metadata, "target_name", str),
        "target_index": _saved(metadata, "target_index", int),
        "dropped": _saved_positions(metadata, "dropped"),
        "decimal": _saved_decimal(metadata),
        "seed": _saved(metadata, "seed", int) or 0,
        "baseline": _saved(metadata, "baseline", str | float | int),
        "trained_rows": _saved_hashes(metadata),
    }


def class_labels(names: Sequence[str]) -> np.ndarray:
    """Class names as objects; as integers if they all are, as ``0, 1, 2`` but not ``007``."""
    if all(_is_integer(name) for name in names):
        return np.array([int(name) for name in names])
    return np.array(names, dtype=object)


def _is_integer(name: str) -> bool:
    """Whether a name is the decimal representation of a 64-bit integer."""
    return len(name) < 19 and name.removeprefix("-").isdecimal() and name == str(int(name))


def _saved(metadata: dict[str, Any], name: str, kind: Any) -> Any:
    value = metadata.get(name)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise ValueError(f"{name} must be of type {getattr(kind, '__name__', kind)}, got {value!r}")
    return value


def _saved_scaling(metadata: dict[str, Any], name: str, n_columns: int) -> Scaling | None:
    mean, scale = metadata.get(f"{name}_mean"), metadata.get(f"{name}_scale")
    if mean is None or scale is None:
        return None
    if np.shape(mean) != (n_columns,) or np.shape(scale) != (n_columns,):
        raise ValueError(f"{name}_mean and {name}_scale must have {n_columns} numbers each")
    try:
        scaling = Scaling(np.asarray(mean, np.float64), np.asarray(scale, np.float64))
    except OverflowError:
        raise ValueError(f"{name}_mean and {name}_scale must be finite") from None
    if not (np.isfinite(scaling).all() and (scaling.scale > 0).all()):
        raise ValueError(f"{name}_mean and {name}_scale must be finite, and scales positive")
    return scaling


def _n_class_names(network: Network, metadata: dict[str, Any]) -> int:
    """One name per output, or two for a single output that is the probability of the second class."""
    n_outputs, names = network.architecture.n_outputs, metadata.get("class_names", ())
    return 2 if n_outputs == 1 and network.architecture.loss.classifies and np.shape(names) == (2,) else n_outputs


def _saved_names(metadata: dict[str, Any], name: str, n_names: int) -> tuple[str, ...] | None:
    names = metadata.get(name)
    if names is None:
        return None
    if not isinstance(names, list | np.ndarray) or np.ndim(names) != 1:
        raise ValueError(f"{name} must be a list of names")
    if len(names) != n_names:
        raise ValueError(f"{name} must have {n_names} names, got {len(names)}")
    return tuple(str(each) for each in names)


def _saved_positions(metadata: dict[str, Any], name: str) -> tuple[int, ...]:
    positions = _saved(metadata, name, list) or []
    if not all(type(position) is int and position >= 0 for position in positions):
        raise ValueError(f"{name} must be a list of positions")
    return tuple(positions)


def _saved_decimal(metadata: dict[str, Any]) -> str | None:
    decimal: str | None = _saved(metadata, "decimal", str)
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal must be '.' or ',', got {decimal!r}")
    return decimal


def _saved_hashes(metadata: dict[str, Any]) -> np.ndarray | None:
    hashes = metadata.get("trained_rows")
    if hashes is not None and (not isinstance(hashes, np.ndarray) or hashes.dtype != np.uint64 or hashes.ndim != 1):
        raise ValueError("trained_rows must be a vector of 64-bit hashes")
    return hashes
