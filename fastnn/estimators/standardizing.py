"""Standardisation of features and targets to mean 0 and variance 1."""

import copy
from typing import Any

from scipy.sparse import issparse

from fastnn.estimators.network import NetworkBehind
from fastnn.estimators.samples import LabelledSamples
from fastnn.scaling import ColumnScaler


class Standardizing(NetworkBehind):
    """An estimator that can standardise its data."""

    def _standardizes(self, what: str) -> bool:
        """Whether to standardise "features" or the "target"."""
        return self.standardize == what if isinstance(self.standardize, str) else bool(self.standardize)

    def _forget_scalers(self) -> None:
        """Remove scalers that are no longer used."""
        for name, what in (("feature_scaler_", "features"), ("target_scaler_", "target")):
            if not self._standardizes(what):
                self.__dict__.pop(name, None)

    def _fit_scalers(self, samples: LabelledSamples, incremental: bool) -> None:
        """Fit mean and variance of the training data, over all calls of `partial_fit`; a warm start keeps its scalers."""
        if self._standardizes("features"):
            new = ColumnScaler(with_mean=not issparse(samples.X))
            self._fit_scaler("feature_scaler_", new, samples.X, samples.sample_weight, incremental)

    def _fit_scaler(self, name: str, new: Any, numbers: Any, sample_weight: Any, incremental: bool) -> None:
        known = self.__dict__.get(name)
        if known is None or incremental:
            scaler = new.set_output(transform="default") if known is None else copy.deepcopy(known)
            setattr(self, name, scaler.partial_fit(numbers, sample_weight=sample_weight))

    def _scaled(self, samples: LabelledSamples) -> LabelledSamples:
        """The samples, standardised."""
        return samples.standardized(self._scaled_features(samples.X), samples.y)

    def _scaled_features(self, X: Any) -> Any:
        if "feature_scaler_" not in self.__dict__:
            return X
        scaled = self.feature_scaler_.transform(X)
        return scaled.astype(X.dtype, copy=False) if X.dtype.kind == "f" else scaled
