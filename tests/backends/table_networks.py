"""Networks with features for tables: parametric activations, an input stage, normalisation, dropout, and NTK."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import fastnn
from fastnn.inputs import CategoryEmbedding, PeriodicEmbedding
from tests.cases import tolerance

N_CODES = 6

#: Of columns 0 and 2 as numbers, and of the codes in column 4; the columns 1 and 3 stay as they are.
EMBEDDINGS = (
    PeriodicEmbedding((2, 0), n_frequencies=5, n_outputs=3, deviation=0.3),
    CategoryEmbedding(4, N_CODES, size=2),
)
ALL_EMBEDDED = (
    CategoryEmbedding(4, N_CODES, size=3),
    PeriodicEmbedding((0, 1), n_frequencies=3, n_outputs=2, deviation=0.3),
    PeriodicEmbedding((3, 2), n_frequencies=70, n_outputs=4, deviation=0.1),
)


@dataclass(frozen=True)
class TableCase:
    """A network for five columns, the last of which holds codes."""

    name: str
    hidden: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    activation: str = "mish"

    def __str__(self) -> str:
        return self.name

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Five inputs, three outputs."""
        return (5, *self.hidden, 3)

    @property
    def drops(self) -> bool:
        """Whether there is dropout."""
        return "dropout" in self.options

    @property
    def normalizes_batches(self) -> bool:
        """Whether there is batch normalisation, which needs two samples."""
        return "batch" in str(self.options.get("normalization"))

    def network(self, backend: str, dtype: str = "float64", n_threads: int | None = None) -> fastnn.Network:
        """The network, with parameters none of which is at its initial value of 0 or 1."""
        network = fastnn.Network(
            self.layer_sizes,
            self.activation,
            backend=backend,
            dtype=dtype,
            initializer="glorot_normal",
            seed=0,
            n_threads=n_threads,
            **self.options,
        )
        random = np.random.default_rng(1)
        for array in network.architecture.arrays:
            if array.group != "weights":
                array.view(network.parameters)[:] += random.uniform(-0.5, 0.5, array.shape)
        return network

    def tolerance(self, dtype: str, batch_size: int, steps: int = 1) -> float:
        """As in `tests.cases`; an embedding sums over its frequencies, and normalisation divides by a deviation."""
        lengths = *self.layer_sizes, *self.layer_sizes[1:], batch_size, 70
        return steps * tolerance(dtype, *lengths) * (10 if "normalization" in self.options else 1)


def table(n_samples: int, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Numbers and, in the last column, codes, some of which are too small or too large; and classes."""
    random = np.random.default_rng(2)
    X = random.standard_normal((n_samples, 5)).astype(np.float32).astype(dtype)
    X[:, 4] = random.integers(-1, N_CODES + 1, n_samples)
    return X, random.integers(3, size=n_samples)


CASES = (
    TableCase("parametric", (12, 7), {"parametric": True}, "tanh"),
    TableCase("one parametric layer", (12, 7), {"parametric": (False, True), "dropout": 0.3}, "silu"),
    TableCase(
        "parametric and normalized",
        (12, 7),
        {"parametric": True, "normalization": ("layer", "batch"), "dropout": (0.0, 0.3)},
    ),
    TableCase("embeddings", (12,), {"embeddings": EMBEDDINGS}),
    TableCase("all columns embedded", (9,), {"embeddings": ALL_EMBEDDED, "input_scaling": True}),
    TableCase("scaled", (12,), {"input_scaling": True, "dropout": 0.2}),
    TableCase("without hidden layers", (), {"embeddings": EMBEDDINGS, "input_scaling": True}),
    TableCase("ntk", (12, 7), {"parametrization": "ntk"}),
    TableCase(
        "everything",
        (70, 66),
        {
            "parametric": True,
            "embeddings": EMBEDDINGS,
            "input_scaling": True,
            "parametrization": "ntk",
            "dropout": (0.3, 0.1),
        },
    ),
    TableCase(
        "everything, normalized",
        (20, 10),
        {
            "parametric": True,
            "embeddings": EMBEDDINGS,
            "input_scaling": True,
            "parametrization": "ntk",
            "normalization": ("batch", "layer"),
        },
        "selu",
    ),
)

#: Without hidden units that are dropped.
WITHOUT_DROPOUT = tuple(
    TableCase(case.name, case.hidden, {k: v for k, v in case.options.items() if k != "dropout"}, case.activation)
    for case in CASES
)


# The same with PyTorch


def torch_arrays(torch: Any, network: fastnn.Network) -> dict[str, Any]:
    """The parameters by name, as leaves of a graph."""
    return {
        array.name: torch.tensor(np.array(array.view(network.parameters)), requires_grad=True)
        for array in network.architecture.arrays
    }


def torch_inputs(torch: Any, case: TableCase, arrays: dict[str, Any], X: Any) -> Any:
    """A_0."""
    embeddings = case.options.get("embeddings", ())
    embedded = {column for each in embeddings for column in each.columns}
    parts = [X[:, [column for column in range(5) if column not in embedded]]]
    for number, each in enumerate(embeddings, start=1):
        if each.letter == "E":
            codes = torch.where((X[:, each.column] >= 0) & (X[:, each.column] < each.n_codes), X[:, each.column], 0.0)
            parts.append(torch.nn.functional.embedding(codes.long(), arrays[f"E{number}"]))
            continue
        h, m = each.n_frequencies, each.n_outputs - 1
        for column, row in zip(each.columns, arrays[f"P{number}"], strict=True):
            w, b, V, c = torch.split(row, [h, h, h * m, m])
            x = X[:, [column]]
            parts += [x, torch.cos(2 * torch.pi * x * w + b) @ V.reshape(h, m) + c]
    A = torch.cat(parts, dim=1)
    return A * arrays["s"] if "s" in arrays else A


def torch_logits(torch: Any, case: TableCase, arrays: dict[str, Any], X: Any) -> Any:
    """Z_L; batches are normalised by their own statistics."""
    functional, n_layers = torch.nn.functional, len(case.hidden) + 1
    f = {"mish": functional.mish, "tanh": torch.tanh, "silu": functional.silu, "selu": torch.selu}[case.activation]
    A = torch_inputs(torch, case, arrays, X)
    normalizations = case.options.get("normalization", (None,) * n_layers)
    for l in range(1, n_layers):
        Z = A @ arrays[f"W{l}"] + arrays[f"b{l}"]
        if normalizations[l - 1] == "batch":
            Z = functional.batch_norm(Z, None, None, arrays[f"gamma{l}"], arrays[f"beta{l}"], training=True)
        elif normalizations[l - 1] == "layer":
            Z = functional.layer_norm(Z, Z.shape[1:], arrays[f"gamma{l}"], arrays[f"beta{l}"])
        A = Z + arrays[f"alpha{l}"] * (f(Z) - Z) if f"alpha{l}" in arrays else f(Z)
    return A @ arrays[f"W{n_layers}"] + arrays[f"b{n_layers}"]
