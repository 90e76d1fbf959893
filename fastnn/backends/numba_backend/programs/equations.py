"""Forward, loss, backward and descent as lists of operations: the equations of a network, in execution order.

Each function appends to a program. Wide networks store samples in rows, partitioned among threads; narrow ones store them in
columns, and are vectorised over samples. A `Layout` says which part of an array an operation gets.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.architecture import aligned_zeros
from fastnn.backends.bound_inputs import BoundInputs
from fastnn.backends.bound_layers import BoundLayer, Descent, ParameterRange, pairs
from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.functions import activation, activation_backward, loss_function
from fastnn.backends.numba_backend.levels import CHUNK
from fastnn.backends.numba_backend.operations import (
    ALL,
    BATCH,
    PART,
    STREAM_PART,
    THREAD,
    Sparse,
    View,
)
from fastnn.backends.numba_backend.partition import BY_ONE, BY_SAMPLES, UPDATE_ROWS, by_numbers, by_units
from fastnn.backends.numba_backend.programs.program import Program, Slot
from fastnn.updates import Rule

#: Errors are propagated by inner products for up to FEW_SAMPLES samples, in layers with at least WIDE outputs.
FEW_SAMPLES, WIDE = 16, 64

NO_ORDER = np.empty(0, np.int64)


def whole(array: np.ndarray) -> View:
    """All of an array."""
    return View(array)


def part(array: np.ndarray) -> View:
    """A thread's chunk of the rows of an array."""
    return View(array, PART)


def columns(array: np.ndarray) -> View:
    """A thread's chunk of the columns (units) of a batch."""
    return View(array, BATCH, PART)


@dataclass(frozen=True)
class Layout:
    """The memory layout of samples: row-major, a thread's chunk of them; or column-major, the whole workspace."""

    in_columns: bool

    def samples(self, array: np.ndarray) -> View:
        """The samples that an operation gets."""
        return View(array, ALL if self.in_columns else PART)


IN_ROWS, IN_COLUMNS = Layout(False), Layout(True)


def add_targets(program: Program, Y: np.ndarray, layout: Layout, *, classes: bool, gathers: bool) -> None:
    """Targets of a batch in columns: one-hot rows from class indices, or rows of numbers."""
    operation = table.one_hot if classes else table.select_targets
    order = Slot("order", STREAM_PART) if gathers else whole(NO_ORDER)
    program.add(operation, BY_SAMPLES, layout.samples(Y), Slot("Y", *(() if gathers else (STREAM_PART,))), order)


def forward(program: Program, network: list[BoundLayer], A: Any, layout: Layout = IN_ROWS) -> None:
    """Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l) for l = 1 ... L - 1, and Z_L; A_0 may be sparse."""
    if network[0].inputs is not None:
        A = embed(program, network[0].inputs, A)
    for layer in network:
        affine = table.affine_sparse if isinstance(A, Sparse) else table.affine
        program.add(affine, BY_SAMPLES, layout.samples(layer.normalized), A, whole(layer.W), whole(layer.b))
        if layer is network[-1]:
            return
        normalize(program, layer)
        activate(program, layer, layout)
        if layer.is_parametric:
            program.add(table.mix, BY_SAMPLES, part(layer.A), part(layer.Z), part(layer.F), whole(layer.slope))
        if layer.dropout > 0:
            if layer.passed_on is not layer.A:
                program.add(table.copy_block, BY_SAMPLES, layout.samples(layer.passed_on), layout.samples(layer.A))
            drop_units(program, layer, layer.passed_on, layout)
        A = layout.samples(layer.passed_on)


def embed(program: Program, inputs: BoundInputs, X: Any) -> View:
    """A_0, the outputs of the input stage."""
    program.add(table.select_columns, BY_SAMPLES, part(inputs.passed), X, whole(inputs.columns))
    for each in inputs.embeddings:
        if each.is_category:
            program.add(table.embed_category, BY_SAMPLES, part(each.A), X, each.columns[0], whole(each.P))
        else:
            program.add(table.embed_numbers, BY_SAMPLES, part(each.A), X, whole(each.columns), whole(each.P))
    if inputs.scales.size > 0:
        program.add(table.scale_columns, BY_SAMPLES, part(inputs.A), part(inputs.E), whole(inputs.scales))
    return part(inputs.A)


