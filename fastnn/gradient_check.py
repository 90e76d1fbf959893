"""Check backpropagation, or your own gradient, against finite differences, parameter by parameter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastnn.architecture import Architecture
from fastnn.finite_differences import (
    Data,
    are_on_kinks,
    central_differences,
    gradient_of,
    in_double,
    named_views,
    one_sided_differences,
    rounding_errors,
    unchanged,
)
from fastnn.network import Network
from fastnn.validation import check_number

__all__ = ["GradientReport", "ParameterCheck", "central_differences", "check_gradients"]

#: Meaning of the letters in parameter names.
KINDS = {
    "W": "weights",
    "b": "biases",
    "gamma": "scales",
    "beta": "shifts",
    "alpha": "activation",
    "P": "periodic embedding",
    "E": "category embedding",
    "s": "input scales",
}

#: Those that belong to the input stage and not to a layer.
OF_INPUTS = ("P", "E", "s")

#: Largest number of entries on a kink that a report lists.
MOST_NAMED = 8


@dataclass(frozen=True)
class ParameterCheck:
    """Result for one weight matrix or bias vector.

    Attributes
    ----------
    name : str
        ``"W1"``, ``"b1"``, ... counted from the first layer.
    max_absolute_error, max_relative_error : float
        Largest |numerical - analytical|, and the largest ratio of that to max(|numerical|, |analytical|) + atol / rtol,
        which is at most rtol if the entry passes. Entries on a kink are excluded.
    n_failed, n_checked : int
        Number of entries outside the tolerance, excluding those on a kink, and number of all entries.
    worst_index : tuple of int
        Entry that exceeds the tolerance most, or comes closest to it.
    analytical, numerical : float
        The two values there.
    kinks : tuple of tuple of int
        Entries on a kink of an activation or of the loss, where the derivative is not unique.
    """

    name: str
    max_absolute_error: float
    max_relative_error: float
    n_failed: int
    n_checked: int
    worst_index: tuple[int, ...]
    analytical: float
    numerical: float
    kinks: tuple[tuple[int, ...], ...] = ()

    @property
    def worst_place(self) -> str:
        """The entry at `worst_index` in words."""
        kind = self.name.rstrip("0123456789")
        numbers = zip(("row", "column") if len(self.worst_index) == 2 else ("entry",), self.worst_index, strict=True)
        place = ", ".join(f"{word} {number}" for word, number in numbers)
        owner = "inputs" if kind in OF_INPUTS else f"layer {self.name.removeprefix(kind)}"
        return f"{_entry(self.name, self.worst_index)}, {owner}, {KINDS[kind]}, {place}"


@dataclass(frozen=True)
class GradientReport:
    """Result of `check_gradients`: one entry per weight matrix and bias vector.

    Attributes
    ----------
    checks : tuple of ParameterCheck
        W1, b1, W2, b2, ... in float64.
    epsilon, rtol, atol : float
        As given to `check_gradients`.
    float32_checks : tuple of ParameterCheck
        The gradient of a float32 network against that of its float64 copy; empty otherwise.
    subject : str
        The gradient that was compared with finite differences.
    """

    checks: tuple[ParameterCheck, ...]
    epsilon: float
    rtol: float
    atol: float
    float32_checks: tuple[ParameterCheck, ...] = ()
    subject: str = "Backpropagation"

    @property
    def ok(self) -> bool:
        """Whether every entry is within |numerical - analytical| <= atol + rtol max(|numerical|, |analytical|).

        Entries on a kink may have any value between the slopes around it; in single precision, rounding error is allowed.
        """
        return not any(check.n_failed for check in self.checks + self.float32_checks)

    @property
    def max_relative_error(self) -> float:
        """Largest relative error of all entries; at most `rtol` if and only if `ok`."""
        return max(check.max_relative_error for check in self.checks + self.float32_checks)

    @property
    def kinks(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Name and index of every entry on a kink."""
        return tuple((check.name, index) for check in self.checks for index in check.kinks)

    def raise_if_failed(self) -> None:
        """Raise AssertionError with this report unless `ok`."""
        if not self.ok:
            raise AssertionError(f"{self.subject} and finite differences disagree.\n{self}")

    def __str__(self) -> str:
        return "\n".join([*_table(self.checks), *self._verdict(), *self._note_on_kinks(), *self._note_on_float32()])

    def _verdict(self) -> Iterator[str]:
        failed = [check for check in self.checks if check.n_failed]
        yield (
            f"{self.subject} and central differences {'DISAGREE' if failed else 'agree'} "
            f"(epsilon {self.epsilon:g}, rtol {self.rtol:g}, atol {self.atol:g})."
        )
        for check in failed:
            yield f"  {check.worst_place}: {check.analytical:.8g} instead of {check.numerical:.8g}"

    def _note_on_kinks(self) -> Iterator[str]:
        if self.kinks:
            names = ", ".join(_entry(*kink) for kink in self.kinks[:MOST_NAMED])
            more = f" and {len(self.kinks) - MOST_NAMED} more" if len(self.kinks) > MOST_NAMED else ""
            yield (
                "On a kink, or within epsilon of one, where any value between the slopes on both sides passes: "
                f"{names}{more}."
            )

    def _note_on_float32(self) -> Iterator[str]:
        failed = [check for check in self.float32_checks if check.n_failed]
        if failed:
            yield (
                "The above is for a copy of the network in float64. Its own gradient, in float32, DISAGREES with that of the "
                "copy by more than rounding error."
            )
        elif self.float32_checks:
            largest = max(check.max_absolute_error for check in self.float32_checks)
            yield (
                "The above is for a copy of the network in float64. Its own gradient, in float32, differs by "
                f"{largest:.1e} at most, which is rounding error."
            )
        for check in failed:
            yield f"  {check.worst_place}: {check.analytical:.8g} instead of {check.numerical:.8g}"


