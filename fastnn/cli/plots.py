"""The plot of a training run."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fastnn.cli.checks import check_writable
from fastnn.cli.parts import Parts
from fastnn.cli.reports import shortened
from fastnn.model import Model
from fastnn.plotting import plot_decision_boundary, plot_history
from fastnn.training.history import History

MOST_CLASSES = 20  # in a plot of a decision boundary
LONGEST_LABEL = 20


def check_plot_file(path: Path | None, model_file: Path) -> None:
    """Reject a plot file of unknown type, one that cannot be written, or the model file."""
    if path is None:
        return
    if path.resolve() == model_file.resolve():
        raise click.UsageError(f"--output and --plot must be different files, but both are {path}.")
    known = sorted(_new_figure(1).canvas.get_supported_filetypes())
    if path.suffix.lower().removeprefix(".") not in known:
        raise click.BadParameter(f"{path} must end in one of .{', .'.join(known)}.", param_hint="--plot")
    check_writable(path, "--plot")


def draw(path: Path, model: Model, history: History, parts: Parts) -> None:
    """Plot the loss of each epoch and, if there are two features, the decision boundary with the held-out samples."""
    has_boundary = model.loss.classifies and model.n_features == 2 and len(model.output_names) <= MOST_CLASSES
    figure = _new_figure(2 if has_boundary else 1)
    axes = figure.subplots(1, 2 if has_boundary else 1, squeeze=False)[0]
    if history.loss:
        plot_history(history, ax=axes[0], watched=parts.watched_name)
    if model.targets is not None:
        axes[0].set_ylabel("loss, of the standardized target")
    if has_boundary:
        names = None if model.class_names is None else _labels(model.class_names)
        plot_decision_boundary(model.predict_proba, parts.test.X, parts.test.y, ax=axes[1], class_names=names)
        axes[1].set_title("held out")
        if model.feature_names is not None:
            x_label, y_label = _labels(model.feature_names)
            axes[1].set(xlabel=x_label, ylabel=y_label)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # characters that the font lacks are drawn as boxes
        figure.savefig(path)


def _labels(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(shortened(name, LONGEST_LABEL) for name in names)


def _new_figure(n_panels: int) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise click.ClickException('--plot needs matplotlib: pip install ".[plot]".') from None
    return Figure(figsize=(6.4 * n_panels, 4.8), layout="constrained")
