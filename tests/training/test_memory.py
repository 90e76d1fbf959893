"""Training and inference read X in place: memory does not grow with it, whether it is mapped from a file or not."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import fastnn

MEBIBYTE = 2**20

N_SAMPLES, N_FEATURES = 16_000, 100
LABELS = np.random.default_rng(0).integers(0, 2, N_SAMPLES)


def features(kind, n_samples):
    """X (n_samples, n_features) of a dtype and memory layout."""
    match kind:
        case "float32" | "float64" | "uint8":
            return np.ones((n_samples, N_FEATURES), kind)
        case "columns":
            return np.ones((n_samples, N_FEATURES), np.float32, order="F")
        case "strided":
            return np.ones((n_samples, 2 * N_FEATURES), np.float32)[:, ::2]
        case "reversed":
            return np.ones((n_samples, N_FEATURES), np.float32)[::-1]
    raise ValueError(kind)


CALLS = {
    "fit": lambda net, X: net.fit(X, LABELS[: len(X)], epochs=1, batch_size=256),
    "fit in order": lambda net, X: net.fit(X, LABELS[: len(X)], epochs=1, batch_size=256, shuffle=False),
    "fit on a part": lambda net, X: net.fit(
        X, LABELS[: len(X)], epochs=1, batch_size=256, validation_fraction=0.01, callbacks=fastnn.EarlyStopping()
    ),
    "validation": lambda net, X: net.fit(
        X[:256], LABELS[:256], epochs=1, batch_size=256, validation_data=(X, LABELS[: len(X)])
    ),
    "forward": lambda net, X: net.forward(X),
    "predict": lambda net, X: net.predict(X),
    "evaluate": lambda net, X: net.evaluate(X, LABELS[: len(X)]),
}


def peak_bytes(function, *arguments):
    """The peak memory of a call, beyond what was allocated before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        function(*arguments)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8", "columns", "strided", "reversed"])
def test_no_call_copies_the_whole_of_the_features(kind, backend):
    few, many = features(kind, N_SAMPLES // 2), features(kind, N_SAMPLES)
    net = fastnn.Network([N_FEATURES, 40, 2], backend=backend, seed=0, n_threads=1)
    for name, call in CALLS.items():
        call(net, few)  # compiles
        growth = peak_bytes(call, net, many) - peak_bytes(call, net, few)
        # Order, labels and outputs are a few numbers a sample; a copy of X has a hundred, of one byte at least.
        assert growth < 0.5 * (many.size - few.size), name


def test_the_measure_sees_a_copy():
    X = features("uint8", N_SAMPLES)
    assert peak_bytes(lambda: X.astype(np.float32)) >= 4 * X.size


#: Trains on a file of zeros that takes no room on the disk, with so little memory that neither a copy of X nor one in
#: another type fits; what is mapped from the file does not count. Reports how the memory of its own grew.
MAPPED = """
import gc, resource, sys
from pathlib import Path
import numpy as np, fastnn

def own_memory(kind):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(kind))
    return int(line.split()[1]) * 1024

path, dtype, n_bytes, limit = sys.argv[1], np.dtype(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
n_features = 784
n_samples = n_bytes // (n_features * dtype.itemsize)
with open(path, "wb") as file:
    file.truncate(n_bytes)
X = np.memmap(path, dtype, "r", shape=(n_samples, n_features))
y = np.random.default_rng(0).integers(0, 2, n_samples)
network = fastnn.Network([n_features, 40, 2], seed=0, n_threads=2)

def fit(n, report=False):
    network.fit(X[:n], y[:n], epochs=1, batch_size=256, progress=report)

fit(512)  # compiles
gc.collect()
before, most = own_memory("RssAnon"), []
allowed = own_memory("VmData") + limit
resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
fit(n_samples, lambda share, history: most.append(own_memory("RssAnon") - before))
network.predict(X[:100_000])
network.evaluate(X, y)
print(max(most))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and counts of a process's own memory are Linux's")
@pytest.mark.parametrize(("dtype", "mebibytes"), [("float32", 256), ("uint8", 128)])
def test_a_mapped_file_is_trained_on_without_room_for_a_copy(dtype, mebibytes, tmp_path):
    path, limit = tmp_path / "features", 96 * MEBIBYTE  # room for order, labels, and the stacks of two threads
    arguments = [path, dtype, mebibytes * MEBIBYTE, limit]
    done = subprocess.run(
        [sys.executable, "-c", MAPPED, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    path.unlink(missing_ok=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 48 * MEBIBYTE
