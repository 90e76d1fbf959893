"""A RealMLP estimator with what the command line knows about its table."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.losses import Loss
from fastnn.model import TABLE_ENTRIES, Scaling, table_entries
from fastnn.network import Network
from fastnn.tabular.columns import CategoryEncoding


@dataclass(frozen=True, eq=False)
class TableModel:
    """An estimator in the manner of `fastnn.Model`, whose attributes of the same names mean the same.

    Attributes
    ----------
    estimator : RealMLPClassifier or RealMLPRegressor
        Takes the columns of the table.
    """

    estimator: Any
    target_name: str | None = None
    target_index: int | None = None
    dropped: tuple[int, ...] = ()
    decimal: str | None = None
    seed: int = 0
    baseline: str | float | None = None
    trained_rows: np.ndarray | None = None

    @classmethod
    def from_metadata(cls, estimator: Any, metadata: dict[str, Any]) -> "TableModel":
        """A model from an estimator and the metadata in a file; ValueError if they are not of the right types."""
        return cls(estimator, **table_entries(metadata))

    def to_metadata(self) -> dict[str, Any]:
        """Everything except the estimator."""
        entries = {name: getattr(self, name) for name in TABLE_ENTRIES}
        return {name: value for name, value in entries.items() if name != "trained_rows" or value is not None}

    def predict(self, X: Any) -> np.ndarray:
        """Classes or numbers."""
        return np.asarray(self.estimator.predict(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class."""
        return np.asarray(self.estimator.predict_proba(X))

    def encoded(self, X: Any) -> np.ndarray:
        """The rows in numbers."""
        return np.asarray(self.estimator.encoder_.transform(X))

    @property
    def network(self) -> Network:
        """One of the networks."""
        network: Network = self.estimator.networks_[0]
        return network

    @property
    def loss(self) -> Loss:
        """Loss of the networks."""
        return self.network.architecture.loss

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return int(self.estimator.n_features_in_)

    @property
    def kinds(self) -> dict[str, bool]:
        """For each column by name, whether it holds words; empty if columns have no names."""
        if self.estimator.encoder_.names is None:
            return {}
        return {
            each.column.name: isinstance(each, CategoryEncoding) and each.levels.is_text
            for each in self.estimator.encoder_.encodings
        }

    @property
    def predicts_names(self) -> bool:
        """Whether it predicts classes."""
        return self.loss.classifies

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the classes, or positions of the outputs."""
        if self.predicts_names:
            return tuple(str(label) for label in self.estimator.classes_)
        return tuple(str(k) for k in range(len(self.estimator.target_means_)))

    @property
    def labels(self) -> np.ndarray:
        """The classes."""
        return np.asarray(self.estimator.classes_)

    @property
    def targets(self) -> Scaling | None:
        """Mean and scale of the targets of a regression."""
        if self.predicts_names:
            return None
        return Scaling(self.estimator.target_means_, self.estimator.target_deviations_)
