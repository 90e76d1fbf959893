"""`fastnn.Model`: models saved by `fastnn train` predict from Python, on features as they are in the table."""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastnn
from fastnn.model import Model, Scaling
from fastnn.training.splits import split_classes
from tests.cli.commands import run, write_flowers, write_house_prices

pytestmark = pytest.mark.usefixtures("folder")


def train(data: str, *options: str) -> Model:
    """The model that the command line trains on a table."""
    run("train", "--data", data, "--backend", "numpy", "--output", "model", *options)
    model = fastnn.load("model", backend="numpy")
    assert isinstance(model, Model)
    return model


def small_model(**names: object) -> Model:
    """A classifier of three classes with two features of different scales."""
    network = fastnn.Network([2, 3], backend="numpy", seed=0)
    return Model(network, Scaling(np.array([100.0, 0.0]), np.array([50.0, 0.01])), **names)


@pytest.mark.parametrize("options", [[], ["--normalization", "layer"]])
def test_a_model_of_a_table_predicts_on_the_table_as_it_is(folder, options):
    write_flowers(folder / "flowers.csv")
    model = train("flowers.csv", *options)
    table = pd.read_csv("flowers.csv")
    X = table[["width", "length"]].to_numpy()
    assert model.predict(X).tolist() == table["kind"].tolist()
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (60, 2)
    assert [model.class_names[k] for k in probabilities.argmax(axis=1)] == table["kind"].tolist()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_numbers_are_predicted_in_the_unit_of_the_targets(folder):
    write_house_prices(folder / "houses.npz")
    model = train("houses.npz")
    with np.load("houses.npz") as arrays:
        predictions = model.predict(arrays["X"])
        assert predictions.shape == arrays["y"].shape
        assert predictions.dtype == np.float64
        assert np.corrcoef(predictions, arrays["y"])[0, 1] > 0.98
        assert abs(predictions.mean() / arrays["y"].mean() - 1) < 0.05
    with pytest.raises(ValueError, match=r"predict_proba needs classes, and this model predicts numbers"):
        model.predict_proba(np.ones((1, 2)))


@pytest.mark.parametrize("options", [[], ["--normalization", "layer"]])
def test_large_numbers_of_small_spread_are_predicted_as_well_as_small_ones(folder, options):
    """Single precision has steps of 128 at 1.6e9, and steps of 1e-5 at the spread of these targets."""
    X = np.random.default_rng(0).standard_normal((300, 3))
    y = 100 * np.tanh(X @ [1.0, 2.0, -1.0])
    predicted, printed = [], []
    for offset in (0.0, 1.6e9):
        np.savez("table.npz", X=X, y=y + offset)
        predicted.append(train("table.npz", *options).predict(X) - offset)
        lines = run("predict", "model", "table.npz", "--backend", "numpy").stdout.split()
        printed.append(np.array(lines, float) - offset)
    assert np.corrcoef(predicted[0], y)[0, 1] > 0.9
    for others in (predicted[1], *printed):
        np.testing.assert_allclose(others, predicted[0], rtol=0, atol=0.01)


def test_classes_that_are_whole_numbers_are_predicted_as_such(folder):
    run("train", "--backend", "numpy", "--epochs", "5", "--output", "model")
    dataset = fastnn.datasets.load_named("digits")
    assert np.mean(fastnn.load("model", backend="numpy").predict(dataset.X) == dataset.y) > 0.9
    assert small_model(class_names=("3", "-7", "12")).labels.tolist() == [3, -7, 12]
    for names in (("007", "008", "009"), ("1", "2", "x"), ("1", "-0", "2"), ("1", "2", "9" * 30)):
        assert small_model(class_names=names).labels.tolist() == list(names)


def test_without_names_classes_are_numbered():
    model = small_model()
    X = np.array([[100.0, 0.01], [200.0, -0.02]])
    np.testing.assert_array_equal(model.predict(X), model.network.predict([[0.0, 1.0], [2.0, -2.0]]))


def test_columns_of_a_frame_are_taken_by_name():
    model = small_model(feature_names=("width", "length"), class_names=("a", "b", "c"))
    frame = pd.DataFrame({"more": ["x", "y"], "length": [0.01, -0.02], "width": [100.0, 200.0]})
    expected = model.predict([[100.0, 0.01], [200.0, -0.02]])
    assert model.predict(frame).tolist() == expected.tolist()
    with pytest.raises(ValueError, match=r"X lacks columns that the model was trained on: length\."):
        model.predict(frame[["width", "more"]])


