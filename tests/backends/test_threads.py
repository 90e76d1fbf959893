"""Any number of threads gives the same bits; a team never hangs, whatever happens to one of its threads."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_info

import fastnn
from fastnn.architecture import Architecture
from fastnn.backends.numba_backend import model as epoch
from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.operations import PART, Operation, View, partition
from fastnn.backends.numba_backend.partition import BY_ONE, ROWS
from fastnn.backends.numba_backend.programs import inputs, program, team, training
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.optimizers import SETTINGS
from fastnn.threads import matrix_threads, threads_of_call

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((203, 21)).astype(np.float32)
LABELS = RANDOM.integers(0, 5, len(X))


@pytest.fixture(autouse=True)
def _every_thread_worth_its_while(large_teams, monkeypatch):
    monkeypatch.setattr(epoch, "ROWS_PER_PASS", 8)
    monkeypatch.setattr(training, "TILES_PER_THREAD", 1)


@pytest.fixture
def team_sizes(monkeypatch):
    """The size of every team that the compiled backend asks for, in order."""
    sizes, run_team, side_by_side = [], program.run_team, epoch._side_by_side
    monkeypatch.setattr(
        program, "run_team", lambda *args, **options: sizes.append(args[-1]) or run_team(*args, **options)
    )
    monkeypatch.setattr(epoch, "_side_by_side", lambda calls: sizes.append(len(calls)) or side_by_side(calls))
    return sizes


def network(n_threads, dtype="float32"):
    return fastnn.Network([21, 40, 33, 5], ["tanh", "relu", "softmax"], dtype=dtype, seed=0, n_threads=n_threads)


def everything(n_threads, dtype):
    """The results of a network: losses, gradient, outputs, and parameters after two epochs with a short last batch."""
    net = network(n_threads, dtype)
    results = [np.array(net.loss(X, LABELS)), net.backward().copy(), net.forward(X), net.logits(X)]
    history = net.fit(X, LABELS, epochs=2, batch_size=75, optimizer=fastnn.SGD(0.1, l2=0.01))
    return [*results, np.array(history.loss), net.parameters]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_are_the_same_bits_for_any_number_of_threads(dtype):
    expected = [result.tobytes() for result in everything(1, dtype)]
    for n_threads in (2, 3, 5):
        assert [result.tobytes() for result in everything(n_threads, dtype)] == expected


#: Optimizers with and without a barrier for the norm of the gradient.
OPTIMIZERS = (
    fastnn.SGD(0.1, momentum=0.9, max_grad_norm=0.1),
    fastnn.Adam(0.01),
    fastnn.AdamW(0.01, amsgrad=True, l1=1e-3, l2=1e-2, max_grad_norm=0.1, penalize_biases=True),
)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
@pytest.mark.parametrize("sizes", [(21, 140, 50, 5), (21, 16, 5)], ids=["in rows", "in columns"])
def test_every_kind_of_update_gives_the_same_bits_for_any_number_of_threads(sizes, optimizer, team_sizes):
    features, labels = np.tile(X, (10, 1)), np.tile(LABELS, 10)  # several tiles of samples in a batch
    results = []
    for n_threads in (1, 2, 3, 5):
        team_sizes.clear()
        net = fastnn.Network(sizes, "tanh", seed=0, n_threads=n_threads)
        history = net.fit(features, labels, epochs=2, batch_size=1900, optimizer=optimizer)
        assert n_threads in team_sizes
        results.append((history.loss, net.parameters.tobytes(), net.optimizer_state(optimizer).vectors.tobytes()))
    assert results[1:] == results[:1] * 3


def test_the_teams_of_this_file_have_several_threads(team_sizes):
    everything(5, "float32")
    assert max(team_sizes) == 5


def test_small_work_stays_on_one_thread(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(fastnn.threads, "available_cpus", lambda: 8)
    monkeypatch.setattr(team.threading, "Thread", None)  # would fail to start
    network(8).fit(X[:32], LABELS[:32], epochs=1)


def test_two_fits_in_two_threads_of_the_user():
    def trained(_):
        net = network(2)
        net.fit(X, LABELS, epochs=5, batch_size=64)
        return net.parameters.tobytes()

    expected = trained(0)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(trained, range(4))) == [expected] * 4


@pytest.fixture(params=[0, 1])
def started(request, monkeypatch):
    """The threads that were started, on a system that cannot start more."""
    started, start = [], threading.Thread.start

    def start_or_refuse(thread):
        if len(started) == request.param:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_refuse)
    return started


def test_a_system_without_more_threads_computes_on_one(started):
    np.testing.assert_array_equal(network(3).logits(X), network(1).logits(X))
    assert not any(thread.is_alive() for thread in started)


def test_a_thread_that_is_left_alone_does_the_work_of_its_team(started):
    numbers, copies = np.arange(1000.0), np.full(1000, np.nan)
    copying = Program(numbers.dtype)
    copying.add(table.copy_numbers, (len(numbers), 1), View(copies, PART), View(numbers, PART))
    copying.run(np.zeros(1, SETTINGS), 3)
    np.testing.assert_array_equal(copies, numbers)
    assert not any(thread.is_alive() for thread in started)


def test_no_thread_outlives_a_call():
    before = threading.active_count()
    network(4).fit(X, LABELS, epochs=1, batch_size=64)
    assert threading.active_count() == before


def test_a_team_is_never_larger_than_its_work():
    model = network(1)._model
    assert model.team(1, 1, 16, work=1000) == 1
    assert model.team(1000, 64, 16, work=1000) == 64 // ROWS
    assert model.team(10_000, 10_000, 3, work=1000) == 3


def test_the_work_on_a_sparse_matrix_is_that_on_its_entries():
    architecture = Architecture.create((1000, 4, 1), "relu", "squared_error")
    X = sparse.csr_array(np.eye(50, 1000))
    assert inputs.work_of(architecture, X) == 4 + 4 + 4 + 1
    assert inputs.work_of(architecture, X.toarray()) == architecture.n_parameters
    assert training.WORK_PER_UPDATE > 1


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100, 129])
def test_shares_cover_the_whole_once(n, n_threads):
    ranges = [partition(n, thread, n_threads, 8) for thread in range(n_threads)]
    assert [i for start, stop in ranges for i in range(start, stop)] == list(range(n))
    assert all(start % 8 == 0 or start == n for start, _ in ranges)


# Interrupts and errors


class InEachThread(Operation):
    """A Python function of the thread number, called from a program."""

    def __init__(self, function):
        super().__init__("in_each_thread", (), function, in_python=True)

    def interpret(self, arguments, batch, thread, n_threads, dtype):
        self.function(thread)


def run_in_a_team(n_threads, *functions):
    """Run a program of functions of the thread number, with a barrier after each."""
    own = Program(np.dtype("float32"))
    for function in functions:
        own.add(InEachThread(function), BY_ONE)
        own.wait()
    own.run(np.zeros(1, SETTINGS), n_threads)


@pytest.fixture
def no_thread_is_left():
    """All threads started by the test end within a second after it."""
    before, deadline = threading.active_count(), time.monotonic() + 1
    yield
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def assert_interrupted_and_unchanged(net):
    """Require that an interrupted fit changes no parameter."""
    before = net.parameters.tobytes()
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, LABELS, epochs=1, batch_size=64)
    assert net.parameters.tobytes() == before


@pytest.mark.usefixtures("no_thread_is_left")
def test_an_interrupt_before_thread_0_computes_breaks_up_the_team(monkeypatch):
    """The others are at work or wait for thread 0; either way they end, and no parameter changes."""
    network(3).fit(X, LABELS, epochs=1, batch_size=64)  # compiles: the interrupt comes later
    compute = team._Team._compute

    def interrupted(self, thread):
        if thread == 0:
            raise KeyboardInterrupt
        compute(self, thread)

    monkeypatch.setattr(team._Team, "_compute", interrupted)
    assert_interrupted_and_unchanged(network(3))


@pytest.mark.usefixtures("no_thread_is_left")
@pytest.mark.parametrize("n_started", [0, 1, 2])
def test_an_interrupt_while_a_team_is_started_breaks_it_up(n_started, monkeypatch):
    start, started = threading.Thread.start, []

    def start_or_interrupt(thread):
        if len(started) == n_started:
            raise KeyboardInterrupt
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_interrupt)
    assert_interrupted_and_unchanged(network(4))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timer signals")
def test_an_interrupt_is_raised_when_nobody_writes_any_more():
    result = np.zeros(3)

    def slow(thread):
        if thread > 0:
            time.sleep(0.3)
        result[thread] = 1

    def interrupt(number, frame):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)  # thread 0 has come to its end and waits for the others
        with pytest.raises(KeyboardInterrupt):
            run_in_a_team(3, slow)
    finally:
        signal.signal(signal.SIGALRM, previous)
    np.testing.assert_array_equal(result, [1, 1, 1])


@pytest.mark.usefixtures("no_thread_is_left")
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_in_any_thread_is_raised_by_the_call(failing):
    reached = []

    def fail(thread):
        if thread == failing:
            raise IndexError(f"thread {thread}")

    with pytest.raises(IndexError, match=f"thread {failing}"):
        run_in_a_team(3, fail, reached.append)
    assert not reached  # broken up, or the others would wait for ever


# How many threads


def test_by_default_a_network_uses_the_processors_of_the_process():
    assert network(None)._team == 8
    assert network(3)._team == 3


def test_a_team_is_never_larger_than_the_processors(team_sizes):
    assert network(100)._team == 8
    network(100).logits(X, n_threads=50)
    assert max(team_sizes) == 8


CALLS = {
    "logits": lambda net, **options: net.logits(X, **options),
    "forward": lambda net, **options: net.forward(X, **options),
    "predict": lambda net, **options: net.predict(X, **options),
    "loss": lambda net, **options: net.loss(X, LABELS, **options),
    "backward": lambda net, **options: net.backward(**options),
    "evaluate": lambda net, **options: net.evaluate(X, LABELS, **options),
    "fit": lambda net, **options: net.fit(X, LABELS, epochs=1, batch_size=75, validation_data=(X, LABELS), **options),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_may_have_its_own_number_of_threads(call, team_sizes):
    net = network(2)
    net.loss(X, LABELS)
    for options, expected in (({"n_threads": 3}, 3), ({}, 2), ({"n_threads": None}, 2)):
        team_sizes.clear()
        call(net, **options)
        assert set(team_sizes) - {1} == {expected}
        assert net.n_threads == 2
        net.loss(X, LABELS)


@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_number_of_threads_that_is_none_changes_nothing(call, backend):
    net = fastnn.Network([21, 4, 5], backend=backend, seed=0)
    net.loss(X, LABELS)
    before = net.parameters.tobytes()
    for wrong, error in ((0, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match=f"n_threads must be a positive integer, got {wrong}"):
            call(net, n_threads=wrong)
    assert net.parameters.tobytes() == before
    net.backward()


def test_a_fit_has_its_number_of_threads_until_it_ends_even_by_an_error(team_sizes):
    net, seen = network(2), []

    def interrupt(share, history):
        seen.append(net._team)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, LABELS, epochs=1, progress=interrupt, n_threads=5)
    assert seen == [5]
    assert net._team == 2


def test_calls_in_two_python_threads_have_numbers_of_their_own():
    both_are_within = threading.Barrier(2, timeout=10)

    def team_within(n_threads):
        with threads_of_call(n_threads):
            both_are_within.wait()
            return network(None)._team

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(team_within, [2, 3])) == [2, 3]


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_the_reference_takes_a_number_of_threads_for_a_call():
    net, during, before = fastnn.Network([21, 5], backend="numpy"), [], blas_threads()
    net.fit(X, LABELS, epochs=1, progress=lambda *_: during.append(blas_threads()), n_threads=1)
    assert during
    assert all(limit == {1} for limit in during)
    assert blas_threads() == before


def test_limits_of_blas_that_overlap_leave_the_number_from_before():
    before, first, second = blas_threads(), matrix_threads(1), matrix_threads(2)
    first.__enter__()
    second.__enter__()
    assert blas_threads() == {1}
    first.__exit__(None, None, None)
    assert blas_threads() == {2}
    second.__exit__(None, None, None)
    assert blas_threads() == before


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not bind threads to processors")
def test_members_of_a_team_may_run_wherever_their_process_may():
    allowed, seen = os.sched_getaffinity(0), []

    def look():
        team._move_away(min(allowed), 1)
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [allowed]
    assert os.sched_getaffinity(0) == allowed
