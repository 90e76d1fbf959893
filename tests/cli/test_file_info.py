"""`fastnn info MODEL` tells what is in a file, from its header alone."""

import numpy as np
import pandas as pd
import pytest

import fastnn
from tests.cli.commands import QUICK, run, sentence, write_flowers

pytestmark = pytest.mark.usefixtures("folder")


def lines_of(path) -> dict[str, str]:
    """The lines of the report by label."""
    lines = [line for line in run("info", path).output.splitlines() if line[:1].strip()]
    return {line.split()[0]: line[13:] for line in lines}


def test_a_trained_model_is_described(folder):
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", "--model", "mlp", "--backend", "numpy", *QUICK)
    lines = lines_of("flowers-model.safetensors")
    assert "Model" in lines["File"]
    assert lines["Network"].startswith("2-8-1 units, relu, sigmoid, loss binary_cross_entropy, float32")
    assert (lines["Columns"], lines["Classes"]) == ("width, length", "lily, rose")
    assert "seed" in lines["Metadata"]


def test_an_estimator_for_tables_is_described(folder):
    random = np.random.default_rng(0)
    X = pd.DataFrame({"size": random.normal(size=40), "colour": random.choice(["red", "blue", "green"], 40)})
    classifier = fastnn.RealMLPClassifier(n_members=2, n_epochs=1, hidden_layer_sizes=4, backend="numpy")
    classifier.fit(X, X["size"] > 0).save("model", note="kept")
    lines = lines_of("model")
    assert lines["Network"].startswith("2 networks of 4-4-2 units")
    assert lines["Columns"] == "size (number), colour (3 levels)"
    assert (lines["Classes"], lines["Metadata"]) == ("False, True", "note")


def test_long_lists_are_cut(folder):
    X = np.random.default_rng(0).normal(size=(30, 40))
    frame = pd.DataFrame(X, columns=[f"column {n}" for n in range(40)])
    fastnn.MLPRegressor(hidden_layer_sizes=2, solver="lbfgs", backend="numpy").fit(frame, X[:, 0]).save("model")
    assert lines_of("model")["Columns"].endswith("column 11 and 28 more")


def test_a_checkpoint_is_called_one(folder):
    network = fastnn.Network([2, 3, 2], normalization="batch", backend="numpy")
    X = np.random.default_rng(0).normal(size=(8, 2))
    network.fit(X, np.arange(8) % 2, epochs=1, callbacks=fastnn.Checkpoint("kept"), progress=False)
    lines = lines_of("kept")
    assert "Network (a checkpoint)" in lines["File"]


def test_no_array_is_read(folder, monkeypatch):
    fastnn.Network([2, 3, 2], backend="numpy").save("model")
    monkeypatch.setattr("fastnn.archives.Arrays.__getitem__", lambda *arguments: pytest.fail("an array was read"))
    assert "2-3-2" in lines_of("model")["Network"]
    with pytest.raises(pytest.fail.Exception):
        fastnn.load("model")


def test_another_file_is_refused_by_a_sentence(folder):
    (folder / "model").write_bytes(b"rubbish")
    assert "model is damaged or is not a network saved by fastnn" in sentence("info", "model", status=1)
