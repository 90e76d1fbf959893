"""Forward, loss, backward and descent as lists of operations: the equations of a network, in the order in which they run.

Each function appends to a program. Wide networks work in rows, where every thread has its samples; narrow ones in columns,
where lanes run along the samples: a `Layout` says which arrays an operation gets.
"""

from dataclasses import dataclass

import numpy as np

from fastnn.backends.bound_layers import BoundLayer
from fastnn.backends.engine import batches, layers, losses, normalization, optimizers
from fastnn.backends.engine.dropout import drop, drop_in_columns
from fastnn.backends.engine.functions import activation, activation_backward, loss_function
from fastnn.backends.engine.operations import (
    ALL,
    BATCH,
    NOTHING,
    PART,
    PLACED,
    SAMPLES,
    STREAM_PART,
    THREAD,
    View,
)
from fastnn.backends.engine.program import Program, Slot
from fastnn.backends.numba_backend.matmul import CHUNK, ROWS
from fastnn.optimizers import Rule

GRANULE = 64  # of shares of parameters, so that they fill vectors
BY_SAMPLES, BY_ONE = (SAMPLES, ROWS), (NOTHING, 1)

NO_ORDER = np.empty(0, np.int64)


def whole(array: np.ndarray) -> View:
    """All of an array."""
    return View(array)


def part(array: np.ndarray) -> View:
    """A thread's part of the rows of an array."""
    return View(array, PART)


def columns(array: np.ndarray) -> View:
    """The columns of a batch that belong to a thread's part of the units."""
    return View(array, BATCH, PART)


def units(n: int) -> tuple[int, int]:
    """The work is shared out by units of a layer, or by rows of its weights."""
    return n, ROWS


@dataclass(frozen=True)
class Layout:
    """How samples lie in memory: in rows, a thread's part of them; or in columns, all that there is room for."""

    in_columns: bool

    def samples(self, array: np.ndarray) -> View:
        """The samples that an operation gets."""
        return View(array, ALL if self.in_columns else PART)


IN_ROWS, IN_COLUMNS = Layout(False), Layout(True)


def add_targets(program: Program, Y: np.ndarray, layout: Layout, *, classes: bool, gathers: bool) -> None:
    """Targets of a batch in columns: one-hot rows of class numbers, or rows of numbers."""
    operation = batches.one_hot if classes else batches.select_targets
    order = Slot("order", STREAM_PART) if gathers else whole(NO_ORDER)
    program.add(operation, BY_SAMPLES, layout.samples(Y), Slot("Y", *(() if gathers else (STREAM_PART,))), order)


def forward(program: Program, network: list[BoundLayer], A: View, layout: Layout = IN_ROWS) -> None:
    """Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l) for l = 1 ... L - 1, and Z_L."""
    for layer in network:
        program.add(layers.affine, BY_SAMPLES, layout.samples(layer.normalized), A, whole(layer.W), whole(layer.b))
        if layer is network[-1]:
            return
        normalize(program, layer)
        activate(program, layer, layout)
        if layer.dropout > 0:
            program.add(layers.copy_block, BY_SAMPLES, layout.samples(layer.passed_on), layout.samples(layer.A))
            drop_units(program, layer, layer.passed_on, layout)
        A = layout.samples(layer.passed_on)


def activate(program: Program, layer: BoundLayer, layout: Layout = IN_ROWS) -> None:
    """A = f(Z)."""
    program.add(activation(layer.activation), BY_SAMPLES, layout.samples(layer.A), layout.samples(layer.Z))


def drop_units(program: Program, layer: BoundLayer, array: np.ndarray, layout: Layout) -> None:
    """Drop the units that the batch does without, of activations or of errors."""
    operation = drop_in_columns if layout.in_columns else drop
    program.add(operation, BY_SAMPLES, layout.samples(array), layer.dropout, layer.number)


def normalize(program: Program, layer: BoundLayer) -> None:
    """Z = gamma x + beta, x being what the layer normalises: units over the batch, samples over units, or by running statistics."""
    scale, shift, statistics = layer.scale, layer.shift, layer.statistics
    if layer.normalization == "batch":
        program.wait()
        blocks = columns(layer.Z), columns(layer.normalized), View(statistics, ALL, PART), part(scale), part(shift)
        program.add(normalization.normalize_batch, units(len(scale)), *blocks)
        program.wait()
    elif layer.normalization == "layer":
        blocks = part(layer.Z), part(layer.normalized), part(layer.precision), whole(scale), whole(shift)
        program.add(normalization.normalize_samples, BY_SAMPLES, *blocks)
    elif layer.normalization == "running":
        blocks = part(layer.Z), part(layer.normalized), whole(statistics), whole(scale), whole(shift)
        program.add(normalization.normalize_running, BY_SAMPLES, *blocks)


