"""Plots of decision boundaries, loss curves, learning-rate searches, and activations with their derivatives.

Every function draws on the Axes it is given, or on a new Figure, and returns the Axes: nothing is shown, and pyplot's
current figure is unaffected. ``ax.figure.savefig("boundary.png")`` saves the plot; in a notebook, ``ax.figure`` as the last
line of a cell shows it.

matplotlib is optional (``pip install ".[plot]"``) and only imported when something is plotted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn.activations import ACTIVATIONS, find_activation, reference_module

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fastnn.training.learning_rate_finder import LearningRateSearch

#: Okabe and Ito (2008), Color Universal Design: eight colours that colour-blind readers can tell apart, black last.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#000000")
#: Classes also differ in marker shape, for printing without colour.
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
MARGIN = 0.08  # free space around the points, as a fraction of their range
LEGEND_DROP = 0.45  # inches from the axes down to the legend: room for the tick labels and the axis label


class TrainingHistory(Protocol):
    """The attributes that `plot_history` reads: one entry per epoch; the last two are empty without validation data."""

    loss: list[float]
    validation_loss: list[float]
    validation_accuracy: list[float]


def plot_decision_boundary(
    predict: Callable[[Any], Any],
    X: ArrayLike,
    y: ArrayLike,
    *,
    ax: Axes | None = None,
    resolution: int = 300,
    class_names: Sequence[str] | None = None,
) -> Axes:
    """Colour the plane by the prediction at each point, and plot the points (X, y) on top.

    For probabilities of two classes, the colour shows p(class 1 | x), with a contour at p = 0.5; for labels, or for more
    than two classes, it shows one region per class.

    Parameters
    ----------
    predict : callable
        Maps points (n, 2) to labels (n,), to probabilities of the second class (n,) or (n, 1), or to probabilities of
        every class (n, n_classes), with columns in sorted order of the labels. A network's ``forward`` or ``predict``
        works, and so does a scikit-learn estimator's ``predict_proba`` or ``predict``.
    X : array-like or DataFrame of shape (n_samples, 2)
        The points. If it is a DataFrame, its columns name the axes, and `predict` is called with DataFrames too.
    y : array-like of shape (n_samples,)
        Their labels: numbers or strings. A column (n_samples, 1) is also accepted.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. A new figure by default.
    resolution : int, default=300
        Number of grid points along each side.
    class_names : sequence of str, optional
        Names for the legend, in sorted order of the labels. By default "class 0", "class 1", ..., or the labels
        themselves if they are strings.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the plot.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `predict` cannot be called.
    ValueError
        If X is not (n_samples, 2), y does not fit it, or `predict` returns neither labels nor probabilities.
    """
    points, labels = _checked_points(predict, X, y, resolution)
    ax = _axes_or_new(ax)
    x1, x2 = (_padded_range(points[:, feature], resolution) for feature in range(2))
    grid = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2)
    predicted = _checked_prediction(predict(_like(X, grid)), len(grid))
    classes = _classes(predicted, labels)
    names = _class_names(classes, class_names)
    square = (resolution, resolution)
    if predicted.ndim == 2 and len(classes) == 2:
        _draw_field(ax, x1, x2, predicted[:, 1].reshape(square), names[1])
    else:
        regions = predicted.argmax(axis=1) if predicted.ndim == 2 else np.searchsorted(classes, predicted)
        _draw_regions(ax, x1, x2, regions.reshape(square), len(classes))
    _draw_points(ax, points, labels, classes, names)
    ax.set(xlim=(x1[0], x1[-1]), ylim=(x2[0], x2[-1]))
    x_label, y_label = getattr(X, "columns", ("$x_1$", "$x_2$"))
    ax.set(xlabel=str(x_label), ylabel=str(y_label))
    _legend_below(ax)
    return ax


def plot_history(
    history: TrainingHistory | Sequence[float], *, ax: Axes | None = None, watched: str = "validation"
) -> Axes:
    """Plot loss against epoch; with validation data, also their loss, and their accuracy on a second y-axis.

    The training loss of an epoch is a running mean over batches, each measured just before its update. The validation loss
    is measured after the epoch.

    Parameters
    ----------
    history : History or sequence of float
        The return value of ``Network.fit``, or a list of losses, one per epoch, collected by a hand-written loop.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. A new figure by default.
    watched : str, default="validation"
        Name of the validation data, such as "held out".

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the loss.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no epoch to plot.
    """
    training: list[float] = list(getattr(history, "loss", history))  # type: ignore[arg-type]
    if not training:
        raise ValueError("plot_history needs the loss of at least one epoch, got none.")
    validation = list(getattr(history, "validation_loss", ()))
    accuracy = list(getattr(history, "validation_accuracy", ()))
    ax = _axes_or_new(ax)
    _draw_curve(ax, training, COLORS[0], "-", "training (running mean)")
    if validation:
        _draw_curve(ax, validation, COLORS[1], "--", watched)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.locator_params(axis="x", integer=True)
    ax.grid(alpha=0.3)
    if accuracy:
        _draw_accuracy(ax, accuracy, f"accuracy, {watched}")
    elif validation:
        ax.legend()
    return ax


def plot_learning_rates(search: LearningRateSearch, *, ax: Axes | None = None) -> Axes:
    """Plot the loss against the learning rate of a search, with the suggested rate.

    Parameters
    ----------
    search : LearningRateSearch
        The return value of ``fastnn.find_learning_rate``.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. A new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the plot.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    ax = _axes_or_new(ax)
    low, high = min(search.losses.min(), 0.0), 1.1 * max(search.losses[0], search.smoothed_losses.max())
    ax.plot(search.rates, search.losses, ".", color=COLORS[4], label="loss of a batch")
    ax.plot(search.rates, search.smoothed_losses, "-", color=COLORS[0], label="smoothed loss")
    ax.axvline(search.suggestion, linestyle="--", color=COLORS[1], label=f"suggestion, {search.suggestion:.2g}")
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(low, high))  # no room for losses that diverge
    ax.grid(alpha=0.3)
    ax.legend(loc="lower left")
    return ax


