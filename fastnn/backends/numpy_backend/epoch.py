"""The whole network: forward, loss, backward, and a step of gradient descent, as in a textbook.

A network is a list of layers, objects with named views of all their arrays (`fastnn.backends.bound_layers`), bound to a
batch of n samples. A step is a record of `fastnn.updates.SETTINGS`.
"""

import numpy as np

from fastnn.backends.bound_layers import pairs
from fastnn.backends.numpy_backend.activations import activate, activate_backward
from fastnn.backends.numpy_backend.dropout import drop
from fastnn.backends.numpy_backend.inputs import (
    embed_category,
    embed_category_gradient,
    embed_numbers,
    embed_numbers_gradient,
    scale_columns,
    scales_gradient,
    select_columns,
)
from fastnn.backends.numpy_backend.layers import (
    affine,
    bias_gradient,
    mix,
    mix_backward,
    output_error,
    previous_error,
    slope_gradient,
    weight_gradient,
)
from fastnn.backends.numpy_backend.losses import weigh
from fastnn.backends.numpy_backend.normalization import (
    normalize_batch,
    normalize_batch_backward,
    normalize_running,
    normalize_samples,
    normalize_samples_backward,
    scale_and_shift_gradient,
)
from fastnn.backends.numpy_backend.optimizers import (
    UPDATES,
    add_penalty,
    add_penalty_gradient,
    clip,
    follow_mean,
    move_along,
    orthogonalize,
    penalize,
    scale_step,
)
from fastnn.backends.numpy_backend.sparse import affine_sparse, weight_gradient_sparse
from fastnn.validation import is_sparse


def forward(network, X, step):
    """Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l), A_0 = X, up to Z_L; X (n, n_0)."""
    A = embed(network[0].inputs, X)
    for layer in network[:-1]:
        (affine_sparse if is_sparse(A) else affine)(layer.normalized, A, layer.W, layer.b)
        A = pass_on(layer, step)
    output = network[-1]
    (affine_sparse if is_sparse(A) else affine)(output.Z, A, output.W, output.b)


def pass_on(layer, step):
    """A = f(Z), the inputs of the next layer, from the pre-activations before normalisation."""
    normalize(layer)
    activate(layer.F, layer.Z, layer.activation)
    if layer.is_parametric:
        mix(layer.A, layer.Z, layer.F, layer.slope)
    if layer.dropout > 0:
        layer.passed_on[:] = layer.A
        drop(layer.passed_on, layer.dropout, layer.number, 0, step)
    return layer.passed_on


def embed(inputs, X):
    """A_0, the outputs of the input stage; X itself without one."""
    if inputs is None:
        return X
    select_columns(inputs.passed, X, inputs.columns)
    for embedding in inputs.embeddings:
        if embedding.is_category:
            embed_category(embedding.A, X, embedding.columns[0], embedding.P)
        else:
            embed_numbers(embedding.A, X, embedding.columns, embedding.P)
    if inputs.scales.size > 0:
        scale_columns(inputs.A, inputs.E, inputs.scales)
    return inputs.A


def loss(network, losses, Y, relative_weights):
    """L = mean_i c_i L_i and dZ_L, after `forward`; Y (n, K), c (n,) or (0,) without weights -> L_i (n,), returns L."""
    output_error(losses, Y, network[-1])
    if len(relative_weights) > 0:
        weigh(losses, network[-1].dZ, relative_weights)
    return losses.mean()


def backward(network, X, step):
    """dZ_{l-1} = (dZ_l W_l^T) * f'(Z_{l-1}), dW_l = A_{l-1}^T dZ_l / n, db_l = mean_i dz_i for l = L ... 1."""
    for layer, previous in zip(network[:0:-1], network[-2::-1], strict=True):
        weight_gradient(layer.dW, previous.passed_on, layer.dZ)
        layer_bias_gradient(layer)
        previous_error(previous.dA, layer.dZ, layer.W)
        if previous.dropout > 0:
            drop(previous.dA, previous.dropout, previous.number, 0, step)
        activation_backward(previous)
        normalize_backward(previous)
    first = network[0]
    A = X if first.inputs is None else first.inputs.A
    (weight_gradient_sparse if is_sparse(A) else weight_gradient)(first.dW, A, first.dZ)
    layer_bias_gradient(first)
    if first.inputs is not None:
        previous_error(first.inputs.dA, first.dZ, first.W)
        inputs_backward(first.inputs, X)


