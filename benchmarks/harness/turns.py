"""Interleaved timing: contestants take turns, so that disturbances of the machine affect all of them alike."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

#: Threads of a matrix library spin for some tens of milliseconds after its last product.
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Rounds:
    """How many rounds to run: at least `fewest`, at most `most`, and no new one after `seconds` unless it is needed.

    Each turn starts after a pause of `pause` seconds, in which the threads of the previous turn go to sleep.
    """

    fewest: int
    most: int
    seconds: float = 0.0
    pause: float = PAUSE_SECONDS

    def __iter__(self) -> Iterator[int]:
        start = time.perf_counter()
        for done in itertools.count():
            if done >= self.most or (done >= self.fewest and time.perf_counter() - start >= self.seconds):
                return
            yield done


def exactly(n_rounds: int, pause: float = PAUSE_SECONDS) -> Rounds:
    """A fixed number of rounds, however long they take."""
    return Rounds(n_rounds, n_rounds, pause=pause)


def take_turns(turns: Mapping[str, Callable[[], float]], rounds: Rounds) -> dict[str, list[float]]:
    """Return what each turn returned, by name; the order is reversed from round to round."""
    measured: dict[str, list[float]] = {name: [] for name in turns}
    order = list(turns)
    for _ in rounds:
        for name in order:
            time.sleep(rounds.pause)
            measured[name].append(turns[name]())
        order.reverse()
    return measured


def medians(measured: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the median of each turn's results."""
    return {name: statistics.median(values) for name, values in measured.items()}


def seconds_of(work: Callable[[], object]) -> float:
    """Return the wall time of `work`."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
