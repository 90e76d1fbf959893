"""Schedules that depend on the fraction of all steps that is done."""

from dataclasses import dataclass

import numpy as np

from fastnn.schedules.schedule import Rates, Schedule, steps_from
from fastnn.validation import check_count, check_flag, check_number


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
        steps = steps_from(first_step, n_steps)
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
        steps = steps_from(first_step, n_steps)
        phase = (steps[:, np.newaxis] > turns[1:-1]).sum(axis=1)
        length = (turns[1:] - turns[:-1])[phase]
        share = np.ones(n_steps)  # kept where a phase has length 0
        np.divide(steps - turns[phase], length, out=share, where=length != 0)
        between = _BETWEEN[self.anneal]
        new_rates, new_momenta = (between(each[phase], each[phase + 1], share) for each in (rates, momenta))
        return new_rates, new_momenta if self.cycle_momentum else None


@dataclass(frozen=True)
class LogCosine(Schedule):
    """eta_t = eta (1 - cos(2 pi log2(1 + (2^k - 1) t / T))) / 2: k cycles from 0 up and back to 0, each twice as long as the last.

    Parameters
    ----------
    n_cycles : int, default 4
        Number k of cycles.

    References
    ----------
    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, section 3 (coslog4).
    """

    n_cycles: int = 4

    def __post_init__(self) -> None:
        check_count(self.n_cycles, "n_cycles")

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        share = steps_from(first_step, n_steps) / total_steps
        return learning_rate * (1 - np.cos(2 * np.pi * np.log2(1 + (2.0**self.n_cycles - 1) * share))) / 2, None


@dataclass(frozen=True)
class FlatCosine(Schedule):
    """eta_t = eta for t / T <= s, then eta (1 + cos(pi (t / T - s) / (1 - s))) / 2.

    Parameters
    ----------
    flat_share : float, default 0.5
        The fraction s of all steps before the rate falls, from 0 to below 1.

    References
    ----------
    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, section 3 (flat_cos).
    """

    flat_share: float = 0.5

    def __post_init__(self) -> None:
        if check_number(self.flat_share, "flat_share") >= 1:
            raise ValueError(f"flat_share must be below 1, got {self.flat_share!r}.")

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> Rates:
        """Rates of `n_steps` steps."""
        share = steps_from(first_step, n_steps) / total_steps
        falling = np.maximum(share - self.flat_share, 0) / (1 - self.flat_share)
        return _between_by_cosine(learning_rate, 0.0, falling), None


def _between_by_cosine(start: np.ndarray | float, end: np.ndarray | float, share: np.ndarray) -> np.ndarray:
    """Interpolate from start to end along half a cosine; share goes from 0 to 1."""
    return end + (start - end) * (1 + np.cos(np.pi * share)) / 2


def _between_by_line(start: np.ndarray | float, end: np.ndarray | float, share: np.ndarray) -> np.ndarray:
    """Interpolate from start to end linearly; share goes from 0 to 1."""
    return start + (end - start) * share


_BETWEEN = {"cosine": _between_by_cosine, "linear": _between_by_line}
