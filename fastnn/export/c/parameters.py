"""The parameters of networks: a struct in C, and its constant values."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastnn.export.c.literals import array
from fastnn.export.c.quantization import quantized
from fastnn.export.c.template import Dialect
from fastnn.export.prediction import Dense, Periodic, PlainNetwork


class Parameter(NamedTuple):
    """A member of the struct, and its values in one network."""

    name: str
    values: np.ndarray

    @property
    def declaration(self) -> str:
        """Type, name and axes."""
        kind = {"float32": "float", "float64": "double", "int8": "int8_t"}[self.values.dtype.name]
        return f"{kind} {self.name}{''.join(f'[{length}]' for length in self.values.shape)}"


def parameters_of(network: PlainNetwork, weights: str) -> list[Parameter]:
    """All parameters of a network; `weights` is 'float' or 'int8'."""
    return [
        *_of_inputs(network),
        *(each for number, layer in enumerate(network.layers, 1) for each in _of_layer(layer, number, weights)),
    ]


def _of_inputs(network: PlainNetwork) -> Iterator[Parameter]:
    for number, embedding in enumerate(network.embeddings, 1):
        if isinstance(embedding, Periodic):
            yield Parameter(f"frequencies_{number}", embedding.frequencies)
            yield Parameter(f"phases_{number}", embedding.phases)
            yield Parameter(f"embedding_weights_{number}", embedding.weights)
            yield Parameter(f"embedding_biases_{number}", embedding.biases)
        else:
            yield Parameter(f"vectors_{number}", embedding.vectors)
    if network.input_scales is not None:
        yield Parameter("input_scales", network.input_scales)


def _of_layer(layer: Dense, number: int, weights: str) -> Iterator[Parameter]:
    if weights == "int8":
        integers, scales = quantized(layer.weights)
        yield Parameter(f"weights_{number}", integers)
        yield Parameter(f"weight_scales_{number}", scales)
    else:
        yield Parameter(f"weights_{number}", layer.weights)
    yield Parameter(f"biases_{number}", layer.biases)
    if layer.normalization is not None:
        yield Parameter(f"scales_{number}", layer.normalization.scales)
        yield Parameter(f"shifts_{number}", layer.normalization.shifts)
    if layer.slopes is not None:
        yield Parameter(f"slopes_{number}", layer.slopes)


STRUCT = """
/* The parameters of one network; weights_l[k][j] leads from input k to unit j of layer l. */
typedef struct {
$members
} model_parameters;

static const model_parameters model_networks[$n_networks] = {
$networks
};
"""


def definition(dialect: Dialect, networks: list[list[Parameter]]) -> str:
    """The struct, and the parameters of all networks."""
    members = "\n".join(dialect.fill(f"    MODEL_ALIGNED {each.declaration};") for each in networks[0])
    values = ",\n".join(map(_values, networks))
    return dialect.fill(STRUCT, members=members, n_networks=len(networks), networks=values)


def _values(parameters: list[Parameter]) -> str:
    members = ",\n        ".join(f"/* {each.name} */ {array(each.values, ' ' * 8)}" for each in parameters)
    return f"    {{\n        {members}\n    }}"
