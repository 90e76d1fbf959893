"""The command line: what each command does, and the sentence and exit status for what it cannot do."""

import csv
import gzip
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import fastnn
from fastnn.cli import main, training
from fastnn.schedules import Constant, Cosine, OneCycle, ReduceOnPlateau
from tests.commands import in_empty_folder, reported, run, sentence, write_flowers, write_house_prices

folder = pytest.fixture(in_empty_folder, autouse=True)

REAL_DATA = os.environ.get("FASTNN_DATA") and str(Path(os.environ["FASTNN_DATA"]).resolve())
QUICK = ["--epochs", "2", "--hidden", "8"]


def write_mnist(path: Path) -> None:
    """Two kinds of images, half bright at the left or at the right, as four IDX files."""
    path.mkdir(parents=True)
    for part, n_images in (("train", 40), ("t10k", 10)):
        labels = np.arange(n_images, dtype=np.uint8) % 2
        images = np.zeros((n_images, 4, 4), np.uint8)
        images[labels == 0, :, :2] = images[labels == 1, :, 2:] = 255
        for name, content in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            shape = np.array(content.shape, ">u4").tobytes()
            (path / name).write_bytes(bytes([0, 0, 8, content.ndim]) + shape + content.tobytes())


# fastnn train


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_train_without_arguments_learns_the_digits(folder, backend):
    output = run("train", "--backend", backend).output
    training, held_out = reported(output, "Accuracy")
    assert training > 0.99
    assert held_out >= 0.97
    assert re.search(r"^Throughput +[\d,]+ samples/s$", output, re.MULTILINE)
    assert re.search(rf"^Backend +{backend}, \d+ threads?$", output, re.MULTILINE)
    assert "saved to digits-model.npz" in output
    network = fastnn.load(folder / "digits-model.npz", backend=backend).network
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
    architecture = fastnn.load("digits-model.npz", backend=backend).network.architecture
    assert architecture.normalizations == (normalization, normalization, "none")
    assert architecture.dropout == (0.2, 0.2, 0.0)
    assert architecture.loss == fastnn.losses.SoftmaxCrossEntropy(label_smoothing=0.1)
    result = run("predict", "digits-model.npz", "digits", "--backend", backend)
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
    saved = fastnn.load("flowers-model.npz", backend="numpy").network
    np.testing.assert_array_equal(saved.parameters, estimator.network_.parameters)


@pytest.mark.parametrize("standardize", ["--standardize", "--no-standardize"])
def test_a_table_of_numbers_is_learned_by_the_regressor_that_predict_follows(folder, fitted, standardize):
    write_house_prices(folder / "houses.npz")
    options = ["--learning-rate", "1e-9", standardize, "--backend", "numpy", "--dtype", "float64", *QUICK]
    run("train", "--data", "houses.npz", *options)
    [(estimator, _)] = fitted
    assert type(estimator) is fastnn.MLPRegressor
    assert estimator.standardize == (standardize == "--standardize")
    predictions = run("predict", "houses-model.npz", "houses.npz", "--backend", "numpy").stdout.split()
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
    assert Path("houses-model.npz").read_bytes() == Path("whole").read_bytes()


def test_single_precision_tells_close_features_of_a_large_mean_apart(folder):
    write_times(folder / "times.npz")
    output = run("train", "--data", "times.npz", "--backend", "numpy").output
    assert "float32" in output
    assert reported(output, "Accuracy")[1] > 0.9
    assert "Accuracy 0.9" in run("predict", "times-model.npz", "times.npz", "--backend", "numpy").stderr


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


# Early stopping and checkpoints


PATIENT = ["--data", "moons", "--backend", "numpy", "--patience", "3", "--epochs", "1000", "--learning-rate", "1"]