def plot_activations(
    names: str | Sequence[str] | None = None, *, ax: Axes | Sequence[Axes] | None = None
) -> tuple[Axes, ...]:
    """Plot f(z) as a solid line and its derivative f'(z) as a dashed one, one panel per activation.

    Parameters
    ----------
    names : str or sequence of str, optional
        Names of activations. By default all elementwise ones, that is, all but softmax.
    ax : matplotlib.axes.Axes or sequence of them, optional
        A single Axes for all of them, or one per name. A new figure of panels by default.

    Returns
    -------
    tuple of matplotlib.axes.Axes
        The Axes of each name, in order.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If a name is unknown or is softmax, or the number of Axes differs from the number of names.
    """
    names = _checked_activations(names)
    axes, together = _activation_axes(names, ax)
    for position, (name, panel) in enumerate(zip(names, axes, strict=True)):
        z, f, derivative = _activation_curves(name)
        colors = (COLORS[position % len(COLORS)],) * 2 if together else (COLORS[0], COLORS[1])
        prefix = f"{name}: " if together else ""
        panel.plot(z, f, "-", color=colors[0], label=f"{prefix}f(z)")
        panel.plot(z, derivative, "--", color=colors[1], label=f"{prefix}f'(z)")
        panel.grid(alpha=0.3)
        panel.set_xlabel("z")
        if not together:
            panel.set_title(name)
            panel.set_ylim(-2.2, 4.4)
            panel.label_outer()
    axes[0].legend(loc="upper left")
    return axes


