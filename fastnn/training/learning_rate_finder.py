"""Learning-rate range test: a short training run in which the rate grows until the loss does."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.exceptions import DivergenceError
from fastnn.feed_forward import FeedForward
from fastnn.optimizers import Optimizer, find_descent
from fastnn.schedules import Course, Schedule
from fastnn.training.courses import Courses
from fastnn.training.descent import Descent
from fastnn.training.objective import Objective
from fastnn.training.options import check_batch_size, check_schedule
from fastnn.training.samples import check_samples
from fastnn.training.sampling import Sampler
from fastnn.training.state import TrainState
from fastnn.validation import check_batches, check_count, check_finite, check_number

#: Decay rate of the running mean of the loss.
KEPT = 0.85

#: The search ends when the mean loss exceeds its smallest value by this factor.
LARGEST_RISE = 4.0

#: Smallest number of steps for a curve.
FEWEST = 5


@dataclass(frozen=True, eq=False, repr=False)
class LearningRateSearch:
    """Result of `find_learning_rate`: the loss as a function of the rate.

    Attributes
    ----------
    rates : ndarray of shape (n_steps,)
        Rate of each step, increasing.
    losses : ndarray of shape (n_steps,)
        Loss of the batch just before each step.
    smoothed_losses : ndarray of shape (n_steps,)
        Weighted means of the losses around each step, clipped at the largest loss of the first steps.
    suggestion : float
        The rate at which the smoothed loss falls most steeply over log(rate), before it reaches its minimum.
    diverged : bool
        Whether the search ended because the loss became too large or NaN.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed_losses: np.ndarray
    suggestion: float
    diverged: bool

    def __repr__(self) -> str:
        lowest = int(np.argmin(self.smoothed_losses))
        end = f"diverged at {self.rates[-1]:.2g}" if self.diverged else "did not diverge"
        return (
            f"LearningRateSearch(suggestion={self.suggestion:.2g}: {len(self.rates)} steps from {self.rates[0]:.2g}, "
            f"loss {self.smoothed_losses[0]:.4g} at first, {self.smoothed_losses[lowest]:.4g} at "
            f"{self.rates[lowest]:.2g}, {end})"
        )


@dataclass(frozen=True)
class _Growth(Schedule):
    """eta_t = eta_low (eta_high / eta_low)^(t / (T - 1))."""

    lowest: float
    highest: float

    def rates(
        self, learning_rate: float, first_step: int, n_steps: int, steps_per_epoch: int, total_steps: int
    ) -> tuple[np.ndarray, None]:
        """Rates of `n_steps` steps."""
        share = np.arange(first_step, first_step + n_steps) / (total_steps - 1)
        return self.lowest * (self.highest / self.lowest) ** share, None