def test_patience_stops_early_and_keeps_the_best_epoch(monkeypatch):
    histories = []
    fit = fastnn.Network.fit
    monkeypatch.setattr(fastnn.Network, "fit", lambda *args, **options: histories.append(fit(*args, **options)))
    output = run("train", *PATIENT, "--validation-fraction", "0.25").output
    losses = histories[0].validation_loss
    best = losses.index(min(losses)) + 1
    assert best + 3 == len(losses) < 1000
    assert "600 samples to train on, 200 to validate on, 200 held out" in output
    assert "Training     at most 1,000 epochs" in output
    assert (
        f"Epochs       {len(losses)} of 1,000, as validation loss has not improved for 3 epochs; the network is that of "
        f"epoch {best}\n"
    ) in output
    columns = re.search(r"^ +training validation   held out\nLoss +(\S+) +(\S+) +(\S+)$", output, re.MULTILINE)
    assert columns[2] == f"{min(losses):.4g}"


def test_the_held_out_samples_stop_nothing(monkeypatch):
    """With any other targets of theirs, the same model is saved."""
    run("train", *PATIENT, "--output", "first")
    split = fastnn.datasets.split

    def spoiled_split(*arguments, **options):
        X, X_test, y, y_test = split(*arguments, **options)
        return X, X_test, y, 1 - y_test

    monkeypatch.setattr("fastnn.datasets.split", spoiled_split)
    output = run("train", *PATIENT, "--output", "second").output
    assert "720 samples to train on, 80 to validate on, 200 held out" in output
    assert Path("first").read_bytes() == Path("second").read_bytes()


@pytest.mark.parametrize("options", ["", "--checkpoint kept"])
def test_patience_on_a_table_stops_early_and_keeps_the_best_epoch(folder, options):
    write_house_prices(folder / "houses.npz")
    patience = ["--patience", "2", "--epochs", "1000", "--optimizer", "adam", "--backend", "numpy"]
    output = run("train", "--data", "houses.npz", *patience, *options.split()).output
    match = re.search(
        r"^Epochs +(\d+) of 1,000, as validation loss has not improved for 2 epochs; the network is that of epoch (\d+)$",
        output,
        re.MULTILINE,
    )
    assert int(match[1]) == int(match[2]) + 2


@pytest.mark.parametrize(("options", "monitor"), [("", "loss"), ("--validation-fraction 0.1", "validation_loss")])
def test_the_plateau_is_one_of_the_validation_loss_if_there_is_one(options, monitor, monkeypatch):
    given = {}
    fit = fastnn.Network.fit
    monkeypatch.setattr(fastnn.Network, "fit", lambda *args, **options: given.update(options) or fit(*args, **options))
    run("train", "--data", "moons", "--backend", "numpy", "--schedule", "plateau", *QUICK, *options.split())
    assert given["schedule"] == ReduceOnPlateau(monitor=monitor)


RESUMABLE = [
    "--data",
    "moons",
    "--backend",
    "numpy",
    "--hidden",
    "8",
    "--epochs",
    "6",
    "--checkpoint",
    "kept",
    "--optimizer",
    "adam",
    "--schedule",
    "one-cycle",
    "--dropout",
    "0.2",
    "--normalization",
    "batch",
    "--patience",
    "20",
]


@pytest.mark.parametrize("epochs", [1, 4])
def test_an_interrupted_training_goes_on_to_the_same_model(epochs, monkeypatch):
    run("train", *RESUMABLE, "--output", "whole")
    Path("kept").unlink()
    with monkeypatch.context() as patch:
        interrupt_after(epochs, patch)
        result = run("train", *RESUMABLE, "--output", "model", status=130)
    assert "Interrupted: what was learned until now is kept; --resume goes on from kept." in result.stderr
    assert (
        f"Epochs       {epochs} of 6 were done when Ctrl-C ended the training; the network is that of epoch"
        in result.output
    )
    assert Path("model").read_bytes() != Path("whole").read_bytes()
    output = run("train", *RESUMABLE, "--output", "model", "--resume").output
    assert "Epochs       6 of 6; the network is that of epoch" in output
    assert Path("model").read_bytes() == Path("whole").read_bytes()


