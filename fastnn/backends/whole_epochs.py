"""Several epochs in one call: the order of each is drawn, and its loss watched, between its batches.

Both backends take the state of a random number generator, as integers, and leave it where NumPy would have left it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Words of the Mersenne Twister; its state is these, and the position of the next.
WORDS = 624

#: Generators whose shuffles the backends reproduce.
MERSENNE_TWISTER, PCG64 = "mersenne_twister", "pcg64"

#: The numbers by which an epoch is watched: the sum of the losses of its samples so far, the smallest mean loss before it,
#: epochs without an improvement by the tolerance, how many of them are allowed, samples of an epoch, what a sum of losses is
#: divided by beside their number, epochs that have ended, and whether training is to pause.
FIELDS = ("sum", "best", "count", "tolerance", "patience", "n_samples", "n_targets", "n_epochs", "paused")
SUM, BEST, COUNT, TOLERANCE, PATIENCE, N_SAMPLES, N_TARGETS, N_EPOCHS, PAUSED = range(len(FIELDS))


@dataclass(frozen=True)
class Watch:
    """When training may have to end: after more than `patience` epochs without a loss smaller by more than `tolerance`."""

    tolerance: float = 0.0
    patience: float = np.inf
    best: float = np.inf
    count: int = 0


@dataclass
class WholeEpochs:
    """What several epochs in one call need.

    Attributes
    ----------
    order : ndarray of int64, of shape (n_samples,)
        The order of the samples; shuffled in place, or drawn anew, before the first batch of each epoch.
    random : ndarray of int64
        State of the generator.
    progress : ndarray of float64
        The numbers of `FIELDS`.
    n_batches : int
        Batches of an epoch.
    """

    order: np.ndarray
    random: np.ndarray
    progress: np.ndarray
    n_batches: int

    @classmethod
    def of(
        cls, order: np.ndarray, random: np.ndarray, n_batches: int, watch: Watch, n_targets: int = 1
    ) -> "WholeEpochs":
        """Those of samples in an order."""
        given = {
            "best": watch.best,
            "count": watch.count,
            "tolerance": watch.tolerance,
            "patience": watch.patience,
            "n_samples": len(order),
            "n_targets": n_targets,
        }
        return cls(order, random, np.array([float(given.get(name, 0.0)) for name in FIELDS]), n_batches)

    @property
    def n_steps(self) -> int:
        """Steps that have been taken."""
        return int(self.progress[N_EPOCHS]) * self.n_batches


def words_of(state: dict[str, Any]) -> np.ndarray:
    """The words of a Mersenne Twister and their position, from what `RandomState.get_state(legacy=False)` gives."""
    return np.append(state["state"]["key"], state["state"]["pos"]).astype(np.int64)


def with_words(state: dict[str, Any], words: np.ndarray) -> dict[str, Any]:
    """The same state with other words; shuffles neither take nor leave a normal deviate."""
    return state | {"state": {"key": words[:WORDS].astype(np.uint32), "pos": int(words[WORDS])}}


def state_of_pcg64(bit_generator: Any) -> np.ndarray:
    """State and increment, 64 bits at a time, and the half of a number in store."""
    state = bit_generator.state
    numbers = state["state"]["state"], state["state"]["inc"]
    halves = [half for number in numbers for half in (number >> 64, number & (2**64 - 1))]
    return np.array([*halves, state["has_uint32"], state["uinteger"]], np.uint64).view(np.int64)


def set_pcg64(bit_generator: Any, state: np.ndarray) -> None:
    """Put it into a state."""
    high, low, increment_high, increment_low, has, half = (int(number) for number in state.view(np.uint64))
    numbers = {"state": high << 64 | low, "inc": increment_high << 64 | increment_low}
    bit_generator.state = {"bit_generator": "PCG64", "state": numbers, "has_uint32": has, "uinteger": half}
