"""fastnn.plotting: the contents of plots, for every kind of predictor, and invalid input."""

import subprocess
import sys
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from sklearn.datasets import make_blobs, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import fastnn
from fastnn.plotting import COLORS, plot_activations, plot_decision_boundary, plot_history, plot_learning_rates

matplotlib.use("Agg")

X, Y = make_moons(60, noise=0.1, random_state=0)


def sigmoid_of_first(points):
    """Probabilities with the boundary x_1 = 0.2, known exactly."""
    return 1 / (1 + np.exp(-5 * (np.asarray(points)[:, 0] - 0.2)))


def half_contours(ax):
    return [c for c in ax.collections if isinstance(c, ContourSet) and not c.filled and list(c.levels) == [0.5]]


def regions(ax):
    (mesh,) = (c for c in ax.collections if isinstance(c, QuadMesh))
    return np.asarray(mesh.get_array())


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def draw(ax):
    """Render it: layout warnings would be errors."""
    ax.figure.canvas.draw()


# Decision boundaries.


@pytest.mark.parametrize(
    "predict",
    [
        sigmoid_of_first,
        lambda points: sigmoid_of_first(points)[:, np.newaxis],
        lambda points: np.stack([1 - sigmoid_of_first(points), sigmoid_of_first(points)], axis=1),
        lambda points: sigmoid_of_first(points).astype(np.float32),
        lambda points: sigmoid_of_first(points).tolist(),
    ],
    ids=["(n,)", "(n, 1)", "(n, 2)", "float32", "list"],
)
def test_binary_probabilities_draw_a_field_and_its_half_contour(predict):
    ax = plot_decision_boundary(predict, X, Y)
    (contour,) = half_contours(ax)
    (path,) = contour.get_paths()
    np.testing.assert_allclose(path.vertices[:, 0], 0.2, atol=0.01)
    assert np.ptp(path.vertices[:, 1]) > np.ptp(X[:, 1])
    assert legend_texts(ax) == ["p = 0.5", "class 0", "class 1"]
    assert any(axes.get_ylabel() == "probability of class 1" for axes in ax.figure.axes)
    draw(ax)


def test_labels_draw_regions():
    ax = plot_decision_boundary(lambda points: (points[:, 0] > 0.2).astype(int), X, Y, resolution=50)
    x1 = np.linspace(*ax.get_xlim(), 50)
    np.testing.assert_array_equal(regions(ax), np.tile(x1 > 0.2, (50, 1)))
    assert legend_texts(ax) == ["class 0", "class 1"]
    draw(ax)


def test_rows_of_the_grid_go_along_the_second_feature():
    ax = plot_decision_boundary(lambda points: (points[:, 1] > 0.5).astype(int), X, Y, resolution=50)
    x2 = np.linspace(*ax.get_ylim(), 50)
    np.testing.assert_array_equal(regions(ax), np.tile((x2 > 0.5)[:, np.newaxis], 50))


def test_every_point_is_drawn_in_the_colour_of_its_class():
    ax = plot_decision_boundary(sigmoid_of_first, X, Y)
    points = [c for c in ax.collections if c.get_label() in ("class 0", "class 1")]
    for label, scatter in enumerate(points):
        np.testing.assert_array_equal(scatter.get_offsets(), X[label == Y])
        np.testing.assert_allclose(scatter.get_facecolor()[0], matplotlib.colors.to_rgba(COLORS[label]))
    assert ax.get_xlim()[0] < X[:, 0].min() < X[:, 0].max() < ax.get_xlim()[1]
    assert ax.get_ylim()[0] < X[:, 1].min() < X[:, 1].max() < ax.get_ylim()[1]


@pytest.mark.parametrize("n_classes", [3, 10])
@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_several_classes_draw_one_region_each(n_classes, method):
    centers = [(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, n_classes, endpoint=False)]
    points, labels = make_blobs(200, centers=centers, cluster_std=0.05, random_state=0)
    model = LogisticRegression(C=100).fit(points, labels)
    ax = plot_decision_boundary(getattr(model, method), points, labels, resolution=60)
    assert set(np.unique(regions(ax))) == set(range(n_classes))
    assert legend_texts(ax) == [f"class {label}" for label in range(n_classes)]
    draw(ax)


def test_string_labels_and_data_frames():
    frame = pd.DataFrame(X, columns=["width", "height"])
    names = np.array(["left", "right"])[Y]
    model = DecisionTreeClassifier(random_state=0).fit(frame, names)  # warns when feature names are lost
    for predict in (model.predict, model.predict_proba):
        ax = plot_decision_boundary(predict, frame, names)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("width", "height")
        assert legend_texts(ax)[-2:] == ["left", "right"]
        draw(ax)


