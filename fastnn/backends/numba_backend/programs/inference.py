"""Outputs of any number of samples: each thread has its own program, and runs it for some rows at a time."""

from typing import Any

import numpy as np

from fastnn.backends.bound_layers import BoundLayer
from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.functions import activation
from fastnn.backends.numba_backend.operations import STREAM_PART
from fastnn.backends.numba_backend.partition import BY_SAMPLES
from fastnn.backends.numba_backend.programs.equations import forward, part
from fastnn.backends.numba_backend.programs.inputs import arrays_of, own_inputs
from fastnn.backends.numba_backend.programs.program import Program, Slot
from fastnn.updates import SETTINGS

#: Samples per pass of a thread, so that memory does not grow with the data.
ROWS_PER_PASS = 128


class Inference:
    """Outputs A_L of samples, or logits Z_L unless `activates`; `network` has a workspace for `ROWS_PER_PASS` samples."""

    def __init__(self, network: list[BoundLayer], *, activates: bool, sparse: bool) -> None:
        output = network[-1]
        program = Program(output.W.dtype)
        forward(program, network, own_inputs(sparse))
        program.add(table.look_for_infinity, BY_SAMPLES, part(network[0].normalized))
        if activates:
            program.add(table.lay_in_columns, BY_SAMPLES, part(output.dZ), part(output.Z))
            program.add(activation(output.activation), BY_SAMPLES, part(output.A), part(output.dZ))
            program.add(table.lay_in_rows, BY_SAMPLES, Slot("out", STREAM_PART), part(output.A))
        else:
            program.add(table.copy_block, BY_SAMPLES, Slot("out", STREAM_PART), part(output.Z))
        self.program, self.network = program, network

        self.step = np.zeros(1, SETTINGS)
        self.n_samples, self.not_finite = self.step["n_samples"], self.step["not_finite"]

    def run(self, steps: np.ndarray, out: np.ndarray, X: Any) -> None:
        """Fill the rows of `out` covered by the steps."""
        inputs = arrays_of(X)  # must live while the program runs
        self.program.bind(out=out, **inputs)
        self.program.run(steps)

    def run_once(self, out: np.ndarray, X: Any) -> bool:
        """Fill `out`, which has at most `ROWS_PER_PASS` rows; returns whether Z_1 is finite."""
        self.n_samples[0], self.not_finite[0] = len(out), 0
        self.run(self.step, out, X)
        return not self.not_finite[0]
