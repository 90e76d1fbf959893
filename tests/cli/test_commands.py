"""The other commands, help, and the message and exit status when a command fails."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import click
import numpy as np
import pytest
from click.testing import CliRunner

import fastnn
from fastnn.cli import main
from tests.cli.commands import QUICK, run, sentence, write_flowers

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
        ("--data file.txt", "must be a file with an extension among .csv, .tsv, .parquet, .feather, .npz, .npy"),
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
        ("--momentum 0.9 --optimizer adam", "--momentum is for sgd and rmsprop, but --optimizer is adam"),
        ("--max-grad-norm 0", "is not in the range"),
        ("--weight-decay -1", "is not in the range"),
        ("--dropout 1", "1.0 is not in the range"),
        ("--dropout 0.5 --hidden none", "--dropout is for hidden layers, but --hidden is none"),
        ("--normalization running", "'running' is not one of 'batch', 'layer'"),
        ("--normalization batch --hidden none", "--normalization is for hidden layers, but --hidden is none"),
        ("--label-smoothing 2", "2.0 is not in the range"),
        ("--patience 0", "0 is not in the range"),
        ("--validation-fraction 0", "0.0 is not in the range"),
        ("--validation-fraction 1", "1.0 is not in the range"),
        ("--resume", "--resume continues from the file given by --checkpoint: give both"),
        ("--resume --checkpoint kept", "there is no kept: without --resume, it is created"),
        ("--checkpoint nowhere/kept", "there is no folder nowhere"),
        ("--checkpoint file.txt", "file.txt exists and is not a checkpoint"),
        ("--checkpoint same --output same", "--checkpoint needs a file of its own, but same is used by another option"),
        ("--threads 0", "0 is not in the range"),
        ("--seed -1", "-1 is not in the range"),
        ("--target 3", "--target and --task are for your own files, but digits has its own targets"),
        ("--task regression", "--target and --task are for your own files"),
        ("--drop 3", "--drop and --decimal are for your own files, but digits is a built-in data set"),
        ("--decimal ,", "--drop and --decimal are for your own files, but digits is a built-in data set"),
        ("--decimal ;", "';' is not one of '.', ','"),
        ("--data-dir .", "--data-dir is the folder of the MNIST files, but --data is digits"),
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
    assert "--output and --plot must be different files" in sentence("train", *options, status=2)


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="permissions do not hold for root")
def test_a_folder_without_permission_is_refused_before_the_work(folder):
    (folder / "closed").mkdir(mode=0o500)
    assert "cannot be written: Permission denied" in sentence("train", "--output", "closed/model", status=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--target petals", "flowers.csv has no column 'petals'; its columns are width, length, kind"),
        ("--task regression", "The targets must be finite numbers, got 'lily'"),
        (
            "--target width --task regression --model mlp",
            "flowers.csv: Expected numbers, got words in 'kind' ('lily' in row 1)",
        ),
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
    assert "The network takes 2 features, but digits has 64" in sentence("predict", flowers, "digits", status=2)
    assert "lacks columns that the network was trained on: length" in sentence(
        "predict", flowers, "short.csv", status=1
    )
    message = sentence("predict", flowers, "flowers.csv", "--output", "flowers.csv", status=2)
    assert "flowers.csv is an input file" in message


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
    assert "saved to moons-model.safetensors" in process.stdout
    assert process.stderr == ""  # no progress bar without a terminal


def test_a_closed_pipe_is_not_an_error(folder):
    fastnn.save(fastnn.Network([64, 10], backend="numpy", seed=0), "model")
    command = [sys.executable, "-m", "fastnn", "predict", "model", "digits", "--backend", "numpy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "Error" not in errors
