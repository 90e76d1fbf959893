"""Parameters and running statistics by the names of their layers, as they are saved.

Names read ``layers.1.weights``, ``layers.1.biases``, ``layers.1.running_mean``, ``inputs.1.periodic`` and so on; layers and
embeddings are counted from 1.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fastnn.architecture import NORMALIZATIONS, Architecture, ParameterArray

#: Names of the running statistics of a batch-normalised layer, in their order.
STATISTICS = ("running_mean", "running_variance", "last_precision")

#: What the names of the arrays of networks begin with; those of an estimator with several are members.
OF_NETWORKS = ("layers.", "inputs.", "members.")


def named_arrays(architecture: Architecture, learned: np.ndarray) -> dict[str, np.ndarray]:
    """Views of the parameters and statistics in one vector (n_parameters + n_statistics,)."""
    return {name: array.view(learned) for name, array in _places(architecture)}


def shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The shape of each array."""
    return {name: array.shape for name, array in _places(architecture)}


def _places(architecture: Architecture) -> Iterator[tuple[str, ParameterArray]]:
    for array in architecture.arrays:
        yield _name(array), array
    batch = NORMALIZATIONS.index("batch")
    for number, layer in enumerate(architecture.layers, start=1):
        if layer["normalization"] == batch:
            n, first = int(layer["n_outputs"]), architecture.n_parameters + int(layer["statistics"])
            for place, name in enumerate(STATISTICS):
                yield f"layers.{number}.{name}", ParameterArray(name, "statistics", first + place * n, (n,))


def _name(array: ParameterArray) -> str:
    number = re.sub(r"\D", "", array.name)
    if array.group == "input_scales":
        return "inputs.scales"
    return f"{'inputs' if array.group in ('periodic', 'embeddings') else 'layers'}.{number}.{array.group}"


def check_arrays(arrays: Any, prefixes: Sequence[str], architecture: Architecture, dtype: np.dtype) -> None:
    """Raise ValueError unless a file has the arrays of networks, with their shapes and dtype; reads none of them."""
    expected = {prefix + name: shape for name, shape in shapes(architecture).items() for prefix in prefixes}
    for name, shape in expected.items():
        if name not in arrays.names:
            raise ValueError(f"there is no {name}")
        found = arrays.declaration(name)
        if (found.shape, found.dtype) != (shape, dtype):
            raise ValueError(f"{name} must have shape {shape} of {dtype}, got shape {found.shape} of {found.dtype}")
    others = [name for name in arrays.names if name.startswith(OF_NETWORKS) and name not in expected]
    if others:
        raise ValueError(f"{min(others)} belongs to another network")


def read_arrays(arrays: Any, prefix: str, architecture: Architecture, learned: np.ndarray) -> None:
    """Fill a vector with the arrays of a network in a file, which `check_arrays` has checked."""
    for name, view in named_arrays(architecture, learned).items():
        view[:] = arrays[prefix + name]
