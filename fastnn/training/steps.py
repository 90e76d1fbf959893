"""What takes the steps of an epoch, as the trainer sees it."""

from collections.abc import Callable
from typing import NamedTuple

from fastnn.backends.whole_epochs import Watch

#: Is told which share of the work is done.
Report = Callable[[float], None]


class Epochs(NamedTuple):
    """One or several epochs that have been trained: mean loss and last learning rate of each."""

    losses: list[float]
    rates: list[float]


class Steps:
    """Takes the steps of one epoch after another."""

    #: What an epoch is called where training diverges in it.
    unit = "epoch"

    def begin(self) -> bool:
        """Get the data of the next epoch; False if there are no more, before which nothing has changed."""
        return True

    def train(self, n_epochs: int, report: Report, watch: Watch) -> Epochs:
        """Train for some epochs; tell of a single one which share of it is done."""
        raise NotImplementedError(f"{type(self).__name__} is not asked for epochs.")

    def epochs_per_call(self) -> int:
        """Epochs that may be trained at once, if nobody looks in between."""
        return 1

    @property
    def pauses(self) -> bool:
        """Whether calls of several epochs end by themselves where training may have to end."""
        return False

    def end(self, loss: float, validation_loss: float | None) -> None:
        """Be told how an epoch went, as some schedules ask."""

    @property
    def watches_epochs(self) -> bool:
        """Whether it must be told how each epoch went before the next can begin."""
        return False

    def undo(self) -> None:
        """Put back what the last epoch has changed beside the state of the training."""