def _axes_or_new(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    axes: Axes = _new_figure(6.4, 4.8).subplots()
    return axes


def _new_figure(width: float, height: float) -> Any:
    """A figure of that size in inches, unknown to pyplot: nothing to close, no window."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('Plots need matplotlib, which is not installed: pip install ".[plot]".') from error
    return Figure(figsize=(width, height), dpi=120, layout="constrained")


# Decision boundaries.


def _checked_points(
    predict: Callable[[Any], Any], X: ArrayLike, y: ArrayLike, resolution: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """X (n, 2) as floats and y (n,) as an array."""
    if not callable(predict):
        raise TypeError(
            "predict must be a function of points (n, 2), such as network.forward or estimator.predict_proba, "
            f"got {type(predict).__name__}."
        )
    points, labels = np.asarray(X, dtype=float), np.asarray(y)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"X must hold points in the plane, shape (n_samples, 2), got shape {points.shape}.")
    if not np.isfinite(points).all():
        raise ValueError("X must be finite, got NaN or infinity.")
    if labels.shape not in ((len(points),), (len(points), 1)):
        raise ValueError(f"y must hold one label for each of the {len(points)} points, got shape {labels.shape}.")
    if resolution < 2:
        raise ValueError(f"resolution must be at least 2 points along each side, got {resolution}.")
    return points, labels.reshape(-1)


def _padded_range(values: NDArray[Any], resolution: int) -> NDArray[Any]:
    low, high = values.min(), values.max()
    padding = MARGIN * (high - low) or 1.0  # a single value still gets a range around it
    return np.linspace(low - padding, high + padding, resolution)


def _like(X: Any, grid: NDArray[Any]) -> Any:
    """The grid as a DataFrame if X is one: an estimator fitted with feature names expects them."""
    return type(X)(grid, columns=X.columns) if hasattr(X, "columns") else grid


def _checked_prediction(prediction: Any, n_points: int) -> NDArray[Any]:
    """Labels (n,), or probabilities of each class (n, n_classes); a single column becomes two."""
    predicted = np.asarray(prediction)
    if predicted.ndim not in (1, 2) or len(predicted) != n_points or predicted.size == 0:
        raise ValueError(
            f"predict must return shape ({n_points},) or ({n_points}, n_classes) for {n_points} points, "
            f"got shape {predicted.shape}."
        )
    if predicted.ndim == 2 and predicted.shape[1] == 1:
        predicted = predicted[:, 0]
    if predicted.ndim == 1 and _are_labels(predicted):
        return predicted
    if not (predicted.min() >= 0 and predicted.max() <= 1):  # NaN fails this too
        raise ValueError(
            "predict must return labels, or probabilities between 0 and 1, "
            f"got values between {predicted.min():.6g} and {predicted.max():.6g}."
        )
    return predicted if predicted.ndim == 2 else np.stack([1 - predicted, predicted], axis=1)


def _are_labels(predicted: NDArray[Any]) -> bool:
    """Whether these are labels and not probabilities: strings, integers, or floats that are all whole numbers."""
    return predicted.dtype.kind != "f" or bool((predicted == np.round(predicted)).all())


def _classes(predicted: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
    """All labels, sorted; one per column of probabilities."""
    known = np.unique(labels)
    if predicted.ndim == 1:
        return np.union1d(known, predicted)
    n_classes = predicted.shape[1]
    classes = known if len(known) == n_classes else np.arange(n_classes)  # y need not hold a point of every class
    if not np.isin(known, classes).all():
        raise ValueError(f"predict returned probabilities of {n_classes} classes, but y holds {known.tolist()}.")
    return classes


def _class_names(classes: NDArray[Any], class_names: Sequence[str] | None) -> list[str]:
    if class_names is None:
        return [label if isinstance(label, str) else f"class {label:g}" for label in classes.tolist()]
    if len(class_names) != len(classes):
        raise ValueError(f"class_names must name {len(classes)} classes, got {len(class_names)}: {list(class_names)}.")
    return list(class_names)


def _class_colors(n_classes: int) -> list[Any]:
    """The colours of Okabe and Ito, or evenly spaced colours of viridis if there are more classes."""
    if n_classes <= len(COLORS):
        return list(COLORS[:n_classes])
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0, 1, n_classes)))


def _tint(color: Any) -> Any:
    """A lighter tint of the colour, as a background against which points in the full colour stand out."""
    from matplotlib.colors import to_rgb

    return 1 - 0.4 * (1 - np.array(to_rgb(color)))


def _draw_field(ax: Axes, x1: NDArray[Any], x2: NDArray[Any], probabilities: NDArray[Any], name: str) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("probability", [_tint(COLORS[0]), "white", _tint(COLORS[1])])
    field = ax.contourf(x1, x2, probabilities, levels=np.linspace(0, 1, 21), cmap=colors)
    colorbar = ax.figure.colorbar(field, ax=ax, ticks=[0, 0.25, 0.5, 0.75, 1])
    colorbar.set_label(f"probability of {name}")
    if probabilities.min() < 0.5 < probabilities.max():
        ax.contour(x1, x2, probabilities, levels=[0.5], colors="black", linewidths=1.5)
        ax.plot([], [], color="black", label="p = 0.5")


def _draw_regions(ax: Axes, x1: NDArray[Any], x2: NDArray[Any], regions: NDArray[np.intp], n_classes: int) -> None:
    from matplotlib.colors import ListedColormap

    colors = ListedColormap([_tint(color) for color in _class_colors(n_classes)])
    ax.pcolormesh(x1, x2, regions, cmap=colors, vmin=-0.5, vmax=n_classes - 0.5, rasterized=True)
    present = np.unique(regions)
    for position in present[:-1]:  # the border of the last region is already drawn from the other side
        ax.contour(x1, x2, regions == position, levels=[0.5], colors="black", linewidths=1)


def _draw_points(
    ax: Axes, points: NDArray[Any], labels: NDArray[Any], classes: NDArray[Any], names: Sequence[str]
) -> None:
    area = np.clip(16_000 / len(points), 14, 40)  # in square points; smaller if many would overlap
    colors = _class_colors(len(classes))
    for position, (label, name) in enumerate(zip(classes, names, strict=True)):
        marker = MARKERS[position % len(MARKERS)]
        x1, x2 = points[labels == label].T
        ax.scatter(x1, x2, area, color=colors[position], marker=marker, edgecolor="white", linewidth=0.4, label=name)


def _legend_below(ax: Axes) -> None:
    """Put the legend below the label of the x-axis, where it covers neither points nor borders."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = ax.figure
    drop = ScaledTranslation(0, -LEGEND_DROP, figure.dpi_scale_trans)
    handles, _ = ax.get_legend_handles_labels()
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=ax.transAxes + drop,
        ncols=min(len(handles), 5),
        frameon=False,
    )


