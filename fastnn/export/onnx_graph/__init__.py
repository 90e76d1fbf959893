"""ONNX: the graph of operators that computes the predictions of a trained network, and the files that hold it."""

from fastnn.export.onnx_graph.converters import register_converters
from fastnn.export.onnx_graph.model import to_onnx

__all__ = ["register_converters", "to_onnx"]