def _table(checks: tuple[ParameterCheck, ...]) -> Iterator[str]:
    any_kinks = any(check.kinks for check in checks)
    yield f"{'':7}{'largest error':>15}{'relative':>12}{'failed':>16}" + f"{'on a kink':>12}" * any_kinks
    for check in checks:
        failed = f"{check.n_failed} of {check.n_checked}"
        line = f"{check.name:7}{check.max_absolute_error:15.2e}{check.max_relative_error:12.2e}{failed:>16}"
        yield line + f"{len(check.kinks):12}" * any_kinks


def _entry(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]"


def check_gradients(
    network: Network,
    X: Any,
    y: Any,
    epsilon: float = 1e-5,
    rtol: float = 1e-4,
    atol: float = 1e-7,
    *,
    sample_weight: Any = None,
    gradient: Any = None,
) -> GradientReport:
    """Compare backpropagation's gradient with (L(theta + epsilon) - L(theta - epsilon)) / (2 epsilon).

    The network is unchanged afterwards, and its `gradient` holds the gradient for (X, y). The loss is evaluated twice per
    parameter, so keep the network and the data small.

    Differences need double precision: in float32, rounding alone causes errors near 1e-2. A float32 network is copied to
    float64, and the copy is checked, on the same backend. The network's own gradient is then compared with the copy's,
    allowing ten times the change caused by a few random roundings of parameters, features and targets to float32.

    On a kink, such as that of ReLU at 0, differences do not determine the derivative. Entries that fail are examined again
    with smaller steps. If the slopes on both sides stay apart, or converge abruptly, the entry is reported as on a kink, and
    any value between the slopes passes.

    Parameters
    ----------
    network : Network
        Any network, on either backend.
    X, y : array-like
        As for `Network.loss`.
    epsilon : float, default 1e-5
        Step to either side, positive. The truncation error is about epsilon^2, the rounding error about
        1e-16 L / epsilon.
    rtol, atol : float, default 1e-4 and 1e-7
        An entry passes if |numerical - analytical| <= atol + rtol max(|numerical|, |analytical|).
    sample_weight : array-like of shape (n_samples,), optional
        As for `Network.loss`.
    gradient : array-like, sequence or mapping, optional
        Your own gradient, to be checked instead of backpropagation's: a vector like `Network.gradient`; a sequence of
        arrays dW_1, db_1, dW_2, db_2, ..., or of one pair per layer; or a mapping such as ``{"W1": dW_1, "b1": db_1}``,
        which may omit some. If it or the network is in float32, rounding error of float32 is allowed.

    Returns
    -------
    GradientReport
        One entry per weight matrix and bias vector, and per vector of scales and of shifts.

    Raises
    ------
    ValueError, TypeError
        If a number is out of range, or `gradient` does not match the parameters.

    References
    ----------
    Bishop (2006), section 5.3.3, equation 5.69.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Network, check_gradients
    >>> network = Network([2, 1], "identity", "squared_error", backend="numpy", dtype="float64", seed=0)
    >>> X, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [0.0]])
    >>> dZ = 2 * (X @ network.weights[0] + network.biases[0] - y)
    >>> check_gradients(network, X, y, gradient=[X.T @ dZ / 2, dZ.mean(axis=0)]).ok
    True
    """
    epsilon = check_number(epsilon, "epsilon", positive=True)
    rtol, atol = check_number(rtol, "rtol"), check_number(atol, "atol")
    given = None if gradient is None else _blocks(gradient, network.architecture)
    data = X, y, sample_weight
    with unchanged(network, data):
        copy, targets = in_double(network, y)
        comparison = _Comparison(copy, (X, targets, sample_weight), epsilon, rtol, atol)
        if given is not None:
            checks = comparison.of_given(given, network.dtype)
            return GradientReport(checks, epsilon, rtol, atol, subject="The gradient given")
        checks = comparison.with_differences(comparison.gradient)
        in_float32 = () if copy is network else comparison.with_gradient(gradient_of(network, data), network.dtype)
    return GradientReport(checks, epsilon, rtol, atol, in_float32)


