"""Networks in forked children, in joblib workers, and in a process interrupted by Ctrl-C."""

import os
import signal
import subprocess
import sys
import time

import pytest

#: The beginning of each program: a training that uses two threads and gives the same bits in any process.
TRAINED = """
import numpy as np, fastnn
from fastnn.backends.numba_backend import network as bound
from fastnn.threads import available_cpus, team_size
bound.BATCH_WORK_PER_THREAD = bound.CALL_WORK_PER_THREAD = 1

def trained(seed, n_threads=2):
    random = np.random.default_rng(0)
    X, y = random.standard_normal((96, 6)).astype("f4"), np.arange(96) % 3
    network = fastnn.Network([6, 40, 3], seed=seed, n_threads=n_threads)
    network.fit(X, y, epochs=2, batch_size=48)
    return network.parameters.tobytes()
"""


def run(program, **environment):
    """Run a program in its own process, with these variables and no other limit on threads."""
    variables = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    subprocess.run(
        [sys.executable, "-W", "error", "-c", TRAINED + program], env=variables | environment, check=True, timeout=300
    )


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
needs_signals = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@needs_fork
def test_training_goes_on_in_a_forked_child():
    run("""
import os
expected = trained(0)
child = os.fork()
if child == 0:
    os._exit(0 if trained(0) == expected else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert trained(0) == expected
""")


@needs_fork
def test_a_forked_child_of_which_the_parent_never_computed_trains_as_the_parent_does():
    run("""
import os
child = os.fork()
if child == 0:
    os._exit(0 if trained(0) == trained(0, n_threads=1) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
trained(0)
""")


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib_trains_as_a_loop_does(backend):
    run(f"""
from joblib import Parallel, delayed
expected = [trained(seed) for seed in range(4)]
for n_threads in (2, None):
    assert Parallel(n_jobs=2, backend={backend!r})(delayed(trained)(seed, n_threads) for seed in range(4)) == expected
""")


def test_joblibs_processes_share_the_processors():
    run("""
from joblib import Parallel, cpu_count, delayed, parallel_config
assert team_size(None) == available_cpus()
fair = max(1, cpu_count() // 2)
assert Parallel(n_jobs=2)(delayed(team_size)(n_threads) for n_threads in (None, None)) == [fair, fair]
with parallel_config("loky", inner_max_num_threads=1):
    assert Parallel(n_jobs=2)(delayed(team_size)(n_threads) for n_threads in (None, None)) == [1, 1]
""")


def test_a_number_of_threads_in_the_environment_is_the_default():
    run("assert team_size(None) == 1", OMP_NUM_THREADS="1")
    run("assert team_size(None) == available_cpus()", OMP_NUM_THREADS="100")


#: Trains for a long time in batches of about a quarter of a millisecond, within one epoch, and prints what is left after Ctrl-C.
INTERRUPTED = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell turns off in what it starts in the background
n_samples, batch_size = 400_000, 32
random = np.random.default_rng(0)
X, y = random.standard_normal((n_samples, 16)).astype("f4"), random.integers(2, size=n_samples)
network = fastnn.Network([16, 512, 512, 2], seed=0, n_threads=2)
reported = []

def report(share, history):
    reported.append((share, network.parameters.copy()))
    print("report", flush=True)

try:
    network.fit(X, y, optimizer="sgd", epochs=1, batch_size=batch_size, shuffle=False, progress=report)
    sys.exit("The epoch ended before the interrupt came.")
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)

# Going on from the last report, one batch at a time, leads to the very parameters that the interrupt left.
left, (share, parameters) = network.parameters.copy(), reported[-1]
assert share < 1 and np.isfinite(left).all()
network.parameters[:] = parameters
batch = round(share * n_samples / batch_size)
last = min(batch + 4000, n_samples // batch_size)
while network.parameters.tobytes() != left.tobytes():
    assert batch < last, "The interrupt left parameters that no whole number of batches gives."
    rows = slice(batch * batch_size, (batch + 1) * batch_size)
    network.fit(X[rows], y[rows], optimizer="sgd", epochs=1, batch_size=batch_size, shuffle=False)
    batch += 1
"""


@needs_signals
def test_ctrl_c_within_an_epoch_is_answered_within_half_a_second_and_leaves_whole_batches():
    with subprocess.Popen(
        [sys.executable, "-c", TRAINED + INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = (process.stdout.readline() for _ in range(12))  # by then the chunks have their full length
        assert all(line == "report\n" for line in lines), process.communicate()
        time.sleep(0.03)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert float(output.split()[-1]) - pressed < 0.5