def test_a_training_that_is_done_can_be_prolonged():
    options = ["--data", "moons", "--backend", "numpy", "--hidden", "8", "--checkpoint", "kept"]
    run("train", *options, "--epochs", "5", "--output", "whole")
    Path("kept").unlink()
    run("train", *options, "--epochs", "2")
    seconds = re.search(
        r"^Time +(\S+) s of training, (\S+) s", run("train", *options, "--epochs", "5", "--resume").output, re.M
    )
    assert float(seconds[1]) <= float(seconds[2])
    assert Path("moons-model.npz").read_bytes() == Path("whole").read_bytes()


def test_a_checkpoint_is_not_begun_anew_nor_goes_on_as_another_training():
    run("train", *RESUMABLE)
    before = Path("kept").read_bytes()
    assert "kept exists: go on from it with --resume, or choose another name" in sentence("train", *RESUMABLE, status=2)
    message = sentence("train", *RESUMABLE, "--resume", "--dropout", "0.3", status=1)
    assert "kept was written in a training with dropout [0.2, 0.0], and here it is [0.3, 0.0]" in message
    assert Path("kept").read_bytes() == before


def test_a_checkpoint_is_no_model_and_a_model_no_checkpoint():
    run("train", *RESUMABLE)
    assert "kept is a checkpoint, from which a training goes on" in sentence("predict", "kept", "moons", status=1)
    assert "kept exists and is not a model" in sentence("train", "--output", "kept", status=2)
    options = ["train", "--output", "other", "--checkpoint", "moons-model.npz"]
    assert "moons-model.npz exists and is not a checkpoint" in sentence(*options, status=2)
    assert "moons-model.npz exists and is not a checkpoint" in sentence(*options, "--resume", status=2)


def test_patience_needs_samples_to_validate_on(folder):
    write_flowers(folder / "flowers.csv", 4)
    options = ["--validation-fraction", "0.9", "--backend", "numpy"]
    assert "validation_fraction=0.9 of 2 samples leaves none to train on" in sentence(
        "train", "--data", "flowers.csv", *options, status=1
    )


def test_labels_are_smoothed_of_classes_only(folder):
    write_house_prices(folder / "houses.npz")
    options = ["--data", "houses.npz", "--label-smoothing", "0.1"]
    assert "--label-smoothing is for classes, and the task is regression" in sentence("train", *options, status=2)


# Ctrl-C


def interrupt_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C come at the first report of progress after so many epochs."""

    def progress(self, fraction_done, history):
        if len(history.loss) >= epochs:
            raise KeyboardInterrupt
        report(self, fraction_done, history)

    report = training.ProgressBar.__call__
    monkeypatch.setattr(training.ProgressBar, "__call__", progress)


def test_ctrl_c_keeps_what_was_learned(monkeypatch):
    interrupt_after(5, monkeypatch)
    result = run("train", "--backend", "numpy", "--output", "model", status=130)
    assert "Interrupted: what was learned until now is kept." in result.stderr
    assert "Epochs       5 of 100 were done when Ctrl-C ended the training\n" in result.output
    assert reported(result.output, "Accuracy")[1] > 0.8
    assert "saved to model" in result.output
    assert fastnn.load("model", backend="numpy").n_features == 64


def test_ctrl_c_keeps_what_was_learned_of_a_table(folder, monkeypatch):
    interrupt_after(3, monkeypatch)
    write_flowers(folder / "flowers.csv")
    result = run("train", "--data", "flowers.csv", "--backend", "numpy", "--patience", "50", status=130)
    assert result.stderr == "Interrupted: what was learned until now is kept.\n"
    assert (
        "Epochs       3 of 100 were done when Ctrl-C ended the training; the network is that of epoch 3\n"
        in result.output
    )
    assert re.search(r"^Accuracy( +1\.0000){3}$", result.output, re.MULTILINE)
    assert set(run("predict", "flowers-model.npz", "flowers.csv").stdout.split()) == {"lily", "rose"}


@pytest.mark.parametrize("data", ["digits", "flowers.csv"])
def test_ctrl_c_before_the_first_update_saves_nothing(folder, data, monkeypatch):
    def fit(*arguments, **options):
        raise KeyboardInterrupt

    write_flowers(folder / "flowers.csv")
    monkeypatch.setattr(fastnn.Network, "fit", fit)
    monkeypatch.setattr(fastnn.MLPClassifier, "fit", fit)
    assert "no model was saved" in run("train", "--data", data, "--output", "model", status=130).stderr
    assert not Path("model").exists()


def test_ctrl_c_elsewhere_ends_with_its_own_status(monkeypatch):
    def load_named(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastnn.datasets.load_named", load_named)
    assert "Interrupted." in run("train", status=130).stderr


@pytest.fixture
def heeded_ctrl_c():
    """What starts pytest in the background may ignore Ctrl-C, and processes inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.usefixtures("heeded_ctrl_c")