@dataclass
class _Comparison:
    """Compares gradients with that of a float64 network and with finite differences of its loss, on some data."""

    network: Network
    data: Data
    epsilon: float
    rtol: float
    atol: float

    @cached_property
    def gradient(self) -> np.ndarray:
        return gradient_of(self.network, self.data)

    def of_given(self, blocks: dict[str, np.ndarray], dtype: np.dtype) -> tuple[ParameterCheck, ...]:
        """Compare blocks of a gradient with finite differences, allowing the rounding error of the coarsest dtype."""
        vector = np.zeros(len(self.network.parameters))
        for name, view in named_views(self.network.architecture, vector):
            view[:] = blocks.get(name, 0.0)
        coarsest = max((dtype, *(block.dtype for block in blocks.values())), key=lambda dtype: np.finfo(dtype).eps)
        checks = self.with_differences(vector, self._rounding(coarsest))
        return tuple(check for check in checks if check.name in blocks)

    def with_differences(self, values: np.ndarray, rounding: Any = 0.0) -> tuple[ParameterCheck, ...]:
        """Compare a gradient with finite differences; entries that fail may be on a kink."""
        network, data = self.network, self.data
        slopes = one_sided_differences(network, data, np.arange(len(values)), self.epsilon)
        expected = slopes.mean(axis=0)
        tolerance = self._tolerance(values, expected) + rounding
        failed = np.flatnonzero(~(np.abs(values - expected) <= tolerance))
        kinks = np.zeros(len(values), bool)
        kinks[failed] = are_on_kinks(
            network, data, failed, values[failed], slopes[:, failed], self.epsilon, tolerance[failed]
        )
        return self._checks(values, expected, tolerance, kinks)

    def with_gradient(self, values: np.ndarray, dtype: np.dtype) -> tuple[ParameterCheck, ...]:
        """Compare a gradient of some dtype with the one in float64."""
        tolerance = self._tolerance(values, self.gradient) + self._rounding(dtype)
        return self._checks(values, self.gradient, tolerance, np.zeros(len(values), bool))

    def _rounding(self, dtype: np.dtype) -> Any:
        eps = float(np.finfo(dtype).eps)
        is_double = eps <= np.finfo(np.float64).eps
        return 0.0 if is_double else rounding_errors(self.network, self.data, self.gradient, eps)

    def _tolerance(self, values: np.ndarray, expected: np.ndarray) -> np.ndarray:
        return np.asarray(self.atol + self.rtol * np.maximum(np.abs(values), np.abs(expected)))

    def _checks(
        self, values: np.ndarray, expected: np.ndarray, tolerance: np.ndarray, kinks: np.ndarray
    ) -> tuple[ParameterCheck, ...]:
        vectors = values, expected, tolerance, kinks
        blocks = zip(*(named_views(self.network.architecture, vector) for vector in vectors), strict=True)
        return tuple(_check(views[0][0], [view for _, view in views], self.rtol) for views in blocks)


def _check(name: str, views: list[np.ndarray], rtol: float) -> ParameterCheck:
    values, expected, tolerance, kinks = views
    error = np.where(kinks, 0.0, np.abs(values - expected))
    excess = np.where(np.isnan(error), np.inf, np.where(kinks, -np.inf, error - tolerance))  # NaN fails
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(error == 0, 0.0, rtol * error / tolerance if rtol else error / tolerance)
    worst = tuple(int(position) for position in np.unravel_index(np.argmax(excess), error.shape))
    return ParameterCheck(
        name,
        float(error.max()),
        float(relative.max()),
        int(np.sum(excess > 0)),
        error.size,
        worst,
        float(values[worst]),
        float(expected[worst]),
        tuple(tuple(map(int, index)) for index in np.argwhere(kinks)),
    )


def _blocks(gradient: Any, architecture: Architecture) -> dict[str, np.ndarray]:
    """A gradient, given in any of the forms accepted by `check_gradients`, by name."""
    named = dict(named_views(architecture, np.zeros(architecture.n_parameters)))
    if isinstance(gradient, Mapping):
        unknown = [name for name in gradient if name not in named]
        if unknown or not gradient:
            found = repr(unknown[0]) if unknown else "none"
            raise ValueError(f"gradient must have names among {', '.join(named)}, got {found}.")
        parts = dict(gradient)
    elif isinstance(gradient, Sequence) and any(np.ndim(part) for part in _parts(gradient)):
        listed = _parts(gradient)
        if len(listed) != len(named):
            raise ValueError(f"gradient must have {len(named)} arrays, {', '.join(named)}, got {len(listed)}.")
        parts = dict(zip(named, listed, strict=True))
    else:
        vector = _numbers(gradient, "gradient", (architecture.n_parameters,))
        return dict(named_views(architecture, vector))
    return {name: _numbers(part, f"The gradient of {name}", named[name].shape) for name, part in parts.items()}


def _parts(gradient: Sequence[Any]) -> list[Any]:
    """The arrays of a sequence that may contain tuples of arrays, one per layer."""
    nested = [part if isinstance(part, tuple) else (part,) for part in gradient]
    return [part for parts in nested for part in parts]


def _numbers(values: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Floating-point values, checked to have that shape."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise TypeError(f"{name} must be an array of real numbers: {error}.") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be an array of real numbers, got elements of type {array.dtype}.")
    if array.shape != shape:
        hint = " Samples are rows here, so W is (n_in, n_out)." if array.shape == shape[::-1] != shape else ""
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}.{hint}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)
