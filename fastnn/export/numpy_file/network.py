"""The networks in a written file."""

from collections.abc import Callable, Iterator

import numpy as np

from fastnn.export.numpy_file.literals import columns
from fastnn.export.numpy_file.module import Module
from fastnn.export.prediction import Category, Dense, Periodic, PlainNetwork, Prediction


def add_outputs(module: Module, prediction: Prediction) -> None:
    """Add `outputs`, which calls `inputs` and `network`."""
    n_networks, shape = len(prediction.networks), f"(n_rows, {prediction.n_outputs})"
    if n_networks == 1:
        summary, lines = "What the network computes", ["return network(inputs(X))"]
    else:
        summary = f"The mean of what {n_networks} networks compute"
        lines = ["x = inputs(X)", f"return np.mean([network(x, k) for k in range({n_networks})], axis=0)"]
    module.function("outputs(X)", f"{summary} for the rows of X: {shape}.", lines)


def add_network(module: Module, prediction: Prediction) -> None:
    """Add `network`, and its arrays; of several networks, all with the same layers."""
    networks, shape = prediction.networks, f"(n_rows, {prediction.n_outputs})"
    signature, which = ("network(x)", "") if len(networks) == 1 else ("network(x, k)", " of network k")
    module.function(signature, f"The layers{which}: {shape}.", _Layers(module, networks).lines())


class _Layers:
    """The lines of `network`; they name arrays, which are added to the module.

    With several networks, arrays have those of each along their first axis, and lines index it by k.
    """

    def __init__(self, module: Module, networks: tuple[PlainNetwork, ...]) -> None:
        self.module, self.networks = module, networks

    def lines(self) -> Iterator[str]:
        """The input stage, then one or two lines for each layer."""
        yield from self._stage(self.networks[0])
        layers = self.networks[0].layers
        for number, layer in enumerate(layers):
            a = "x" if number == 0 and self.networks[0].has_plain_inputs else "a"
            yield from self._layer(number, layer, a, "return " if number == len(layers) - 1 else "a = ")

    def _array(self, name: str, of: Callable[[PlainNetwork], np.ndarray | None]) -> str:
        """How lines refer to an array of each network."""
        arrays = [np.asarray(of(network)) for network in self.networks]
        self.module.array(name, arrays[0] if len(arrays) == 1 else np.stack(arrays))
        return name if len(arrays) == 1 else f"{name}[k]"

    def _stage(self, network: PlainNetwork) -> Iterator[str]:
        """A_0 in `a`, unless it is x."""
        a = "x"
        if network.embeddings:
            parts = [f"x[:, {columns(network.passed)}]"] if network.passed else []
            parts += [self._embedding(number, each) for number, each in enumerate(network.embeddings)]
            a = parts[0]
            if len(parts) > 1:
                yield from ["parts = [", *(f"    {part}," for part in parts), "]"]
                a = "np.hstack(parts)"
            yield f"a = {a}"
            a = "a"
        if network.input_scales is not None:
            yield f"a = {a} * {self._array('s', lambda each: each.input_scales)}"

    def _embedding(self, number: int, embedding: Periodic | Category) -> str:
        if isinstance(embedding, Category):
            vectors = self._array(f"E{number + 1}", lambda each: each.embeddings[number].vectors)  # type: ignore[union-attr]
            return f"embedded(x[:, {embedding.column}], {vectors})"
        fields = {"w": "frequencies", "phi": "phases", "V": "weights", "c": "biases"}
        arrays = [
            self._array(f"{letter}{number + 1}", lambda each, field=field: getattr(each.embeddings[number], field))  # type: ignore[misc]
            for letter, field in fields.items()
        ]
        return f"periodic(x[:, {columns(embedding.columns)}], {', '.join(arrays)})"

    def _layer(self, number: int, layer: Dense, a: str, result: str) -> Iterator[str]:
        """`result` is what stands before the activation of the layer."""

        def array(letter: str, of: Callable[[Dense], np.ndarray | None]) -> str:
            return self._array(f"{letter}{number + 1}", lambda network: of(network.layers[number]))

        z = f"{a} @ {array('W', lambda each: each.weights)} + {array('b', lambda each: each.biases)}"
        if layer.normalization is not None:
            gamma = array("gamma", lambda each: each.normalization.scales)  # type: ignore[union-attr]
            beta = array("beta", lambda each: each.normalization.shifts)  # type: ignore[union-attr]
            z = f"layer_norm({z}, {gamma}, {beta}, {layer.normalization.epsilon})"
        if layer.activation == "identity":
            yield f"{result}{z}"
        elif layer.slopes is None:
            yield f"{result}{layer.activation}({z})"
        else:
            yield f"z = {z}"
            yield f"{result}z + {array('alpha', lambda each: each.slopes)} * ({layer.activation}(z) - z)"
