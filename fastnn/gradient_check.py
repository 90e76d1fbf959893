"""Finite differences against backpropagation, parameter by parameter."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.network import Network
from fastnn.validation import check_number


@dataclass(frozen=True)
class ParameterCheck:
    """How one weight matrix or bias vector compares.

    Attributes
    ----------
    name : str
        ``"W1"``, ``"b1"``, ... counted from the first layer.
    max_absolute_error, max_relative_error : float
        Largest |numerical - analytical|, and largest such over max(|numerical|, |analytical|) + atol / rtol, which is
        at most rtol where the entry passes.
    n_failed, n_checked : int
        Entries beyond the tolerance, and entries.
    worst_index : tuple of int
        Where the tolerance is exceeded most, or approached closest.
    """

    name: str
    max_absolute_error: float
    max_relative_error: float
    n_failed: int
    n_checked: int
    worst_index: tuple[int, ...]


@dataclass(frozen=True)
class GradientReport:
    """Result of `check_gradients`: one entry per weight matrix and bias vector.

    Attributes
    ----------
    checks : tuple of ParameterCheck
        W1, b1, W2, b2, ...
    epsilon, rtol, atol : float
        As given to `check_gradients`.
    """

    checks: tuple[ParameterCheck, ...]
    epsilon: float
    rtol: float
    atol: float

    @property
    def ok(self) -> bool:
        """Whether every entry is within |numerical - analytical| <= atol + rtol max(|numerical|, |analytical|)."""
        return not any(check.n_failed for check in self.checks)

    @property
    def max_relative_error(self) -> float:
        """Largest relative error of all entries; at most `rtol` if and only if `ok`."""
        return max(check.max_relative_error for check in self.checks)

    def raise_if_failed(self) -> None:
        """Raise AssertionError with this report unless `ok`."""
        if not self.ok:
            raise AssertionError(f"Backpropagation and finite differences disagree.\n{self}")

    def __str__(self) -> str:
        lines = [f"{'':7}{'largest error':>15}{'relative':>12}{'failed':>16}"]
        for check in self.checks:
            failed = f"{check.n_failed} of {check.n_checked}"
            lines.append(f"{check.name:7}{check.max_absolute_error:15.2e}{check.max_relative_error:12.2e}{failed:>16}")
        verdict = "agree" if self.ok else "DISAGREE"
        lines.append(
            f"Backpropagation and central differences {verdict} "
            f"(epsilon {self.epsilon:g}, rtol {self.rtol:g}, atol {self.atol:g})."
        )
        return "\n".join(lines)


def check_gradients(
    network: Network,
    X: Any,
    y: Any,
    epsilon: float = 1e-5,
    rtol: float = 1e-4,
    atol: float = 1e-7,
    *,
    sample_weight: Any = None,
) -> GradientReport:
    """Compare the gradient of backpropagation with (L(theta + epsilon) - L(theta - epsilon)) / (2 epsilon).

    The network is left as it was; its `gradient` holds that of (X, y). Two losses are computed for every parameter, so
    keep network and data small. In float32 rounding alone gives errors near 1e-2: check in float64.

    Parameters
    ----------
    network : Network
        Any network, on either backend.
    X, y : array-like
        As for `Network.loss`.
    epsilon : float, default 1e-5
        Half the distance between the two points, positive. Truncation errs by about epsilon^2, rounding by about
        1e-16 L / epsilon.
    rtol, atol : float, default 1e-4 and 1e-7
        An entry passes if |numerical - analytical| <= atol + rtol max(|numerical|, |analytical|).
    sample_weight : array-like of shape (n_samples,), optional
        As for `Network.loss`.

    Returns
    -------
    GradientReport
        One entry per weight matrix and bias vector, and per vector of scales and of shifts.

    References
    ----------
    Bishop (2006), section 5.3.3, equation 5.69.
    """
    epsilon = check_number(epsilon, "epsilon", positive=True)
    rtol, atol = check_number(rtol, "rtol"), check_number(atol, "atol")
    statistics = network.statistics.copy()
    try:
        network.loss(X, y, sample_weight)
        analytical = network.backward().astype(np.float64)
        numerical = central_differences(network, X, y, epsilon, sample_weight)
    finally:
        network.statistics[:] = statistics  # which every loss of a batch moves
    views = zip(_named_views(network, numerical), _named_views(network, analytical), strict=True)
    checks = tuple(_compare(name, found, expected, rtol, atol) for (name, found), (_, expected) in views)
    return GradientReport(checks, epsilon, rtol, atol)


def central_differences(network: Network, X: Any, y: Any, epsilon: float, sample_weight: Any = None) -> np.ndarray:
    """(L(theta + epsilon e_p) - L(theta - epsilon e_p)) / (2 epsilon) for every parameter p; the parameters are put back."""
    parameters, before = network.parameters, network.parameters.copy()
    differences = np.empty(len(parameters))
    try:
        for p, value in enumerate(before):
            parameters[p] = value + epsilon
            above, step_up = network.loss(X, y, sample_weight), float(parameters[p])
            parameters[p] = value - epsilon
            below, step_down = network.loss(X, y, sample_weight), float(parameters[p])
            parameters[p] = value
            differences[p] = (above - below) / (step_up - step_down)
    finally:
        parameters[:] = before
        network.loss(X, y, sample_weight)
    return differences


def _named_views(network: Network, vector: np.ndarray) -> list[tuple[str, np.ndarray]]:
    architecture = network.architecture
    families = {
        "W": architecture.weight_views(vector),
        "b": architecture.bias_views(vector),
        "gamma": architecture.scale_views(vector),
        "beta": architecture.shift_views(vector),
    }
    names = [(f"{name}{l + 1}", views[l]) for l in range(architecture.n_layers) for name, views in families.items()]
    return [(name, view) for name, view in names if view.size]


def _compare(name: str, found: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> ParameterCheck:
    error = np.abs(found - expected)
    tolerance = atol + rtol * np.maximum(np.abs(found), np.abs(expected))
    excess = np.where(np.isnan(error), np.inf, error - tolerance)  # NaN fails
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(error == 0, 0.0, rtol * error / tolerance if rtol else error / tolerance)
    worst = np.unravel_index(np.argmax(excess), error.shape)
    return ParameterCheck(
        name,
        float(error.max()),
        float(relative.max()),
        int(np.sum(excess > 0)),
        error.size,
        tuple(int(position) for position in worst),
    )
