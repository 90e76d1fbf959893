"""Any number of threads gives the same bits; threads, forks and processes of the user's own do no harm."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastnn
from fastnn.backends.numba_backend import epoch, threads
from fastnn.threads import available_cpus

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((203, 21)).astype(np.float32)
LABELS = RANDOM.integers(0, 5, len(X))


@pytest.fixture(autouse=True)
def _every_thread_is_worth_its_while(monkeypatch):
    monkeypatch.setattr(epoch, "BATCH_WORK_PER_THREAD", 1)
    monkeypatch.setattr(epoch, "CALL_WORK_PER_THREAD", 1)


def network(n_threads, dtype="float32"):
    return fastnn.Network([21, 40, 33, 5], ["tanh", "relu", "softmax"], dtype=dtype, seed=0, n_threads=n_threads)


def everything(n_threads, dtype):
    """What a network computes: losses, gradient, outputs, and parameters after two epochs with a short last batch."""
    net = network(n_threads, dtype)
    results = [np.array(net.loss(X, LABELS)), net.backward().copy(), net.forward(X), net.logits(X)]
    history = net.fit(X, LABELS, epochs=2, batch_size=75, optimizer=fastnn.SGD(0.1, l2=0.01))
    return [*results, np.array(history.loss), net.parameters]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_are_the_same_bits_for_any_number_of_threads(dtype):
    expected = [result.tobytes() for result in everything(1, dtype)]
    for n_threads in (2, 3, 5):
        assert [result.tobytes() for result in everything(n_threads, dtype)] == expected


def test_the_teams_of_this_file_have_several_threads(monkeypatch):
    sizes, run_team = [], threads.run_team
    monkeypatch.setattr(epoch, "run_team", lambda kernel, n, *args: sizes.append(n) or run_team(kernel, n, *args))
    everything(5, "float32")
    assert set(sizes) == {1, 5}
    assert sizes.count(1) == 1  # the call that only compiles


def test_small_work_stays_on_one_thread(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(threads.threading, "Thread", None)  # would fail to start
    network(8).fit(X[:32], LABELS[:32], epochs=1)


def test_two_fits_in_two_threads_of_the_user():
    def trained(_):
        net = network(2)
        net.fit(X, LABELS, epochs=5, batch_size=64)
        return net.parameters.tobytes()

    expected = trained(0)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(trained, range(4))) == [expected] * 4


def test_a_system_without_more_threads_computes_on_one(monkeypatch):
    expected = network(1).logits(X)

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    np.testing.assert_array_equal(network(3).logits(X), expected)


def test_an_interrupt_before_thread_0_computes_breaks_up_the_team(monkeypatch):
    """The others are at work or wait for thread 0; either way they end, and no parameter changes."""
    net, before, n_before = network(3), network(3).parameters.copy(), threading.active_count()
    net.fit(X, LABELS, epochs=1, batch_size=64)
    net.parameters[:] = before
    kernel = epoch._train_epoch

    class Interrupted:
        typeof_pyval, compile = kernel.typeof_pyval, kernel.compile

        def __call__(self, thread, *arguments):
            if thread == 0:
                raise KeyboardInterrupt
            return kernel(thread, *arguments)

    monkeypatch.setattr(epoch, "_train_epoch", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, LABELS, epochs=1, batch_size=64)
    assert net.parameters.tobytes() == before.tobytes()
    assert threading.active_count() == n_before


def test_no_thread_outlives_a_call():
    before = threading.active_count()
    network(4).fit(X, LABELS, epochs=1, batch_size=64)
    assert threading.active_count() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_training_goes_on_in_a_forked_child():
    program = """
import os, numpy as np, fastnn
from fastnn.backends.numba_backend import epoch
epoch.BATCH_WORK_PER_THREAD = epoch.CALL_WORK_PER_THREAD = 1
X, y = np.random.default_rng(0).standard_normal((96, 6)).astype("f4"), np.arange(96) % 3
def trained():
    net = fastnn.Network([6, 20, 3], seed=0, n_threads=2)
    net.fit(X, y, epochs=2, batch_size=48)
    return net.parameters.tobytes()
expected = trained()
child = os.fork()
if child == 0:
    os._exit(0 if trained() == expected else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert trained() == expected
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_a_team_is_never_larger_than_its_work():
    parameters = np.empty(1000)
    assert epoch._team_size(parameters, 1, 1, 16) == 1
    assert epoch._team_size(parameters, 1000, 64, 16) == 64 // epoch.ROWS
    assert epoch._team_size(parameters, 10_000, 10_000, 3) == 3


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100, 129])
def test_shares_cover_the_whole_once(n, n_threads):
    ranges = [threads.share(n, thread, n_threads, 8) for thread in range(n_threads)]
    assert [i for start, stop in ranges for i in range(start, stop)] == list(range(n))
    assert all(start % 8 == 0 or start == n for start, _ in ranges)


def test_by_default_a_network_uses_the_processors_of_the_process():
    assert network(None).team == available_cpus()
