"""All losses, with formula, options, source and accepted output activations.

Every loss is summed over the outputs of a sample and averaged over the samples. A name such as ``"huber"`` stands for the
loss with its default options, ``Huber(delta=1.0)``.

To add one: a class here, a function in each backend's `losses.py`, and an entry in both tables.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, ClassVar

from fastnn.activations import (
    ACTIVATIONS,
)
from fastnn.names import unknown

#: The backends' loss functions, in the order of their tables: first those computed from the logits Z, because the
#: exponentials of their output activation cancel; then those computed from the outputs A, whose gradient is multiplied by
#: f'(Z).
LOSS_KERNELS = (
    "softmax_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_softmax",
    "poisson",
    "squared_error",
    "absolute_error",
    "huber",
    "quantile",
)

#: How many of them are computed from logits; these come first.
N_FROM_LOGITS = 4

#: Largest number of option values of a loss.
MOST_OPTIONS = 128


@dataclass(frozen=True)
class Loss:
    """Base class of all losses; the options of a loss are the fields of its class.

    Attributes
    ----------
    name : str
        Name used by users.
    formula : str
        Loss of one sample, from its outputs a (K,) and targets y (K,).
    source : str
        Paper or textbook section.
    matched_activation : str
        Default activation of the output layer; for most losses the one with which dL/dZ simplifies to A - Y (times twice
        the scale for the squared error).
    output_activations : tuple of str
        Output activations whose range lies in the domain of the loss. If `kernels` has an entry ``"*"``, others are allowed.
    targets : str
        What y holds: ``"classes"``, ``"probabilities"``, ``"counts"`` (numbers of at least 0) or ``"numbers"``.
    kernels : dict of str to str
        Backend function by output activation; ``"*"`` for any other.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    matched_activation: ClassVar[str]
    output_activations: ClassVar[tuple[str, ...]]
    targets: ClassVar[str]
    kernels: ClassVar[dict[str, str]]

    @property
    def classifies(self) -> bool:
        """Whether predictions are class labels."""
        return self.targets in ("classes", "probabilities")

    @property
    def settings(self) -> dict[str, Any]:
        """The options by name, as keyword arguments of the class."""
        return {option.name: _plain(getattr(self, option.name)) for option in fields(self)}

    @property
    def options(self) -> tuple[float, ...]:
        """The options as the backends take them: at most `MOST_OPTIONS` numbers."""
        return tuple(self.settings.values())

    def kernel(self, output_activation: str) -> int:
        """Position in the backends' tables of the function for this loss with that output activation."""
        return LOSS_KERNELS.index(self.kernels.get(output_activation) or self.kernels["*"])

    def n_targets(self, n_outputs: int) -> int:
        """Columns of y for that number of outputs."""
        return n_outputs

    def check_output(self, activation: str, n_outputs: int) -> None:
        """Raise ValueError unless the outputs lie in the domain of the loss."""
        if activation not in self.output_activations and "*" not in self.kernels:
            raise ValueError(
                f"{self.name} needs outputs from {' or '.join(self.output_activations)}, "
                f"got {activation!r} on the output layer."
            )
        if activation == "softmax" and n_outputs < 2:
            raise ValueError(
                "softmax over a single output is always 1: use two outputs, or one sigmoid output with "
                "binary_cross_entropy."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # By name, as in a saved file: the process that loads it provides the definition.
        return find_loss, (self.name, self.settings)


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of classes, -sum_k y'_k log(a_k), with smoothed targets y' = (1 - s) y + s / K.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        Fraction s of each target that is spread evenly over the K classes, from 0 to 1. As in PyTorch, it applies wherever
        the loss is computed: in training, in `Network.evaluate` and on validation data.
    ceiling : float, default inf
        Largest reported loss of a sample, positive; the gradient ignores it. For scikit-learn's cross-entropies it is
        -log(epsilon), because they clip probabilities at epsilon.

    References
    ----------
    Bishop (2006), equation 4.108; Szegedy and others (2016), Rethinking the Inception Architecture, section 7.
    """

    label_smoothing: float = 0.0
    ceiling: float = field(default=float("inf"), repr=False)

    name = "softmax_cross_entropy"
    formula = "-sum_k y_k log(a_k), computed as log(sum_j exp(z_j)) - sum_k y_k z_k"
    source = "Bishop (2006), equation 4.108"
    matched_activation = "softmax"
    output_activations = ("softmax",)
    targets = "classes"
    kernels: ClassVar[dict[str, str]] = {"softmax": "softmax_cross_entropy"}

    def __post_init__(self) -> None:
        _check_smoothing(self.label_smoothing)
        _check_option(self.ceiling, "ceiling", "positive", lambda ceiling: ceiling > 0)


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Cross-entropy of independent probabilities, -sum_k (y'_k log(a_k) + (1 - y'_k) log(1 - a_k)), y' = (1 - s) y + s / 2.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        Fraction s by which each target moves towards 1/2, from 0 to 1. It applies wherever the loss is computed.
    ceiling : float, default inf
        Largest reported loss of an output, positive; the gradient ignores it. For scikit-learn's cross-entropies it is
        -log(epsilon), because they clip probabilities at epsilon.

    References
    ----------
    Bishop (2006), equation 4.90; Szegedy and others (2016), Rethinking the Inception Architecture, section 7.
    """

    label_smoothing: float = 0.0
    ceiling: float = field(default=float("inf"), repr=False)

    name = "binary_cross_entropy"
    formula = (
        "-sum_k (y_k log(a_k) + (1 - y_k) log(1 - a_k)), "
        "under sigmoid computed as sum_k max(z_k, 0) - y_k z_k + log(1 + exp(-|z_k|))"
    )
    source = "Bishop (2006), equation 4.90"
    matched_activation = "sigmoid"
    output_activations = ("sigmoid", "softmax")
    targets = "probabilities"
    kernels: ClassVar[dict[str, str]] = {
        "sigmoid": "binary_cross_entropy_with_logits",
        "softmax": "binary_cross_entropy_with_softmax",
    }

    def __post_init__(self) -> None:
        _check_smoothing(self.label_smoothing)
        _check_option(self.ceiling, "ceiling", "positive", lambda ceiling: ceiling > 0)


@dataclass(frozen=True)
class SquaredError(Loss):
    """Squared error, c sum_k (a_k - y_k)^2: the outputs estimate means.

    Parameters
    ----------
    scale : float, default 1.0
        Factor c, positive. 0.5 gives the squared error of many textbooks and of scikit-learn.

    References
    ----------
    Bishop (2006), equation 5.11, where the factor is one half.
    """

    scale: float = 1.0

    name = "squared_error"
    formula = "c sum_k (a_k - y_k)^2, for a scale c"
    source = "Bishop (2006), equation 5.11, where the factor is one half"
    matched_activation = "identity"
    output_activations = tuple(ACTIVATIONS)
    targets = "numbers"
    kernels: ClassVar[dict[str, str]] = {"*": "squared_error"}

    def __post_init__(self) -> None:
        _check_positive(self.scale, "scale")


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """Absolute error, sum_k |a_k - y_k|, with derivative 0 where a_k = y_k: the outputs estimate medians.

    References
    ----------
    Hastie, Tibshirani, Friedman (2009), The Elements of Statistical Learning, section 10.6.
    """

    name = "absolute_error"
    formula = "sum_k |a_k - y_k|"
    source = "Hastie, Tibshirani, Friedman (2009), section 10.6"
    matched_activation = "identity"
    output_activations = tuple(ACTIVATIONS)
    targets = "numbers"
    kernels: ClassVar[dict[str, str]] = {"*": "absolute_error"}


@dataclass(frozen=True)
class Huber(Loss):
    """Huber loss, sum_k h(a_k - y_k) with h(r) = r^2 / 2 where |r| <= delta, and delta (|r| - delta / 2) beyond.

    It behaves like the squared error for small residuals and like the absolute error for large ones.

    Parameters
    ----------
    delta : float, default 1.0
        Residual at which the parabola becomes a straight line, positive.

    References
    ----------
    Huber (1964), Robust Estimation of a Location Parameter, section 1.
    """

    delta: float = 1.0

    name = "huber"
    formula = "sum_k h(a_k - y_k), h(r) = r^2 / 2 if |r| <= delta else delta (|r| - delta / 2)"
    source = "Huber (1964), Robust Estimation of a Location Parameter, section 1"
    matched_activation = "identity"
    output_activations = tuple(ACTIVATIONS)
    targets = "numbers"
    kernels: ClassVar[dict[str, str]] = {"*": "huber"}

    def __post_init__(self) -> None:
        _check_positive(self.delta, "delta")


@dataclass(frozen=True)
class Quantile(Loss):
    """Pinball loss, sum_k max(q_k (y_k - a_k), (q_k - 1) (y_k - a_k)), derivative 0 where a_k = y_k: quantiles.

    With m levels, a network has m outputs per target, grouped by target: output t m + j is the quantile at level q_j of
    target t, so ``network.predict(X).reshape(len(X), -1, m)`` has shape (n_samples, n_targets, m). y holds each target
    once, (n_samples, n_targets).

    Parameters
    ----------
    levels : float or sequence of float, default 0.5
        One or more levels, each above 0 and below 1; 0.5 is the median.

    References
    ----------
    Koenker, Bassett (1978), Regression Quantiles, section 3.
    """

    levels: float | tuple[float, ...] = 0.5

    name = "quantile"
    formula = "sum_k max(q_k (y_k - a_k), (q_k - 1) (y_k - a_k)), for levels q"
    source = "Koenker, Bassett (1978), Regression Quantiles, section 3"
    matched_activation = "identity"
    output_activations = tuple(ACTIVATIONS)
    targets = "numbers"
    kernels: ClassVar[dict[str, str]] = {"*": "quantile"}

    def __post_init__(self) -> None:
        if isinstance(self.levels, Iterable) and not isinstance(self.levels, str):
            object.__setattr__(self, "levels", tuple(self.levels))
        for level in self.levels if isinstance(self.levels, tuple) else (self.levels,):
            _check_option(level, "levels", "numbers above 0 and below 1", lambda level: 0 < level < 1)
        if not 1 <= len(self.options) <= MOST_OPTIONS:
            raise ValueError(f"levels must be 1 to {MOST_OPTIONS} numbers, got {len(self.options)}.")

    @property
    def options(self) -> tuple[float, ...]:
        """The levels."""
        return self.levels if isinstance(self.levels, tuple) else (float(self.levels),)

    def n_targets(self, n_outputs: int) -> int:
        """Columns of y: one per target, whatever the number of levels."""
        return n_outputs // len(self.options)

    def check_output(self, activation: str, n_outputs: int) -> None:
        """Raise ValueError unless each target has one output per level."""
        super().check_output(activation, n_outputs)
        if n_outputs % len(self.options):
            raise ValueError(
                f"quantile with {len(self.options)} levels needs that many outputs for each target, got {n_outputs}."
            )


@dataclass(frozen=True)
class Poisson(Loss):
    """Poisson deviance of counts without the terms in y alone, sum_k (a_k - y_k log(a_k)): the outputs estimate rates.

    Outputs are a = exp(z), so log(a) is z itself.

    References
    ----------
    McCullagh, Nelder (1989), Generalized Linear Models, section 6.2.
    """

    name = "poisson"
    formula = "sum_k a_k - y_k log(a_k), computed as sum_k exp(z_k) - y_k z_k"
    source = "McCullagh, Nelder (1989), Generalized Linear Models, section 6.2"
    matched_activation = "exponential"
    output_activations = ("exponential",)
    targets = "counts"
    kernels: ClassVar[dict[str, str]] = {"exponential": "poisson"}


def _plain(value: Any) -> float | tuple[float, ...]:
    """An option as Python floats, which can be saved."""
    return tuple(map(float, value)) if isinstance(value, tuple) else float(value)


def _check_smoothing(label_smoothing: Any) -> None:
    _check_option(label_smoothing, "label_smoothing", "a number from 0 to 1", lambda share: 0 <= share <= 1)


def _check_positive(value: Any, name: str) -> None:
    _check_option(value, name, "positive and finite", lambda number: 0 < number < float("inf"))


def as_float(value: Real) -> float:
    """The number as a float; NaN if it is out of range."""
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _check_option(value: Any, name: str, expected: str, is_allowed: Callable[[float], bool]) -> None:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be {expected}, got {value!r}.")
    if not is_allowed(as_float(value)):
        raise ValueError(f"{name} must be {expected}, got {value!r}.")


#: Every loss by name, with its default options.
LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        SoftmaxCrossEntropy(),
        BinaryCrossEntropy(),
        SquaredError(),
        AbsoluteError(),
        Huber(),
        Quantile(),
        Poisson(),
    )
}


def find_loss(loss: str | Loss, settings: dict[str, Any] | None = None) -> Loss:
    """The loss of that name, with these options or the default ones; a `Loss` is returned unchanged.

    Raises
    ------
    ValueError, TypeError
        If the name is unknown, in which case the message lists the known ones, or if it has no such options.
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        raise TypeError(f"loss is the class {loss.__name__}; pass an instance: {loss.__name__}().")
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(unknown("loss", loss, LOSSES, ", and what fastnn.register_loss adds"))
    return type(LOSSES[loss])(**settings) if settings else LOSSES[loss]
