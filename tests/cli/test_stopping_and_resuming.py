"""`fastnn train` that stops early, resumes from a checkpoint, or is stopped by Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fastnn
from fastnn.cli import training
from fastnn.schedules import ReduceOnPlateau
from tests.cli.commands import QUICK, reported, run, sentence, write_flowers, write_house_prices

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
    assert "Interrupted: the model trained so far is kept; --resume continues from kept." in result.stderr
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
    assert Path("moons-model.safetensors").read_bytes() == Path("whole").read_bytes()


def test_a_checkpoint_is_not_begun_anew_nor_goes_on_as_another_training():
    run("train", *RESUMABLE)
    before = Path("kept").read_bytes()
    assert "kept exists: continue from it with --resume, choose another name" in sentence("train", *RESUMABLE, status=2)
    message = sentence("train", *RESUMABLE, "--resume", "--dropout", "0.3", status=1)
    assert "kept was written in a training with dropout [0.2, 0.0], and here it is [0.3, 0.0]" in message
    assert Path("kept").read_bytes() == before


def test_a_checkpoint_is_no_model_and_a_model_no_checkpoint():
    run("train", *RESUMABLE)
    assert "kept is a checkpoint, for resuming training" in sentence("predict", "kept", "moons", status=1)
    assert "kept exists and is not a model" in sentence("train", "--output", "kept", status=2)
    options = ["train", "--output", "other", "--checkpoint", "moons-model.safetensors"]
    assert "moons-model.safetensors exists and is not a checkpoint" in sentence(*options, status=2)
    assert "moons-model.safetensors exists and is not a checkpoint" in sentence(*options, "--resume", status=2)


def test_patience_needs_samples_to_validate_on(folder):
    write_flowers(folder / "flowers.csv", 4)
    options = ["--validation-fraction", "0.9", "--backend", "numpy"]
    assert "validation_fraction=0.9 of 2 samples leaves none for training" in sentence(
        "train", "--data", "flowers.csv", *options, status=1
    )


def test_labels_are_smoothed_of_classes_only(folder):
    write_house_prices(folder / "houses.npz")
    options = ["--data", "houses.npz", "--label-smoothing", "0.1"]
    assert "--label-smoothing is for classification, but the task is regression" in sentence(
        "train", *options, status=2
    )


# Ctrl-C


def interrupt_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate Ctrl-C at the first progress report after some epochs."""

    def progress(self, fraction_done, history):
        if len(history.loss) >= epochs:
            raise KeyboardInterrupt
        report(self, fraction_done, history)

    report = training.ProgressBar.__call__
    monkeypatch.setattr(training.ProgressBar, "__call__", progress)


def test_ctrl_c_keeps_what_was_learned(monkeypatch):
    interrupt_after(5, monkeypatch)
    result = run("train", "--backend", "numpy", "--output", "model", status=130)
    assert "Interrupted: the model trained so far is kept." in result.stderr
    assert "Epochs       5 of 100 were done when Ctrl-C ended the training\n" in result.output
    assert reported(result.output, "Accuracy")[1] > 0.8
    assert "saved to model" in result.output
    assert fastnn.load("model", backend="numpy").n_features == 64


def test_ctrl_c_keeps_what_was_learned_of_a_table(folder, monkeypatch):
    interrupt_after(3, monkeypatch)
    write_flowers(folder / "flowers.csv")
    result = run("train", "--data", "flowers.csv", "--backend", "numpy", "--patience", "50", status=130)
    assert result.stderr == "Interrupted: the model trained so far is kept.\n"
    assert (
        "Epochs       3 of 100 were done when Ctrl-C ended the training; the network is that of epoch 3\n"
        in result.output
    )
    assert re.search(r"^Accuracy( +1\.0000){3}$", result.output, re.MULTILINE)
    assert set(run("predict", "flowers-model.safetensors", "flowers.csv").stdout.split()) == {"lily", "rose"}


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
    """Whatever starts pytest in the background may ignore Ctrl-C, and child processes inherit that."""
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
    assert errors == "Interrupted: the model trained so far is kept.\n"
    assert re.search(r"^Epochs +[\d,]+ of 1,000,000 were done when Ctrl-C ended the training$", output, re.MULTILINE)
    assert "saved to model" in output
    assert fastnn.load("model", backend="numpy").n_features == 2
