"""Training on batches: gather, forward, loss, backward and descent as one program, in rows or, for narrow networks, in columns."""

from typing import Any

import numpy as np

from fastnn.architecture import aligned_zeros
from fastnn.backends.bound_layers import BoundLayer, Descent
from fastnn.backends.data_kind import DataKind
from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.network import BoundNetwork
from fastnn.backends.numba_backend.operations import ALL, BATCH, PART, PLACED, STREAM_PART, TILE, View
from fastnn.backends.numba_backend.partition import BY_ONE, BY_SAMPLES, GRANULE, UPDATE_ROWS, by_numbers
from fastnn.backends.numba_backend.programs.equations import (
    IN_COLUMNS,
    IN_ROWS,
    add_targets,
    columns,
    descend,
    descend_in_one,
    finish_losses,
    forward,
    gradients_in_columns,
    output_error,
    part,
    propagate_errors,
    scale_steps,
    whole,
)
from fastnn.backends.numba_backend.programs.inputs import arrays_of, batch_inputs, own_inputs, work_of
from fastnn.backends.numba_backend.programs.program import Program, Slot
from fastnn.backends.numba_backend.programs.tiles import TilesOperation
from fastnn.backends.whole_epochs import WholeEpochs
from fastnn.updates import Rule

#: Multiply-adds that take about as long as updating one weight in memory.
WORK_PER_UPDATE = 8

#: Largest number of samples in a tile of a narrow network's batch.
TILE_SAMPLES = 384

#: Smallest number of tiles per thread: with fewer, barriers would take too much of its time.
TILES_PER_THREAD = 4


