"""scikit-learn's rules for fastnn's trainer: objective, order of the samples, stopping, learning rates."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.backends.whole_epochs import MERSENNE_TWISTER, Watch, WholeEpochs, with_words, words_of
from fastnn.batches import weighted_mean
from fastnn.estimators.solvers import Solver
from fastnn.exceptions import DivergenceError
from fastnn.feed_forward import FeedForward
from fastnn.training.divergence import Divergence
from fastnn.training.history import History
from fastnn.training.objective import Objective, weighted_means
from fastnn.training.samples import Samples
from fastnn.training.sampling import Batches, Sampler
from fastnn.training.state import Snapshot, TrainState
from fastnn.training.stopping import StoppingRule

#: scikit-learn's message for weights that have become NaN or infinite.
NON_FINITE_WEIGHTS = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


class PenaltyPerSample(Objective):
    """L + alpha / (2 sum_i w_i) sum W^2, summed over the samples of a batch, and reported with the penalty.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    l2 : float, default 0.0
        L2 penalty of the optimizer itself, which does not depend on the number of samples.
    penalizes_biases : bool, default False
        Whether the penalties also apply to the biases, for L-BFGS.
    n_targets : int, default 1
        Number of targets over which scikit-learn averages the loss, where fastnn sums it.
    offsets : ndarray of shape (n_samples,) or (0,)
        Additional terms in scikit-learn's losses, one per sample.
    """

    reports_penalty = True

    def __init__(
        self, alpha: float, l2: float, offsets: np.ndarray, *, n_targets: int = 1, penalizes_biases: bool = False
    ) -> None:
        super().__init__(l2, penalizes_biases=penalizes_biases)
        self.alpha, self.offsets, self.n_targets = alpha, offsets, n_targets

    def set_penalties(self, steps: np.ndarray, batches: Batches) -> None:
        """Divide alpha by the total weight of each batch."""
        totals = batches.totals
        steps["l2"] = self.l2 + np.divide(self.alpha, totals, out=np.zeros(len(totals)), where=totals != 0)
        steps["penalties_reported"] = self.n_targets

    def means(self, losses: np.ndarray, batches: Batches) -> np.ndarray:
        """The mean loss of each epoch; batches count by their number of samples, regardless of sample weights."""
        sizes = batches.sizes.reshape(losses.shape)
        means = weighted_means(losses, sizes) / self.n_targets
        return means if len(self.offsets) == 0 else means + weighted_means(self._offsets(batches, losses.shape), sizes)

    def _offsets(self, batches: Batches, shape: tuple[int, ...]) -> np.ndarray:
        """The mean offset of each batch."""
        weights, totals = batches.samples.weights, batches.totals
        sums = batches.sums(self.offsets * weights if len(weights) else self.offsets)
        return np.divide(sums, totals, out=np.zeros(len(totals)), where=totals != 0).reshape(shape)

    def strength(self, samples: Samples) -> float:
        """The strength of the penalty for all samples at once."""
        return self.l2 + self.alpha / float(samples.weights.sum() if len(samples.weights) else len(samples))

    def minimized(self, loss: float, samples: Samples) -> float:
        """The mean loss over samples and targets."""
        return loss / self.n_targets + mean_offset(self.offsets, samples)


def mean_offset(offsets: np.ndarray, samples: Samples) -> float:
    """The weighted mean of the additional terms in scikit-learn's losses."""
    return weighted_mean(offsets, samples.weights) if len(offsets) else 0.0


class ReshufflingSampler(Sampler):
    """Batches in the order that scikit-learn draws: each iteration shuffles the order of the one before.

    Parameters
    ----------
    random : RandomState or None
        Shuffles; None leaves the samples in their order.
    """

    def __init__(
        self,
        network: FeedForward,
        samples: Samples,
        rows: np.ndarray | None,
        batch_size: int,
        random: np.random.RandomState | None,
    ) -> None:
        super().__init__(network, samples, rows, batch_size, shuffle=random is not None)
        self.random, self.positions = random, np.arange(self.n_samples)
        self._before: tuple[np.ndarray, dict[str, Any]] | None = None  # order and generator before a call shuffled them
        self._last = np.empty((0, self.n_samples), np.int64)  # the orders that were last drawn together
        self._drawn: list[np.ndarray] = []  # orders of epochs that will be trained again

    def draw_orders(self, n_epochs: int) -> np.ndarray:
        """The last order, shuffled again for each epoch."""
        orders = np.empty((n_epochs, self.n_samples), np.int64)
        for order in orders:
            order[:] = self._drawn.pop(0) if self._drawn else self._shuffled()
            self.positions = order
        self._last = orders
        return orders

    def generator(self) -> str:
        """Name of the estimator's generator in the backends; empty if they do not support it."""
        is_known = self.random is not None and self.random.get_state(legacy=False)["bit_generator"] == "MT19937"
        return MERSENNE_TWISTER if is_known else ""

    def begin_whole_epochs(self) -> tuple[np.ndarray, np.ndarray]:
        """The last order and the state of the generator, for a call that shuffles the samples itself."""
        assert self.random is not None
        state = self.random.get_state(legacy=False)
        self._before = self.positions, state
        return self.positions.copy(), words_of(state)

    def end_whole_epochs(self, epochs: WholeEpochs) -> None:
        """Keep the last order, and set the generator to its state after the call."""
        assert self.random is not None
        assert self._before is not None
        self.positions, (_, state) = epochs.order, self._before
        self.random.set_state(with_words(state, epochs.random))

    def undo(self) -> None:
        """Restore the order and the generator, or keep the orders drawn before the call to use them again."""
        if self._before is not None and self.random is not None:
            self.positions, state = self._before
            self.random.set_state(state)
        if len(self._last) > 1:
            self._drawn = [*self._last, *self._drawn]

    def _shuffled(self) -> np.ndarray:
        order = self.positions.copy()
        assert self.random is not None
        self.random.shuffle(order)  # scikit-learn shuffles indices into the last order: the same swaps
        return order

    def pass_over(self, n_epochs: int) -> None:
        """A single batch keeps its order, but consumes as many random numbers."""
        if self.random is not None:
            for _ in range(n_epochs):
                self.random.shuffle(np.arange(self.n_samples))