def activate(program: Program, layer: BoundLayer, layout: Layout = IN_ROWS) -> None:
    """F = f(Z), which is A unless the activation is parametric."""
    program.add(activation(layer.activation), BY_SAMPLES, layout.samples(layer.F), layout.samples(layer.Z))


def drop_units(program: Program, layer: BoundLayer, array: np.ndarray, layout: Layout) -> None:
    """Apply the dropout mask of the batch to activations or errors."""
    operation = table.drop_in_columns if layout.in_columns else table.drop
    program.add(operation, BY_SAMPLES, layout.samples(array), layer.dropout, layer.number)


def normalize(program: Program, layer: BoundLayer) -> None:
    """Z = gamma x + beta, normalised over the batch, over the units of each sample, or by running statistics."""
    scale, shift, statistics = layer.scale, layer.shift, layer.statistics
    if layer.normalization == "batch":
        program.wait()
        blocks = columns(layer.Z), columns(layer.normalized), View(statistics, ALL, PART), part(scale), part(shift)
        program.add(table.normalize_batch, by_units(len(scale)), *blocks)
        program.wait()
    elif layer.normalization == "layer":
        blocks = part(layer.Z), part(layer.normalized), part(layer.precision), whole(scale), whole(shift)
        program.add(table.normalize_samples, BY_SAMPLES, *blocks)
    elif layer.normalization == "running":
        blocks = part(layer.Z), part(layer.normalized), whole(statistics), whole(scale), whole(shift)
        program.add(table.normalize_running, BY_SAMPLES, *blocks)


def output_error(
    program: Program, layer: BoundLayer, Y: View, own_losses: View | Slot, layout: Layout = IN_ROWS
) -> None:
    """L_i = loss(f(z_i), y_i), dZ = dL/dA * f'(Z).

    Row-major outputs are transposed to columns and back, reusing each other's memory, because they are often too few to
    fill vectors.
    """
    compute, from_logits = loss_function(layer.loss)
    Z, A, dZ = (layout.samples(array) for array in (layer.Z, layer.A, layer.dZ))
    if not layout.in_columns:
        program.add(table.lay_in_columns, BY_SAMPLES, dZ, Z)
        Z, dZ = dZ, Z
    options = whole(layer.options)
    if from_logits:
        program.add(compute, BY_SAMPLES, own_losses, dZ, Z, Y, options)
    else:
        program.add(activation(layer.activation), BY_SAMPLES, A, Z)
        program.add(compute, BY_SAMPLES, own_losses, dZ, A, Y, options)
        add_activation_backward(program, layer, (dZ, Z, A))
    if not layout.in_columns:
        program.add(table.lay_in_rows, BY_SAMPLES, Z, dZ)


def add_activation_backward(program: Program, layer: BoundLayer, arrays: tuple[View, View, View]) -> None:
    """dZ = dA * f'(Z); dZ holds dA on entry."""
    operation, takes_logits = activation_backward(layer.activation)
    dZ, Z, A = arrays
    program.add(operation, BY_SAMPLES, *((dZ, Z, A) if takes_logits else (dZ, A)))


def are_few(n_samples: int) -> bool:
    """Whether a batch is small enough for a different program than larger ones."""
    return n_samples <= FEW_SAMPLES


def propagate_errors(program: Program, network: list[BoundLayer], layout: Layout = IN_ROWS) -> None:
    """dZ_{l-1} = (dZ_l W_l^T) * f'_{l-1}(Z_{l-1}) for l = L ... 2."""
    for layer, previous in zip(network[:0:-1], network[-2::-1], strict=True):
        dA, is_few = layout.samples(previous.dA), not layout.in_columns and are_few(len(layer.dZ))
        product = table.previous_error_of_few if is_few and layer.W.shape[1] >= WIDE else table.previous_error
        program.add(product, BY_SAMPLES, dA, layout.samples(layer.dZ), whole(layer.W))
        if previous.dropout > 0:
            drop_units(program, previous, previous.dA, layout)
        dZ = layout.samples(previous.dZ)
        if previous.is_parametric:
            program.add(table.copy_block, BY_SAMPLES, dZ, dA)
        add_activation_backward(program, previous, (dZ, layout.samples(previous.Z), layout.samples(previous.F)))
        if previous.is_parametric:
            program.add(table.mix_backward, BY_SAMPLES, dZ, dA, whole(previous.slope))
        normalize_backward(program, previous)
    if network[0].inputs is not None:
        propagate_to_inputs(program, network[0].inputs, network[0])


