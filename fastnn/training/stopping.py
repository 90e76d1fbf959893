"""Rules that end a training, which ask for no more than its history."""

from abc import ABC, abstractmethod

from fastnn.training.history import History


class StoppingRule(ABC):
    """Is asked after every epoch, or after several that were trained in one call."""

    @property
    def unseen(self) -> float:
        """Epochs after which it cannot have come to another answer, and need not be asked."""
        return 1

    @abstractmethod
    def end_epochs(self, history: History, n_epochs: int) -> str:
        """Why training is to end after the last epochs of a history; empty if it goes on."""
