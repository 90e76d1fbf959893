"""What is in a saved file, read from its header alone."""

import math
from pathlib import Path
from typing import Any

from fastnn.archives import Arrays, fitting, open_archive
from fastnn.cli.reports import counted, report, shortened
from fastnn.named_arrays import OF_NETWORKS

#: Columns and classes that are listed.
MOST_LISTED = 12


def report_file(path: Path) -> None:
    """Print what a file holds: the kind of object, its network, its inputs and outputs, and other metadata."""
    with open_archive(path) as (header, arrays), fitting(path):
        checkpoint = " (a checkpoint)" if "progress" in header else ""
        report("File", f"{path}, {header['object']}{checkpoint}, {path.stat().st_size:,} bytes")
        report("Written by", str(header["written_by"]))
        _report_network(header, arrays)
        estimator = header.get("estimator", {})
        _report_columns(
            estimator.get("encoder"), estimator.get("feature_names") or header["metadata"].get("feature_names")
        )
        _report_classes(estimator.get("classes", {}).get("values") or header["metadata"].get("class_names"))
        _report_metadata(header)


def _report_network(header: dict[str, Any], arrays: Arrays) -> None:
    sizes = "-".join(map(str, header["layer_sizes"]))
    activations = ", ".join(dict.fromkeys(header["activations"]))
    n_networks = header.get("n_networks", 1)
    count = "" if n_networks == 1 else f"{counted(n_networks, 'network')} of "
    report("Network", f"{count}{sizes} units, {activations}, loss {header['loss']}, {header['dtype']}")
    learned = [name for name in arrays.names if name.startswith(OF_NETWORKS)]
    n_parameters = sum(math.prod(arrays.declaration(name).shape) for name in learned)
    report("", f"{counted(n_parameters, 'parameter')} in {counted(len(learned), 'array')}")


def _report_columns(encoder: dict[str, Any] | None, names: list[str] | None) -> None:
    """Print the columns of the table that it takes."""
    if encoder is not None:
        columns = [f"{column['name']} ({_kind(column)})" for column in encoder["columns"]]
        report("Columns", _listed(columns))
    elif names:
        report("Columns", _listed(names))


def _kind(column: dict[str, Any]) -> str:
    return f"{len(column['levels'])} levels" if column["kind"] == "category" else str(column["kind"])


def _report_classes(classes: list[Any] | None) -> None:
    if classes:
        report("Classes", _listed(classes))


def _listed(names: list[Any]) -> str:
    """Names in a line, of long lists only the first ones."""
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(shortened(str(name)) for name in names[:MOST_LISTED]) + more


def _report_metadata(header: dict[str, Any]) -> None:
    """Print the names of all other metadata."""
    shown = ("feature_names", "class_names")
    names = [name for name in (*header["metadata"], *header["texts"], *header["arrays"]) if name not in shown]
    if names:
        report("Metadata", _listed(names))