def output_error(program: Program, layer: BoundLayer, Y: View, own_losses: View, layout: Layout = IN_ROWS) -> None:
    """L_i = loss(f(z_i), y_i), dZ = dL/dA * f'(Z).

    Outputs in rows are laid in columns and back again, in each other's memory: there are often too few to fill vectors.
    """
    compute, from_logits = loss_function(layer.loss)
    Z, A, dZ = (layout.samples(array) for array in (layer.Z, layer.A, layer.dZ))
    if not layout.in_columns:
        program.add(layers.lay_in_columns, BY_SAMPLES, dZ, Z)
        Z, dZ = dZ, Z
    options = whole(layer.options)
    if from_logits:
        program.add(compute, BY_SAMPLES, own_losses, dZ, Z, Y, options)
    else:
        program.add(activation(layer.activation), BY_SAMPLES, A, Z)
        program.add(compute, BY_SAMPLES, own_losses, dZ, A, Y, options)
        add_activation_backward(program, layer, (dZ, Z, A))
    if not layout.in_columns:
        program.add(layers.lay_in_rows, BY_SAMPLES, Z, dZ)


def add_activation_backward(program: Program, layer: BoundLayer, arrays: tuple[View, View, View]) -> None:
    """dZ = dA * f'(Z), dZ holding dA before."""
    operation, takes_logits = activation_backward(layer.activation)
    dZ, Z, A = arrays
    program.add(operation, BY_SAMPLES, *((dZ, Z, A) if takes_logits else (dZ, A)))


def propagate_errors(program: Program, network: list[BoundLayer], layout: Layout = IN_ROWS) -> None:
    """dZ_{l-1} = (dZ_l W_l^T) * f'_{l-1}(Z_{l-1}) for l = L ... 2."""
    for layer, previous in zip(network[:0:-1], network[-2::-1], strict=True):
        dZ = layout.samples(previous.dZ)
        program.add(layers.previous_error, BY_SAMPLES, dZ, layout.samples(layer.dZ), whole(layer.W))
        if previous.dropout > 0:
            drop_units(program, previous, previous.dZ, layout)
        add_activation_backward(program, previous, (dZ, layout.samples(previous.Z), layout.samples(previous.A)))
        normalize_backward(program, previous)


def normalize_backward(program: Program, layer: BoundLayer) -> None:
    """dZ from dY of a layer that is normalised, and the gradients of its scales and shifts."""
    if layer.normalization == "none":
        return
    program.wait()
    by_units, scale = units(len(layer.scale)), layer.scale
    gradients = part(layer.dscale), part(layer.dshift)
    dZ, x = columns(layer.dZ), columns(layer.normalized)
    program.add(normalization.scale_and_shift_gradient, by_units, *gradients, dZ, x)
    if layer.normalization == "batch":
        statistics = View(layer.statistics, ALL, PART)
        program.add(normalization.normalize_batch_backward, by_units, dZ, x, statistics, part(scale), *gradients)
        program.wait()
    else:
        program.wait()
        blocks = part(layer.dZ), part(layer.normalized), part(layer.precision), whole(scale)
        program.add(normalization.normalize_samples_backward, BY_SAMPLES, *blocks)


def inputs_of(network: list[BoundLayer], number: int, X: np.ndarray | Slot) -> np.ndarray | Slot:
    """A_{l-1} as layer l gets it, which is X for the first."""
    return X if number == 0 else network[number - 1].passed_on


def gradients(program: Program, network: list[BoundLayer], X: View) -> None:
    """dW_l = A_{l-1}^T dZ_l / n, db_l = mean_i dz_i; X with the batch's rows and a thread's columns."""
    for layer in network:
        A = X if layer.number == 0 else columns(network[layer.number - 1].passed_on)
        program.add(layers.weight_gradient, units(len(layer.W)), part(layer.dW), A, View(layer.dZ, BATCH))
        add_bias_gradient(program, layer)


def gradients_in_columns(program: Program, network: list[BoundLayer], X: np.ndarray) -> None:
    """dW_l and db_l, one below the other in memory, of samples in columns."""
    for layer in network:
        A, (n_in, n_out) = X if layer.number == 0 else network[layer.number - 1].passed_on, layer.W.shape
        below = np.lib.stride_tricks.as_strided(layer.dW, (n_in + 1, n_out), layer.dW.strides)
        program.add(layers.gradient_in_columns, BY_SAMPLES, whole(below), View(A, BATCH), View(layer.dZ, BATCH))


def add_bias_gradient(program: Program, layer: BoundLayer) -> None:
    """db = mean_i dz_i, which is 0 where a batch is normalised: the mean takes b away."""
    if layer.normalization == "batch":
        program.add(layers.clear, units(len(layer.b)), part(layer.db))
    else:
        program.add(layers.bias_gradient, units(len(layer.b)), part(layer.db), columns(layer.dZ))


