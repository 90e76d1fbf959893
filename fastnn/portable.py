"""The methods by which a trained object leaves this process: as a file, or as a program in another language.

What they do stands above all trained objects, in `fastnn.serialization` and `fastnn.export`, and is found by name.
"""

import os
from importlib import import_module
from typing import Any


def found(module: str, name: str) -> Any:
    """A function from a module of fastnn, which is imported now."""
    return getattr(import_module(f"fastnn.{module}"), name)


class Portable:
    """Base of everything that can be saved and exported."""

    def save(self, path: str | os.PathLike[str], /, **metadata: Any) -> None:
        """Write it to one file, which `fastnn.load` reads; see `fastnn.save`."""
        found("serialization", "save")(self, path, **metadata)

    def to_onnx(self, path: str | os.PathLike[str] | None = None, *, as_matrix: bool = False) -> Any:
        """Write it as an ONNX model, with its preprocessing; see `fastnn.export.to_onnx`."""
        return found("export", "to_onnx")(self, path, as_matrix=as_matrix)

    def to_c(
        self, path: str | os.PathLike[str], *, name: str | None = None, weights: str = "float", data: Any = None
    ) -> Any:
        """Write it as one C99 header, with its preprocessing; see `fastnn.export.to_c`."""
        return found("export", "to_c")(self, path, name=name, weights=weights, data=data)

    def to_numpy(self, path: str | os.PathLike[str]) -> None:
        """Write it as one Python file that needs only NumPy; see `fastnn.export.to_numpy`."""
        found("export", "to_numpy")(self, path)