@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize("n_outputs", [1, 2, 3])
def test_networks_are_predictors(backend, n_outputs):
    loss = "binary_cross_entropy" if n_outputs == 1 else "softmax_cross_entropy"
    network = fastnn.Network([2, 5, n_outputs], loss=loss, backend=backend, seed=0)
    for predict in (network.forward, network.predict):
        draw(plot_decision_boundary(predict, X, Y, resolution=40))


@pytest.mark.parametrize("constant", [0, 1, 0.3])
def test_a_predictor_without_a_boundary(constant):
    ax = plot_decision_boundary(lambda points: np.full(len(points), constant), X, Y)
    assert half_contours(ax) == []
    draw(ax)


def test_y_may_be_a_column_and_hold_one_class_only():
    ax = plot_decision_boundary(sigmoid_of_first, X, np.zeros((len(X), 1), dtype=int), class_names=["no", "yes"])
    assert legend_texts(ax) == ["p = 0.5", "no", "yes"]
    draw(ax)


def test_a_single_point_has_a_plane_around_it():
    draw(plot_decision_boundary(sigmoid_of_first, X[:1], Y[:1]))


@pytest.mark.parametrize(
    ("predict", "points", "labels", "options", "message"),
    [
        (sigmoid_of_first, X[:, :1], Y, {}, r"shape \(n_samples, 2\), got shape \(60, 1\)"),
        (sigmoid_of_first, X[:, 0], Y, {}, r"got shape \(60,\)"),
        (sigmoid_of_first, X[:0], Y[:0], {}, r"got shape \(0, 2\)"),
        (sigmoid_of_first, np.full_like(X, np.nan), Y, {}, "must be finite"),
        (sigmoid_of_first, X, Y[:-1], {}, r"each of the 60 points, got shape \(59,\)"),
        (sigmoid_of_first, X, Y, {"resolution": 1}, "at least 2 points along each side, got 1"),
        (sigmoid_of_first, X, Y, {"class_names": ["a"]}, "must name 2 classes, got 1"),
        (sigmoid_of_first, X, np.arange(60) % 3, {}, r"of 2 classes, but y holds \[0, 1, 2\]"),
        (lambda points: points[:3], X, Y, {}, r"for 90000 points, got shape \(3, 2\)"),
        (lambda points: 5 * points[:, 0], X, Y, {}, "between 0 and 1, got values between"),
        (lambda points: np.full(len(points), np.nan), X, Y, {}, "got values between nan and nan"),
    ],
)
def test_bad_input_to_plot_decision_boundary(predict, points, labels, options, message):
    with pytest.raises(ValueError, match=message):
        plot_decision_boundary(predict, points, labels, **options)


def test_an_estimator_is_not_its_method():
    with pytest.raises(
        TypeError, match=r"such as network\.forward or estimator\.predict_proba, got LogisticRegression"
    ):
        plot_decision_boundary(LogisticRegression(), X, Y)


# Loss curves.


def history(validation=True, accuracy=True):
    return SimpleNamespace(
        loss=[3.0, 2.0, 1.0],
        validation_loss=[3.5, 2.5, 1.5] if validation else [],
        validation_accuracy=[0.5, 0.7, 0.9] if accuracy else [],
    )


def test_history_with_validation():
    ax = plot_history(history())
    assert [line.get_ydata().tolist() for line in ax.get_lines()] == [[3, 2, 1], [3.5, 2.5, 1.5]]
    assert [line.get_xdata().tolist() for line in ax.get_lines()] == [[1, 2, 3]] * 2
    left, right = ax.figure.axes
    assert left is ax
    assert right.get_lines()[0].get_ydata().tolist() == [0.5, 0.7, 0.9]
    assert legend_texts(right) == ["training (running mean)", "validation", "accuracy, validation"]
    draw(ax)


def test_history_without_accuracy_has_one_axis():
    ax = plot_history(history(accuracy=False))
    assert ax.figure.axes == [ax]
    assert legend_texts(ax) == ["training (running mean)", "validation"]


@pytest.mark.parametrize(
    "losses", [history(validation=False, accuracy=False), [3.0, 2.0, 1.0], np.array([3.0, 2.0, 1.0])]
)
def test_losses_alone(losses):
    ax = plot_history(losses)
    (line,) = ax.get_lines()
    assert list(line.get_ydata()) == [3, 2, 1]
    assert ax.get_legend() is None
    draw(ax)