def activation_backward(layer):
    """dZ = dA * f'(Z) or, for a parametric activation, dA * (1 + alpha (f'(Z) - 1)), and the gradient of alpha."""
    if not layer.is_parametric:
        activate_backward(layer.dZ, layer.Z, layer.A, layer.activation)
        return
    slope_gradient(layer.dslope, layer.dA, layer.Z, layer.F)
    layer.dZ[:] = layer.dA
    activate_backward(layer.dZ, layer.Z, layer.F, layer.activation)
    mix_backward(layer.dZ, layer.dA, layer.slope)


def inputs_backward(inputs, X):
    """The gradients of factors and embeddings, from dA_0."""
    if inputs.scales.size > 0:
        scales_gradient(inputs.dscales, inputs.dA, inputs.E)
        scale_columns(inputs.dE, inputs.dA, inputs.scales)
    for embedding in inputs.embeddings:
        if embedding.is_category:
            embed_category_gradient(embedding.dP, embedding.dA, X, embedding.columns[0])
        else:
            embed_numbers_gradient(embedding.dP, embedding.dA, X, embedding.columns, embedding.P)


def layer_bias_gradient(layer):
    """db = mean_i dz_i, which is 0 under batch normalisation, where b cancels out."""
    if layer.normalization == "batch":
        layer.db[:] = 0
    else:
        bias_gradient(layer.db, layer.dZ)


def normalize(layer):
    """Z = gamma x + beta, normalised over the batch, over the units of each sample, or by running statistics."""
    if layer.normalization == "batch":
        normalize_batch(layer.Z, layer.normalized, layer.statistics, layer.scale, layer.shift)
    elif layer.normalization == "layer":
        normalize_samples(layer.Z, layer.normalized, layer.precision, layer.scale, layer.shift)
    elif layer.normalization == "running":
        normalize_running(layer.Z, layer.normalized, layer.statistics, layer.scale, layer.shift)


def normalize_backward(layer):
    """dZ from dY in a normalised layer, and the gradients of its scales and shifts."""
    if layer.normalization == "none":
        return
    scale_and_shift_gradient(layer.dscale, layer.dshift, layer.dZ, layer.normalized)
    if layer.normalization == "batch":
        gradients = layer.dscale, layer.dshift
        normalize_batch_backward(layer.dZ, layer.normalized, layer.statistics, layer.scale, *gradients)
    else:
        normalize_samples_backward(layer.dZ, layer.normalized, layer.precision, layer.scale)


def descend(descent, step):
    """theta <- theta - step(dL/dtheta), from the gradient that `backward` computed, clipped first if the rule says so."""
    for own in descent.own_steps:
        scale_step(own.step, own.factors, step)
    if descent.rule.clips:
        clip(descent.gradient, step)
    if descent.rule.orthogonal is not None:
        descend_orthogonally(descent, step)
        return
    for parameters in descent.ranges():
        move(parameters, descent.rule, step)


def move(parameters, rule, step):
    """theta <- theta - step(g) for a range of parameters, after penalties."""
    step = step_of(parameters, step)
    if parameters.penalized:
        penalize(parameters.theta, parameters.gradient, step)
    UPDATES[rule.update](parameters.theta, parameters.gradient, parameters.states, step)


def step_of(parameters, step):
    """The record of a step for a range of parameters."""
    return step if parameters.own is None else parameters.own.step[0]


def descend_orthogonally(descent, step):
    """Update hidden weights along orthogonal matrices, and all other parameters with `Muon`'s auxiliary optimizer."""
    *hidden, output = descent.network
    for layer in hidden:
        move_orthogonally(layer.W, descent.range_of(layer.W, layer.dW), descent.rule.orthogonal, step)
    inputs = [] if descent.network[0].inputs is None else descent.network[0].inputs.pairs()
    for theta, gradient in [pair for layer in hidden for pair in pairs(layer)[1:]] + pairs(output) + inputs:
        move(descent.range_of(theta, gradient, first_state=1), descent.rule, step)


def move_orthogonally(W, parameters, muon, step):
    """W <- (1 - eta lambda) W - eta s O(u), u the averaged gradient, with or without Nesterov's look-ahead."""
    step = step_of(parameters, step)
    if parameters.penalized:
        add_penalty_gradient(parameters.gradient, parameters.theta, step)
    ahead, direction = np.empty_like(W), np.empty_like(W)
    follow_mean(ahead.reshape(-1), parameters.states[0], parameters.gradient, muon.momentum, muon.nesterov)
    orthogonalize(direction, ahead, muon.iterations)
    move_along(W, direction, max(1.0, W.shape[1] / W.shape[0]) ** 0.5, step)


def report_penalty(descent, step):
    """L <- L + penalty, at the parameters before the step."""
    for parameters in descent.ranges():
        if parameters.penalized:
            factor_1, factor_2 = parameters.penalty_factors
            add_penalty(parameters.theta, factor_1, factor_2, step)