@pytest.mark.parametrize("data", ["moons", "flowers.csv"])
def test_a_real_ctrl_c_stops_a_real_process(folder, data):
    write_flowers(folder / "flowers.csv")
    arguments = ["train", "--data", data, "--backend", "numpy", "--epochs", "1000000", "--output", "model"]
    arguments.append("--no-early-stopping")
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "fastnn", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stdout:
                if line.startswith("Training"):
                    break
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert errors == "Interrupted: what was learned until now is kept.\n"
    assert re.search(r"^Epochs +[\d,]+ of 1,000,000 were done when Ctrl-C ended the training$", output, re.MULTILINE)
    assert "saved to model" in output
    assert fastnn.load("model", backend="numpy").n_features == 2


# fastnn predict


@pytest.fixture
def flowers(folder: Path) -> Path:
    """A model of flowers."""
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", "--backend", "numpy")
    return folder / "flowers-model.npz"


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


def test_data_sets_are_predicted_by_name(folder):
    run("train", "--data", "moons", "--seed", "3", "--backend", "numpy", "--hidden", "32", "--epochs", "20")
    result = run("predict", "moons-model.npz", "moons", "--backend", "numpy")
    assert set(result.stdout.split()) == {"0", "1"}
    assert float(re.match(r"Accuracy (\S+) on these 1,000 samples", result.stderr)[1]) > 0.9


def test_of_mnist_the_test_images_are_predicted(folder, monkeypatch):
    write_mnist(folder / "mnist")
    monkeypatch.setenv("FASTNN_DATA", str(folder))
    run("train", "--data", "mnist", "--hidden", "8", "--backend", "numpy")
    assert run("predict", "mnist-model.npz", "mnist").stdout.split() == ["0", "1"] * 5


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


# Tables as people have them


@pytest.fixture
def survey(folder: Path) -> Path:
    """A table with an index, an identifier, a yes-or-no feature, decimal commas, and rows without a target."""
    generator = np.random.default_rng(0)
    lines = [";person;size;member;kind"]
    for n in range(60):
        size = f"{10 * (n % 2) + generator.normal():.3f}".replace(".", ",")
        lines.append(f"{n};p{n};{size};{n % 3 == 0};{('NA', '1_1', '11')[0 if n >= 50 else 1 + n % 2]}")
    path = folder / "survey.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_table_is_learned_as_it_is_and_the_report_says_what_was_left_out(folder, survey):
    arguments = ["train", "--data", "survey.csv", "--backend", "numpy"]
    assert "Expected numbers, got words in 'person' ('p0' in row 1)" in sentence(*arguments, status=1)
    output = run(*arguments, "--drop", "person").output
    assert "survey, 2 features, standardized, 2 classes of kind: 11, 1_1\n" in output
    for note in (
        "Column 0 (from 0) has no name and only labels the rows: left out.",
        "Commas are read as decimal signs; choose another by --decimal.",
        "10 of 60 rows have no target: left out.",
    ):
        assert f"Note         {note}\n" in output
    assert reported(output, "Accuracy") == (1, 1)


