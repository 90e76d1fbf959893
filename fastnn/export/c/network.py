"""The networks in C: one function per layer, with the layer's sizes as constants."""

from collections.abc import Iterator

import numpy as np

from fastnn.export.c.activations import definitions
from fastnn.export.c.literals import braced, number
from fastnn.export.c.template import Dialect
from fastnn.export.prediction import Category, Dense, Periodic, PlainNetwork

NORMALIZE = """
/* scale (z - mean) / sqrt(variance + epsilon) + shift, over the n units of a layer */
static inline void model_normalize(float *z, int n, const float *scales, const float *shifts)
{
    double mean = 0, variance = 0;
    for (int j = 0; j < n; ++j)
        mean += (double)z[j] / n;
    for (int j = 0; j < n; ++j)
        variance += (z[j] - mean) * (z[j] - mean) / n;
    for (int j = 0; j < n; ++j)
        z[j] = scales[j] * (float)((z[j] - mean) / sqrt(variance + $epsilon)) + shifts[j];
}
"""

CODE = """
/* A number as one of the codes 0 to n - 1; 0 if it is none of them. */
static inline int model_code(double number, int n)
{
    return number >= 0 && number < n ? (int)number : 0;
}
"""

LAYER = """
/* Layer $l: $n_inputs -> $n_outputs, $description. */
static inline void model_layer_$l(const model_parameters *p, const float *MODEL_RESTRICT a, float *MODEL_RESTRICT z)
{
    for (int j = 0; j < $n_outputs; ++j)
        z[j] = 0;
    for (int k = 0; k < $n_inputs; ++k)
        for (int j = 0; j < $n_outputs; ++j)
            z[j] += a[k] * $weight;
    for (int j = 0; j < $n_outputs; ++j)
        z[j] $biased;
$rest}
"""

MIX = """
    for (int j = 0; j < $n; ++j)
        z[j] += p->slopes_$l[j] * (model_$activation(z[j]) - z[j]);
"""

ACTIVATE = """
    for (int j = 0; j < $n; ++j)
        z[j] = model_$activation(z[j]);
"""

INPUTS = """
/* The inputs of the first layer: numbers, then embeddings$scaled. */
static inline void model_inputs(const model_parameters *p, const float *x, float *a)
{
$body}
"""

PASSED_ALL = """
    memcpy(a, x, $n * sizeof(float));
"""

PASSED = """
    static const int passed[$n] = $columns;
    for (int j = 0; j < $n; ++j)
        a[j] = x[passed[j]];
"""

PERIODIC = """
    /* x and V cos(2 pi x w + b) + c */
    static const int columns_$e[$n] = $columns;
    for (int i = 0; i < $n; ++i) {
        const float number = x[columns_$e[i]];
        float *const out = a + $first + i * ($m + 1);
        out[0] = number;
        for (int k = 0; k < $m; ++k)
            out[k + 1] = p->embedding_biases_$e[i][k];
        for (int h = 0; h < $h; ++h) {
            const float angle = 6.283185307179586f * number * p->frequencies_$e[i][h] + p->phases_$e[i][h];
            const float cosine = cosf(angle);
            for (int k = 0; k < $m; ++k)
                out[k + 1] += cosine * p->embedding_weights_$e[i][h][k];
        }
    }
"""

CATEGORY = """
    memcpy(a + $first, p->vectors_$e[model_code(x[$column], $n)], $size * sizeof(float));
"""

SCALES = """
    for (int j = 0; j < $n; ++j)
        a[j] *= p->input_scales[j];
"""

NETWORK = """
/* The outputs of one network. */
static inline void model_network(const model_parameters *p, const float *x, float *out)
{
$body}
"""


def definition(dialect: Dialect, network: PlainNetwork, weights: str) -> str:
    """All functions of a network: activations, layers, and the network itself."""
    layers = network.layers
    normalizations = [layer.normalization for layer in layers if layer.normalization is not None]
    parts = [definitions(dialect, {layer.activation for layer in layers})]
    if normalizations:
        parts.append(dialect.fill(NORMALIZE, epsilon=number(np.float64(normalizations[0].epsilon))))
    if not network.has_plain_inputs:
        parts.append(_inputs(dialect, network))
    parts += [_layer(dialect, layer, place, weights) for place, layer in enumerate(layers, 1)]
    parts.append(_network(dialect, network))
    return "\n".join(part for part in parts if part)


