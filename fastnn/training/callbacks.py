"""Callbacks between epochs, and early stopping."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from fastnn.feed_forward import FeedForward
from fastnn.names import suggestion
from fastnn.training.history import History
from fastnn.training.run import Run
from fastnn.training.state import Snapshot
from fastnn.validation import check_count, check_number


class Callback:
    """Base class of callbacks; override the methods you need.

    An exception in a callback ends the training, with the parameters of the last epoch, and reaches the caller of `fit`.
    A callback may change the network, and may record measurements in `history.scores`.

    Attributes
    ----------
    every : int, default 1
        `on_epoch_end` is called once in this many epochs, and after the last one. If epochs are short, a value above 1
        saves time, because the epochs in between are trained in one call.

    Examples
    --------
    >>> class GoodEnough(Callback):
    ...     def on_epoch_end(self, network, history):
    ...         return history.validation_accuracy[-1] > 0.99
    """

    every: int = 1

    #: Whether it saves the state of the other callbacks, and so must be called last.
    saves = False

    def on_fit_begin(self, network: Any, history: History) -> None:
        """Called when training begins; the history is empty, or that of the checkpoint to resume from."""

    def on_epoch_begin(self, network: Any, history: History) -> None:
        """Called before an epoch, or before several that are trained in one call."""

    def on_epoch_end(self, network: Any, history: History) -> bool | str | None:
        """Called after an epoch, which is in the history; return True, or the reason as a string, to stop training."""

    def on_fit_end(self, network: Any, history: History) -> None:
        """Called when training has ended, normally or by an exception, if `on_fit_begin` has returned."""

    def state(self) -> dict[str, Any]:
        """The state that a `Checkpoint` saves: numbers, strings, lists, dictionaries and NumPy arrays by name."""
        return {}

    def check_state(self, network: Any, state: dict[str, Any]) -> None:
        """Raise ValueError if `restore` cannot accept a state; called before anything has changed."""

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the `state` saved in a checkpoint; called after `on_fit_begin`.

        If it raises, the checkpoint is rejected with ValueError, and the network is restored to what it was before.
        """

    def check_fit(self, network: Any, validates: bool) -> None:
        """Raise, before anything has changed, if this callback cannot work with such a network, or without validation."""

    def join_run(self, run: Run) -> None:
        """Called with the whole run before `on_fit_begin`; only for fastnn's own callbacks, as `Run` may change."""

    @property
    def watches_epochs(self) -> bool:
        """Whether it overrides `on_epoch_begin` or `on_epoch_end`."""
        own = type(self)
        return own.on_epoch_end is not Callback.on_epoch_end or own.on_epoch_begin is not Callback.on_epoch_begin

    def is_due(self, epoch: int) -> bool:
        """Whether `on_epoch_end` must be called after this epoch, counted from 1."""
        return self.watches_epochs and epoch % self.every == 0

    def __str__(self) -> str:
        return type(self).__name__


#: Quantities that training itself measures, and that can be monitored.
MEASURED = ("loss", "validation_loss", "validation_accuracy")


