"""A graph of operators under construction, which is written like NumPy: each operation on a tensor adds a node.

Everything here is plain data. Another module makes the file's records of it, or the nodes of a scikit-learn pipeline.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Union

import numpy as np

#: The version of the standard that operators are used from, of 2020. Up to today's version 26, their inputs and attributes
#: have stayed the same, so that the nodes also fit into models of later versions.
OPSET = 13

#: The domain of operators on categories.
ML_DOMAIN = "ai.onnx.ml"

#: The versions of both domains.
VERSIONS = {"": OPSET, ML_DOMAIN: 2}

#: The dtype of text.
TEXT = np.dtype(object)

Operand = Union["Tensor", np.ndarray, float]


@dataclass(frozen=True)
class Node:
    """One operation: the operator and its domain, the names of its inputs and its output, and its attributes."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]
    domain: str = ""


@dataclass(frozen=True, eq=False)
class Tensor:
    """The output of a node, or an input of the graph.

    Attributes
    ----------
    graph : Graph
        The graph that it belongs to.
    name : str
        Its name there.
    dtype : numpy dtype
        That of its elements; object for text.
    """

    graph: "Graph"
    name: str
    dtype: np.dtype

    def apply(
        self, operator: str, *operands: Operand, dtype: Any = None, domain: str = "", **attributes: Any
    ) -> "Tensor":
        """What an operator makes of this tensor and others; it has this tensor's dtype if no other is given.

        Arrays become constants, and numbers become constants of this tensor's dtype.
        """
        inputs = self.name, *(self._name_of(operand) for operand in operands)
        return self.graph.add(operator, inputs, dtype or self.dtype, attributes, domain)

    def _name_of(self, operand: Operand) -> str:
        if isinstance(operand, Tensor):
            return operand.name
        return self.graph.constant(operand if isinstance(operand, np.ndarray) else np.array(operand, self.dtype))

    def _constant(self, number: float) -> "Tensor":
        return Tensor(self.graph, self._name_of(number), self.dtype)

    def __add__(self, other: Operand) -> "Tensor":
        return self.apply("Add", other)

    def __sub__(self, other: Operand) -> "Tensor":
        return self.apply("Sub", other)

    def __rsub__(self, other: float) -> "Tensor":
        return self._constant(other) - self

    def __mul__(self, other: Operand) -> "Tensor":
        return self.apply("Mul", other)

    def __rmul__(self, other: float) -> "Tensor":
        return self * other

    def __truediv__(self, other: Operand) -> "Tensor":
        return self.apply("Div", other)

    def __rtruediv__(self, other: float) -> "Tensor":
        return self._constant(other) / self

    def __neg__(self) -> "Tensor":
        return self.apply("Neg")

    def test(self, operator: str, *operands: Operand) -> "Tensor":
        """The booleans that a comparison yields."""
        return self.apply(operator, *operands, dtype=np.dtype(bool))

    def cast(self, dtype: Any) -> "Tensor":
        """The same numbers in another dtype."""
        dtype = np.dtype(dtype)
        return self if dtype == self.dtype else self.apply("Cast", dtype=dtype, to=dtype)

    def take(self, columns: Sequence[int] | np.ndarray) -> "Tensor":
        """These columns of a matrix: (n, n_columns) -> (n, len(columns))."""
        return self.apply("Gather", np.array(columns, np.int64), axis=1)


def where(condition: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    """The elements of a where a condition holds, and those of b elsewhere; one of them may be a number."""
    dtype = next(each.dtype for each in (a, b) if isinstance(each, Tensor))
    chosen = (each if isinstance(each, Tensor) else np.array(each, dtype) for each in (a, b))
    return condition.apply("Where", *chosen, dtype=dtype)


def concatenated(tensors: Sequence[Tensor], axis: int = 1) -> Tensor:
    """Tensors of the same dtype side by side."""
    first, *others = tensors
    return first.apply("Concat", *others, axis=axis) if others else first


@dataclass(frozen=True)
class Input:
    """An input of the graph: a matrix, or one column of a table."""

    name: str
    dtype: np.dtype
    n_columns: int
    description: str


@dataclass
class Graph:
    """Inputs, nodes in the order in which they can run, and constants by name.

    Attributes
    ----------
    unique : callable
        Makes a name that is new in the graph from a proposed one.
    """

    unique: Callable[[str], str]
    inputs: list[Input] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._section = ""
        self._known: dict[tuple[Any, ...], str] = {}

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Put a name and a slash before the names of all nodes and constants that are added meanwhile."""
        outer = self._section
        self._section = f"{outer}{name}/"
        yield
        self._section = outer

    def add_input(self, name: str, dtype: Any, n_columns: int, description: str) -> Tensor:
        """A new input (n_rows, n_columns)."""
        self.inputs.append(Input(self.unique(name), np.dtype(dtype), n_columns, description))
        return Tensor(self, self.inputs[-1].name, self.inputs[-1].dtype)

    def add(
        self, operator: str, inputs: Sequence[str], dtype: np.dtype, attributes: dict[str, Any], domain: str
    ) -> Tensor:
        """A new node, and its output."""
        output = self.unique(self._section + operator)
        self.nodes.append(Node(operator, tuple(inputs), output, attributes, domain))
        return Tensor(self, output, dtype)

    def constant(self, array: np.ndarray, name: str = "constant") -> str:
        """The name of a constant, which is the same for the same array; a name is proposed for a new one."""
        key = array.dtype, array.shape, tuple(array.flat) if array.dtype == TEXT else array.tobytes()
        if key not in self._known:
            self._known[key] = self.unique(self._section + name)
            self.constants[self._known[key]] = array
        return self._known[key]

    def renamed(self, names: dict[str, str]) -> list[Node]:
        """The nodes, with other names of some of their inputs and outputs."""
        return [
            Node(
                node.operator,
                tuple(names.get(name, name) for name in node.inputs),
                names.get(node.output, node.output),
                node.attributes,
                node.domain,
            )
            for node in self.nodes
        ]


class UniqueNames:
    """Calling it makes a name that is new from a proposed one: label, label_2, label_3, ..."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        """The proposed name, or the first new one with a number."""
        proposed, count = name, self._counts.get(name, 1)
        while proposed in self._counts:
            count += 1
            proposed = f"{name}_{count}"
        self._counts[name] = count
        self._counts.setdefault(proposed, 1)
        return proposed