def test_history_of_a_fit():
    network = fastnn.Network([2, 4, 2], backend="numpy", seed=0)
    fitted = network.fit(X, Y, epochs=3, validation_data=(X, Y))
    ax = plot_history(fitted)
    assert list(ax.get_lines()[0].get_ydata()) == fitted.loss
    assert len(ax.figure.axes) == 2


def test_empty_history():
    with pytest.raises(ValueError, match="at least one epoch, got none"):
        plot_history([])


# Activations.


def test_every_activation_has_a_panel():
    panels = plot_activations()
    assert [panel.get_title() for panel in panels] == [
        name for name in fastnn.activations.ACTIVATIONS if name != "softmax"
    ]
    draw(panels[0])


@pytest.mark.parametrize("name", [name for name in fastnn.activations.ACTIVATIONS if name != "softmax"])
def test_the_dashed_line_is_the_slope_of_the_solid_one(name):
    (panel,) = plot_activations(name)
    f, derivative = panel.get_lines()
    z = f.get_xdata()
    for side in (z < 0, z > 0):
        spacing = z[side][1] - z[side][0]
        slopes = np.gradient(f.get_ydata()[side], spacing)
        # Central differences err by spacing^2 / 6 times the third derivative, which is below 3 for all others.
        third = np.exp(4) if name == "exponential" else 3
        np.testing.assert_allclose(derivative.get_ydata()[side][1:-1], slopes[1:-1], atol=third * spacing**2 / 6)


def test_activations_in_one_given_axes():
    ax = Figure().subplots()
    assert plot_activations(["relu", "tanh"], ax=ax) == (ax, ax)
    assert legend_texts(ax) == ["relu: f(z)", "relu: f'(z)", "tanh: f(z)", "tanh: f'(z)"]


def test_activations_in_given_panels():
    given = Figure().subplots(1, 2)
    assert plot_activations(["relu", "tanh"], ax=given) == tuple(given)
    with pytest.raises(ValueError, match="one for each of the 3 names, got 2"):
        plot_activations(["relu", "tanh", "elu"], ax=given)


@pytest.mark.parametrize(
    ("names", "message"),
    [("softmax", "softmax couples"), (["relu", "rleu"], "'rleu'; known are identity, relu"), ([], "at least one name")],
)
def test_activations_that_cannot_be_drawn(names, message):
    with pytest.raises(ValueError, match=message):
        plot_activations(names)


# Searches for a learning rate.


def rate_search():
    network = fastnn.Network([2, 8, 2], backend="numpy", seed=0)
    return fastnn.find_learning_rate(network, X, Y, fastnn.SGD(momentum=0.9), steps=50, rates=(1e-7, 1e3))


def test_a_search_shows_its_losses_and_its_suggestion():
    search = rate_search()
    ax = plot_learning_rates(search)
    points, curve, line = ax.get_lines()
    assert points.get_xdata().tolist() == curve.get_xdata().tolist() == search.rates.tolist()
    assert points.get_ydata().tolist() == search.losses.tolist()
    assert curve.get_ydata().tolist() == search.smoothed_losses.tolist()
    assert line.get_xdata() == [search.suggestion] * 2
    assert legend_texts(ax) == ["loss of a batch", "smoothed loss", f"suggestion, {search.suggestion:.2g}"]
    assert ax.get_xscale() == "log"
    assert ax.get_ylim()[1] < 3 * search.losses[0]  # whatever the last loss is
    draw(ax)


# matplotlib.

DRAWINGS = {
    "decision boundary": lambda **options: plot_decision_boundary(sigmoid_of_first, X, Y, **options),
    "history": lambda **options: plot_history([2.0, 1.0], **options),
    "activations": lambda **options: plot_activations("relu", **options)[0],
    "learning rates": lambda **options: plot_learning_rates(rate_search(), **options),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_draws_into_the_axes_it_is_given(name):
    ax = Figure().subplots()
    assert DRAWINGS[name](ax=ax) is ax


@pytest.mark.parametrize("name", DRAWINGS)
def test_leaves_pyplot_alone(name):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    DRAWINGS[name]()
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize("name", DRAWINGS)
def test_without_matplotlib_a_sentence_says_what_to_install(name, monkeypatch):
    for module in [m for m in sys.modules if m.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'pip install "\.\[plot\]"'):
        DRAWINGS[name]()


def test_importing_it_does_not_import_matplotlib():
    code = "import sys, fastnn, fastnn.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
