"""Several epochs in one call, which shuffles the samples before each epoch, and monitors its loss after it.

Both backends take the state of a random number generator, as integers, and advance it exactly as NumPy would.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Number of words of the Mersenne Twister; its state is the words and the position of the next one.
WORDS = 624

#: Generators whose shuffles the backends reproduce.
MERSENNE_TWISTER, PCG64 = "mersenne_twister", "pcg64"

#: The state of monitoring: the sum of the epoch's losses so far; the smallest mean loss of earlier epochs; the number of epochs
#: without an improvement; the smallest improvement that counts; the number of epochs to wait for one; samples per epoch;
#: targets over which losses are averaged; epochs completed; and whether to pause.
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
    """Order of the samples, random numbers and monitoring of several epochs in one call.

    Attributes
    ----------
    order : ndarray of int64, of shape (n_samples,)
        The order of the samples; shuffled or drawn again, in place, before the first batch of each epoch.
    random : ndarray of int64
        State of the random number generator.
    progress : ndarray of float64
        The values of `FIELDS`.
    n_batches : int
        Batches per epoch.
    """

    order: np.ndarray
    random: np.ndarray
    progress: np.ndarray
    n_batches: int

    @classmethod
    def of(
        cls, order: np.ndarray, random: np.ndarray, n_batches: int, watch: Watch, n_targets: int = 1
    ) -> "WholeEpochs":
        """Epochs that start from an order of the samples and a state of the generator."""
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
        """Number of steps taken."""
        return int(self.progress[N_EPOCHS]) * self.n_batches


def words_of(state: dict[str, Any]) -> np.ndarray:
    """The words of a Mersenne Twister and the position of the next, from a state of `RandomState.get_state(legacy=False)`."""
    return np.append(state["state"]["key"], state["state"]["pos"]).astype(np.int64)


def with_words(state: dict[str, Any], words: np.ndarray) -> dict[str, Any]:
    """The state with new words; shuffling does not affect its cached normal deviate."""
    return state | {"state": {"key": words[:WORDS].astype(np.uint32), "pos": int(words[WORDS])}}


def state_of_pcg64(bit_generator: Any) -> np.ndarray:
    """State and increment as 64-bit halves, and the cached 32-bit half of a number."""
    state = bit_generator.state
    numbers = state["state"]["state"], state["state"]["inc"]
    halves = [half for number in numbers for half in (number >> 64, number & (2**64 - 1))]
    return np.array([*halves, state["has_uint32"], state["uinteger"]], np.uint64).view(np.int64)


def set_pcg64(bit_generator: Any, state: np.ndarray) -> None:
    """Set the state of a PCG64 generator from `state_of_pcg64`."""
    high, low, increment_high, increment_low, has, half = (int(number) for number in state.view(np.uint64))
    numbers = {"state": high << 64 | low, "inc": increment_high << 64 | increment_low}
    bit_generator.state = {"bit_generator": "PCG64", "state": numbers, "has_uint32": has, "uinteger": half}