def test_features_of_another_number_are_refused():
    with pytest.raises(ValueError, match="X has 3 features, but this network expects 2"):
        small_model().predict(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"For one sample, pass X.reshape\(1, -1\)"):
        small_model().predict(np.ones(2))


def test_a_model_is_saved_and_loaded_whole(folder):
    model = Model(
        fastnn.Network([2, 1], loss="squared_error", backend="numpy", seed=0),
        features=Scaling(np.array([1.0, 2.0]), np.array([3.0, 4.0])),
        targets=Scaling(np.array([5.0]), np.array([6.0])),
        feature_names=("a", "b"),
        target_name="c",
        target_index=2,
        seed=3,
        baseline=5.5,
        trained_rows=np.array([1, 2**63], np.uint64),
    )
    fastnn.save(model, "model", note="kept")
    loaded = fastnn.load("model", backend="numpy")
    assert isinstance(loaded, Model)
    for name in ("class_names", "feature_names", "target_name", "target_index", "seed", "baseline"):
        assert getattr(loaded, name) == getattr(model, name)
    for name in ("features", "targets", "trained_rows"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    assert loaded.predict([[1.0, 2.0]]) == model.predict([[1.0, 2.0]])
    assert fastnn.load_metadata("model")["note"] == "kept"


def test_a_network_is_loaded_as_a_network_whatever_its_metadata(folder):
    fastnn.save(fastnn.Network([2, 3], backend="numpy"), "network", class_names=["a", "b", "c"], seed=1)
    assert type(fastnn.load("network", backend="numpy")) is fastnn.Network


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"class_names": ["a"]}, "class_names must have 3 names, got 1"),
        ({"class_names": 5}, "class_names must be a list of names"),
        ({"features_scale": np.array([1.0])}, "features_mean and features_scale must have 2 numbers each"),
        ({"features_scale": np.array([1.0, 0.0])}, "must be finite, and scales positive"),
        ({"features_mean": np.array([1.0, np.nan])}, "must be finite, and scales positive"),
        ({"target_index": "last"}, "target_index must be of type"),
        ({"dropped": "ab"}, "dropped must be of type"),
        ({"dropped": [0, "1"]}, "dropped must be a list of positions"),
        ({"dropped": [-1]}, "dropped must be a list of positions"),
        ({"decimal": ":"}, "decimal must be '.' or ',', got ':'"),
        ({"decimal": np.ones(2)}, "decimal must be of type"),
        ({"seed": {"a": 1}}, "seed must be of type"),
        ({"baseline": [1]}, "baseline must be of type"),
        ({"trained_rows": np.ones(3)}, "trained_rows must be a vector of 64-bit hashes"),
        ({"trained_rows": [1, 2]}, "trained_rows must be a vector of 64-bit hashes"),
    ],
)
def test_a_model_whose_metadata_do_not_fit_its_network_is_refused(folder, metadata, message):
    fastnn.save(small_model(), "model", **metadata)
    with pytest.raises(ValueError, match=message):
        fastnn.load("model", backend="numpy")


def test_samples_of_many_classes_are_held_out_at_once():
    classes = np.arange(200_000) % 100_000
    start = time.perf_counter()
    rows, others = split_classes(classes, 0.1, np.random.default_rng(0))
    assert time.perf_counter() - start < 5
    assert (len(rows), len(others)) == (180_000, 20_000)
    assert np.bincount(classes[rows], minlength=100_000).min() == 1


def test_predictions_are_written_to_json_in_their_own_types(folder):
    write_flowers(folder / "flowers.csv")
    model = train("flowers.csv")
    run("predict", "model", "flowers.csv", "--backend", "numpy", "--probabilities", "--output", "kinds.json")
    objects = json.loads(Path("kinds.json").read_text(encoding="utf-8"))
    assert [each["prediction"] for each in objects] == ["lily", "rose"] * 30
    X = pd.read_csv("flowers.csv")[["width", "length"]].to_numpy()
    shares = [[each["probability_lily"], each["probability_rose"]] for each in objects]
    np.testing.assert_array_equal(np.array(shares, np.float32), model.predict_proba(X))