@dataclass
class Descent:
    """How an optimizer moves the parameters: its rule, its states as a matrix for each layer, and room for a gradient."""

    rule: Rule
    states: np.ndarray
    network: list[BoundLayer]
    parameters: np.ndarray
    gradient: np.ndarray

    def states_of(self, vector: np.ndarray, n_rows: int) -> View:
        """The states of some parameters, cut into as many pieces as these have rows, of which a thread gets its part."""
        item = self.states.itemsize
        first = (vector.__array_interface__["data"][0] - self.parameters.__array_interface__["data"][0]) // item
        own = self.states[:, first : first + vector.size]
        shape, width = (len(own), n_rows), vector.size // n_rows
        strides = (self.states.strides[0], width * item)
        return View(np.lib.stride_tricks.as_strided(own, shape, strides), ALL, PART)


def descend(program: Program, descent: Descent, X: View, scratch: np.ndarray | None) -> None:
    """theta <- theta - step(dL/dtheta) from the errors of a batch; `scratch` has room for the gradients of some rows."""
    rule, network = descent.rule, descent.network
    if rule.clips or rule.orthogonal is not None:
        gradients(program, network, X)
        descend_in_one(program, descent)
        return
    for layer in network:
        A, dZ = X if layer.number == 0 else columns(network[layer.number - 1].passed_on), View(layer.dZ, BATCH)
        by_rows = units(len(layer.W))
        if rule.is_product:
            program.add(optimizers.descend_in_product, by_rows, part(layer.W), A, dZ)
        else:
            room = scratch[:, : layer.W.shape[1] * optimizers.UPDATE_ROWS]
            update, states = optimizers.DESCENTS[rule.update], descent.states_of(layer.W, len(layer.W))
            program.add(update, by_rows, part(layer.W), A, dZ, _rows_of_thread(room, layer.W.shape[1]), states)
        add_bias_gradient(program, layer)
        for theta, g in ((layer.b, layer.db), (layer.scale, layer.dscale), (layer.shift, layer.dshift)):
            if len(theta):
                add_step(program, descent, theta, g, units(len(theta)), penalizes=rule.penalizes_biases)


def _rows_of_thread(room: np.ndarray, width: int) -> View:
    """`UPDATE_ROWS` rows of `width` numbers that belong to a thread."""
    item, shape = room.itemsize, (optimizers.UPDATE_ROWS, width)
    return View(np.lib.stride_tricks.as_strided(room, shape, (room.strides[0] // optimizers.UPDATE_ROWS, item)), THREAD)


def descend_in_one(program: Program, descent: Descent) -> None:
    """theta <- theta - step(g), g the whole gradient, which is first shortened where it is too long."""
    rule = descent.rule
    program.wait()
    if rule.clips:
        shorten(program, descent.gradient)
    if rule.orthogonal is not None:
        from fastnn.backends.engine.orthogonal import descend_orthogonally

        descend_orthogonally(program, descent)
        return
    for theta, g, penalizes in penalized_parts(descent):
        add_step(program, descent, theta, g, (len(theta), GRANULE), penalizes=penalizes)


def penalized_parts(descent: Descent) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """Stretches of parameters with their gradients, and whether penalties cover them; one where they cover all or none."""
    rule = descent.rule
    if not rule.penalizes or rule.penalizes_biases:
        return [(descent.parameters, descent.gradient, rule.penalizes)]
    parts = []
    for layer in descent.network:
        for theta, g, penalizes in ((layer.W, layer.dW, True), (layer.b, layer.db, False), (layer.scale, layer.dscale, False), (layer.shift, layer.dshift, False)):
            if theta.size:
                parts.append((theta.reshape(-1), g.reshape(-1), penalizes))
    return parts


def add_step(
    program: Program, descent: Descent, theta: np.ndarray, g: np.ndarray, partition: tuple[int, int], *, penalizes: bool
) -> None:
    """theta <- theta - step(g) for numbers whose gradient is there, penalties first."""
    if penalizes:
        program.add(optimizers.penalize, partition, part(theta), part(g))
    update, states = optimizers.STEPS[descent.rule.update], descent.states_of(theta, len(theta))
    program.add(update, partition, part(theta), part(g), states)


def shorten(program: Program, gradient: np.ndarray) -> None:
    """g <- min(1, c / |g|) g."""
    squares = np.empty(-(-len(gradient) // CHUNK))
    program.kept.append(squares)
    program.add(optimizers.sum_squares, (len(squares), 1), part(squares), whole(gradient))
    program.wait()
    program.add(optimizers.clip, (len(gradient), GRANULE), part(gradient), whole(squares))
    program.wait()


def finish_losses(program: Program, losses_of_batch: np.ndarray, descent: Descent | None, reports: bool) -> None:
    """L = mean_i L_i, and the penalty where it is reported, at the parameters before the step."""
    program.add(layers.mean_loss, BY_ONE, View(losses_of_batch, BATCH))
    if reports and descent is not None:
        for theta, _, penalizes in penalized_parts(descent):
            if penalizes:
                program.add(optimizers.add_penalty, BY_ONE, whole(theta))