def propagate_to_inputs(program: Program, inputs: BoundInputs, first: BoundLayer) -> None:
    """dA_0 = dZ_1 W_1^T, and dE, its product with the factors of the inputs."""
    program.add(table.previous_error, BY_SAMPLES, part(inputs.dA), part(first.dZ), whole(first.W))
    if inputs.scales.size > 0 and inputs.embeddings:
        program.add(table.scale_columns, BY_SAMPLES, part(inputs.dE), part(inputs.dA), whole(inputs.scales))


def normalize_backward(program: Program, layer: BoundLayer) -> None:
    """dZ from dY in a normalised layer, and the gradients of its scales and shifts."""
    if layer.normalization == "none":
        return
    program.wait()
    by_scale, scale = by_units(len(layer.scale)), layer.scale
    gradients = part(layer.dscale), part(layer.dshift)
    dZ, x = columns(layer.dZ), columns(layer.normalized)
    program.add(table.scale_and_shift_gradient, by_scale, *gradients, dZ, x)
    if layer.normalization == "batch":
        statistics = View(layer.statistics, ALL, PART)
        program.add(table.normalize_batch_backward, by_scale, dZ, x, statistics, part(scale), *gradients)
        program.wait()
    else:
        program.wait()
        blocks = part(layer.dZ), part(layer.normalized), part(layer.precision), whole(scale)
        program.add(table.normalize_samples_backward, BY_SAMPLES, *blocks)


def inputs_of(network: list[BoundLayer], layer: BoundLayer, X: Any) -> Any:
    """A_{l-1} of a batch, the inputs of layer l, restricted to a thread's columns; X if it is A_0."""
    if layer.number > 0:
        return columns(network[layer.number - 1].passed_on)
    return X if layer.inputs is None else columns(layer.inputs.A)


def gradients(program: Program, network: list[BoundLayer], X: Any) -> None:
    """dW_l = A_{l-1}^T dZ_l / n, db_l = mean_i dz_i; X with the batch's rows and, unless it is sparse, a thread's columns."""
    for layer in network:
        A, dW, dZ = inputs_of(network, layer, X), part(layer.dW), View(layer.dZ, BATCH)
        if isinstance(A, Sparse):
            program.add(table.clear, by_units(len(layer.W)), dW)
            program.add(table.add_weight_gradient_sparse, by_units(len(layer.W)), dW, dZ, A)
        else:
            program.add(table.weight_gradient, by_units(len(layer.W)), dW, A, dZ)
        add_vector_gradients(program, layer)
    if network[0].inputs is not None:
        input_gradients(program, network[0].inputs, X)


def gradients_in_columns(program: Program, network: list[BoundLayer], X: np.ndarray) -> None:
    """dW_l and, right below it in memory, db_l, for samples in columns."""
    for layer in network:
        A, (n_in, n_out) = X if layer.number == 0 else network[layer.number - 1].passed_on, layer.W.shape
        below = np.lib.stride_tricks.as_strided(layer.dW, (n_in + 1, n_out), layer.dW.strides)
        program.add(table.gradient_in_columns, BY_SAMPLES, whole(below), View(A, BATCH), View(layer.dZ, BATCH))


def input_gradients(program: Program, inputs: BoundInputs, X: Any) -> None:
    """The gradients of the factors of the inputs and of the embeddings; X with all columns of the batch."""
    if inputs.scales.size > 0:
        blocks = part(inputs.dscales), columns(inputs.dA), columns(inputs.E)
        program.add(table.scales_gradient, by_units(len(inputs.scales)), *blocks)
    for each in inputs.embeddings:
        dA = View(each.dA, BATCH)
        if each.is_category:
            program.add(table.embed_category_gradient, BY_ONE, whole(each.dP), dA, X, each.columns[0])
        else:
            parameters = whole(each.columns), whole(each.P)
            program.add(table.embed_numbers_gradient, (len(each.P), 1), part(each.dP), dA, X, *parameters)


def add_vector_gradients(program: Program, layer: BoundLayer) -> None:
    """db = mean_i dz_i, which is 0 under batch normalisation, where b cancels out; and dalpha."""
    if layer.normalization == "batch":
        program.add(table.clear, by_units(len(layer.b)), part(layer.db))
    else:
        program.add(table.bias_gradient, by_units(len(layer.b)), part(layer.db), columns(layer.dZ))
    if layer.is_parametric:
        blocks = columns(layer.dA), columns(layer.Z), columns(layer.F)
        program.add(table.slope_gradient, by_units(len(layer.b)), part(layer.dslope), *blocks)


