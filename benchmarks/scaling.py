"""Useful GFLOP/s from narrow to wide layers, small to large batches, one processor to all: ``python -m benchmarks.scaling``.

It compares fastnn's compiled backend with JAX and PyTorch, if installed, and saves the results as JSON, table and plot.
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.harness import runs
from benchmarks.harness.markdown import line, table, three_digits
from benchmarks.harness.processors import CAN_PIN
from benchmarks.harness.results import RESULTS, SavedResults
from benchmarks.harness.turns import Rounds
from benchmarks.peers.libraries import SUBJECT, installed
from benchmarks.settings import QUICK
from benchmarks.workloads.data import Data, mnist_images
from benchmarks.workloads.training import Training
from fastnn.threads import available_cpus

PLOT_FILE = RESULTS / "scaling.png"
LIBRARIES = tuple(name for name in ("PyTorch", "JAX", SUBJECT) if name in installed())

WIDTHS = (8, 512) if QUICK else (8, 16, 32, 64, 128, 256, 512, 1024, 2048)
BATCH_SIZES = (1, 128) if QUICK else (1, 2, 8, 32, 128, 512, 1024, 4096)
#: Width and batch size while the other quantities vary: enough work for every processor.
CENTRE = (512, 128)

#: Size of a point, some tenths of a second of computing: operations, and maximum numbers of samples and batches.
FLOPS_PER_TURN = 1e8 if QUICK else 8e9
MOST_SAMPLES, MOST_BATCHES = 16_384, 1000
ROUNDS = Rounds(1, 1) if QUICK else Rounds(3, 9, seconds=1.0)

Point = dict[str, Any]


def point_workload(width: int, batch_size: int) -> Training:
    """784-width-width-10 relu on images, in whole batches: at least two, and as many as the size of a point allows."""
    workload = Training(
        name=f"width {width}, batch {batch_size}",
        layer_sizes=(784, width, width, 10),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=1,
        batch_size=batch_size,
        learning_rate=min(0.1, 0.002 * batch_size),  # the gradient of a small batch is noisy
        make_data=_images,
    )
    most = min(int(FLOPS_PER_TURN / workload.useful_flops), MOST_SAMPLES, MOST_BATCHES * batch_size)
    return replace(workload, n_samples=max(2, most // batch_size) * batch_size)


@functools.cache
def _all_images() -> Data:
    return mnist_images(MOST_SAMPLES)


def _images(n_samples: int) -> Data:
    images = _all_images()
    return Data(images.X[:n_samples], images.y[:n_samples], images.source)


def processor_counts(n_processors: int) -> list[int]:
    """1, 2, 4, ... and all processors; only all if the system cannot bind a process to some of them."""
    if not CAN_PIN:
        return [n_processors]
    return sorted({2**power for power in range(n_processors.bit_length())} | {n_processors})


def sweep(n_processors: int) -> list[tuple[int, int]]:
    """Widths and batch sizes to measure on some processors: every point on one and on all, otherwise only the centre."""
    if n_processors not in (1, available_cpus()):
        return [CENTRE]
    width, batch_size = CENTRE
    return list(dict.fromkeys([*((w, batch_size) for w in WIDTHS), *((width, b) for b in BATCH_SIZES)]))


def measure_points(points: list[tuple[int, int]]) -> Iterator[Point]:
    """Useful GFLOP/s of every library at each width and batch size, on the processors of this process."""
    from benchmarks.peers.measure import measure

    for width, batch_size in points:
        measured = measure(point_workload(width, batch_size), LIBRARIES, ROUNDS)
        gflops = {name: peer["useful_gflops"] for name, peer in measured["peers"].items()}
        yield {
            "processors": available_cpus(),
            "width": width,
            "batch_size": batch_size,
            "peak_gflops": measured["peak_gflops"],
            "gflops": gflops,
        }


def points_on(n_processors: int) -> list[Point]:
    """The points of the sweep, measured in a process on some processors."""
    points = [f"{width}x{batch_size}" for width, batch_size in sweep(n_processors)]
    measured: list[Point] = runs.run_on(n_processors, "benchmarks.scaling", points)["points"]
    return measured


def markdown(points: list[Point]) -> str:
    """A row for each point: useful GFLOP/s of every library, and the peak of the processors."""
    speeds = [f"{name}, GFLOP/s" for name in (*points[0]["gflops"], "peak")]
    return "\n".join(table(["width", "batch", "cores", *speeds], 0, map(_row, points))) + "\n"


def _row(point: Point) -> str:
    speeds = [*point["gflops"].values(), point["peak_gflops"]]
    return line([*(str(point[key]) for key in ("width", "batch_size", "processors")), *map(three_digits, speeds)])


def along(points: list[Point], axis: str, **fixed: int) -> list[Point]:
    """The points of a sweep along one quantity, with the others fixed, in ascending order."""
    return sorted(
        (point for point in points if all(point[key] == value for key, value in fixed.items())),
        key=lambda point: point[axis],
    )


def plot(points: list[Point], path: Path) -> None:
    """Three panels: speed over width and over batch size, on all processors, and over processors."""
    from matplotlib.figure import Figure

    width, batch_size = CENTRE
    everything = max(point["processors"] for point in points)
    cores = f"{everything} {'core' if everything == 1 else 'cores'}"
    panels = (
        ("width", f"width of two hidden layers (batch {batch_size}, {cores})",
         {"batch_size": batch_size, "processors": everything}),
        ("batch_size", f"batch size (width {width}, {cores})", {"width": width, "processors": everything}),
        ("processors", f"cores (width {width}, batch {batch_size})", {"width": width, "batch_size": batch_size}),
    )  # fmt: skip
    figure = Figure(figsize=(13, 4), layout="constrained")
    for axes, (axis, label, fixed) in zip(figure.subplots(1, 3), panels, strict=True):
        _draw(axes, along(points, axis, **fixed), axis, label)
    figure.axes[0].set_ylabel("useful GFLOP/s")
    figure.axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)


def _draw(axes: Any, points: list[Point], axis: str, label: str) -> None:
    """Speed of every library along one sweep, and the peak of the processors."""
    at = [point[axis] for point in points]
    for name in points[0]["gflops"]:
        axes.plot(at, [point["gflops"][name] for point in points], marker="o", label=name)
    axes.plot(at, [point["peak_gflops"] for point in points], color="grey", linestyle="--", label="peak")
    axes.set_xscale("log", base=2)
    axes.set_xticks(at, list(map(str, at)), fontsize="small")
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(label)


SAVED = SavedResults("scaling", markdown)


@click.command()
@runs.here_option
@click.argument("points", nargs=-1)
def main(here: Path | None, points: tuple[str, ...]) -> None:
    """Measure fastnn, JAX and PyTorch from narrow to wide, small batches to large, one processor to all."""
    if here is not None:
        pairs = [(int(width), int(batch_size)) for width, batch_size in (point.split("x") for point in points)]
        runs.write_run(here, points=list(map(_told, measure_points(pairs))))
        return
    measured = [point for n_processors in processor_counts(available_cpus()) for point in points_on(n_processors)]
    click.echo(markdown(measured))
    SAVED.save_whole(measured, is_whole=not QUICK)
    if not QUICK:
        plot(measured, PLOT_FILE)


def _told(point: Point) -> Point:
    speeds = ", ".join(f"{name} {three_digits(gflops)}" for name, gflops in point["gflops"].items())
    where = f"{point['processors']} x width {point['width']}, batch {point['batch_size']}"
    click.echo(f"{where}, GFLOP/s: {speeds}, peak {three_digits(point['peak_gflops'])}")
    return point


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.scaling")
