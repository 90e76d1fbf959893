"""`fastnn train`: data sets, results, and saved models."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.schedules import Constant, Cosine, OneCycle, ReduceOnPlateau
from tests.cli.commands import QUICK, reported, run, sentence, write_flowers, write_house_prices, write_mnist

REAL_DATA = os.environ.get("FASTNN_DATA") and str(Path(os.environ["FASTNN_DATA"]).resolve())


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_train_without_arguments_learns_the_digits(folder, backend):
    output = run("train", "--backend", backend).output
    training, held_out = reported(output, "Accuracy")
    assert training > 0.99
    assert held_out >= 0.97
    assert re.search(r"^Throughput +[\d,]+ samples/s$", output, re.MULTILINE)
    assert re.search(rf"^Backend +{backend}, \d+ threads?$", output, re.MULTILINE)
    assert "saved to digits-model.safetensors" in output
    network = fastnn.load(folder / "digits-model.safetensors", backend=backend).network
    assert network.architecture.layer_sizes == (64, 128, 10)


@pytest.mark.parametrize("name", ["moons", "circles", "blobs"])
def test_train_learns_points_in_the_plane(name):
    output = run("train", "--data", name, "--backend", "numpy", "--hidden", "32").output
    assert reported(output, "Accuracy")[1] > 0.9
    assert "standardized" in output


def test_the_same_seed_gives_the_same_model_and_another_seed_another():
    for name, seed in (("first", 1), ("second", 1), ("third", 2)):
        run("train", "--data", "moons", "--seed", seed, "--output", name, *QUICK)
    assert Path("first").read_bytes() == Path("second").read_bytes() != Path("third").read_bytes()


def test_options_reach_the_network_and_the_report():
    options = (
        "--hidden 6,5 --activation tanh --dtype float64 --threads 1 --epochs 1 --batch-size all --learning-rate 0.5"
    )
    output = run("train", "--output", "model", "--l2", "0.01", *options.split()).output
    network = fastnn.load("model", backend="numpy").network
    assert network.architecture.layer_sizes == (64, 6, 5, 10)
    assert network.architecture.activations == ("tanh", "tanh", "softmax")
    assert network.dtype == np.float64
    assert "1 thread\n" in output
    assert "1 epoch, one batch, learning rate 0.5, l2 0.01\n" in output


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rmsprop", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "inverse-scaling", "cosine", "one-cycle", "plateau"])
def test_every_optimizer_learns_on_every_schedule(optimizer, schedule):
    options = ["--optimizer", optimizer, "--schedule", schedule, "--backend", "numpy", "--epochs", "12"]
    output = run("train", "--data", "blobs", *options).output
    assert reported(output, "Accuracy")[1] > 0.8
    line = re.search(r"^Training +(.*)$", output, re.MULTILINE)[1].split(", ")
    assert (optimizer in line, schedule in line) == (optimizer != "sgd", schedule != "constant")  # those are plain


@pytest.mark.parametrize(
    ("options", "optimizer", "schedule"),
    [
        ("", fastnn.SGD(0.2), Constant()),
        ("--momentum 0.75", fastnn.SGD(0.05, momentum=0.75), Constant()),
        ("--momentum 0.5 --schedule one-cycle", fastnn.SGD(0.1, momentum=0.5), OneCycle()),
        ("--schedule one-cycle", fastnn.SGD(0.2), OneCycle(cycle_momentum=False)),
        ("--optimizer adam --schedule one-cycle", fastnn.Adam(), OneCycle()),
        ("--optimizer adamw --schedule cosine", fastnn.AdamW(), Cosine()),
        ("--optimizer adamw --weight-decay 0", fastnn.AdamW(weight_decay=0.0), Constant()),
        ("--schedule plateau", fastnn.SGD(0.2), ReduceOnPlateau(monitor="loss")),
        (
            "--optimizer rmsprop --momentum 0.5 --learning-rate 0.01 --l2 0.1 --weight-decay 0.2 --max-grad-norm 3",
            fastnn.RMSprop(0.01, momentum=0.5, l2=0.1, weight_decay=0.2, max_grad_norm=3.0),
            Constant(),
        ),
    ],
)
def test_options_make_the_optimizer_and_the_schedule(options, optimizer, schedule, monkeypatch):
    given = {}
    fit = fastnn.Network.fit
    monkeypatch.setattr(fastnn.Network, "fit", lambda *args, **options: given.update(options) or fit(*args, **options))
    run("train", "--data", "moons", "--backend", "numpy", *QUICK, *options.split())
    assert given["optimizer"] == optimizer
    assert given["schedule"] == schedule


def test_the_report_says_how_the_steps_are_made():
    options = "--optimizer rmsprop --momentum 0.5 --weight-decay 0.2 --max-grad-norm 3 --schedule cosine"
    output = run("train", "--data", "moons", "--backend", "numpy", *QUICK, *options.split()).output
    words = "rmsprop, learning rate 0.01, momentum 0.5, weight decay 0.2, max grad norm 3, cosine\n"
    assert f"2 epochs, batches of 16, {words}" in output


def test_no_hidden_layer_is_logistic_regression():
    run("train", "--hidden", "none", "--epochs", "1", "--backend", "numpy", "--output", "model")
    assert fastnn.load("model", backend="numpy").network.architecture.layer_sizes == (64, 10)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_a_regularised_network_is_trained_saved_and_used(normalization, backend):
    options = f"--normalization {normalization} --dropout 0.2 --label-smoothing 0.1 --hidden 32,32 --epochs 30"
    output = run("train", "--backend", backend, *options.split()).output
    assert f"64-32-32-10, relu, softmax, {normalization} normalization, dropout 0.2, 3,594 parameters" in output
    assert "learning rate 0.2, label smoothing 0.1\n" in output
    assert reported(output, "Accuracy")[1] > 0.93
    architecture = fastnn.load("digits-model.safetensors", backend=backend).network.architecture
    assert architecture.normalizations == (normalization, normalization, "none")
    assert architecture.dropout == (0.2, 0.2, 0.0)
    assert architecture.loss == fastnn.losses.SoftmaxCrossEntropy(label_smoothing=0.1)
    result = run("predict", "digits-model.safetensors", "digits", "--backend", backend)
    assert float(re.match(r"Accuracy (\S+) on", result.stderr)[1]) > 0.93


def test_a_regression_can_be_regularised(folder):
    write_house_prices(folder / "houses.npz")
    options = "--dropout 0.1 --normalization layer --patience 20 --backend numpy"
    output = run("train", "--data", "houses.npz", *options.split()).output
    assert "layer normalization, dropout 0.1" in output
    assert re.search(r"^R2( +0\.[89]\d+){3}$", output, re.MULTILINE)


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_train_learns_from_idx_files_and_tests_on_their_test_images(folder, backend):
    write_mnist(folder / "files" / "mnist")
    output = run("train", "--data", "mnist", "--data-dir", "files", "--hidden", "8", "--backend", backend).output
    assert "40 samples to train on, 10 held out" in output
    assert reported(output, "Accuracy") == (1, 1)


@pytest.mark.skipif(REAL_DATA is None, reason="FASTNN_DATA does not say where MNIST is")
def test_train_learns_the_real_mnist(monkeypatch):
    monkeypatch.setenv("FASTNN_DATA", REAL_DATA)
    output = run("train", "--data", "mnist", "--epochs", "1", "--hidden", "32").output
    assert "60,000 samples to train on, 10,000 held out" in output
    assert reported(output, "Accuracy")[1] > 0.9


def test_train_learns_a_table_of_words_and_unequal_scales(folder):
    write_flowers(folder / "flowers.csv")
    output = run("train", "--data", "flowers.csv", "--backend", "numpy").output
    assert "2 classes of kind: lily, rose" in output
    assert reported(output, "Accuracy") == (1, 1)


def test_train_learns_a_regression_in_the_unit_of_its_targets(folder):
    write_house_prices(folder / "houses.npz")
    output = run("train", "--data", "houses.npz", "--backend", "numpy").output
    assert "regression" in output
    assert reported(output, "R2")[1] > 0.95
    assert 300 < reported(output, "RMSE")[1] < 30_000  # of prices whose standard deviation is 100,000


def write_times(path: Path, n_samples: int = 200) -> None:
    """The first and the second half of a minute, in seconds since 1970."""
    seconds = np.linspace(0, 60, n_samples) + 1_700_000_000
    np.savez(path, X=seconds[:, np.newaxis], y=(seconds > seconds[n_samples // 2]).astype(int))


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list:
    """The estimators that are fitted, with the data to validate on; and the word "Network" for each Network.fit."""
    calls = []
    for make in (fastnn.MLPClassifier, fastnn.MLPRegressor):

        def fit(self, X, y, fit=make.fit, **options):
            calls.append((self, options))
            return fit(self, X, y, **options)

        monkeypatch.setattr(make, "fit", fit)
    network_fit = fastnn.Network.fit
    monkeypatch.setattr(
        fastnn.Network, "fit", lambda *args, **options: calls.append("Network") or network_fit(*args, **options)
    )
    return calls


def test_a_table_of_classes_is_learned_by_the_classifier(folder, fitted):
    write_flowers(folder / "flowers.csv")
    options = (
        "--hidden 8,4 --activation tanh --optimizer adam --schedule cosine --dropout 0.1 --normalization batch "
        "--label-smoothing 0.1 --epochs 3 --batch-size 12 --l2 0.01 --max-grad-norm 5 --dtype float64 --threads 1 "
        "--seed 5 --backend numpy --validation-fraction 0.25"
    )
    run("train", "--data", "flowers.csv", *options.split())
    [(estimator, options)] = fitted
    assert type(estimator) is fastnn.MLPClassifier
    expected = {
        "hidden_layer_sizes": (8, 4),
        "activation": "tanh",
        "optimizer": fastnn.Adam(l2=0.01, max_grad_norm=5.0),
        "schedule": Cosine(),
        "dropout": 0.1,
        "normalization": "batch",
        "label_smoothing": 0.1,
        "standardize": True,
        "max_iter": 3,
        "batch_size": 12,
        "alpha": 0.0,
        "dtype": "float64",
        "n_threads": 1,
        "random_state": 5,
        "backend": "numpy",
    }
    assert {name: estimator.get_params()[name] for name in expected} == expected
    assert len(options["X_val"]) == len(options["y_val"]) == 12
    assert estimator.n_iter_ == 3
    saved = fastnn.load("flowers-model.safetensors", backend="numpy").network
    np.testing.assert_array_equal(saved.parameters, estimator.network_.parameters)


@pytest.mark.parametrize("standardize", ["--standardize", "--no-standardize"])
def test_a_table_of_numbers_is_learned_by_the_regressor_that_predict_follows(folder, fitted, standardize):
    write_house_prices(folder / "houses.npz")
    options = ["--learning-rate", "1e-9", standardize, "--backend", "numpy", "--dtype", "float64", *QUICK]
    run("train", "--data", "houses.npz", *options)
    [(estimator, _)] = fitted
    assert type(estimator) is fastnn.MLPRegressor
    assert estimator.standardize == (standardize == "--standardize")
    predictions = run("predict", "houses-model.safetensors", "houses.npz", "--backend", "numpy").stdout.split()
    with np.load("houses.npz") as arrays:
        np.testing.assert_allclose(np.array(predictions, float), estimator.predict(arrays["X"]), rtol=1e-12)


def test_a_training_with_checkpoints_is_done_by_the_network(folder, fitted):
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", "--backend", "numpy", *QUICK, "--checkpoint", "kept")
    assert fitted == ["Network"]


def test_a_training_on_a_table_goes_on_from_its_checkpoint(folder):
    write_house_prices(folder / "houses.npz")
    options = ["--data", "houses.npz", "--backend", "numpy", "--checkpoint", "kept"]
    run("train", *options, "--epochs", "5", "--output", "whole")
    Path("kept").unlink()
    run("train", *options, "--epochs", "2")
    run("train", *options, "--epochs", "5", "--resume")
    assert Path("houses-model.safetensors").read_bytes() == Path("whole").read_bytes()


def test_single_precision_tells_close_features_of_a_large_mean_apart(folder):
    write_times(folder / "times.npz")
    output = run("train", "--data", "times.npz", "--backend", "numpy").output
    assert "float32" in output
    assert reported(output, "Accuracy")[1] > 0.9
    assert "Accuracy 0.9" in run("predict", "times-model.safetensors", "times.npz", "--backend", "numpy").stderr


def test_a_saved_model_is_replaced_but_no_other_file(folder):
    run("train", "--backend", "numpy", *QUICK)
    run("train", "--backend", "numpy", *QUICK)
    (folder / "notes.txt").write_text("mine")
    assert "exists and is not a model" in sentence("train", "--output", "notes.txt", status=2)
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("data", ["moons", "digits", "flowers.csv"])
def test_a_plot_is_drawn(folder, data):
    pytest.importorskip("matplotlib")
    write_flowers(folder / "flowers.csv")
    output = run("train", "--data", data, "--plot", "picture.png", "--backend", "numpy", *QUICK).output
    assert "saved to picture.png" in output
    content = (folder / "picture.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[start : start + 4]) for start in (16, 20))
    assert width / height < 2 if data == "digits" else width / height > 2  # a second panel for points in the plane


def test_without_matplotlib_a_plot_is_refused_before_training(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert 'pip install ".[plot]"' in sentence("train", "--plot", "picture.png", status=1)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("more", ["", "--patience 5", "--checkpoint kept"])
def test_divergence_is_a_sentence_and_saves_nothing(folder, more):
    write_house_prices(folder / "houses.npz")
    options = ["--no-standardize", "--learning-rate", "10", "--backend", "numpy", "--output", "model", *more.split()]
    message = sentence("train", "--data", "houses.npz", *options, status=1)
    assert re.match(r"Error: Training diverged in epoch \d+: .*smaller learning rate \(it is 10\)", message)
    assert not Path("model").exists()
