"""What happens between epochs: callbacks of your own, and early stopping."""

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
    """Called while a network is trained; make a subclass with those methods that you need.

    Whatever a callback raises ends the training, with the parameters of the last epoch, and goes on to the caller of
    `fit`. A callback may change the network; `history.scores` is for what it measures.

    Attributes
    ----------
    every : int, default 1
        `on_epoch_end` is called each time this many epochs have ended, and after the last. Where an epoch is a single
        batch, more than 1 saves time: epochs that nobody looks at are trained several in one call.

    Examples
    --------
    >>> class GoodEnough(Callback):
    ...     def on_epoch_end(self, network, history):
    ...         return history.validation_accuracy[-1] > 0.99
    """

    every: int = 1

    #: Whether it writes down what other callbacks remember, and so has to come last.
    saves = False

    def on_fit_begin(self, network: Any, history: History) -> None:
        """Training begins; the history is empty, or that of the checkpoint with which it goes on."""

    def on_epoch_begin(self, network: Any, history: History) -> None:
        """An epoch, or several that nobody looks at in between, is about to be trained."""

    def on_epoch_end(self, network: Any, history: History) -> bool | str | None:
        """An epoch has ended and is in the history; return True, or a sentence that says why, to end the training."""

    def on_fit_end(self, network: Any, history: History) -> None:
        """Training has ended, by itself or by an exception; called for every callback whose `on_fit_begin` returned."""

    def state(self) -> dict[str, Any]:
        """What a `Checkpoint` keeps of this callback: numbers, strings, lists, dictionaries and NumPy arrays by name."""
        return {}

    def check_state(self, network: Any, state: dict[str, Any]) -> None:
        """Raise ValueError for what `restore` cannot take up; called before anything has changed."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave when the checkpoint was written; called after `on_fit_begin`.

        If it raises, the checkpoint is refused with ValueError, and the network is put back as it was.
        """

    def check_fit(self, network: Any, validates: bool) -> None:
        """Raise before anything has changed if this callback cannot work with such a network, or without validation."""

    def join_run(self, run: Run) -> None:
        """Look at the whole run, before `on_fit_begin`: for fastnn's own callbacks, as its fields may change."""

    @property
    def watches_epochs(self) -> bool:
        """Whether it does anything before or after an epoch."""
        own = type(self)
        return own.on_epoch_end is not Callback.on_epoch_end or own.on_epoch_begin is not Callback.on_epoch_begin

    def is_due(self, epoch: int) -> bool:
        """Whether `on_epoch_end` is to be called after this epoch, counted from 1."""
        return self.watches_epochs and epoch % self.every == 0

    def __str__(self) -> str:
        return type(self).__name__


#: What a training measures itself, and may be monitored.
MEASURED = ("loss", "validation_loss", "validation_accuracy")


