"""The architecture of a network in JSON types, and back, checked: the file it comes from may be damaged or hostile."""

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.activations import ACTIVATIONS
from fastnn.architecture import Architecture, ArchitectureOptions
from fastnn.inputs import InputStage
from fastnn.losses import LOSSES, find_loss

#: The most characters of a name that are quoted in an error.
LONGEST_NAME = 100


def describe(architecture: Architecture, dtype: np.dtype) -> dict[str, Any]:
    """The architecture and dtype of a network, as entries of a header."""
    return {
        "layer_sizes": list(architecture.layer_sizes),
        "activations": list(architecture.activations),
        "loss": architecture.loss.name,
        "loss_options": architecture.loss.settings,
        "normalization": list(architecture.normalizations[:-1]),
        "dropout": list(architecture.dropout[:-1]),
        "dtype": dtype.name,
    } | _describe_tables(architecture)


def _describe_tables(architecture: Architecture) -> dict[str, Any]:
    """The entries for networks with features for tables, without which files are as they have always been."""
    entries: dict[str, Any] = {}
    if any(architecture.parametric):
        entries["parametric"] = list(architecture.parametric[:-1])
    if not architecture.inputs.is_plain:
        entries["inputs"] = architecture.inputs.description
    if architecture.parametrization != "standard":
        entries["parametrization"] = architecture.parametrization
    return entries


def check_names(path: Path, header: dict[str, Any]) -> None:
    """Raise ValueError for an activation or loss that is not registered here; other invalid values are found later."""
    names = header.get("activations")
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str) and name not in ACTIVATIONS:
            raise ValueError(
                f"{path} has an activation that is not known here: call fastnn.register_activation({name[:LONGEST_NAME]!r}, ...) "
                "first."
            )
    loss = header.get("loss")
    if isinstance(loss, str) and loss not in LOSSES:
        raise ValueError(
            f"{path} has a loss that is not known here: call fastnn.register_loss({loss[:LONGEST_NAME]!r}, ...) first."
        )


def described_architecture(header: dict[str, Any], n_arrays: int) -> Architecture:
    """The inverse of `describe` for a file with that many arrays.

    Raises
    ------
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError
        For an invalid header.
    """
    sizes, activations, normalization, dropout = (
        header[name] for name in ("layer_sizes", "activations", "normalization", "dropout")
    )
    if not isinstance(sizes, list):
        raise ValueError(f"layer_sizes must be a list, got {sizes!r}")
    if len(sizes) - 1 > n_arrays:  # an architecture takes much more time and memory than its description
        raise ValueError(f"{len(sizes) - 1:,} layers have as many arrays at least, got {n_arrays:,}")
    loss = find_loss(header["loss"], header["loss_options"])
    return Architecture.create(sizes, activations, loss, normalization, dropout, _options_for_tables(sizes, header))


def _options_for_tables(sizes: Any, header: dict[str, Any]) -> ArchitectureOptions:
    """What a file says about parametric activations, the input stage and the parametrization."""
    parametric, parametrization = header.get("parametric", False), header.get("parametrization", "standard")
    if "inputs" not in header:
        return ArchitectureOptions(parametric, parametrization=parametrization)
    stage = InputStage.from_description(sizes[0], header["inputs"])
    return ArchitectureOptions(parametric, stage.embeddings, stage.scales, parametrization)
