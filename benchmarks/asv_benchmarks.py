"""The table of workloads for asv, which tracks results over commits."""

import tempfile
from pathlib import Path

from benchmarks.kernels import INFERENCE_ROWS, KERNELS, inference
from benchmarks.processes import first_fit_seconds, import_seconds
from benchmarks.workloads.table import TRAININGS
from benchmarks.workloads.workload import at_size

_WORKLOADS = {workload.name: workload for workload in at_size(TRAININGS)}
_KERNELS = {kernel.name: kernel for kernel in KERNELS}


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


class Kernels:
    """One call of each kernel of each backend, compiled and checked against its twin beforehand."""

    params = (list(_KERNELS), ["numpy", "numba"])
    param_names = ("kernel", "backend")
    timeout = 300

    def setup(self, name, backend):
        """Make the arguments, compile, compare."""
        self.call = _KERNELS[name].call(backend)

    def time_kernel(self, name, backend):
        """Wall time of one call."""
        self.call()


class Inference:
    """One ``forward`` on some rows."""

    params = (list(INFERENCE_ROWS), ["numpy", "numba"])
    param_names = ("rows", "backend")
    timeout = 300

    def setup(self, n_rows, backend):
        """Make network and rows, compile, compare."""
        self.call = inference(n_rows, backend)

    def time_forward(self, n_rows, backend):
        """Wall time of one call."""
        self.call()


class FreshProcess:
    """The start-up time of a process."""

    timeout = 300
    unit = "seconds"

    def track_import(self):
        """Import time, with NumPy and Numba already imported."""
        return import_seconds()

    def track_first_fit_compiles(self):
        """First fit, without compiled code on disk."""
        with tempfile.TemporaryDirectory() as cache:
            return first_fit_seconds(Path(cache))

    def track_first_fit_loads(self):
        """First fit, with compiled code on disk."""
        with tempfile.TemporaryDirectory() as cache:
            first_fit_seconds(Path(cache))
            return first_fit_seconds(Path(cache))