class EarlyStopping(Callback):
    """Stop when what is monitored no longer improves, and give the network the parameters of its best epoch.

    It does so however the training ends: by stopping, after the last epoch, by Ctrl-C, by divergence or by another
    callback's exception. What the optimizer keeps stays that of the last epoch; `Network.forget_optimizer` lets the next
    `fit` begin anew.

    Parameters
    ----------
    monitor : str or callable, default "validation_loss"
        ``"validation_loss"``, ``"validation_accuracy"``, ``"loss"`` (that on the training samples), the name of a
        scikit-learn scorer such as ``"f1_macro"`` or ``"r2"``, or a function ``scorer(network, X, y)`` of the validation
        data, y being class numbers or rows. Scores are recorded in ``history.scores``. Weights of the validation data
        count in losses, accuracy, and those scorers of scikit-learn whose metric takes ``sample_weight``; a function is
        not given any.
    patience : int, default 10
        Epochs without an improvement after which training stops.
    min_delta : float, default 0.0
        An improvement is more than this, in all since the last one. The best epoch is the best, by however little.
    mode : {"min", "max"}, optional
        Whether small or large values are better; by default "min" for losses, "max" for accuracy and scorers.

    Attributes
    ----------
    best_value : float
        What was monitored, in the best epoch; NaN before the first.
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
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
    ) -> None:
        if not (isinstance(monitor, str) or callable(monitor)):
            raise TypeError(f"monitor must be a name or a function scorer(network, X, y), got {monitor!r}.")
        if mode not in (None, "min", "max"):
            raise ValueError(f"mode must be 'min', 'max' or None, got {mode!r}.")
        self.monitor, self.mode = monitor, mode
        self.patience = check_count(patience, "patience")
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
        """Name of what is monitored."""
        return self.monitor if isinstance(self.monitor, str) else getattr(self.monitor, "__name__", "score")

    def check_fit(self, network: Any, validates: bool) -> None:
        """Raise if what is monitored is unknown, or is not measured in such a training."""
        if self.monitor == "loss":
            return
        self._scorer()
        if not validates:
            raise ValueError(
                f"{self} needs validation_data or validation_fraction; without them, monitor='loss' watches the loss on "
                "the training samples."
            )
        if self.monitor == "validation_accuracy" and not network.architecture.loss.classifies:
            raise ValueError(
                f"{self} needs classes, and this network has {network.architecture.loss.name}: monitor validation_loss, or "
                "a scorer such as 'r2'."
            )

    def _scorer(self) -> Callable[..., Any] | None:
        """What measures; None where the history has it already."""
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
        """Remember the run, and what measures on its held-out data."""
        self._begin()
        self._run, self._score = run, self._scorer()

    def on_epoch_end(self, network: Any, history: History) -> str | None:
        """Keep the parameters if they are the best so far; say so if there has been no improvement for long."""
        value, epoch = self._measure(history), len(history)
        if self._is_better(value, self.best_value, 0.0):
            self.best_value, self.best_epoch = value, epoch
            assert self._run is not None
            self._best = self._run.state.snapshot_of_parameters(self._best)
            history.found_best = epoch
        if self._is_better(value, self._reference, self.min_delta):
            self._reference, self._reference_epoch = value, epoch
        if epoch - self._reference_epoch < self.patience:
            return None
        return f"{self.name} has not improved for {self.patience} epoch{'s' * (self.patience > 1)}"

    def _measure(self, history: History) -> float:
        if self._score is None or self._run is None or self._run.validation is None:
            return float(getattr(history, self.name)[-1])
        value = self._run.validation.score(self._score)
        history.record_score(self.name, value)
        return value

    def _is_better(self, value: float, than: float, by: float) -> bool:
        """Whether a value is better by more than that much; a number is better than none."""
        if math.isnan(value) or math.isnan(than):
            return not math.isnan(value)
        small = self.mode == "min" or (self.mode is None and self.monitor in ("loss", "validation_loss"))
        return than - value > by if small else value - than > by

    def on_fit_end(self, network: Any, history: History) -> None:
        """Give the network the parameters of the best epoch."""
        if self._best is not None and self._run is not None:
            self._run.state.restore(self._best)
        self._best = self._run = self._score = None

    def state(self) -> dict[str, Any]:
        """Best epoch, its value and parameters, and how long ago the last improvement was."""
        best = {} if self._best is None else {"parameters": self._best.learned}
        return best | {
            "best_value": self.best_value,
            "best_epoch": self.best_epoch,
            "reference": self._reference,
            "reference_epoch": self._reference_epoch,
        }

    def check_state(self, network: Any, state: dict[str, Any]) -> None:
        """Raise ValueError unless all is there and of the type that `state` gives."""
        for name, kind in (("best_value", float), ("best_epoch", int), ("reference", float), ("reference_epoch", int)):
            if type(state.get(name)) is not kind:
                raise ValueError(f"{name} of {self} must be of type {kind.__name__}, got {state.get(name)!r}")
        if "parameters" in state:
            check_vector(f"parameters of {self}", state["parameters"], network._learned.shape, network.dtype)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best_value, self.best_epoch = state["best_value"], state["best_epoch"]
        self._reference, self._reference_epoch = state["reference"], state["reference_epoch"]
        if "parameters" in state:
            self._best = Snapshot(state["parameters"])

    def __str__(self) -> str:
        return f"EarlyStopping on {self.name}"

    def __repr__(self) -> str:
        return (
            f"EarlyStopping(monitor={self.monitor!r}, patience={self.patience}, min_delta={self.min_delta}, "
            f"mode={self.mode!r})"
        )


def check_callbacks(callbacks: Any, network: FeedForward, validates: bool) -> list[Callback]:
    """The callbacks in the order in which they are called: those of every epoch first, and last those that save.

    So whoever is called less often, or saves, knows whether another has ended the training in this epoch.
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
        raise ValueError("A callback can be in callbacks only once: it keeps what one training needs.")
    return sorted(callbacks, key=lambda callback: (callback.saves, callback.every))


