"""The loss of a batch and its gradient: two programs over the same layers."""

import numpy as np

from fastnn.architecture import aligned_zeros
from fastnn.backends.bound_layers import BoundLayer
from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.operations import STREAM, STREAM_PART
from fastnn.backends.numba_backend.partition import BY_ONE, BY_SAMPLES
from fastnn.backends.numba_backend.programs.equations import (
    IN_ROWS,
    add_targets,
    forward,
    gradients,
    output_error,
    part,
    propagate_errors,
)
from fastnn.backends.numba_backend.programs.inputs import arrays_of, batch_inputs, own_inputs
from fastnn.backends.numba_backend.programs.program import Program, Slot


class LossOfBatch:
    """The loss of a batch that fits in the layers' workspace, and its gradient."""

    def __init__(self, network: list[BoundLayer], *, classes: bool, weighted: bool, sparse: bool) -> None:
        self.sparse, self.work, self.n_samples = sparse, 0, 0
        self.network, output = network, network[-1]
        self.capacity, dtype = len(output.Z), output.W.dtype
        self.Y = aligned_zeros(output.Z.size, dtype).reshape(output.Z.shape)
        self.program, own_losses = Program(dtype), Slot("losses", STREAM_PART)
        forward(self.program, self.network, own_inputs(sparse))
        add_targets(self.program, self.Y, IN_ROWS, classes=classes, gathers=False)
        output_error(self.program, output, part(self.Y), own_losses)
        if weighted:
            weights = Slot("weights", STREAM_PART)
            self.program.add(table.weigh, BY_SAMPLES, own_losses, part(output.dZ), weights)
        self.program.wait()
        self.program.add(table.mean_loss, BY_ONE, Slot("losses", STREAM))
        self.program.wait()
        self._backward: Program | None = None

    def run(
        self,
        sample_losses: np.ndarray,
        X: np.ndarray,
        Y: np.ndarray,
        weights: np.ndarray,
        steps: np.ndarray,
        n_threads: int,
    ) -> None:
        """Fill the losses of the samples, and store their mean in each of the steps."""
        self.n_samples, self.steps, self.inputs = X.shape[0], steps, arrays_of(X)
        targets = np.ascontiguousarray(Y)
        self.program.bind(**self.inputs, Y=targets, losses=sample_losses, weights=weights)
        self.program.run(steps, n_threads)

    def backward(self, n_threads: int) -> None:
        """Fill the gradient of the last batch."""
        if self._backward is None:
            self._backward = Program(self.program.dtype)
            propagate_errors(self._backward, self.network)
            if len(self._backward):
                self._backward.wait()
            X = batch_inputs(self.sparse, whole=self.network[0].inputs is not None)
            gradients(self._backward, self.network, X)
        self._backward.bind(**self.inputs)
        self._backward.run(self.steps, n_threads)
