"""Rules that end a training, which ask for no more than its history."""

from abc import ABC, abstractmethod

from fastnn.backends.whole_epochs import Watch
from fastnn.training.history import History


class StoppingRule(ABC):
    """Is asked after every epoch, or after several that were trained in one call."""

    @property
    def unseen(self) -> float:
        """Epochs after which it cannot have come to another answer, and need not be asked."""
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
        """Why training is to end after the last epochs of a history; empty if it goes on."""
