"""Samples as passed to an estimator, together with what the kernels take."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from fastnn.training.samples import Samples
from fastnn.validation import as_csr, is_sparse


@dataclass(frozen=True)
class LabelledSamples(Samples):
    """Validated samples.

    Attributes
    ----------
    labels : ndarray
        Targets as passed by the user.
    raw : ndarray, CSR matrix or None
        Features before standardising; None if X is not standardised.
    """

    labels: Any
    raw: Any = None

    @property
    def given_X(self) -> Any:
        """Features before standardising."""
        return self.X if self.raw is None else self.raw

    def take(self, rows: np.ndarray) -> Self:
        """The samples in these rows."""
        raw = None if self.raw is None else self.raw[rows]
        return type(self)(self.X[rows], self.y[rows], self.weights_of(rows), self.labels[rows], raw)

    def standardized(self, X: Any, y: np.ndarray) -> Self:
        """The samples with standardised features and targets."""
        return replace(self, X=X, y=y, raw=self.X)

    def ready_for(self, dtype: np.dtype, rows: np.ndarray | None = None) -> Self:
        """The samples, or some rows of them, in the form the kernels expect: C-contiguous, of this dtype."""
        chosen = self if rows is None else self.take(rows)
        X = as_csr(chosen.X, dtype) if is_sparse(chosen.X) else np.ascontiguousarray(chosen.X, dtype)
        y = chosen.y if chosen.y.ndim == 1 else np.ascontiguousarray(chosen.y, dtype)
        return replace(chosen, X=X, y=y)