class NonFiniteWeightsError(DivergenceError, ValueError):
    """Parameters became NaN or infinite.

    Attributes
    ----------
    sentence : str
        An explanation in addition to scikit-learn's message.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(f"{NON_FINITE_WEIGHTS} {sentence}".rstrip())
        self.sentence = sentence


class NonFiniteWeights(Divergence):
    """Divergence means parameters that are not finite, whatever the loss.

    Parameters
    ----------
    ignored : bool
        Whether training continues with NaN until early stopping ends it, as in scikit-learn with its default score.
    """

    def __init__(self, *, ignored: bool) -> None:
        super().__init__()
        self.ignored, self.undoes = ignored, "nothing" if ignored else "parameters"

    def is_met(self, loss: float, network: FeedForward) -> bool:
        """Whether an epoch has diverged."""
        return not self.ignored and not network._is_finite

    def error(self, when: str, loss: float, rate: float, network: FeedForward) -> Exception:
        """The exception to raise."""
        return NonFiniteWeightsError(str(super().error(when, loss, rate, network)))


class NoImprovement(StoppingRule):
    """Stops training if the loss, or the validation score, has not improved by `tol` for more than `patience` epochs.

    Attributes
    ----------
    best : float
        The smallest loss, or the largest score.
    count : int
        Epochs since the last improvement.
    """

    def __init__(self, tol: float, patience: float, solver: Solver, *, best: float, count: int = 0) -> None:
        self.tol, self.patience, self.solver, self.best, self.count = tol, patience, solver, best, count
        self.stopped = False

    @property
    def unseen(self) -> float:
        """Number of epochs after which training can stop at the earliest."""
        return self.patience - self.count + 1

    @property
    def watch(self) -> Watch | None:
        """The condition under which a call of several epochs pauses: the same as for stopping."""
        return Watch(self.tol, self.patience, self.best, self.count)

    def ends_within(self, losses: list[float]) -> int:
        """After how many epochs with these losses training stops; their number if it does not."""
        best, count = self.best, self.count
        for k, loss in enumerate(losses, 1):
            count = count + 1 if loss > best - self.tol else 0
            best = min(best, loss)
            if count > self.patience:
                return k
        return len(losses)

    def end_epochs(self, history: History, n_epochs: int) -> str:
        """Count epochs without improvement; if there are too many, lower an adaptive rate or stop."""
        for value in self._monitored(history)[-n_epochs:]:
            self._look_at(value)
        if self.count <= self.patience:
            return ""
        if self.solver.lower_rate(self._reason()):
            self.count = 0
            return ""
        self.stopped = True
        return self._reason()

    def _monitored(self, history: History) -> list[float]:
        return history.loss

    def _look_at(self, loss: float) -> None:
        has_improved = not loss > self.best - self.tol
        self.best = min(self.best, loss)
        self.count = 0 if has_improved else self.count + 1

    def _reason(self) -> str:
        return f"{self.name} did not improve more than tol={self.tol:f} for {self.patience:g} consecutive epochs."

    #: The monitored value.
    name = "Training loss"


class NoBetterScore(NoImprovement):
    """The same for the validation score; keeps the parameters with the best score.

    Attributes
    ----------
    kept : Snapshot
        The best parameters.
    """

    name = "Validation score"

    def __init__(
        self,
        tol: float,
        patience: float,
        solver: Solver,
        *,
        best: float,
        count: int,
        state: TrainState,
        kept: Snapshot | None,
    ) -> None:
        super().__init__(tol, patience, solver, best=best, count=count)
        self.state, self.kept = state, kept or state.snapshot_of_parameters()

    @property
    def watch(self) -> None:
        """None, because scores are measured after every epoch."""

    def ends_within(self, losses: list[float]) -> int:
        """All epochs, because losses do not matter."""
        return len(losses)

    def _monitored(self, history: History) -> list[float]:
        return history.scores["validation_score"]

    def _look_at(self, score: float) -> None:
        has_improved = not score < self.best + self.tol
        if score > self.best:
            self._keep()
        self.best = max(self.best, score)
        self.count = 0 if has_improved else self.count + 1

    def _keep(self) -> None:
        if not self.state.network._is_finite:
            raise NonFiniteWeightsError
        self.kept = self.state.snapshot_of_parameters(self.kept)


class InverseScaling(StoppingRule):
    """eta / (t + 1)^p after t samples; never stops training."""

    def __init__(self, solver: Solver, power: float, n_seen: int, n_samples: int) -> None:
        self.solver, self.power, self.n_seen, self.n_samples = solver, power, n_seen, n_samples

    def end_epochs(self, history: History, n_epochs: int) -> str:
        """Lower the learning rate."""
        self.n_seen += n_epochs * self.n_samples
        self.solver.change_rate(self.solver.optimizer.learning_rate / (self.n_seen + 1) ** self.power)
        return ""


class Listener(StoppingRule):
    """Calls a function with the history and its number of new epochs; never stops training."""

    unseen = math.inf

    def __init__(self, function: Callable[[History, int], None]) -> None:
        self.function = function

    def end_epochs(self, history: History, n_epochs: int) -> str:
        """Call the function."""
        self.function(history, n_epochs)
        return ""
