"""All learning-rate schedules, with formula, options and source.

A schedule gives the learning rate, and some also the momentum, of every step of a fit. Steps t are updates, counted from 0
at the start of the fit; T is their total number, and eta the optimizer's learning rate. A fit that resumes from a checkpoint
with a different number of epochs has a different T, and follows the schedule for that T from there on.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from fastnn.validation import check_count, check_flag, check_number

#: Learning rates, and momenta if the schedule changes them.
Rates = tuple[np.ndarray, np.ndarray | None]


class Schedule(ABC):
    """A learning rate for every step of a fit."""

    #: Whether it needs the results of each epoch before the next one.
    watches_epochs: ClassVar[bool] = False

    @property
    def changes_momentum(self) -> bool:
        """Whether it also changes the momentum, which the optimizer must then have."""
        return False

    @abstractmethod
    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Learning rates and momenta of `n_steps` steps starting at `first_step`.

        Parameters
        ----------
        learning_rate : float
            The optimizer's learning rate.
        first_step, n_steps : int
            First step, counted from 0 at the start of the fit, and number of steps.
        steps_per_epoch, total_steps : int
            Number of steps per epoch, and in the whole fit.

        Returns
        -------
        rates : ndarray of shape (n_steps,)
        momenta : ndarray of shape (n_steps,) or None
            None if the optimizer's own momentum applies.
        """

    def begin(self, learning_rate: float, steps_per_epoch: int, total_steps: int) -> "Course":
        """Start the schedule for a fit."""
        return Course(self, learning_rate, steps_per_epoch, total_steps)


class Course:
    """The state of a schedule during one fit."""

    def __init__(self, schedule: Schedule, learning_rate: float, steps_per_epoch: int, total_steps: int) -> None:
        self.schedule, self.learning_rate = schedule, learning_rate
        self.steps_per_epoch, self.total_steps = steps_per_epoch, total_steps

    def rates(self, first_step: int, n_steps: int) -> Rates:
        """Learning rates and momenta of `n_steps` steps, as returned by `Schedule.rates`."""
        return self.schedule.rates(self.learning_rate, first_step, n_steps, self.steps_per_epoch, self.total_steps)

    def end_epoch(self, loss: float, validation_loss: float | None) -> None:
        """Receive the losses of an epoch."""


@dataclass(frozen=True)
class Constant(Schedule):
    """eta_t = eta."""

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        return np.full(n_steps, learning_rate), None


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
        return learning_rate / (_steps(first_step, n_steps) + 1) ** self.power, None


@dataclass(frozen=True)
class _Decay(Schedule):
    """Base class of the schedules that multiply the learning rate by a factor every n steps."""

    factor: float
    steps: int | None = field(default=None, kw_only=True)
    epochs: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_factor(self.factor)
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
        return _steps(first_step, n_steps) / period


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


@dataclass(frozen=True)
class Cosine(Schedule):
    """eta_t = eta (t + 1) / w for t < w, then eta_f + (eta - eta_f) (1 + cos(pi (t - w) / (T - w))) / 2.

    Parameters
    ----------
    final_rate : float, default 0.0
        Final rate eta_f, at least 0.
    warmup_steps : int, default 0
        Number w of steps of linear warm-up.
    warmup_share : float, default 0.0
        The warm-up as a fraction of all steps, rounded down; an alternative to `warmup_steps`.

    References
    ----------
    Loshchilov, Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts, equation 5, without restarts; Goyal
    et al. (2017), Accurate, Large Minibatch SGD, section 2.2, for the warm-up.
    """

    final_rate: float = 0.0
    warmup_steps: int = 0
    warmup_share: float = 0.0

    def __post_init__(self) -> None:
        check_number(self.final_rate, "final_rate")
        if self.warmup_steps != 0 or isinstance(self.warmup_steps, bool):
            check_count(self.warmup_steps, "warmup_steps")
        if check_number(self.warmup_share, "warmup_share") >= 1:
            raise ValueError(f"warmup_share must be below 1, got {self.warmup_share!r}.")
        if self.warmup_steps and self.warmup_share:
            raise ValueError(
                f"Cosine takes warmup_steps or warmup_share, got both: {self.warmup_steps!r} and {self.warmup_share!r}."
            )

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        warmup = self.warmup_steps or int(self.warmup_share * total_steps)
        if warmup >= total_steps:
            raise ValueError(f"warmup_steps must be below the {total_steps} steps of this fit, got {warmup}.")
        steps = _steps(first_step, n_steps)
        rising = learning_rate * (steps + 1) / max(warmup, 1)
        falling = _between_by_cosine(learning_rate, self.final_rate, (steps - warmup) / (total_steps - warmup))
        return np.where(steps < warmup, rising, falling), None


