"""What both estimators share: input validation, training, and outputs."""

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn.batches import UNWEIGHTED
from fastnn.estimators.protocol import CallbackSupportMixin
from fastnn.estimators.samples import LabelledSamples
from fastnn.estimators.training import Training
from fastnn.portable import Portable, found
from fastnn.validation import check_dtype, check_not_masked


class MultilayerPerceptron(CallbackSupportMixin, Portable, Training):
    """Base of `MLPClassifier` and `MLPRegressor`."""

    def to_sklearn(self) -> Any:
        """scikit-learn's estimator with the same parameters, weights and state; see `fastnn.conversion.to_sklearn`."""
        return found("conversion", "to_sklearn")(self)

    def _validated(self, X: Any, y: Any, reset: bool, **options: Any) -> tuple[Any, Any]:
        """X and y after scikit-learn's validation, in `dtype` or in that of X.

        Data to be standardised are not rounded first: in single precision, Unix timestamps would lose their seconds.
        """
        for name, values in (("X", X), ("y", y)):
            check_not_masked(values, name)
        forced = None if self.dtype is None else check_dtype(self.dtype)
        dtype = (np.float64, np.float32) if forced is None or self.standardize else forced
        return validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=dtype, reset=reset, **options
        )

    def _as_samples(self, X: Any, y: Any, sample_weight: Any, name: str) -> LabelledSamples:
        """Validated features and targets, with their weights."""
        check_not_masked(sample_weight, "sample_weight")
        weights = UNWEIGHTED if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        return LabelledSamples(X.tocsr() if issparse(X) else X, self._encode(y, name), weights, y)

    def _features(self, X: Any) -> Any:
        """X as the network takes it; NaN and infinity are detected later, at no extra cost."""
        given, prepared = self.__dict__.get("_watched", (None, None))
        if given is not None and X is given:
            return prepared
        ready = (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == self.n_features_in_
            and X.dtype in (np.float32, np.float64)
            and not hasattr(self, "feature_names_in_")
        )
        if not ready:
            check_not_masked(X, "X")
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
            X = X.tocsr() if issparse(X) else X
        return self._scaled_features(X)

    def _outputs(self, X: Any) -> np.ndarray:
        """A_L of every sample, (n_samples, n_outputs_)."""
        if "coefs_" not in self.__dict__:
            check_is_fitted(self)
        network, features = self._synchronize(), self._features(X)
        try:
            return network.forward(features, n_threads=None if features.shape[0] == 1 else self._threads())
        except ValueError:
            validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)  # raises with scikit-learn's message
            raise

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
