"""`fastnn predict`: every saved network and every kind of samples."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.datasets import load_named
from tests.cli.commands import (
    run,
    sentence,
    write_flowers,
    write_house_prices,
    write_mnist,
)


def test_predictions_are_class_names_one_a_line(flowers):
    result = run("predict", flowers, "flowers.csv")
    assert result.stdout.splitlines() == ["lily", "rose"] * 30
    assert result.stderr.startswith("Accuracy 1.0000 on these 60 samples; ")


@pytest.mark.parametrize("columns", ["length,width", "name,length,kind,width"])
def test_columns_are_matched_by_name(folder, flowers, columns):
    write_flowers(folder / "more.csv", 4, columns=columns)
    result = run("predict", flowers, "more.csv")
    assert result.stdout.splitlines() == ["lily", "rose"] * 2
    assert ("Accuracy" in result.stderr) == ("kind" in columns)


def test_probabilities_are_a_table_that_sums_to_one(flowers):
    rows = list(csv.reader(run("predict", flowers, "flowers.csv", "--probabilities").stdout.splitlines()))
    assert rows[0] == ["prediction", "probability_lily", "probability_rose"]
    probabilities = np.array([row[1:] for row in rows[1:]], float)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert [row[0] for row in rows[1:]] == [("lily", "rose")[k] for k in probabilities.argmax(axis=1)]


def test_predictions_go_to_a_file(folder, flowers):
    result = run("predict", flowers, "flowers.csv", "--output", "kinds.csv")
    assert result.stdout == ""
    assert "60 predictions saved to kinds.csv" in result.stderr
    assert (folder / "kinds.csv").read_text().splitlines()[:3] == ["prediction", "lily", "rose"]


@pytest.mark.parametrize("with_target", [True, False])
def test_arrays_are_predicted_with_or_without_targets(folder, flowers, with_target):
    rows = np.array([[100.0, 0.0, 0], [150.0, 0.01, 1]])
    np.save(folder / "rows.npy", rows if with_target else rows[:, :2])
    assert run("predict", flowers, "rows.npy").stdout.split() == ["lily", "rose"]


def test_numbers_are_predicted_in_the_unit_of_the_targets(folder):
    write_house_prices(folder / "houses.npz")
    run("train", "--data", "houses.npz", "--backend", "numpy", "--output", "model")
    result = run("predict", "model", "houses.npz", "--backend", "numpy")
    predictions = np.array(result.stdout.split(), float)
    with np.load("houses.npz") as arrays:
        assert np.corrcoef(predictions, arrays["y"])[0, 1] > 0.98
        np.testing.assert_allclose(predictions.mean(), arrays["y"].mean(), rtol=0.05)
    assert re.match(r"RMSE \d+, R2 0\.9\d+ on these 80 samples; ", result.stderr)


def test_data_sets_are_predicted_by_name_as_they_were_drawn_for_training(folder):
    run("train", "--data", "moons", "--seed", "3", "--backend", "numpy", "--hidden", "32", "--epochs", "20")
    result = run("predict", "moons-model.safetensors", "moons", "--backend", "numpy")
    expected = fastnn.load("moons-model.safetensors", backend="numpy").predict(load_named("moons", seed=3).X)
    assert result.stdout.split() == [str(name) for name in expected]
    assert float(re.match(r"Accuracy (\S+) on these 1,000 samples", result.stderr)[1]) > 0.9


def test_of_mnist_the_test_images_are_predicted(folder, monkeypatch):
    write_mnist(folder / "mnist")
    monkeypatch.setenv("FASTNN_DATA", str(folder))
    run("train", "--data", "mnist", "--hidden", "8", "--backend", "numpy")
    assert run("predict", "mnist-model.safetensors", "mnist").stdout.split() == ["0", "1"] * 5


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_predictions_are_those_of_the_network_in_either_backend(flowers, backend):
    assert run("predict", flowers, "flowers.csv", "--backend", backend).stdout.split() == ["lily", "rose"] * 30


@pytest.mark.parametrize(
    ("layer_sizes", "loss", "metadata", "header"),
    [
        ([2, 3], "softmax_cross_entropy", {}, "prediction,probability_0,probability_1,probability_2"),
        ([2, 1], "binary_cross_entropy", {}, "prediction,probability"),
        ([2, 1], "binary_cross_entropy", {"class_names": ["wet"]}, "prediction,probability"),
        (
            [2, 1],
            "binary_cross_entropy",
            {"class_names": ["dry", "wet"]},
            "prediction,probability_dry,probability_wet",
        ),
        (
            [2, 2],
            "binary_cross_entropy",
            {"class_names": ["wet", "cold"]},
            "prediction_wet,prediction_cold,probability_wet,probability_cold",
        ),
    ],
)
def test_a_network_saved_from_python_is_used(folder, layer_sizes, loss, metadata, header):
    fastnn.save(fastnn.Network(layer_sizes, loss=loss, backend="numpy", seed=0), "model", **metadata)
    np.save("rows.npy", np.ones((4, 2)))
    lines = run("predict", "model", "rows.npy", "--probabilities", "--backend", "numpy").stdout.splitlines()
    assert (lines[0], len(lines)) == (header, 5)
    lines = run("predict", "model", "rows.npy", "--backend", "numpy").stdout.splitlines()
    assert (len(lines), lines[0].count(",")) == (4, header.count("prediction") - 1)


def test_several_numbers_are_predicted_side_by_side(folder):
    fastnn.save(fastnn.Network([2, 3], loss="squared_error", backend="numpy", seed=0), "model")
    np.savez("rows.npz", X=np.ones((4, 2)), y=np.ones(4))
    result = run("predict", "model", "rows.npz", "--backend", "numpy", "--output", "numbers.csv")
    assert Path("numbers.csv").read_text().startswith("prediction_0,prediction_1,prediction_2\n")
    assert result.stderr == "4 predictions saved to numbers.csv\n"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"class_names": ["a"]}, "class_names must have 2 names, got 1"),
        ({"feature_names": list("abcd")}, "feature_names must have 3 names, got 4"),
        (
            {"features_mean": [0.0], "features_scale": [1.0]},
            "features_mean and features_scale must have 3 numbers each",
        ),
    ],
)
def test_metadata_that_does_not_fit_the_network_is_refused(folder, metadata, message):
    fastnn.save(fastnn.Network([3, 2], backend="numpy", seed=0), "model", **metadata)
    np.save("rows.npy", np.ones((4, 3)))
    assert message in sentence("predict", "model", "rows.npy", status=1)
