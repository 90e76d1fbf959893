"""Schedules that fall with the number of the step."""

from dataclasses import dataclass, field

import numpy as np

from fastnn.schedules.schedule import Rates, Schedule, steps_from
from fastnn.validation import check_count, check_number


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """eta_t = eta / (t + 1)^p.

    Parameters
    ----------
    power : float, default 0.5
        Exponent p, at least 0.

    References
    ----------
    scikit-learn's ``learning_rate="invscaling"``, which counts samples instead of steps and changes the rate once per
    epoch; Robbins, Monro (1951), A Stochastic Approximation Method, for 1/2 < p <= 1.
    """

    power: float = 0.5

    def __post_init__(self) -> None:
        check_number(self.power, "power")

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        return learning_rate / (steps_from(first_step, n_steps) + 1) ** self.power, None


@dataclass(frozen=True)
class _Decay(Schedule):
    """Base class of the schedules that multiply the learning rate by a factor every n steps."""

    factor: float
    steps: int | None = field(default=None, kw_only=True)
    epochs: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_factor(self.factor)
        if (self.steps is None) == (self.epochs is None):
            raise ValueError(
                f"{type(self).__name__} needs either steps or epochs, got steps={self.steps!r}, epochs={self.epochs!r}."
            )
        for name in ("steps", "epochs"):
            if getattr(self, name) is not None:
                check_count(getattr(self, name), name)

    def _periods(self, first_step: int, n_steps: int, steps_per_epoch: int) -> np.ndarray:
        """t / n."""
        period = self.steps if self.epochs is None else self.epochs * steps_per_epoch
        return steps_from(first_step, n_steps) / period


@dataclass(frozen=True)
class StepDecay(_Decay):
    """eta_t = eta gamma^floor(t / n).

    Parameters
    ----------
    factor : float
        Factor gamma, above 0 and at most 1.
    steps, epochs : int, optional
        Interval n, in steps or in epochs; exactly one of them must be given.

    References
    ----------
    PyTorch's ``StepLR``.
    """

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        return learning_rate * self.factor ** np.floor(self._periods(first_step, n_steps, steps_per_epoch)), None


@dataclass(frozen=True)
class ExponentialDecay(_Decay):
    """eta_t = eta gamma^(t / n).

    Parameters
    ----------
    factor : float
        Factor gamma, above 0 and at most 1.
    steps, epochs : int, optional
        Interval n, in steps or in epochs; exactly one of them must be given. The rate decreases with every step.

    References
    ----------
    PyTorch's ``ExponentialLR``, with n = 1.
    """

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        return learning_rate * self.factor ** self._periods(first_step, n_steps, steps_per_epoch), None


def check_factor(factor: float) -> float:
    """A factor for the rate, above 0 and at most 1."""
    if check_number(factor, "factor", positive=True) > 1:
        raise ValueError(f"factor must be at most 1, or the rate grows without bound, got {factor!r}.")
    return factor