# Loss curves.


def _draw_curve(ax: Axes, values: Sequence[float], color: str, style: str, label: str) -> None:
    marker = "o" if len(values) <= 30 else ""
    ax.plot(range(1, len(values) + 1), values, style, color=color, marker=marker, markersize=4, label=label)


def _draw_accuracy(ax: Axes, accuracy: Sequence[float], label: str) -> None:
    """Add a second y-axis, with the legend for both axes, so that nothing is drawn over it."""
    right = ax.twinx()
    _draw_curve(right, accuracy, COLORS[2], ":", label)
    right.set_ylabel(label)
    handles = [*ax.get_lines(), *right.get_lines()]
    right.legend(handles=handles, loc="center right")


# Activations.


def _checked_activations(names: str | Sequence[str] | None) -> list[str]:
    elementwise = [name for name in ACTIVATIONS if name != "softmax"]
    if names is None:
        return elementwise
    chosen = [names] if isinstance(names, str) else list(names)
    if not chosen:
        raise ValueError("plot_activations needs at least one name, got none.")
    for name in chosen:
        if find_activation(name).name not in elementwise:
            raise ValueError(f"{name} couples the units of a layer: it is not a function of a single number to plot.")
    return chosen


def _activation_curves(name: str) -> tuple[NDArray[Any], ...]:
    """z, f(z) and f'(z), with a gap at z = 0, so that a jump of the derivative is drawn as a jump."""
    half = np.linspace(1e-9, 4, 200)
    z = np.concatenate([-half[::-1], half])
    function, derivative = reference_module("activations").find_activation(ACTIVATIONS[name].code)
    a = function(z)
    curves = z, a, derivative(z, a)
    return tuple(np.insert(curve, len(half), np.nan) for curve in curves)


def _activation_axes(names: list[str], ax: Axes | Sequence[Axes] | None) -> tuple[tuple[Axes, ...], bool]:
    """The Axes of each name, and whether they all share one."""
    if ax is None:
        return _activation_panels(len(names)), False
    if not isinstance(ax, Sequence | np.ndarray):
        return (ax,) * len(names), True
    axes = tuple(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) != len(names):
        raise ValueError(f"ax must be one Axes or one for each of the {len(names)} names, got {len(axes)}.")
    return axes, False


def _activation_panels(n_panels: int) -> tuple[Axes, ...]:
    n_columns = min(n_panels, 5)
    n_rows = -(-n_panels // n_columns)
    figure = _new_figure(2.4 * n_columns + 0.6, 2.6 * n_rows + 0.2)
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in panels[n_panels:]:
        unused.remove()
    return tuple(panels[:n_panels])