class Training:
    """A network with an optimizer, bound to a workspace for batches of at most `batch_size` samples."""

    def __init__(
        self, network: BoundNetwork, rule: Rule, states: np.ndarray, batch_size: int, data: DataKind, max_threads: int
    ) -> None:
        self.network, self.rule, self.states, self.data = network, rule, states, data
        self.batch_size, self.max_threads = batch_size, max_threads
        self.purpose = rule, batch_size, data, max_threads
        self.in_columns = network.is_narrow and not data.sparse
        self.sample_losses = np.zeros(_whole(batch_size))
        self.program = Program(network.dtype, flushes=True)
        if data.shuffled_by:
            self.program.add(table.SHUFFLES[data.shuffled_by], BY_ONE, Slot("order"), Slot("random"))
            self.program.wait()
        if self.in_columns:
            self._compute_in_columns()
        else:
            self._compute_in_rows()
        if data.shuffled_by:
            self.program.add(table.watch_epoch, BY_ONE, Slot("progress"))
            self.program.wait()
            self.program.add(table.leave_if_paused, BY_ONE, Slot("progress"))
        self.program.wait()

    def run(
        self,
        steps: np.ndarray,
        X: np.ndarray,
        Y: np.ndarray,
        weights: np.ndarray,
        order: np.ndarray | WholeEpochs | None,
        n_threads: int,
    ) -> None:
        """Make one update per record, on the batch given by its `start` and `n_samples`, and store the loss in it."""
        bound = {"Y": np.ascontiguousarray(Y), "weights": weights}
        if isinstance(order, WholeEpochs):
            bound |= {"random": order.random, "progress": order.progress}
            order = order.order
        bound |= arrays_of(X, order)
        if order is not None:
            bound["order"] = np.ascontiguousarray(order)
        self.program.bind(**bound)
        self.program.run(steps, min(self._team(steps, X, n_threads), self.max_threads))

    def compile(self) -> None:
        """Compile the operations that are not compiled yet."""
        self.program.compile()

    def _team(self, steps: np.ndarray, X: Any, n_threads: int) -> int:
        team = self.network.team(len(steps) * self.batch_size, self.batch_size, n_threads, self._work(X))
        return min(team, max(1, self.n_tiles // TILES_PER_THREAD)) if self.in_columns else team

    def _work(self, X: Any) -> int:
        """Multiply-adds per sample, including the equivalent of updating all weights."""
        work = work_of(self.network.architecture, X)
        return work + self.data.sparse * WORK_PER_UPDATE * self.network.n_parameters // self.batch_size

    def _descent(self, network: list[BoundLayer]) -> Descent:
        parameters, gradient, _ = self.network.vectors
        return Descent(self.rule, self.states, network, self.network.architecture, parameters, gradient)

    def _compute_in_rows(self) -> None:
        """Each thread takes its rows of the batch through all layers, and then updates its chunk of the weights."""
        program, network = self.program, self.network.bind(self.batch_size)
        descent, rule = self._descent(network), self.rule
        A, X = self._inputs()
        Y = aligned_zeros(network[-1].Z.size, self.network.dtype).reshape(network[-1].Z.shape)
        add_targets(program, Y, IN_ROWS, classes=self.data.classes, gathers=self.data.gathers)
        forward(program, network, A)
        output_error(program, network[-1], part(Y), part(self.sample_losses))
        self._weigh(program, network[-1], part(self.sample_losses), part(network[-1].dZ))
        propagate_errors(program, network)
        scale_steps(program, descent)
        program.wait()
        finish_losses(program, self.sample_losses, descent, rule.reports_penalty)
        if rule.reports_penalty:
            program.wait()
        descend(program, descent, X, self._room_for_gradients(network))

    def _inputs(self) -> tuple[Any, Any]:
        """X of the batch, twice: a thread's rows; and a thread's columns of all rows, or all of them for an input stage."""
        whole = not self.network.architecture.inputs.is_plain
        if not self.data.gathers or self.data.sparse:
            return own_inputs(self.data.sparse), batch_inputs(self.data.sparse, whole=whole)
        n_inputs = self.network.architecture.n_inputs
        batch_X = aligned_zeros(self.batch_size * n_inputs, self.network.dtype).reshape(self.batch_size, n_inputs)
        self._gather(self.program, part(batch_X))
        return part(batch_X), View(batch_X, BATCH) if whole else columns(batch_X)

    def _gather(self, program: Program, rows: View) -> None:
        order = Slot("order", STREAM_PART)
        program.add(table.GATHERS[self.data.dtype.name], BY_SAMPLES, rows, Slot("X"), order)

    def _weigh(self, program: Program, output: BoundLayer, own_losses: View, dZ: View) -> None:
        if self.data.weighted:
            program.add(table.weigh, BY_SAMPLES, own_losses, dZ, Slot("weights", STREAM_PART))

    def _room_for_gradients(self, network: list[BoundLayer]) -> np.ndarray:
        width = max(layer.W.shape[1] for layer in network)
        size = _whole(UPDATE_ROWS * width)
        return aligned_zeros(self.max_threads * size, self.network.dtype).reshape(self.max_threads, size)

    def _compute_in_columns(self) -> None:
        """Compute the whole batch in columns, or tile by tile if it is large."""
        self.n_tiles = -(-self.batch_size // TILE_SAMPLES)
        self.n_tiles += self.n_tiles % 2 if self.n_tiles > 1 else 0  # so that two threads have the same work
        self.tile = _whole(-(-self.batch_size // self.n_tiles))
        program, gradient = self.program, self.network.vectors[1]
        if self.n_tiles == 1:
            self._tile_program(program, gradient)
        else:
            n, size = min(self.max_threads, self.n_tiles), _whole(len(gradient))
            gradients = aligned_zeros(self.n_tiles * size, self.network.dtype).reshape(self.n_tiles, size)
            programs = [Program(self.network.dtype) for _ in range(n)]
            for own in programs:
                self._tile_program(own, aligned_zeros(len(gradient), self.network.dtype), gradients)
                program.inner.append(own)
            program.add(TilesOperation(programs, self.tile), BY_SAMPLES)
            program.wait()
            tiles = View(gradients[:, : len(gradient)], ALL, PART)
            program.add(table.mean_of_tiles, by_numbers(len(gradient)), part(gradient), tiles, self.tile)
        descent = self._descent(self.network.bind(0))
        finish_losses(program, self.sample_losses, descent, self.rule.reports_penalty)
        program.wait()
        descend_in_one(program, descent)

    def _tile_program(self, program: Program, gradient: np.ndarray, gradients: np.ndarray | None = None) -> None:
        """Losses and mean gradient of the samples of a tile; the gradient goes to the tile's row of `gradients`.

        Values in the unused part of the workspace, beyond the last sample, are neither summed nor stored.
        """
        network = self.network.bind(self.tile, in_columns=True, gradient=gradient)
        output, n_inputs = network[-1], self.network.architecture.n_inputs
        X, Y = (aligned_zeros(self.tile * n, self.network.dtype).reshape(n, -1).T for n in (n_inputs, len(output.b)))
        own_losses = self.sample_losses if gradients is None else np.zeros(self.tile)
        if self.data.gathers:
            self._gather(program, part(X))
        else:
            program.add(table.copy_block, BY_SAMPLES, part(X), Slot("X", STREAM_PART))
        add_targets(program, Y, IN_COLUMNS, classes=self.data.classes, gathers=self.data.gathers)
        forward(program, network, whole(X), IN_COLUMNS)
        output_error(program, output, whole(Y), whole(own_losses), IN_COLUMNS)
        if gradients is not None:
            program.add(table.place_losses, BY_SAMPLES, View(self.sample_losses, PLACED), part(own_losses))
        placed = View(self.sample_losses, PLACED)
        self._weigh(program, output, placed, View(output.dZ, BATCH))
        propagate_errors(program, network, IN_COLUMNS)
        gradients_in_columns(program, network, X)
        if gradients is not None:
            tile = View(gradients[:, : len(gradient)], TILE)
            program.add(table.copy_numbers, BY_SAMPLES, tile, whole(gradient))


def _whole(n: int) -> int:
    """n, rounded up to a multiple of `GRANULE`."""
    return -(-n // GRANULE) * GRANULE