@dataclass(frozen=True)
class OneCycle(Schedule):
    """From eta / d up to eta, then down to eta / (d d_f), while the momentum falls and rises again.

    The rise ends with step pT - 1. With three phases, the rate falls back to eta / d in as many steps, and then to the final
    rate.

    Parameters
    ----------
    rising_share : float, default 0.3
        Fraction p of the steps in which the rate rises, between 0 and 1; at most 1/2 with three phases.
    anneal : {"cosine", "linear"}, default "cosine"
        Along half a cosine, or linearly.
    initial_divisor, final_divisor : float, default 25 and 10000
        d and d_f, positive.
    three_phases : bool, default False
        Whether the fall mirrors the rise and is followed by a third phase of small rates.
    lowest_momentum, highest_momentum : float, default 0.85 and 0.95
        Momentum at the highest rate, and at the start and end; at least 0 and below 1.
    cycle_momentum : bool, default True
        Whether to change the momentum; if so, the optimizer must have one. For Adam it is beta_1.

    References
    ----------
    Smith, Topin (2018), Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates. Matches
    PyTorch's ``OneCycleLR`` step by step, where the parameters are called `pct_start`, `anneal_strategy`, `div_factor`,
    `final_div_factor`, `three_phase`, `base_momentum`, `max_momentum`.
    """

    rising_share: float = 0.3
    anneal: str = "cosine"
    initial_divisor: float = 25.0
    final_divisor: float = 1e4
    three_phases: bool = False
    lowest_momentum: float = 0.85
    highest_momentum: float = 0.95
    cycle_momentum: bool = True

    def __post_init__(self) -> None:
        check_flag(self.three_phases, "three_phases")
        check_flag(self.cycle_momentum, "cycle_momentum")
        longest = 0.5 if self.three_phases else 1
        if check_number(self.rising_share, "rising_share") > longest:
            with_phases = " with three phases" if self.three_phases else ""
            raise ValueError(f"rising_share must be at most {longest}{with_phases}, got {self.rising_share!r}.")
        if self.anneal not in _BETWEEN:
            raise ValueError(f"anneal must be {' or '.join(map(repr, _BETWEEN))}, got {self.anneal!r}.")
        for name in ("initial_divisor", "final_divisor"):
            check_number(getattr(self, name), name, positive=True)
        for name in ("lowest_momentum", "highest_momentum"):
            if check_number(getattr(self, name), name) >= 1:
                raise ValueError(f"{name} must be below 1, got {getattr(self, name)!r}.")

    @property
    def changes_momentum(self) -> bool:
        """Whether it also changes the momentum, which the optimizer must then have."""
        return self.cycle_momentum

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates and momenta of `n_steps` steps."""
        initial, rise = learning_rate / self.initial_divisor, self.rising_share * total_steps
        final, low, high = initial / self.final_divisor, self.lowest_momentum, self.highest_momentum
        corners = [(0, initial, high), (rise - 1, learning_rate, low), (total_steps - 1, final, high)]
        if self.three_phases:
            corners.insert(2, (2 * rise - 2, initial, high))
        turns, rates, momenta = np.array(corners, np.float64).T
        steps = _steps(first_step, n_steps)
        phase = (steps[:, np.newaxis] > turns[1:-1]).sum(axis=1)
        length = (turns[1:] - turns[:-1])[phase]
        share = np.ones(n_steps)  # kept where a phase has length 0
        np.divide(steps - turns[phase], length, out=share, where=length != 0)
        between = _BETWEEN[self.anneal]
        new_rates, new_momenta = (between(each[phase], each[phase + 1], share) for each in (rates, momenta))
        return new_rates, new_momenta if self.cycle_momentum else None


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """eta <- max(gamma eta, eta_min) when the loss has not improved for more than `patience` epochs.

    A loss is an improvement if it is below (1 - threshold) times the best so far, or below the best minus the threshold.

    Parameters
    ----------
    factor : float, default 0.1
        Factor gamma, above 0 and below 1.
    patience : int, default 10
        Number of epochs to wait for an improvement, at least 0.
    threshold : float, default 1e-4
        Smallest decrease that counts as an improvement, at least 0.
    relative : bool, default True
        Whether the threshold is relative to the best loss or absolute.
    cooldown : int, default 0
        Number of epochs after a reduction that are not counted, at least 0.
    lowest_rate : float, default 0.0
        eta_min, at least 0. Reductions by 1e-8 or less are skipped.
    monitor : {"loss", "validation_loss"}, optional
        Which loss to monitor. By default the validation loss if there is one, else the training loss.

    References
    ----------
    Matches PyTorch's ``ReduceLROnPlateau`` epoch by epoch.
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    relative: bool = True
    cooldown: int = 0
    lowest_rate: float = 0.0
    monitor: str | None = None

    watches_epochs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if _check_factor(self.factor) == 1:
            raise ValueError(f"factor must be below 1, or the rate is never reduced, got {self.factor!r}.")
        for name in ("patience", "cooldown"):
            if getattr(self, name) != 0 or isinstance(getattr(self, name), bool):
                check_count(getattr(self, name), name)
        check_flag(self.relative, "relative")
        if check_number(self.threshold, "threshold") >= 1 and self.relative:
            raise ValueError(f"A relative threshold must be below 1, got {self.threshold!r}.")
        check_number(self.lowest_rate, "lowest_rate")
        if self.monitor not in (None, "loss", "validation_loss"):
            raise ValueError(f"monitor must be 'loss' or 'validation_loss', got {self.monitor!r}.")

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps before any reduction."""
        return np.full(n_steps, learning_rate), None

    def begin(self, learning_rate: float, steps_per_epoch: int, total_steps: int) -> "Plateau":
        """Start the schedule for a fit."""
        return Plateau(self, learning_rate, steps_per_epoch, total_steps)


class Plateau(Course):
    """The state of `ReduceOnPlateau` during one fit; `learning_rate` is the current one."""

    schedule: ReduceOnPlateau

    #: Reductions up to this size are skipped, as in PyTorch.
    SMALLEST_REDUCTION = 1e-8

    def __init__(self, schedule: ReduceOnPlateau, learning_rate: float, steps_per_epoch: int, total_steps: int) -> None:
        super().__init__(schedule, learning_rate, steps_per_epoch, total_steps)
        self.smallest_loss, self.epochs_waited, self.epochs_to_cool = math.inf, 0, 0

    def end_epoch(self, loss: float, validation_loss: float | None) -> None:
        """Reduce the rate if the loss has not improved for more than `patience` epochs."""
        schedule = self.schedule
        self._compare(loss if schedule.monitor == "loss" or validation_loss is None else validation_loss)
        if self.epochs_to_cool > 0:
            self.epochs_to_cool, self.epochs_waited = self.epochs_to_cool - 1, 0
        if self.epochs_waited > schedule.patience:
            reduced = max(schedule.factor * self.learning_rate, schedule.lowest_rate)
            if self.learning_rate - reduced > self.SMALLEST_REDUCTION:
                self.learning_rate = reduced
            self.epochs_to_cool, self.epochs_waited = schedule.cooldown, 0

    def _compare(self, loss: float) -> None:
        best, threshold = self.smallest_loss, self.schedule.threshold
        if loss < (best * (1 - threshold) if self.schedule.relative else best - threshold):
            self.smallest_loss, self.epochs_waited = loss, 0
        else:
            self.epochs_waited += 1


@dataclass(frozen=True, repr=False)
class FromFunction(Schedule):
    """eta_t = f(t), whatever the optimizer's learning rate.

    Parameters
    ----------
    function : callable
        Takes the number of a step, counted from 0, and returns its rate, at least 0. It is called once for every step,
        before the first step.
    """

    function: Callable[[int], float]

    def __repr__(self) -> str:
        # Without an address, so that another process can resume training.
        return f"FromFunction({getattr(self.function, '__qualname__', type(self.function).__qualname__)})"

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        values = (self._rate(step) for step in range(first_step, first_step + n_steps))
        return np.fromiter(values, np.float64, n_steps), None

    def begin(self, learning_rate: float, steps_per_epoch: int, total_steps: int) -> "Tabulated":
        """Start the schedule for a fit."""
        return Tabulated(self, learning_rate, steps_per_epoch, total_steps)

    def _rate(self, step: int) -> float:
        rate = self.function(step)
        if not isinstance(rate, Real) or isinstance(rate, bool):
            raise TypeError(f"A schedule must return a number for every step, got {rate!r} for step {step}.")
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(
                f"A schedule must return rates that are at least 0 and finite, got {rate!r} for step {step}."
            )
        return float(rate)


class Tabulated(Course):
    """All rates of a fit, computed in advance: an invalid rate is found before anything is changed."""

    def __init__(self, schedule: Schedule, learning_rate: float, steps_per_epoch: int, total_steps: int) -> None:
        super().__init__(schedule, learning_rate, steps_per_epoch, total_steps)
        self._rates, _ = super().rates(0, total_steps)

    def rates(self, first_step: int, n_steps: int) -> Rates:
        """Rates of `n_steps` steps."""
        return self._rates[first_step : first_step + n_steps], None


def find_schedule(schedule: Any) -> Schedule:
    """A schedule unchanged, a function of the step number as a schedule, and a constant rate for None.

    Raises
    ------
    TypeError
        If it is none of them.
    """
    if schedule is None:
        return Constant()
    if isinstance(schedule, Schedule):
        return schedule
    if isinstance(schedule, type) or not callable(schedule):
        raise TypeError(
            "schedule must be a schedule such as fastnn.schedules.Cosine(), or a function of the step number, "
            f"got {schedule!r}."
        )
    return FromFunction(schedule)


def _steps(first_step: int, n_steps: int) -> np.ndarray:
    return np.arange(first_step, first_step + n_steps, dtype=np.float64)


def _check_factor(factor: float) -> float:
    """A factor for the rate, above 0 and at most 1."""
    if check_number(factor, "factor", positive=True) > 1:
        raise ValueError(f"factor must be at most 1, or the rate grows without bound, got {factor!r}.")
    return factor


def _between_by_cosine(start: np.ndarray | float, end: np.ndarray | float, share: np.ndarray) -> np.ndarray:
    """Interpolate from start to end along half a cosine; share goes from 0 to 1."""
    return end + (start - end) * (1 + np.cos(np.pi * share)) / 2


def _between_by_line(start: np.ndarray | float, end: np.ndarray | float, share: np.ndarray) -> np.ndarray:
    """Interpolate from start to end linearly; share goes from 0 to 1."""
    return start + (end - start) * share


_BETWEEN = {"cosine": _between_by_cosine, "linear": _between_by_line}
