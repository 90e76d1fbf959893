"""The interface between the trainer and whatever takes the steps of an epoch."""

from collections.abc import Callable
from typing import NamedTuple

from fastnn.backends.whole_epochs import Watch

#: A function that is called with the fraction of the work done.
Report = Callable[[float], None]


class Epochs(NamedTuple):
    """The mean loss and last learning rate of each trained epoch."""

    losses: list[float]
    rates: list[float]


class Steps:
    """Takes the steps of one epoch after another."""

    #: The name of an epoch in error messages.
    unit = "epoch"

    def begin(self) -> bool:
        """Get the data of the next epoch; False, with nothing changed, if there are no more."""
        return True

    def train(self, n_epochs: int, report: Report, watch: Watch) -> Epochs:
        """Train for some epochs; if it is only one, report the fraction of it that is done."""
        raise NotImplementedError(f"{type(self).__name__} cannot train by epochs.")

    def epochs_per_call(self) -> int:
        """Number of epochs to train in one call if nothing needs to happen in between."""
        return 1

    @property
    def pauses(self) -> bool:
        """Whether calls of several epochs pause by themselves when training may have to stop."""
        return False

    def end(self, loss: float, validation_loss: float | None) -> None:
        """Called with the losses of each epoch, on which some schedules depend."""

    @property
    def watches_epochs(self) -> bool:
        """Whether `end` must be called after each epoch, before the next can begin."""
        return False

    def undo(self) -> None:
        """Undo what the last epochs have changed outside `TrainState`."""
