"""A training run: its state, callbacks and history."""

from dataclasses import dataclass, field
from typing import Any

from fastnn.feed_forward import FeedForward
from fastnn.training.history import History
from fastnn.training.state import TrainState
from fastnn.training.validation import Validation


@dataclass
class Run:
    """A training run.

    Attributes
    ----------
    state : TrainState
        The network and optimizer state, which training changes.
    callbacks : list of Callback
        Callbacks in calling order.
    history : History
        The results so far.
    validation : Validation or None
        Evaluation on held-out data, if any.
    description : dict
        Description by name, in JSON types, which must match for a run to resume from a checkpoint of this one.
    random_at_start : dict
        State of the network's random number generator before the training.
    """

    state: TrainState
    callbacks: list[Any]
    history: History
    validation: Validation | None = None
    description: dict[str, Any] = field(default_factory=dict)
    random_at_start: Any = None

    @property
    def network(self) -> FeedForward:
        """The network being trained."""
        return self.state.network