def find_learning_rate(
    network: FeedForward,
    X: Any,
    y: Any,
    optimizer: Optimizer | str | None = None,
    *,
    rates: tuple[float, float] = (1e-7, 10.0),
    steps: int = 100,
    batch_size: int | None = 32,
    n_threads: int | None = None,
) -> LearningRateSearch:
    """Train a copy of a network at a growing learning rate, and find where the loss falls fastest.

    The rate of step t is lowest (highest / lowest)^(t / (steps - 1)). The search ends early if the mean loss exceeds four
    times its smallest value, or is no longer finite. The network itself and its optimizer state do not change.

    Parameters
    ----------
    network : Network
        The network to be trained.
    X, y : array-like
        Samples and targets, as in `Network.fit`.
    optimizer : Optimizer or str, optional
        By default ``Adam()``. Its learning rate is not used, and it starts from a zero state.
    rates : pair of float, default (1e-7, 10)
        The rates of the first and the last step, lowest and highest, positive.
    steps : int, default 100
        Maximum number of steps, at least 5.
    batch_size : int or None, default 32
        Samples per step. None uses all samples at once.
    n_threads : int, optional
        Maximum number of threads; by default the network's.

    Returns
    -------
    LearningRateSearch
        Rates, losses and a suggestion. Check it against the curve, which `fastnn.plotting.plot_learning_rates` draws.

    Raises
    ------
    DivergenceError
        If the loss becomes too large or NaN within the first 5 steps.

    References
    ----------
    Smith (2017), Cyclical Learning Rates for Training Neural Networks, section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Network, find_learning_rate
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    >>> search = find_learning_rate(Network([1, 8, 2], backend="numpy", seed=0), X, y)
    >>> 1e-7 < search.suggestion < 10
    True
    """
    optimizer = find_descent(optimizer)
    growth = _growth(rates)
    schedule = check_schedule(growth, optimizer, validates=False)
    steps = check_count(steps, "steps")
    if steps < FEWEST:
        raise ValueError(f"steps must be at least {FEWEST}, got {steps}.")
    samples = check_samples(network, X, y, reads_X=False)
    size = check_batch_size(batch_size, len(samples))
    check_batches(network.architecture, len(samples), size)
    copy = deepcopy(network)
    sampler = Sampler(copy, samples, None, size, shuffle=True)
    course = schedule.begin(optimizer.learning_rate, sampler.n_batches, steps)
    with copy._computing(n_threads):
        losses, diverged = _losses(_descent(copy, optimizer, course, sampler), sampler, steps)
    if not np.isfinite(losses[-1]):
        check_finite(samples.X, "X", network.dtype)
    if len(losses) < FEWEST:
        raise DivergenceError(
            f"The loss became {losses[-1]:g} in step {len(losses)}: use a lowest rate below {growth.lowest:g}."
        )
    tried, _ = course.rates(0, len(losses))
    return _search(tried, losses, diverged)


def _growth(rates: Any) -> _Growth:
    if not isinstance(rates, tuple | list) or len(rates) != 2:
        raise TypeError(f"rates must be a pair, the lowest and the highest rate, got {rates!r}.")
    lowest, highest = (check_number(rate, "Each of the rates", positive=True) for rate in rates)
    if lowest >= highest:
        raise ValueError(f"The highest of the rates must be above the lowest, got {rates!r}.")
    return _Growth(lowest, highest)


def _descent(network: FeedForward, optimizer: Optimizer, course: Course, sampler: Sampler) -> Descent:
    descent = Descent(TrainState(network, optimizer), Objective(), Courses(course))
    descent.reserve(int(sampler.sizes.max()), sampler.samples, gathers=sampler.gathers)
    descent.compile()
    return descent


def _losses(descent: Descent, sampler: Sampler, steps: int) -> tuple[np.ndarray, bool]:
    """The loss before each step, until it becomes too large or NaN, and whether it did."""
    losses = np.empty(steps)
    mean, smallest = 0.0, np.inf
    for step in range(steps):
        batch = step % sampler.n_batches
        if batch == 0:
            batches = sampler.draw(1)
        losses[step : step + 1], _ = descent.step(batches.part(batch, batch + 1))
        mean += (1 - KEPT) / (1 - KEPT ** (step + 1)) * (losses[step] - mean)
        if not mean <= LARGEST_RISE * smallest:
            return losses[: step + 1], True
        smallest = min(smallest, mean)
    return losses, False


def _search(rates: np.ndarray, losses: np.ndarray, diverged: bool) -> LearningRateSearch:
    """The curve of losses over rates, without steps whose loss is not finite."""
    finite = np.isfinite(losses)
    rates, losses = rates[finite], losses[finite]
    smoothed = _smoothed(losses)
    falls_until = max(int(np.argmin(smoothed)), 1)  # past the minimum, the loss only falls after it has jumped up
    slopes = np.gradient(smoothed, np.log(rates))[:falls_until]
    return LearningRateSearch(rates, losses, smoothed, float(rates[np.argmin(slopes)]), diverged)


def _smoothed(losses: np.ndarray) -> np.ndarray:
    """sum_i k^|t - i| min(x_i, c) / sum_i k^|t - i|, where c is the largest of the first losses.

    Without clipping, the last losses of a search, which may be huge, would distort the curve long before they occur.
    """
    shares = KEPT ** np.abs(np.subtract.outer(np.arange(len(losses)), np.arange(len(losses))))
    return np.asarray(shares @ np.minimum(losses, losses[:FEWEST].max()) / shares.sum(axis=1))
