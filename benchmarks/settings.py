"""Settings of all benchmarks: seed, dtype, and whether this is a quick pass.

``FASTNN_BENCHMARK_QUICK=1`` shrinks everything to a few batches: enough to check that it runs, useless as a measurement.
"""

import os

SEED = 0
DTYPE = "float32"
QUICK = os.environ.get("FASTNN_BENCHMARK_QUICK", "0") not in ("", "0")
