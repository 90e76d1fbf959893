"""A training, as callbacks see it."""

from dataclasses import dataclass, field
from typing import Any

from fastnn.feed_forward import FeedForward
from fastnn.training.history import History
from fastnn.training.state import TrainState
from fastnn.training.validation import Validation


@dataclass
class Run:
    """A training.

    Attributes
    ----------
    state : TrainState
        What it changes.
    callbacks : list of Callback
        Those that are called.
    history : History
        What has happened in it.
    validation : Validation or None
        What is measured on held-out data, if there are any.
    description : dict
        What must be the same for another run to go on from a checkpoint of this one, by name, in the types of JSON.
    random_at_start : dict
        State of the network's random numbers before the training drew any.
    """

    state: TrainState
    callbacks: list[Any]
    history: History
    validation: Validation | None = None
    description: dict[str, Any] = field(default_factory=dict)
    random_at_start: Any = None

    @property
    def network(self) -> FeedForward:
        """What is trained."""
        return self.state.network
