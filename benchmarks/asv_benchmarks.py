"""The same table for asv, which follows the numbers from commit to commit."""

import tempfile
from pathlib import Path

from benchmarks.processes import first_fit_seconds, import_seconds
from benchmarks.workloads import WORKLOADS

_WORKLOADS = {workload.name: workload for workload in WORKLOADS}


class Fit:
    """One timed ``fit`` of each workload on each backend, compiled beforehand."""

    params = (list(_WORKLOADS), ["numpy", "numba"])
    param_names = ("workload", "backend")
    timeout = 300

    def setup(self, name, backend):
        """Make the data, and compile what will be timed."""
        self.workload = _WORKLOADS[name]
        self.network = self.workload.network(backend)
        self.workload.fit(self.network, epochs=1)

    def time_fit(self, name, backend):
        """Wall time of the workload's epochs."""
        self.workload.fit(self.network)

    def peakmem_fit(self, name, backend):
        """Memory of the whole process, data included."""
        self.workload.fit(self.network)


class FreshProcess:
    """What a process pays before it trains."""

    timeout = 300
    unit = "seconds"

    def track_import(self):
        """Import, NumPy and Numba being there already."""
        return import_seconds()

    def track_first_fit_compiles(self):
        """First fit, no compiled code on disk."""
        with tempfile.TemporaryDirectory() as cache:
            return first_fit_seconds(Path(cache))

    def track_first_fit_loads(self):
        """First fit, compiled code on disk."""
        with tempfile.TemporaryDirectory() as cache:
            first_fit_seconds(Path(cache))
            return first_fit_seconds(Path(cache))
