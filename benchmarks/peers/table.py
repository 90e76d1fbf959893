"""The saved comparison as a table: times, ratios, and the fraction of the machine's peak."""

import os
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.harness.markdown import cores, line, table, three_digits, times
from benchmarks.harness.results import SavedResults
from benchmarks.peers.libraries import REFERENCE, SUBJECT


def markdown(results: dict[str, Any]) -> str:
    """Table of the saved results, with notes on its cells, the machine and the versions."""
    names = list(results["versions"])
    header = ["workload", "batch", "cores", *(f"{name}, ms" for name in names), "GFLOP/s", "of peak"]
    lines = table(header, 1, rows(results))
    notes = [_legend(), *_adapted(results), *_missing(results["missing"]), _measured_on(results)]
    return "\n".join([*lines, "", " ".join(notes)]) + "\n"


def rows(results: dict[str, Any]) -> list[str]:
    """A row for each workload and number of processors, grouped by workload."""
    by_processors = [
        {workload["name"]: _row(workload, run["processors"]) for workload in run["workloads"]}
        for run in results["runs"]
    ]
    return [rows[name] for name in by_processors[0] for rows in by_processors if name in rows]


def ratio(workload: dict[str, Any], name: str) -> float:
    """The time of a library relative to the compiled backend."""
    peers = workload["peers"]
    return peers[name]["milliseconds_per_epoch"] / peers[SUBJECT]["milliseconds_per_epoch"]


def share_of_peak(workload: dict[str, Any]) -> float:
    """Useful operations per second of the compiled backend, as a fraction of the processors' peak."""
    return workload["peers"][SUBJECT]["useful_gflops"] / workload["peak_gflops"]


def _row(workload: dict[str, Any], processors: int) -> str:
    cells = [
        f"{workload['data']}, {workload['n_samples']:,} samples, {workload['network']}",
        batch(workload),
        str(processors),
        *(_time(workload, name) for name in workload["peers"]),
        three_digits(workload["peers"][SUBJECT]["useful_gflops"]),
        f"{share_of_peak(workload):.0%}",
    ]
    return line(cells)


def batch(workload: dict[str, Any]) -> str:
    """Batch size, and the optimizer unless it is plain SGD."""
    size = "all" if workload["batch_size"] is None else str(workload["batch_size"])
    momentum = f", momentum {workload['momentum']:g}" if workload["momentum"] else ""
    return size + momentum + (", Adam" if workload.get("adam") else "")


def _time(workload: dict[str, Any], name: str) -> str:
    """Milliseconds per epoch; for other libraries, followed by the ratio."""
    peer = workload["peers"][name]
    milliseconds = three_digits(peer["milliseconds_per_epoch"]) + ("*" if _is_adapted(workload, name) else "")
    return f"**{milliseconds}**" if name == SUBJECT else f"{milliseconds} ({times(ratio(workload, name))})"


def _is_adapted(workload: dict[str, Any], name: str) -> bool:
    return bool(workload["peers"][name]["network"] != workload["network"])


def _legend() -> str:
    return (
        f"Milliseconds per epoch, medians of turns; in parentheses, how many times as long as {SUBJECT}. GFLOP/s are its "
        "own useful ones, those of the matrix products, and of peak their share of the fused multiply-adds that the same "
        "cores were measured to do meanwhile."
    )


def _adapted(results: dict[str, Any]) -> list[str]:
    workloads = [workload for run in results["runs"] for workload in run["workloads"]]
    networks = {
        (name, peer["network"], workload["network"])
        for workload in workloads
        for name, peer in workload["peers"].items()
        if _is_adapted(workload, name)
    }
    return [f"* {name} trains {own} in place of {network}." for name, own, network in sorted(networks)]


def _missing(names: Sequence[str]) -> list[str]:
    return [f"Left out, not being installed: {', '.join(names)}."] if names else []


def _measured_on(results: dict[str, Any]) -> str:
    at = results["machine"]
    peaks = [
        f"{three_digits(_median(run, 'peak_gflops'))} GFLOP/s and {three_digits(_median(run, 'copy_gigabytes_per_second'))} "
        f"GB/s copied on {cores(run['processors'])}"
        for run in results["runs"]
    ]
    # Both backends are one library: name the libraries they compute with instead.
    versions = [
        f"{'NumPy' if name == REFERENCE else 'Numba' if name == SUBJECT else name} {version}"
        for name, version in results["versions"].items()
    ]
    return (
        f"Measured on a {at['processor']} processor, {', '.join(peaks)}, {at['dtype']}, on {at['date']}: "
        f"Python {at['python']}, {', '.join(versions)}, fastnn {at['fastnn']}."
    )


def _median(run: dict[str, Any], name: str) -> float:
    return statistics.median(workload[name] for workload in run["workloads"])


# Results with narrower vectors are saved next to the others.
_BITS = os.environ.get("FASTNN_VECTOR_BITS")
SAVED = SavedResults(f"peers_{_BITS}_bits" if _BITS else "peers", markdown)
