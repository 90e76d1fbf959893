"""Standardised targets of a regression."""

from typing import NamedTuple, Self

import numpy as np


class TargetScale(NamedTuple):
    """Mean, standard deviation and range of each target; all ndarrays of float64, of shape (n_targets,)."""

    means: np.ndarray
    deviations: np.ndarray
    minima: np.ndarray
    maxima: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray) -> Self:
        """The scale of targets (n_rows, n_targets). The deviation of a target that is always the same is 1.

        ValueError if a target reaches over more than the largest float.
        """
        minima, maxima = y.min(axis=0), y.max(axis=0)
        with np.errstate(over="ignore"):
            if not np.isfinite(maxima - minima).all():
                raise ValueError(f"y reaches from {minima.min():g} to {maxima.max():g}: rescale it to smaller numbers.")
        peaks = np.maximum(np.abs(minima), np.abs(maxima))
        relative = y / np.where(peaks > 0, peaks, 1.0)  # squares of the targets may overflow, or underflow
        is_constant = minima == maxima
        means = np.where(is_constant, minima, relative.mean(axis=0) * peaks)
        return cls(means, np.where(is_constant, 1.0, relative.std(axis=0) * peaks), minima, maxima)

    def extended_to(self, y: np.ndarray) -> Self:
        """The same mean and deviation, with a range that includes further targets."""
        return self._replace(
            minima=np.minimum(self.minima, y.min(axis=0)), maxima=np.maximum(self.maxima, y.max(axis=0))
        )

    def standardized(self, y: np.ndarray) -> np.ndarray:
        """(y - mean) / deviation, float32."""
        return np.asarray((y - self.means) / self.deviations, np.float32)

    def in_units(self, outputs: np.ndarray, *, clips: bool) -> np.ndarray:
        """Standardised predictions in the units of y, float64; limited to the range if it `clips`."""
        predictions = outputs.astype(np.float64) * self.deviations + self.means
        return np.clip(predictions, self.minima, self.maxima) if clips else predictions
