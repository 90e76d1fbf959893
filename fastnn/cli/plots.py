"""The picture of a training."""

from pathlib import Path
from typing import Any

import click

from fastnn.cli.checks import check_writable
from fastnn.cli.model import Model
from fastnn.cli.training import Part
from fastnn.history import History
from fastnn.plotting import plot_decision_boundary, plot_history


def check_plot_file(path: Path | None, model_file: Path) -> None:
    """Refuse a file that cannot be drawn or written, or that is the model's."""
    if path is None:
        return
    if path.resolve() == model_file.resolve():
        raise click.UsageError(f"--output and --plot must be two files, and both are {path}.")
    known = sorted(_new_figure(1).canvas.get_supported_filetypes())
    if path.suffix.lower().removeprefix(".") not in known:
        raise click.BadParameter(f"{path} must end in one of .{', .'.join(known)}.", param_hint="--plot")
    check_writable(path, "--plot")


def draw(path: Path, model: Model, history: History, test: Part) -> None:
    """The loss of each epoch, and beside it for two features the decision boundary with the held-out samples."""
    has_boundary = model.loss.classifies and model.n_features == 2
    figure = _new_figure(2 if has_boundary else 1)
    axes = figure.subplots(1, 2 if has_boundary else 1, squeeze=False)[0]
    if history.loss:
        plot_history(history, ax=axes[0])
    if has_boundary:
        plot_decision_boundary(
            lambda points: model.network.forward(model.inputs(points)),
            test.X,
            test.y,
            ax=axes[1],
            class_names=model.class_names,
        )
        if model.feature_names is not None:
            axes[1].set(xlabel=model.feature_names[0], ylabel=model.feature_names[1])
    figure.savefig(path)


def _new_figure(n_panels: int) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise click.ClickException('--plot needs matplotlib: pip install "fastnn[plot]".') from None
    return Figure(figsize=(6.4 * n_panels, 4.8), layout="constrained")