def test_rows_without_a_target_are_predicted_and_the_score_is_that_of_the_others(folder, survey):
    run("train", "--data", "survey.csv", "--drop", "person", "--backend", "numpy")
    result = run("predict", "survey-model.npz", "survey.csv", "--backend", "numpy")
    assert result.stdout.split() == ["1_1", "11"] * 30
    agreement, trained = result.stderr.splitlines()
    assert agreement.startswith("Accuracy 1.0000 on the 50 of 60 samples that have a target; always ")
    assert trained == (
        "40 of these 60 samples equal samples that the model was trained on; on the other 10 that have a target: "
        "Accuracy 1.0000"
    )
    survey.write_text(re.sub(r";[^;]*$", ";", survey.read_text(), flags=re.MULTILINE).replace(";\n", ";kind\n", 1))
    result = run("predict", "survey-model.npz", "survey.csv", "--backend", "numpy")
    assert len(result.stdout.split()) == 60
    assert result.stderr == f"{trained.split(';')[0]}\n"


@pytest.mark.parametrize("missing", [20, 80])
def test_a_regression_is_scored_where_there_are_numbers(folder, missing):
    write_house_prices(folder / "houses.npz")
    run("train", "--data", "houses.npz", "--no-fingerprint", "--backend", "numpy", "--output", "model")
    with np.load("houses.npz") as arrays:
        X, y = arrays["X"], arrays["y"]
    y[:missing] = np.nan
    np.savez("houses.npz", X=X, y=y)
    result = run("predict", "model", "houses.npz", "--backend", "numpy")
    assert len(result.stdout.split()) == 80
    expected = r"RMSE \S+, R2 0\.9\d+ on the 60 of 80 samples that have a target; always .*\n" if missing == 20 else ""
    assert re.fullmatch(expected, result.stderr)


def test_targets_that_cannot_be_compared_are_not_scored(folder):
    X = np.random.default_rng(0).normal(size=(40, 2))
    np.savez("kinds.npz", X=X, y=np.where(X[:, 0] > 0, "lily", "rose"))
    np.savez("sizes.npz", X=X, y=X[:, 1])
    for trained, other, obstacle in (
        ("kinds", "sizes", "no target is one of the classes of the model; the first is '-0.1321"),
        ("sizes", "kinds", "the targets are not all numbers"),
    ):
        run("train", "--data", f"{trained}.npz", "--no-fingerprint", "--backend", "numpy", *QUICK)
        result = run("predict", f"{trained}-model.npz", f"{other}.npz", "--backend", "numpy")
        assert len(result.stdout.split()) == 40
        assert result.stderr.startswith(f"Not scored: {obstacle}")
        assert result.stderr.count("\n") == 1


def test_a_table_comes_from_the_standard_input_stream(folder, survey):
    def pipe(*arguments: str) -> Result:
        result = CliRunner().invoke(main, [*arguments, "--backend", "numpy"], input=survey.read_bytes())
        assert result.exit_code == 0, result.output
        return result

    assert "saved to stdin-model.npz" in pipe("train", "--data", "-", "--drop", "person").output
    Path("kinds.csv").touch()
    assert "Accuracy 1.0000" in pipe("predict", "stdin-model.npz", "-", "--output", "kinds.csv").stderr


def test_a_compressed_table_gives_the_model_its_name(folder, survey):
    (folder / "survey.csv.gz").write_bytes(gzip.compress(survey.read_bytes()))
    output = run("train", "--data", "survey.csv.gz", "--drop", "1", "--backend", "numpy", *QUICK).output
    assert "saved to survey-model.npz" in output


