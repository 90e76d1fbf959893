"""A table of the layers of a network."""

import numpy as np

from fastnn.architecture import Architecture

BYTES_PER_UNIT = 1024


def summary_of(architecture: Architecture, dtype: np.dtype) -> str:
    """Shapes, activations, parameters and memory: one line per layer, and one for the total."""
    rows = [("layer", "shape", "activation", "parameters", "memory"), *_layer_rows(architecture, dtype)]
    total = _size(architecture.n_parameters, dtype)
    rows.append(("total", "", f"{architecture.loss.name}, {dtype.name}", *total))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = (str.ljust, str.ljust, str.ljust, str.rjust, str.rjust)
    lines = (
        "  ".join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True)) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _layer_rows(architecture: Architecture, dtype: np.dtype) -> list[tuple[str, ...]]:
    names = zip(architecture.activations, architecture.normalizations, architecture.dropout, strict=True)
    rows: list[tuple[str, ...]] = []
    for layer, (activation, normalization, dropout) in zip(architecture.layers, names, strict=True):
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
