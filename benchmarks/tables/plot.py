"""Mean ranks as a picture: a row for each method, bubbles for its ranks on single tables, and how far apart they must be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.results import RESULTS
from benchmarks.tables.report import TASKS
from benchmarks.tables.scores import Ground, common_ground, critical_difference, ranks_of
from benchmarks.tables.store import Result

PLOT_FILE = RESULTS / "tables.png"

#: Blue and vermilion of Okabe and Ito, which everyone tells apart; the marks differ too.
OURS, THEIRS = "#0072B2", "#D55E00"

#: The area of a bubble that stands for all tables.
AREA = 1500


def plot(results: Sequence[Result], path: Path) -> None:
    """A panel for each task, from the best mean rank to the worst."""
    from matplotlib.figure import Figure

    grounds = {task: common_ground(results, task) for task in TASKS}
    if not all(ground.results for ground in grounds.values()):
        return
    n_methods = max(len(ground.methods) for ground in grounds.values())
    figure = Figure(figsize=(11, 1.4 + 0.45 * n_methods), layout="constrained")
    for axes, (task, ground) in zip(figure.subplots(1, len(TASKS)), grounds.items(), strict=True):
        _draw(axes, ground)
        axes.set_title(f"{task}: {len(ground.tables)} tables", loc="left", fontsize="medium")
    figure.savefig(path, dpi=130)


def _draw(axes: Any, ground: Ground) -> None:
    ranks = ranks_of(ground.errors())
    means = ranks.mean(axis=0)
    order = np.argsort(means, kind="stable")
    for row, j in enumerate(order):
        color, marker = (OURS, "D") if ground.methods[j].startswith("fastnn") else (THEIRS, "o")
        places, counts = np.unique(ranks[:, j], return_counts=True)
        axes.scatter(
            places, np.full(len(places), row), s=AREA * counts / len(ranks), color=color, alpha=0.3, linewidths=0
        )
        axes.plot(means[j], row, marker, markersize=8, color=color, markeredgecolor="white", zorder=3)
        axes.annotate(
            f"{means[j]:.2f}", (means[j], row), (0, 9), textcoords="offset points", ha="center", fontsize="small"
        )
    axes.set_yticks(range(len(order)), [ground.methods[j] for j in order])
    _draw_difference(axes, float(means.min()), critical_difference(*ranks.shape[::-1]))
    axes.set_xlim(0.5, len(order) + 0.5)
    axes.set_xticks(range(1, len(order) + 1))
    axes.set_ylim(len(order) - 0.4, -1.8)
    axes.set_xlabel("rank (1: the smallest error)")
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _draw_difference(axes: Any, start: float, difference: float) -> None:
    """A bar as long as the critical difference, beginning at the best mean rank."""
    axes.plot([start, start + difference], [-1, -1], color="0.3", marker="|", linewidth=1.5)
    label = "critical difference (Nemenyi, 5 %)"
    axes.annotate(label, (start, -1), (0, 6), textcoords="offset points", fontsize="small", color="0.3")
