"""`fastnn export` writes a saved network in other formats."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastnn
from tests.cli.commands import run, sentence, write_flowers

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def model(folder):
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", "--model", "mlp", "--backend", "numpy", "--epochs", "30", "--hidden", "8")
    return "flowers-model.safetensors"


def probabilities(model: str) -> np.ndarray:
    """What fastnn predicts for the first rows of the table."""
    rows = pd.read_csv("flowers.csv")[["width", "length"]][:5]
    return fastnn.load(model, backend="numpy").predict_proba(rows.to_numpy())


def test_onnx_is_written_and_predicts_the_same(model):
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX models are run by onnxruntime")
    assert "Model written to flowers-model.onnx" in run("export", model, "--to", "onnx").output
    session = onnxruntime.InferenceSession("flowers-model.onnx")
    rows = pd.read_csv("flowers.csv")[["width", "length"]][:5]
    inputs = {each.name: rows[[each.name]].to_numpy() for each in session.get_inputs()}
    found = session.run(["probabilities"], inputs)[0]
    np.testing.assert_allclose(found, probabilities(model), atol=1e-6)


def test_a_python_file_is_written_and_predicts_the_same(model):
    run("export", model, "--to", "numpy", "--output", "flowers.py")
    program = "import csv, flowers; X = [[float(r['width']), float(r['length'])] for r in csv.DictReader(open('flowers.csv'))]"
    program += "; print(flowers.predict_proba(X[:5]).tolist())"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(np.array(eval(printed)), probabilities(model), atol=1e-6)


def test_a_header_is_written_with_the_name_of_the_file(model):
    run("export", model, "--to", "c", "--output", "flowers.h")
    assert "flowers_predict" in Path("flowers.h").read_text(encoding="ascii")


def test_files_have_names_that_other_programs_can_use(model):
    assert "Model written to flowers_model.py" in run("export", model, "--to", "numpy").output
    assert "from flowers_model import predict" in Path("flowers_model.py").read_text(encoding="utf-8")
    assert "Model written to flowers-model.h" in run("export", model, "--to", "c").output
    assert "flowers_model_predict" in Path("flowers-model.h").read_text(encoding="ascii")


def test_weights_of_8_bits_are_measured_on_data(model):
    output = run("export", model, "--to", "c", "--output", "flowers.h", "--int8", "flowers.csv").output
    assert "int8 weights" in output
    assert "on 60 rows, 0% of the labels change" in output
    assert "accuracy" in output


def test_a_checkpoint_becomes_a_network(folder):
    network = fastnn.Network([2, 3, 2], backend="numpy", seed=0)
    X = np.random.default_rng(0).normal(size=(8, 2))
    network.fit(X, np.arange(8) % 2, epochs=1, callbacks=fastnn.Checkpoint("kept"), progress=False)
    run("export", "kept", "--to", "safetensors")
    assert (fastnn.load("kept.safetensors", backend="numpy").forward(X) == network.forward(X)).all()


def test_a_table_goes_along_with_its_columns(folder):
    write_flowers(folder / "flowers.csv", columns="width,length,name,kind")
    run("train", "--data", "flowers.csv", "--target", "kind", "--members", "1", "--epochs", "2", "--backend", "numpy")
    output = run(
        "export", "flowers-model.safetensors", "--to", "c", "--output", "table.h", "--int8", "flowers.csv"
    ).output
    assert "RealMLPClassifier written to table.h" in output


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--to", "onnx", "--int8", "flowers.csv"], 2, "--int8 is for --to c: onnx keeps the weights as they are"),
        (["--to", "safetensors"], 2, "is the model itself, and would be replaced"),
        (["--to", "onnx", "--output", "nowhere/model.onnx"], 2, "there is no folder nowhere"),
        (["--to", "numpy", "--output", "model.txt"], 1, "must end in '.py', got 'model.txt'"),
        (["--to", "c", "--output", "7 flowers.h"], 1, "7 flowers"),
    ],
)
def test_what_cannot_be_written_is_refused_by_a_sentence(model, arguments, status, message):
    assert message in sentence("export", model, *arguments, status=status)


def test_a_missing_package_is_named_with_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert 'pip install ".[onnx]"' in sentence("export", model, "--to", "onnx", status=1)


def test_an_estimator_saved_from_python_predicts_on_the_command_line(folder):
    write_flowers(folder / "flowers.csv")
    table = pd.read_csv("flowers.csv")
    X, y = table[["width", "length"]], table["kind"]
    options = {"hidden_layer_sizes": 8, "solver": "lbfgs", "standardize": True, "backend": "numpy", "random_state": 0}
    classifier = fastnn.MLPClassifier(**options).fit(X, y)
    classifier.save("estimator", target_name="kind")
    lines = run("predict", "estimator", "flowers.csv", "--backend", "numpy").stdout.split()
    assert lines == classifier.predict(X).tolist()
