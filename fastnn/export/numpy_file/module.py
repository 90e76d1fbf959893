"""The parts of a written file: its text is put together from what they need."""

import ast
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

from fastnn.export.numpy_file import functions, literals

#: The functions that can be copied, in their order in the file.
KNOWN: dict[str, FunctionType] = {
    name: each
    for name, each in vars(functions).items()
    if isinstance(each, FunctionType) and each.__module__ == functions.__name__
}


@dataclass
class Module:
    """A Python file in the making.

    Attributes
    ----------
    docstring : str
        What stands between its triple quotes.
    constants, definitions : list of str
        Assignments of settings, and functions.
    arrays : list of str
        Assignments of arrays, which come last because they are long.
    array_functions : set of str
        The functions in `KNOWN` that the arrays call.
    """

    docstring: str = ""
    constants: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)
    array_functions: set[str] = field(default_factory=set)

    def constant(self, name: str, value: Any, comment: str = "") -> None:
        """Add a setting, with a comment above."""
        self.constants.append(f"\n# {comment}\n" * bool(comment) + literals.laid_out(f"{name} = ", value))

    def vector(self, name: str, numbers: np.ndarray) -> None:
        """Add a vector of float64, to be read if it is short."""
        line = f"{name} = np.array({literals.literal(numbers.tolist())})"
        if len(line) <= literals.WIDTH:
            self.constants.append(line)
        else:
            self.array(name, numbers)

    def array(self, name: str, numbers: np.ndarray) -> None:
        """Add an array of float32 or float64."""
        self.arrays.append(literals.array(name, numbers))
        self.array_functions.add(numbers.dtype.name)

    def function(self, signature: str, summary: str, lines: Iterable[str]) -> None:
        """Add a function with a docstring of one line."""
        self.definitions.append("\n    ".join([f"def {signature}:", f'"""{summary}"""', *lines]))

    @property
    def source(self) -> str:
        """The text of the file: only those of the known functions are copied that it calls."""
        own = "\n".join([*self.constants, *self.definitions])
        needed = set(_called(own)) | self.array_functions
        copied = [inspect.getsource(function).rstrip() for name, function in KNOWN.items() if name in needed]
        code = [*self.constants, *self.definitions, *copied]
        imports = [f"import {name}\n" for name in ("base64", "math") if any(f"{name}." in part for part in code)]
        head = f'"""{self.docstring}\n"""\n\n{"".join(imports)}{chr(10) * bool(imports)}import numpy as np'
        start = "\n\n".join([head, "\n".join(self.constants).lstrip()] if self.constants else [head])
        return "\n\n\n".join([start, *self.definitions, *copied, "\n".join(self.arrays)]) + "\n"


def _called(code: str) -> Iterator[str]:
    """The names in `KNOWN` that occur in code, and in the functions with these names; some more than once."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and node.id in KNOWN:
            yield node.id
            yield from _called(inspect.getsource(KNOWN[node.id]))