class EarlyStopping(Callback):
    """Stop when the monitored value no longer improves, and restore the parameters of the best epoch.

    They are restored however training ends: early, after the last epoch, by Ctrl-C, by divergence, or by an exception in
    another callback. The optimizer state remains that of the last epoch; `Network.forget_optimizer` resets it for the next
    `fit`.

    Parameters
    ----------
    monitor : str or callable, default "validation_loss"
        ``"validation_loss"``, ``"validation_accuracy"``, ``"loss"`` (the training loss), the name of a scikit-learn scorer
        such as ``"f1_macro"`` or ``"r2"``, or a function ``scorer(network, X, y)`` of the validation data, where y holds
        class indices or rows. Scores are recorded in ``history.scores``. Sample weights of the validation data are used in
        losses, accuracy, and scikit-learn scorers whose metric takes ``sample_weight``, but not passed to a function.
    patience : int or None, default 10
        Number of epochs without improvement after which training stops; None never stops it.
    min_delta : float, default 0.0
        An improvement since the last one must exceed this. The best epoch is the best by any margin.
    mode : {"min", "max"}, optional
        Whether small or large values are better; by default "min" for losses, "max" for accuracy and scorers.
    ties : {"first", "last"}, default "first"
        Which of several epochs with the best value is the best epoch.

    Attributes
    ----------
    best_value : float
        The monitored value in the best epoch; NaN before the first.
    best_epoch : int
        The best epoch, counted from 1; 0 before the first.

    References
    ----------
    Goodfellow, Bengio, Courville, Deep Learning (2016), algorithm 7.1.

    Examples
    --------
    >>> stopping = EarlyStopping("validation_accuracy", patience=5)
    >>> network.fit(X, y, epochs=1000, validation_fraction=0.1, callbacks=[stopping])
    """

    def __init__(
        self,
        monitor: str | Callable[..., Any] = "validation_loss",
        patience: int | None = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
        ties: str = "first",
    ) -> None:
        if not (isinstance(monitor, str) or callable(monitor)):
            raise TypeError(f"monitor must be a name or a function scorer(network, X, y), got {monitor!r}.")
        if mode not in (None, "min", "max"):
            raise ValueError(f"mode must be 'min', 'max' or None, got {mode!r}.")
        if ties not in ("first", "last"):
            raise ValueError(f"ties must be 'first' or 'last', got {ties!r}.")
        self.monitor, self.mode, self.ties = monitor, mode, ties
        self.patience = None if patience is None else check_count(patience, "patience")
        self.min_delta = check_number(min_delta, "min_delta")
        self._begin()

    def _begin(self) -> None:
        self.best_value, self.best_epoch = math.nan, 0
        self._reference, self._reference_epoch = math.nan, 0  # the last improvement by more than min_delta
        self._best: Snapshot | None = None
        self._run: Run | None = None
        self._score: Callable[..., Any] | None = None

    @property
    def name(self) -> str:
        """Name of the monitored value."""
        return self.monitor if isinstance(self.monitor, str) else getattr(self.monitor, "__name__", "score")

    def check_fit(self, network: Any, validates: bool) -> None:
        """Raise if the monitored value is unknown, or not measured in this training."""
        if self.monitor == "loss":
            return
        self._scorer()
        if not validates:
            raise ValueError(
                f"{self} needs validation_data or validation_fraction; without them, use monitor='loss' for the training "
                "loss."
            )
        if self.monitor == "validation_accuracy" and not network.architecture.loss.classifies:
            raise ValueError(
                f"{self} needs a classification loss, and this network has {network.architecture.loss.name}: monitor "
                "validation_loss, or a scorer such as 'r2'."
            )

    def _scorer(self) -> Callable[..., Any] | None:
        """The scorer; None if the value is in the history."""
        if not isinstance(self.monitor, str):
            return self.monitor
        if self.monitor in MEASURED:
            return None
        from sklearn.metrics import get_scorer

        try:
            scorer: Callable[..., Any] = get_scorer(self.monitor)
        except ValueError:
            raise ValueError(
                "monitor must be 'validation_loss', 'validation_accuracy', 'loss', the name of a scikit-learn scorer "
                f"(sklearn.metrics.get_scorer_names() lists them) or a function, got {self.monitor!r}."
                f"{suggestion(self.monitor, MEASURED)}"
            ) from None
        return scorer

    def join_run(self, run: Run) -> None:
        """Store the run and the scorer."""
        self._begin()
        self._run, self._score = run, self._scorer()

    def on_epoch_end(self, network: Any, history: History) -> str | None:
        """Keep the parameters if they are the best so far; stop if there was no improvement within `patience` epochs."""
        value, epoch = self._measure(history), len(history)
        if self._is_better(value, self.best_value, 0.0) or (self.ties == "last" and value == self.best_value):
            self.best_value, self.best_epoch = value, epoch
            assert self._run is not None
            self._best = self._run.state.snapshot_of_parameters(self._best)
            history.found_best = epoch
        if self._is_better(value, self._reference, self.min_delta):
            self._reference, self._reference_epoch = value, epoch
        if self.patience is None or epoch - self._reference_epoch < self.patience:
            return None
        return f"{self.name} has not improved for {self.patience} epoch{'s' * (self.patience > 1)}"

    def _measure(self, history: History) -> float:
        if self._score is None or self._run is None or self._run.validation is None:
            return float(getattr(history, self.name)[-1])
        value = self._run.validation.score(self._score)
        history.record_score(self.name, value)
        return value

    def _is_better(self, value: float, than: float, by: float) -> bool:
        """Whether a value is better by more than `by`; any number is better than NaN."""
        if math.isnan(value) or math.isnan(than):
            return not math.isnan(value)
        small = self.mode == "min" or (self.mode is None and self.monitor in ("loss", "validation_loss"))
        return than - value > by if small else value - than > by

    def on_fit_end(self, network: Any, history: History) -> None:
        """Restore the parameters of the best epoch."""
        if self._best is not None and self._run is not None:
            self._run.state.restore(self._best)
        self._best = self._run = self._score = None

    def state(self) -> dict[str, Any]:
        """The best epoch with its value and parameters, and the last improvement."""
        best = {} if self._best is None else {"parameters": self._best.learned}
        return best | {
            "best_value": self.best_value,
            "best_epoch": self.best_epoch,
            "reference": self._reference,
            "reference_epoch": self._reference_epoch,
        }

    def check_state(self, network: Any, state: dict[str, Any]) -> None:
        """Raise ValueError unless the state is complete and of the right types."""
        for name, kind in (("best_value", float), ("best_epoch", int), ("reference", float), ("reference_epoch", int)):
            if type(state.get(name)) is not kind:
                raise ValueError(f"{name} of {self} must be of type {kind.__name__}, got {state.get(name)!r}")
        if "parameters" in state:
            check_vector(f"parameters of {self}", state["parameters"], network._learned.shape, network.dtype)

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the saved state."""
        self.best_value, self.best_epoch = state["best_value"], state["best_epoch"]
        self._reference, self._reference_epoch = state["reference"], state["reference_epoch"]
        if "parameters" in state:
            self._best = Snapshot(state["parameters"])

    def __str__(self) -> str:
        return f"EarlyStopping on {self.name}"

    def __repr__(self) -> str:
        return (
            f"EarlyStopping(monitor={self.monitor!r}, patience={self.patience}, min_delta={self.min_delta}, "
            f"mode={self.mode!r}, ties={self.ties!r})"
        )


def check_callbacks(callbacks: Any, network: FeedForward, validates: bool) -> list[Callback]:
    """The callbacks in calling order: the most frequent first, and those that save last.

    So those called less often, and those that save, know whether another callback has stopped the training.
    """
    callbacks = () if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else callbacks
    if not isinstance(callbacks, Sequence):
        raise TypeError(f"callbacks must be a list of fastnn.Callback, got {callbacks!r}.")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks must be instances of subclasses of fastnn.Callback, got {callback!r}.")
        check_count(callback.every, f"every of {callback}")
        callback.check_fit(network, validates)
    if len(set(map(id, callbacks))) < len(callbacks):
        raise ValueError("callbacks contains the same callback twice: create one instance for each use.")
    return sorted(callbacks, key=lambda callback: (callback.saves, callback.every))


@contextmanager
def callback_lifecycle(run: Run, states: Sequence[dict[str, Any]] | None = None) -> Iterator[None]:
    """Call the callbacks at the beginning and end of a run, and restore their states from a checkpoint, if any."""
    network, history, begun = run.network, run.history, []
    try:
        for callback in run.callbacks:
            callback.join_run(run)
            callback.on_fit_begin(network, history)
            begun.append(callback)
        if states is not None:
            restore(stateful(run.callbacks), states)
        yield
    except BaseException as error:
        history.stop_reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise
    finally:
        with ExitStack() as ends:  # call all of them, even if one raises
            for callback in reversed(begun):
                ends.callback(callback.on_fit_end, network, history)


class RefusedStateError(ValueError):
    """A callback cannot restore its state from a checkpoint."""


def restore(callbacks: Sequence[Callback], states: Sequence[dict[str, Any]]) -> None:
    """Restore the states of callbacks from a checkpoint."""
    for callback, state in zip(callbacks, states, strict=True):
        try:
            callback.restore(state)
        except Exception as error:
            raise RefusedStateError(
                f"{callback} cannot restore its state from the checkpoint ({type(error).__name__}: {error})."
            ) from error


def check_vector(name: str, vector: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise ValueError unless it is an array of this shape and dtype."""
    if not isinstance(vector, np.ndarray):
        raise ValueError(f"{name} must be an array, got {vector!r}")
    if vector.shape != shape or vector.dtype != dtype:
        raise ValueError(f"{name} must be {shape} numbers of {dtype}, got {vector.shape} of {vector.dtype}")