def test_the_decimal_sign_is_that_of_the_training_unless_another_is_chosen(folder):
    cells = [f"{n % 2 + 1},{100 + n};{n % 2}.5" for n in range(40)]
    Path("sizes.csv").write_text("\n".join(["size;y", *cells]))
    run("train", "--data", "sizes.csv", "--backend", "numpy", "--task", "classification", "--decimal", ",", *QUICK)
    assert len(run("predict", "sizes-model.npz", "sizes.csv", "--backend", "numpy").stdout.split()) == 40
    Path("points.csv").write_text(Path("sizes.csv").read_text().replace(",", "."))
    arguments = ["predict", "sizes-model.npz", "points.csv", "--backend", "numpy"]
    assert "Expected numbers, got words in 'size' ('1.100' in row 1)" in sentence(*arguments, status=1)
    assert len(run(*arguments, "--decimal", ".").stdout.split()) == 40


def test_columns_of_arrays_that_were_left_out_are_left_out_again(folder):
    X = np.random.default_rng(0).normal(size=(40, 3))
    np.save("rows.npy", np.column_stack([X, X[:, 1] > 0]))
    run("train", "--data", "rows.npy", "--drop", "0", "--no-fingerprint", "--backend", "numpy", *QUICK)
    assert "on these 40 samples;" in run("predict", "rows-model.npz", "rows.npy", "--backend", "numpy").stderr
    np.save("rows.npy", X)
    assert "Accuracy" not in run("predict", "rows-model.npz", "rows.npy", "--backend", "numpy").stderr


# fastnn gradcheck and fastnn info


def test_gradcheck_reports_every_backend():
    output = run("gradcheck", "--layers", "3,4,2").output
    assert re.findall(r"^Backend (\w+)$", output, re.MULTILINE) == list(fastnn.available_backends())
    assert output.count(" agree ") == len(fastnn.available_backends())


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "binary_cross_entropy", "squared_error"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh,identity,sigmoid"])
def test_gradcheck_takes_any_network(loss, activation):
    output_layer = {"softmax_cross_entropy": "softmax"}.get(loss, "sigmoid")
    activation = activation.replace("sigmoid", output_layer)
    output = run("gradcheck", "--loss", loss, "--activation", activation, "--backend", "numpy").output
    assert "W3" in output


def test_gradcheck_names_kinks_and_passes():
    options = "--activation", "relu", "--loss", "absolute_error", "--epsilon", "0.01", "--backend", "numpy"
    output = run("gradcheck", *options).output
    assert " agree " in output
    assert "On a kink, or within epsilon of one, " in output
    assert "W1[0, 0]" in output


def test_gradcheck_fails_with_status_one():
    output = run("gradcheck", "--epsilon", "0.5", "--backend", "numpy", status=1).output
    assert "DISAGREE" in output


def test_info_names_versions_and_machine():
    output = run("info").output
    for label in (
        "fastnn",
        "Python",
        "numpy",
        "numba",
        "llvmlite",
        "scipy",
        "scikit-learn",
        "pandas",
        "pyarrow",
        "Processor",
        "Cache",
    ):
        assert re.search(rf"^{label} +\S", output, re.MULTILINE), label
    assert re.search(r"^Vectors +(128|256|512) bits", output, re.MULTILINE)
    assert re.search(r"^Threads +[1-9]", output, re.MULTILINE)


# Help and errors


@pytest.mark.parametrize("command", [[], ["train"], ["predict"], ["gradcheck"], ["info"]])
def test_help_is_given(command):
    assert run(*command, "--help").output.startswith("Usage: ")


def test_every_option_has_a_help_text():
    for command in main.commands.values():
        for parameter in command.params:
            assert isinstance(parameter, click.Argument) or parameter.help, f"{command.name} {parameter.name}"


