"""Numbers of threads, and more threads than processors: two fits at once, each with a thread for every processor.

Limit of oversubscription: it must not take more than 1.5 times as long as the right number of threads.
"""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastnn
from benchmarks.harness.turns import exactly, medians, seconds_of, take_turns
from benchmarks.settings import QUICK
from fastnn.threads import available_cpus

ROUNDS = 1 if QUICK else 9
N_SAMPLES = 256 if QUICK else 6000

#: Largest allowed time with more threads than processors, relative to that with the right number.
LARGEST_RATIO = 1.5


@functools.cache
def data() -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels."""
    random = np.random.default_rng(0)
    return random.standard_normal((N_SAMPLES, 784), np.float32), random.integers(10, size=N_SAMPLES)


def trained(n_threads: int) -> np.ndarray:
    """Parameters of an MNIST-sized network after an epoch."""
    network = fastnn.Network([784, 128, 10], seed=0, n_threads=n_threads)
    network.fit(*data(), epochs=1, batch_size=128)
    return network.parameters


def two_at_once(n_threads: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(trained, [n_threads] * 2))


def one_after_the_other(n_threads: int) -> None:
    trained(n_threads)
    trained(n_threads)


@pytest.fixture(scope="module", autouse=True)
def _compiled_and_right_for_any_number():
    expected = trained(1).tobytes()
    for n_threads in (available_cpus(), 4 * available_cpus()):
        assert trained(n_threads).tobytes() == expected


@pytest.mark.parametrize("n_threads", sorted({1, available_cpus(), 4 * available_cpus()}))
def test_fit_by_threads(benchmark, n_threads):
    benchmark.group = "threads"
    benchmark.pedantic(trained, args=(n_threads,), rounds=ROUNDS)


def ratio_of_medians(numerator, denominator) -> float:
    """Time of one function relative to that of another, interleaved."""
    turns = {"above": lambda: seconds_of(numerator), "below": lambda: seconds_of(denominator)}
    seconds = medians(take_turns(turns, exactly(ROUNDS)))
    return seconds["above"] / seconds["below"]


@pytest.mark.skipif(QUICK, reason="a few batches are of no worth as a measurement")
@pytest.mark.parametrize(
    ("many", "right"),
    [
        (lambda n: trained(4 * n), trained),
        (two_at_once, one_after_the_other),
    ],
    ids=["threads", "fits"],
)
def test_more_threads_than_processors_cost_half_as_much_again_at_most(benchmark, many, right):
    benchmark.group = "more threads than processors"
    n = available_cpus()
    ratio = benchmark.pedantic(ratio_of_medians, args=(lambda: many(n), lambda: right(n)), rounds=1)
    benchmark.extra_info["ratio"] = ratio
    assert ratio <= LARGEST_RATIO
