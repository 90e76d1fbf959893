"""Trained networks in other formats, with everything around them: columns, scaling, categories and class names."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.export.c import to_c as to_c
    from fastnn.export.numpy_file import to_numpy as to_numpy
    from fastnn.export.onnx_graph import register_converters as register_converters
    from fastnn.export.onnx_graph import to_onnx as to_onnx

#: Public functions, and the modules that they are imported from on first use.
_FUNCTIONS = {
    "register_converters": "onnx_graph",
    "to_c": "c",
    "to_numpy": "numpy_file",
    "to_onnx": "onnx_graph",
}

__all__ = ["register_converters", "to_c", "to_numpy", "to_onnx"]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """Import a function on first use."""
    if name in _FUNCTIONS:
        return getattr(import_module(f"fastnn.export.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'fastnn.export' has no attribute {name!r}")