@contextmanager
def accompanied(run: Run, states: Sequence[dict[str, Any]] | None = None) -> Iterator[None]:
    """Tell the callbacks of a run that training begins, with what a checkpoint kept of them, and how it ends."""
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
        with ExitStack() as ends:  # one after the other, even if one of them raises
            for callback in reversed(begun):
                ends.callback(callback.on_fit_end, network, history)


class RefusedStateError(ValueError):
    """A callback cannot take up what a checkpoint kept of it."""


def restore(callbacks: Sequence[Callback], states: Sequence[dict[str, Any]]) -> None:
    """Give back to callbacks what a checkpoint kept of them."""
    for callback, state in zip(callbacks, states, strict=True):
        try:
            callback.restore(state)
        except Exception as error:
            raise RefusedStateError(
                f"{callback} cannot go on from what the checkpoint kept of it ({type(error).__name__}: {error})."
            ) from error


def check_vector(name: str, vector: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise ValueError unless it is an array of that shape and type."""
    if not isinstance(vector, np.ndarray):
        raise ValueError(f"{name} must be an array, got {vector!r}")
    if vector.shape != shape or vector.dtype != dtype:
        raise ValueError(f"{name} must be {shape} numbers of {dtype}, got {vector.shape} of {vector.dtype}")


def stateful(callbacks: Sequence[Callback]) -> list[Callback]:
    """Those of which a checkpoint keeps something."""
    return [callback for callback in callbacks if type(callback).state is not Callback.state]


def epochs_until_due(callbacks: Sequence[Callback], epoch: int) -> float:
    """Epochs that may be trained before a callback is due, counted from those that are done."""
    return min(
        (callback.every - epoch % callback.every for callback in callbacks if callback.watches_epochs),
        default=math.inf,
    )


def begin_epoch(callbacks: Sequence[Callback], network: FeedForward, history: History) -> None:
    """Tell callbacks that training is about to go on."""
    for callback in callbacks:
        callback.on_epoch_begin(network, history)


def end_epoch(callbacks: Sequence[Callback], network: FeedForward, history: History, *, is_last: bool) -> None:
    """Tell those whom it concerns; who wants to stop writes why into the history."""
    for callback in callbacks:
        if callback.is_due(len(history)) or (callback.watches_epochs and (is_last or history.stop_reason)):
            reason = _reason(callback, callback.on_epoch_end(network, history))
            history.stop_reason = history.stop_reason or reason


def _reason(callback: Callback, answer: Any) -> str:
    """Why a callback wants to stop; empty if it does not."""
    if answer is None or isinstance(answer, str):
        return answer or ""
    if not isinstance(answer, bool | np.bool):
        raise TypeError(
            f"on_epoch_end of {callback} must return True or a sentence to stop, or else False or None, got {answer!r}."
        )
    return f"{callback} asked for it" if answer else ""
