"""The outputs of networks: A_0 = s (x without embedded columns, embeddings), then a_l = f_l(a_{l-1} W_l + b_l)."""

from collections.abc import Sequence

import numpy as np

from fastnn.export.onnx_graph.activations import FUNCTIONS, cosine
from fastnn.export.onnx_graph.graph import Tensor, concatenated, where
from fastnn.export.prediction import Category, Dense, LayerNorm, Periodic, PlainNetwork


def mean_outputs(networks: Sequence[PlainNetwork], x: Tensor) -> Tensor:
    """The outputs of the networks, averaged: (n, n_inputs) -> (n, n_outputs)."""
    outputs = []
    for number, network in enumerate(networks, 1):
        with x.graph.section(f"network_{number}"):
            outputs.append(_outputs(network, x))
    first, *others = outputs
    return first.apply("Sum", *others) / len(outputs) if others else first


def _outputs(network: PlainNetwork, x: Tensor) -> Tensor:
    a = x if network.has_plain_inputs else _inputs(network, x)
    for number, layer in enumerate(network.layers, 1):
        with x.graph.section(f"layer_{number}"):
            a = _dense(layer, a)
    return a


def _dense(layer: Dense, a: Tensor) -> Tensor:
    """z = a W + b, normalised, and f(z), or z + slope (f(z) - z)."""
    W, b = a.graph.constant(layer.weights, "W"), a.graph.constant(layer.biases, "b")
    z = a.graph.add("Gemm", (a.name, W, b), a.dtype, {}, "")
    z = z if layer.normalization is None else _normalized(layer.normalization, z)
    f = FUNCTIONS[layer.activation](z)
    return f if layer.slopes is None else z + (f - z) * layer.slopes


def _normalized(normalization: LayerNorm, z: Tensor) -> Tensor:
    """gamma (z - mean) / sqrt(variance + epsilon) + beta.

    The variance is the mean of (z - mean)^2. The operator LayerNormalization of ONNX Runtime 1.18 subtracts mean^2 from the
    mean of z^2 instead, and returns NaN where the mean is large.
    """
    centred = z - _mean_of_units(z, len(normalization.scales))
    variance = _mean_of_units(centred * centred, len(normalization.scales))
    return centred / (variance + normalization.epsilon).apply("Sqrt") * normalization.scales + normalization.shifts


def _mean_of_units(z: Tensor, n_units: int) -> Tensor:
    return z.apply("ReduceSum", np.array([1]), keepdims=1) / n_units


def _inputs(network: PlainNetwork, x: Tensor) -> Tensor:
    """A_0: columns without an embedding, then embeddings, times the input scales."""
    passed = [x.take(network.passed)] if network.passed else []
    a = concatenated([*passed, *(_embedded(embedding, x) for embedding in network.embeddings)])
    return a if network.input_scales is None else a * network.input_scales


def _embedded(embedding: Periodic | Category, x: Tensor) -> Tensor:
    return _periodic(embedding, x) if isinstance(embedding, Periodic) else _category(embedding, x)


def _periodic(embedding: Periodic, x: Tensor) -> Tensor:
    """(x, V^T cos(2 pi x w + b) + c) for each of d columns, side by side: (n, d (m + 1)).

    Until the last two steps, columns come before rows, because the product with V is one of d matrices (n, h) and (h, m).
    """
    w, b, V, c = embedding.frequencies, embedding.phases, embedding.weights, embedding.biases
    d, _, m = V.shape
    numbers = x.take(embedding.columns).apply("Transpose", perm=[1, 0]).apply("Unsqueeze", np.array([2]))
    angles = numbers * (2 * np.pi) * w[:, np.newaxis] + b[:, np.newaxis]
    embedded = cosine(angles).apply("MatMul", V) + c[:, np.newaxis]
    pairs = concatenated([numbers, embedded], axis=2).apply("Transpose", perm=[1, 0, 2])
    return pairs.apply("Reshape", np.array([0, d * (m + 1)]))


def _category(embedding: Category, x: Tensor) -> Tensor:
    """The row of a matrix that belongs to the code, or row 0 if there is none: (n, size)."""
    code = x.apply("Gather", np.array(embedding.column), axis=1)
    is_valid = code.test("GreaterOrEqual", 0.0).test("And", code.test("Less", len(embedding.vectors)))
    row = where(is_valid, code, 0.0).cast(np.int64)
    vectors = x.graph.constant(embedding.vectors, "E")
    return x.graph.add("Gather", (vectors, row.name), x.dtype, {"axis": 0}, "")
