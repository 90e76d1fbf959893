"""The network that programs are built for: its architecture, its vectors, and the number of threads that pay off."""

import numpy as np

from fastnn.architecture import Architecture
from fastnn.backends.bound_layers import BoundLayer, bind_layers
from fastnn.backends.numba_backend.partition import ROWS

#: Multiply-adds per thread that justify the cost of its barriers, in a batch, and of starting it, in a call.
BATCH_WORK_PER_THREAD = 250_000
CALL_WORK_PER_THREAD = 16_000_000

#: Largest width, and largest number of inputs, of networks that train in columns.
NARROW_OUTPUTS, NARROW_INPUTS = 32, 64


class BoundNetwork:
    """A network, bound to its vectors.

    Parameters
    ----------
    architecture : Architecture
        The network.
    parameters, gradient, statistics : ndarray
        Its flat vectors, to which all programs refer.
    """

    def __init__(
        self, architecture: Architecture, parameters: np.ndarray, gradient: np.ndarray, statistics: np.ndarray
    ) -> None:
        self.architecture, self.dtype = architecture, parameters.dtype
        self.vectors = parameters, gradient, statistics

    @property
    def n_parameters(self) -> int:
        """Length of the parameter vector."""
        return len(self.vectors[0])

    @property
    def is_narrow(self) -> bool:
        """Whether it trains in columns; networks with normalisation, parametric activations or an input stage do not."""
        architecture = self.architecture
        sizes, is_plain = architecture.layer_sizes, architecture.inputs.is_plain and not any(architecture.parametric)
        is_small = max(sizes[1:]) <= NARROW_OUTPUTS and sizes[0] <= NARROW_INPUTS
        return is_small and is_plain and set(architecture.normalizations) == {"none"}

    def bind(
        self, n_samples: int, *, trains: bool = True, in_columns: bool = False, gradient: np.ndarray | None = None
    ) -> list[BoundLayer]:
        """Its layers, with a workspace for that many samples and, optionally, another gradient."""
        parameters, own, statistics = self.vectors
        vectors = parameters, own if gradient is None else gradient, statistics
        return bind_layers(self.architecture, *vectors, n_samples, trains=trains, in_columns=in_columns)

    def team(self, n_samples: int, batch_size: int, n_threads: int, work: int | None = None) -> int:
        """The number of threads that have enough work, per batch and in total; `work` is the work per sample."""
        work = self.n_parameters if work is None else work
        by_batch = work * batch_size // BATCH_WORK_PER_THREAD
        by_call = work * n_samples // CALL_WORK_PER_THREAD
        return max(1, min(n_threads, by_batch, by_call, batch_size // ROWS))