def _layer(dialect: Dialect, layer: Dense, l: int, weights: str) -> str:
    """The function of layer l."""
    weight, biased = f"p->weights_{l}[k][j]", f"+= p->biases_{l}[j]"
    if weights == "int8":
        weight = f"({dialect.real}){weight}"
        biased = f"= z[j] * p->weight_scales_{l}[j] + p->biases_{l}[j]"
    return dialect.fill(
        LAYER,
        l=l,
        n_inputs=layer.n_inputs,
        n_outputs=layer.n_outputs,
        description=description(layer),
        weight=weight,
        biased=biased,
        rest=_normalized(dialect, layer, l) + _activated(dialect, layer, l),
    )


def description(layer: Dense) -> str:
    """What follows the affine map in a layer, in words."""
    normalization = "" if layer.normalization is None else "layer normalization, "
    return f"{normalization}{'' if layer.slopes is None else 'parametric '}{layer.activation}"


def _normalized(dialect: Dialect, layer: Dense, l: int) -> str:
    if layer.normalization is None:
        return ""
    return dialect.fill(f"    model_normalize(z, {layer.n_outputs}, p->scales_{l}, p->shifts_{l});\n")


def _activated(dialect: Dialect, layer: Dense, l: int) -> str:
    if layer.activation == "identity":  # also z + slope (z - z)
        return ""
    if layer.activation == "softmax":
        return dialect.fill(f"    model_softmax(z, {layer.n_outputs});\n")
    template = ACTIVATE if layer.slopes is None else MIX
    return dialect.fill(template, n=layer.n_outputs, l=l, activation=layer.activation)


def _inputs(dialect: Dialect, network: PlainNetwork) -> str:
    """The function of the input stage."""
    scaled = "" if network.input_scales is None else ", times their scales"
    return dialect.fill(INPUTS, scaled=scaled, body="".join(_input_statements(dialect, network)))


def _input_statements(dialect: Dialect, network: PlainNetwork) -> Iterator[str]:
    passed, first = network.passed, len(network.passed)
    if passed == tuple(range(first)) and first:
        yield dialect.fill(PASSED_ALL, n=first)
    elif passed:
        yield dialect.fill(PASSED, n=first, columns=_integers(passed))
    for e, embedding in enumerate(network.embeddings, 1):
        yield _embedded(dialect, embedding, e, first)
        first += width(embedding)
    if network.input_scales is not None:
        yield dialect.fill(SCALES, n=first)


def _embedded(dialect: Dialect, embedding: Periodic | Category, e: int, first: int) -> str:
    """The statements for embedding e, whose outputs begin at `first`."""
    if isinstance(embedding, Category):
        n, size = embedding.vectors.shape
        return dialect.fill(CATEGORY, e=e, first=first, column=embedding.column, n=n, size=size)
    d, h, m = embedding.weights.shape
    return dialect.fill(PERIODIC, e=e, n=d, columns=_integers(embedding.columns), first=first, m=m, h=h)


def n_columns(network: PlainNetwork) -> int:
    """Length of x."""
    embedded = [(each.column,) if isinstance(each, Category) else each.columns for each in network.embeddings]
    return len(network.passed) + sum(map(len, embedded))


def width(embedding: Periodic | Category) -> int:
    """Number of outputs of an embedding."""
    if isinstance(embedding, Category):
        return int(embedding.vectors.shape[1])
    d, _, m = embedding.weights.shape
    return int(d * (m + 1))


def buffers(network: PlainNetwork) -> list[int]:
    """The sizes of the buffers that take turns: the inputs of the first layer, if they are not x, and hidden layers."""
    inputs = [] if network.has_plain_inputs else [network.layers[0].n_inputs]
    sizes = [*inputs, *(layer.n_outputs for layer in network.layers[:-1])]
    return [max(sizes[start::2]) for start in range(min(2, len(sizes)))]


def _network(dialect: Dialect, network: PlainNetwork) -> str:
    """The function that calls those of the layers."""
    names, lines = ("a", "b"), []
    sizes = [f"{name}[{size}]" for name, size in zip(names, buffers(network), strict=False)]
    if sizes:
        lines.append(f"{dialect.real} {', '.join(sizes)};")
    source, turn = "x", 0
    if not network.has_plain_inputs:
        lines.append("model_inputs(p, x, a);")
        source, turn = "a", 1
    for l in range(1, len(network.layers) + 1):
        target = "out" if l == len(network.layers) else names[turn % 2]
        lines.append(f"model_layer_{l}(p, {source}, {target});")
        source, turn = target, turn + 1
    body = "".join(f"    {dialect.fill(line)}\n" for line in lines)
    return dialect.fill(NETWORK, body=body)


def _integers(values: tuple[int, ...]) -> str:
    return braced([str(value) for value in values], " " * 4)
