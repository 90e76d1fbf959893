"""Stopping rules, which depend only on the history."""

from abc import ABC, abstractmethod

from fastnn.backends.whole_epochs import Watch
from fastnn.training.history import History


class StoppingRule(ABC):
    """A rule that is checked after every epoch, or after several that were trained in one call."""

    @property
    def unseen(self) -> float:
        """Number of epochs that may be trained before the rule must be checked again."""
        return 1

    @property
    def watch(self) -> Watch | None:
        """How a call of several epochs may find out by itself when to ask; None if it cannot."""
        return None

    def ends_within(self, losses: list[float]) -> int:
        """The number of the epochs with these losses after which it ends the training, or of all if it does not before."""
        return len(losses)

    @abstractmethod
    def end_epochs(self, history: History, n_epochs: int) -> str:
        """Why training should stop after the last `n_epochs` of a history; empty to continue."""