def states_of(parameters: ParameterRange, n_rows: int) -> View:
    """The optimizer state of a range of parameters, divided into `n_rows` pieces, of which a thread gets its chunk."""
    states, width = parameters.states, len(parameters.theta) // n_rows
    shape, strides = (len(states), n_rows), (states.strides[0], width * states.itemsize)
    return View(np.lib.stride_tricks.as_strided(states, shape, strides), ALL, PART)


def descend(program: Program, descent: Descent, X: Any, scratch: np.ndarray) -> None:
    """theta <- theta - step(dL/dtheta) from the errors of a batch; `scratch` holds the gradients of some rows."""
    rule, network = descent.rule, descent.network
    if rule.clips or rule.orthogonal is not None:
        gradients(program, network, X)
        descend_in_one(program, descent)
        return
    for layer in network:
        add_descent(program, descent, layer, inputs_of(network, layer, X), scratch)
        add_vector_gradients(program, layer)
        for theta, g in pairs(layer)[1:]:
            add_step(program, rule, descent.range_of(theta, g), by_units(len(theta)))
    if network[0].inputs is not None:
        input_gradients(program, network[0].inputs, X)
        program.wait()
        for theta, g in network[0].inputs.pairs():
            add_step(program, rule, descent.range_of(theta, g), by_numbers(theta.size))


def add_descent(program: Program, descent: Descent, layer: BoundLayer, A: Any, scratch: np.ndarray) -> None:
    """W <- W - step(A^T dZ / n): a single product if the rule allows it, otherwise some rows at a time."""
    (n_rows, width), dZ = layer.W.shape, View(layer.dZ, BATCH)
    parameters = descent.range_of(layer.W, layer.dW)
    if isinstance(A, Sparse):
        add_sparse_descent(program, descent, layer, A)
    elif descent.rule.is_product:
        program.add(table.descend_in_product, by_units(n_rows), part(layer.W), A, dZ, step=parameters.own_step)
    else:
        states = states_of(parameters, n_rows)
        update, room = table.DESCENTS[descent.rule.update], _rows_of_thread(scratch, width)
        program.add(update, by_units(n_rows), part(layer.W), A, dZ, room, states, step=parameters.own_step)


def add_sparse_descent(program: Program, descent: Descent, layer: BoundLayer, X: Sparse) -> None:
    """W <- W - step(X^T dZ / n) with a sparse X; if the rule allows it, only rows of W with non-zero inputs change."""
    by_rows, dZ = by_units(len(layer.W)), View(layer.dZ, BATCH)
    theta, g = part(layer.W), part(layer.dW)
    parameters = descent.range_of(layer.W, layer.dW)
    if descent.rule.is_product:
        program.add(table.descend_sparse, by_rows, theta, dZ, X, step=parameters.own_step)
        return
    program.add(table.clear, by_rows, g)
    program.add(table.add_weight_gradient_sparse, by_rows, g, dZ, X)
    if parameters.penalized:
        program.add(table.penalize, by_rows, theta, g, step=parameters.own_step)
    states = states_of(parameters, len(layer.W))
    program.add(table.STEPS[descent.rule.update], by_rows, theta, g, states, step=parameters.own_step)


