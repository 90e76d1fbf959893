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
        """A condition under which a call of several epochs pauses to check this rule; None if there is none."""
        return None

    def ends_within(self, losses: list[float]) -> int:
        """After how many epochs with these losses the rule stops training; their number if it does not."""
        return len(losses)

    @abstractmethod
    def end_epochs(self, history: History, n_epochs: int) -> str:
        """Why training should stop after the last `n_epochs` of a history; empty to continue."""