def stateful(callbacks: Sequence[Callback]) -> list[Callback]:
    """The callbacks with a state to save in a checkpoint."""
    return [callback for callback in callbacks if type(callback).state is not Callback.state]


def epochs_until_due(callbacks: Sequence[Callback], epoch: int) -> float:
    """Number of epochs, after `epoch` epochs, until a callback is due."""
    return min(
        (callback.every - epoch % callback.every for callback in callbacks if callback.watches_epochs),
        default=math.inf,
    )


def begin_epoch(callbacks: Sequence[Callback], network: FeedForward, history: History) -> None:
    """Call `on_epoch_begin` of all callbacks."""
    for callback in callbacks:
        callback.on_epoch_begin(network, history)


def end_epoch(callbacks: Sequence[Callback], network: FeedForward, history: History, *, is_last: bool) -> None:
    """Call `on_epoch_end` of the callbacks that are due, and record in the history why one of them stops the training."""
    for callback in callbacks:
        if callback.is_due(len(history)) or (callback.watches_epochs and (is_last or history.stop_reason)):
            reason = _reason(callback, callback.on_epoch_end(network, history))
            history.stop_reason = history.stop_reason or reason


def _reason(callback: Callback, answer: Any) -> str:
    """Why a callback stops the training; empty if it does not."""
    if answer is None or isinstance(answer, str):
        return answer or ""
    if not isinstance(answer, bool | np.bool):
        raise TypeError(
            f"on_epoch_end of {callback} must return True or a string to stop, otherwise False or None, got {answer!r}."
        )
    return f"stopped by {callback}" if answer else ""