def test_the_version_is_given():
    assert fastnn.__version__ in run("--version").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data digit", "'digit' is neither a data set (digits, moons, circles, blobs, mnist) nor a file"),
        ("--data nowhere.csv", "'nowhere.csv' is neither"),
        ("--data file.txt", "must be a file that ends in .csv, .tsv, .parquet, .feather, .npz, .npy"),
        ("--hidden 8,x", "'8,x' must be positive whole numbers such as 128,64, or none"),
        ("--hidden 0", "'0' must be positive whole numbers"),
        ("--activation softmax", "'softmax' is not one of"),
        ("--backend jax", "'jax' is not one of"),
        ("--dtype float16", "'float16' is not one of"),
        ("--epochs 0", "0 is not in the range"),
        ("--batch-size 0", "'0' must be a positive whole number, or all"),
        ("--learning-rate 0", "is not in the range"),
        ("--learning-rate nan", "'nan' must be a finite number"),
        ("--l2 -1", "is not in the range"),
        ("--l2 inf", "'inf' must be a finite number"),
        ("--optimizer lion", "'lion' is not one of"),
        ("--schedule linear", "'linear' is not one of"),
        ("--momentum 1", "1.0 is not in the range"),
        ("--momentum 0.9 --optimizer adam", "--momentum is for sgd and rmsprop, and --optimizer is adam"),
        ("--max-grad-norm 0", "is not in the range"),
        ("--weight-decay -1", "is not in the range"),
        ("--dropout 1", "1.0 is not in the range"),
        ("--dropout 0.5 --hidden none", "--dropout is for hidden layers, and --hidden is none"),
        ("--normalization running", "'running' is not one of 'batch', 'layer'"),
        ("--normalization batch --hidden none", "--normalization is for hidden layers, and --hidden is none"),
        ("--label-smoothing 2", "2.0 is not in the range"),
        ("--patience 0", "0 is not in the range"),
        ("--validation-fraction 0", "0.0 is not in the range"),
        ("--validation-fraction 1", "1.0 is not in the range"),
        ("--resume", "--resume goes on from the file that --checkpoint names: give both"),
        ("--resume --checkpoint kept", "there is no kept: without --resume, it is begun"),
        ("--checkpoint nowhere/kept", "there is no folder nowhere"),
        ("--checkpoint file.txt", "file.txt exists and is not a checkpoint"),
        ("--checkpoint same --output same", "--checkpoint needs a file of its own, and same is used by another option"),
        ("--threads 0", "0 is not in the range"),
        ("--seed -1", "-1 is not in the range"),
        ("--target 3", "--target and --task are for files of your own, and digits has its own targets"),
        ("--task regression", "--target and --task are for files of your own"),
        ("--drop 3", "--drop and --decimal are for files of your own, and digits is none"),
        ("--decimal ,", "--drop and --decimal are for files of your own, and digits is none"),
        ("--decimal ;", "';' is not one of '.', ','"),
        ("--data-dir .", "--data-dir says where the files of mnist are, and --data is digits"),
        ("--data-dir nowhere", "'nowhere' does not exist"),
        ("--output nowhere/model", "there is no folder nowhere"),
        ("--output .", ". is not a regular file"),
        ("--output " + os.devnull, "is not a regular file"),
        ("more", "unexpected extra argument"),
    ],
)
def test_usage_errors_of_train_come_before_the_work(folder, arguments, message):
    (folder / "file.txt").touch()
    assert message in sentence("train", *arguments.split(), status=2)
    assert [path.name for path in folder.iterdir()] == ["file.txt"]


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
@pytest.mark.parametrize(
    ("plot", "message"),
    [("picture", "must end in one of"), ("picture.xyz", ".png"), ("nowhere/picture.png", "there is no folder nowhere")],
)
def test_a_plot_that_cannot_be_saved_is_refused_before_the_work(folder, plot, message):
    assert message in sentence("train", "--plot", plot, status=2)
    assert not list(folder.iterdir())


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_the_plot_does_not_replace_the_model(folder):
    options = ["--plot", "both.png", "--output", folder / "both.png"]
    assert "--output and --plot must be two files" in sentence("train", *options, status=2)


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="permissions do not hold for root")
def test_a_folder_without_permission_is_refused_before_the_work(folder):
    (folder / "closed").mkdir(mode=0o500)
    assert "cannot be written: Permission denied" in sentence("train", "--output", "closed/model", status=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--target petals", "flowers.csv has no column 'petals'; its columns are width, length, kind"),
        ("--task regression", "The targets must be finite numbers, got 'lily'"),
        ("--target width --task regression", "flowers.csv: Expected numbers, got words in 'kind' ('lily' in row 1)"),
        ("--drop kind --target kind", "flowers.csv: the target, 'kind', cannot be left out"),
        ("--drop width --drop length", "flowers.csv must have at least two columns, features and a target, got 3"),
        ("--drop petals", "flowers.csv has no column 'petals'; its columns are width, length, kind"),
    ],
)
def test_errors_in_the_data_are_a_sentence(folder, options, message):
    write_flowers(folder / "flowers.csv")
    assert message in sentence("train", "--data", "flowers.csv", *options.split(), status=1)