def _rows_of_thread(room: np.ndarray, width: int) -> View:
    """`UPDATE_ROWS` rows of `width` numbers that belong to a thread."""
    item, shape = room.itemsize, (UPDATE_ROWS, width)
    return View(np.lib.stride_tricks.as_strided(room, shape, (room.strides[0] // UPDATE_ROWS, item)), THREAD)


def descend_in_one(program: Program, descent: Descent) -> None:
    """theta <- theta - step(g) from the whole gradient g, clipped first if the rule says so."""
    rule = descent.rule
    scale_steps(program, descent)
    program.wait()
    if rule.clips:
        clip_gradient(program, descent.gradient)
    if rule.orthogonal is not None:
        descend_orthogonally(program, descent)
        return
    for parameters in descent.ranges():
        add_step(program, rule, parameters, by_numbers(len(parameters.theta)))


def scale_steps(program: Program, descent: Descent) -> None:
    """The records of the steps of parameters with factors of their own."""
    for own in descent.own_steps:
        program.add(table.scale_step, BY_ONE, whole(own.step), whole(own.factors))


def add_step(program: Program, rule: Rule, parameters: ParameterRange, partition: tuple[int, int]) -> None:
    """theta <- theta - step(g) from a stored gradient, after penalties."""
    theta, g = part(parameters.theta), part(parameters.gradient)
    if parameters.penalized:
        program.add(table.penalize, partition, theta, g, step=parameters.own_step)
    states = states_of(parameters, len(parameters.theta))
    program.add(table.STEPS[rule.update], partition, theta, g, states, step=parameters.own_step)


def descend_orthogonally(program: Program, descent: Descent) -> None:
    """Update hidden weights along orthogonal matrices, and all other parameters with `Muon`'s auxiliary optimizer."""
    (*hidden, output), stage = descent.network, descent.network[0].inputs
    for layer in hidden:
        add_orthogonal_step(program, descent, layer)
    others = [pair for layer in hidden for pair in pairs(layer)[1:]] + pairs(output)
    others += [] if stage is None else stage.pairs()
    for theta, g in others:
        parameters = descent.range_of(theta, g, first_state=1)
        add_step(program, descent.rule, parameters, by_numbers(theta.size))


def add_orthogonal_step(program: Program, descent: Descent, layer: BoundLayer) -> None:
    """W <- (1 - eta lambda) W - eta s O(u), u the averaged gradient, with or without Nesterov's look-ahead."""
    muon, parameters, dtype = descent.rule.orthogonal, descent.range_of(layer.W, layer.dW), layer.W.dtype
    by_size, theta, g = by_numbers(layer.W.size), part(parameters.theta), part(parameters.gradient)
    if parameters.penalized:
        program.add(table.add_penalty_gradient, by_size, g, theta, step=parameters.own_step)
    ahead, mean = aligned_zeros(layer.W.size, dtype), parameters.states[0]
    look = muon.momentum, float(muon.nesterov)
    program.add(table.follow_mean, by_size, part(ahead), part(mean), g, *look)
    program.wait()
    u = ahead.reshape(layer.W.shape)
    is_tall = len(layer.W) > layer.W.shape[1]
    O = orthogonalize(program, u.T if is_tall else u, muon.iterations)
    scale = max(1.0, layer.W.shape[1] / layer.W.shape[0]) ** 0.5
    direction = View(O.T, PART) if is_tall else part(O)
    by_rows, W = by_units(len(layer.W)), part(layer.W)
    program.add(table.move_along, by_rows, W, direction, scale, step=parameters.own_step)


def orthogonalize(program: Program, u: np.ndarray, iterations: int) -> np.ndarray:
    """X <- a X + (b A + c A^2) X, A = X X^T, from X = u / |u|; u (k, m), k <= m; returns the array of the last X."""
    k, by_rows = len(u), by_units(len(u))
    X, Y = (aligned_zeros(u.size, u.dtype).reshape(u.shape) for _ in range(2))
    A, polynomial = (aligned_zeros(k * k, u.dtype).reshape(k, k) for _ in range(2))
    squares = np.empty(k)
    program.kept.append(squares)
    program.add(table.sum_row_squares, by_rows, part(squares), part(u))
    program.wait()
    program.add(table.divide_by_length, by_rows, part(X), part(u), whole(squares))
    program.wait()
    for _ in range(iterations):
        program.add(table.gram, by_rows, part(A), part(X), whole(X))
        program.wait()
        program.add(table.polynomial, by_rows, part(polynomial), part(A), whole(A))
        program.add(table.apply_polynomial, by_rows, part(Y), part(polynomial), part(X), whole(X))
        program.wait()
        X, Y = Y, X
    return X


def clip_gradient(program: Program, gradient: np.ndarray) -> None:
    """g <- min(1, c / |g|) g."""
    squares = np.empty(-(-len(gradient) // CHUNK))
    program.kept.append(squares)
    program.add(table.sum_squares, (len(squares), 1), part(squares), whole(gradient))
    program.wait()
    program.add(table.clip, by_numbers(len(gradient)), part(gradient), whole(squares))
    program.wait()


def finish_losses(program: Program, losses_of_batch: np.ndarray, descent: Descent, reports: bool) -> None:
    """L = mean_i L_i, plus the penalty if it is reported, at the parameters before the step."""
    program.add(table.mean_loss, BY_ONE, View(losses_of_batch, BATCH))
    for parameters in descent.ranges() if reports else ():
        if parameters.penalized:
            program.add(table.add_penalty, BY_ONE, whole(parameters.theta), *parameters.penalty_factors)
