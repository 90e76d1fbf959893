"""Start-up times of a fresh process: importing fastnn, and the first ``fit`` with and without compiled code on disk."""

import os
import subprocess
import sys
from pathlib import Path

_IMPORT = """
import time
import numba, numpy
start = time.perf_counter()
import fastnn
print(time.perf_counter() - start)
"""

_FIRST_FIT = """
import time
import numba, numpy as np
import fastnn
X = np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32)
y = (X[:, 0] > 0).astype(np.int64)
start = time.perf_counter()
network = fastnn.Network([4, 8, 2], backend="numba", dtype="float32", seed=0)
network.fit(X, y, optimizer=fastnn.SGD(learning_rate=0.1), epochs=1, batch_size=32)
print(time.perf_counter() - start)
"""


def import_seconds() -> float:
    """Seconds that ``import fastnn`` takes in a fresh process, with NumPy and Numba already imported."""
    return _seconds_in_fresh_process(_IMPORT)


def first_fit_seconds(cache_folder: Path) -> float:
    """Seconds from making a network to the end of its first ``fit``, in a fresh process.

    Compiled code is read from and written to `cache_folder`: empty, this is the time that a machine's first ``fit``
    spends compiling; filled by an earlier call, the time that every later process spends loading.
    """
    return _seconds_in_fresh_process(_FIRST_FIT, NUMBA_CACHE_DIR=str(cache_folder))


def _seconds_in_fresh_process(code: str, **environment: str) -> float:
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(process.stdout)