def test_predict_refuses_what_is_no_model_or_does_not_fit(folder, flowers):
    (folder / "short.csv").write_text("width\n1\n")
    assert "not a network saved by fastnn" in sentence("predict", "flowers.csv", "digits", status=1)
    assert "does not exist" in sentence("predict", "nowhere", "digits", status=2)
    assert "The network takes 2 features, and digits has 64" in sentence("predict", flowers, "digits", status=2)
    assert "lacks columns that the network was trained on: length" in sentence(
        "predict", flowers, "short.csv", status=1
    )
    message = sentence("predict", flowers, "flowers.csv", "--output", "flowers.csv", status=2)
    assert "flowers.csv is read by this command" in message


def test_a_regression_has_no_probabilities(folder):
    fastnn.save(fastnn.Network([2, 1], loss="squared_error", backend="numpy", seed=0), "model")
    np.save("rows.npy", np.ones((4, 2)))
    assert "--probabilities needs a network that predicts classes" in sentence(
        "predict", "model", "rows.npy", "--probabilities", status=2
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("Two\nlines."), "Error: Two lines."),
        (TypeError("Wrong."), "Error: Wrong."),
        (FileNotFoundError(2, "No such file or directory", "data"), "Error: data: No such file or directory."),
        (OSError(28, "No space left on device"), "Error: No space left on device."),
        (OSError("Just words."), "Error: Just words."),
        (MemoryError(), "Error: Not enough memory."),
        (fastnn.DivergenceError("Diverged."), "Error: Diverged."),
        (ImportError("Not installed."), "Error: Not installed."),
        (ValueError(), "Error: ValueError"),
    ],
)
def test_errors_of_the_library_are_one_sentence(monkeypatch, error, message):
    def load_named(*arguments, **options):
        raise error

    monkeypatch.setattr("fastnn.datasets.load_named", load_named)
    assert sentence("train", status=1) == message
    with pytest.raises(type(error)):
        CliRunner().invoke(main, ["--traceback", "train"], catch_exceptions=False)


def test_offline_mnist_is_one_sentence(monkeypatch):
    def fetch(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    message = sentence("train", "--data", "mnist", status=1)
    assert "train-images-idx3-ubyte.gz" in message
    assert "--data-dir" in message


# Real processes


def test_python_m_fastnn_works_without_a_terminal(folder):
    arguments = ["train", "--data", "moons", "--backend", "numpy", *QUICK]
    process = subprocess.run([sys.executable, "-m", "fastnn", *arguments], capture_output=True, text=True, check=True)
    assert "saved to moons-model.npz" in process.stdout
    assert process.stderr == ""  # no progress bar where nobody watches


def test_a_closed_pipe_is_not_an_error(folder):
    fastnn.save(fastnn.Network([64, 10], backend="numpy", seed=0), "model")
    command = [sys.executable, "-m", "fastnn", "predict", "model", "digits", "--backend", "numpy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "Error" not in errors
