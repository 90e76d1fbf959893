"""A table of the layers of a network."""

import numpy as np

from fastnn.architecture import Architecture
from fastnn.inputs import CategoryEmbedding, PeriodicEmbedding

BYTES_PER_UNIT = 1024


def summary_of(architecture: Architecture, dtype: np.dtype) -> str:
    """Shapes, activations, parameters and memory: one line per layer, and one for the total."""
    titles = "layer", "shape", "activation", "parameters", "memory"
    rows = [titles, *_input_rows(architecture, dtype), *_layer_rows(architecture, dtype)]
    total = _size(architecture.n_parameters, dtype)
    rows.append(("total", "", f"{architecture.loss.name}, {dtype.name}", *total))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = (str.ljust, str.ljust, str.ljust, str.rjust, str.rjust)
    lines = (
        "  ".join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True)) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _input_rows(architecture: Architecture, dtype: np.dtype) -> list[tuple[str, ...]]:
    """One line for the input stage, if there is one."""
    stage = architecture.inputs
    if stage.is_plain:
        return []
    n_numbers = sum(len(each.columns) for each in stage.embeddings if isinstance(each, PeriodicEmbedding))
    n_categories = sum(isinstance(each, CategoryEmbedding) for each in stage.embeddings)
    words = [f"{n_numbers} numbers embedded"] * (n_numbers > 0) + [f"{n_categories} categories embedded"] * (
        n_categories > 0
    )
    n_parameters = architecture.n_parameters - int(architecture.layers[-1]["end"])
    shape = f"{stage.n_columns} -> {stage.n_outputs}"
    return [("inputs", shape, ", ".join([*words, *["scaled"] * stage.scales]), *_size(n_parameters, dtype))]


def _layer_rows(architecture: Architecture, dtype: np.dtype) -> list[tuple[str, ...]]:
    names = zip(
        architecture.activations,
        architecture.normalizations,
        architecture.dropout,
        architecture.parametric,
        strict=True,
    )
    rows: list[tuple[str, ...]] = []
    for layer, (activation, normalization, dropout, parametric) in zip(architecture.layers, names, strict=True):
        activation = f"parametric {activation}" if parametric else activation
        extras = [f"{normalization} norm"] * (normalization != "none") + [f"dropout {dropout:g}"] * (dropout > 0)
        shape = f"{layer['n_inputs']} -> {layer['n_outputs']}"
        size = _size(int(layer["end"] - layer["weights"]), dtype)
        rows.append((str(len(rows) + 1), shape, ", ".join([activation, *extras]), *size))
    return rows


def _size(n_parameters: int, dtype: np.dtype) -> tuple[str, str]:
    """A number of parameters and their memory, formatted."""
    size = float(n_parameters * dtype.itemsize)
    for unit in ("B", "KiB", "MiB"):
        if size < BYTES_PER_UNIT:
            return f"{n_parameters:,}", f"{size:.4g} {unit}"
        size /= BYTES_PER_UNIT
    return f"{n_parameters:,}", f"{size:.4g} GiB"
