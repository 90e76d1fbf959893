"""Reports of `fastnn train` and `fastnn predict`: scores next to a baseline, early stopping, training samples, names."""

import io
import json
import os
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import fastnn
from fastnn.cli import fingerprint, main, plots
from fastnn.cli.groups import Stopping
from fastnn.cli.parts import Part, Parts
from fastnn.cli.reports import described_task, shortened
from fastnn.cli.scores import formatted, mean_recall, score_numbers
from tests.cli.commands import (
    reported,
    run,
    sentence,
    write_flowers,
    write_house_prices,
)

NUMPY = ["--backend", "numpy"]


def write_rare_class(path: Path, n_samples: int = 400, shift: float = 0.0) -> None:
    """One sample in twenty is in class 1, which is `shift` standard deviations from class 0."""
    y = (np.arange(n_samples) % 20 == 0).astype(int)
    np.savez(path, X=np.random.default_rng(0).standard_normal((n_samples, 2)) + shift * y[:, np.newaxis], y=y)


def write_noise(path: Path, n_samples: int = 200) -> None:
    """Numbers that do not depend on the features."""
    generator = np.random.default_rng(0)
    np.savez(path, X=generator.standard_normal((n_samples, 2)), y=50 + 10 * generator.standard_normal(n_samples))


# Baselines


def test_accuracy_stands_beside_that_of_the_most_frequent_class(folder):
    write_rare_class(folder / "rare.npz")
    output = run("train", "--data", "rare.npz", *NUMPY).output
    assert re.search(
        r"^Baseline( +0\.9[345]\d\d){3}  accuracy of always '0', the most frequent class$", output, re.MULTILINE
    )
    assert "Note         on the held-out samples, the network is no better than always '0'" in output
    result = run("predict", "rare-model.safetensors", "rare.npz", *NUMPY)
    assert "always '0', the most frequent class, has accuracy 0.9500: the model is no better\n" in result.stderr


def test_errors_of_numbers_stand_beside_that_of_the_mean(folder):
    write_noise(folder / "noise.npz")
    output = run("train", "--data", "noise.npz", *NUMPY, "--no-early-stopping", "--learning-rate", "0.05").output
    with np.load("noise.npz") as arrays:
        y = arrays["y"]
    training, held_out = np.array(reported(output.replace("  RMSE of always", "\n"), "Baseline"))
    assert 0.8 < training / y.std() < 1.2
    assert 0.8 < held_out / y.std() < 1.2
    assert re.search(r"RMSE of always (49|50|51)\.\d\d, the mean$", output, re.MULTILINE)
    assert reported(output, "RMSE")[1] > held_out
    assert re.search(r"^Note +on the held-out samples, the network is no better than always", output, re.MULTILINE)
    assert re.search(r", the mean, has RMSE \d", run("predict", "noise-model.safetensors", "noise.npz", *NUMPY).stderr)


@pytest.mark.parametrize("write", [write_flowers, write_house_prices])
def test_a_network_that_beats_the_baseline_is_not_told_off(folder, write):
    name = "table.csv" if write is write_flowers else "table.npz"
    write(folder / name)
    assert "no better" not in run("train", "--data", name, *NUMPY).output
    assert "no better" not in run("predict", "table-model.safetensors", name, *NUMPY).stderr


def test_the_error_of_a_regression_is_in_the_unit_of_its_targets(folder):
    write_house_prices(folder / "houses.npz")
    output = run("train", "--data", "houses.npz", *NUMPY).output
    model = fastnn.load("houses-model.safetensors", backend="numpy")
    with np.load("houses.npz") as arrays:
        rmse = np.sqrt(np.mean((model.predict(arrays["X"]) - arrays["y"]) ** 2))
    result = run("predict", "houses-model.safetensors", "houses.npz", *NUMPY)
    assert result.stderr.startswith(f"RMSE {formatted('RMSE', rmse)}, R2 0.9")
    assert re.search(r"^RMSE( +\d+){3}$", output, re.MULTILINE)
    assert "MSE " not in output.replace("RMSE ", "")


def test_scores_without_meaning_are_undefined_and_large_ones_have_no_exponent():
    scores = score_numbers(np.array([1.0, 3.0]), np.array([2.0, 2.0]), None)
    assert (scores["RMSE"], formatted("R2", scores["R2"])) == (1.0, "undefined")
    assert np.isnan(score_numbers(np.zeros(57), np.full(57, 1.1), None)["R2"])  # the variance is 5e-32 by rounding
    assert [formatted("RMSE", value) for value in (12345.6, 0.0123456)] == ["12346", "0.01235"]
    assert mean_recall(np.array([0, 0, 0, 3]), np.array([0, 0, 3, 3])) == 0.75


@pytest.mark.parametrize("options", ["", "--normalization layer"])
def test_balanced_classes_find_more_of_the_rare_one(folder, options):
    write_rare_class(folder / "rare.npz", shift=1.0)
    options = [*NUMPY, "--no-early-stopping", "--learning-rate", "0.02", *options.split()]
    shares = []
    for weights in ([], ["--class-weight", "balanced"]):
        output = run("train", "--data", "rare.npz", *options, *weights).output
        shares.append(run("predict", "rare-model.safetensors", "rare.npz", *NUMPY).stdout.split().count("1") / 400)
    assert shares[0] < 0.05 < 0.1 < shares[1]
    assert re.search(r"^Training .*, balanced classes$", output, re.MULTILINE)
    assert reported(output, "Mean recall")[0] > 0.7


def test_another_seed_splits_the_samples_otherwise():
    dataset = fastnn.datasets.load_named("moons")
    stopping = Stopping(patience=10, validation_fraction=0.2)
    first, second, other = (Parts.of(dataset, stopping, seed) for seed in (0, 0, 1))
    for part, same, different in zip(first, second, other, strict=True):
        np.testing.assert_array_equal(part.X, same.X)
        assert not np.array_equal(part.X, different.X)


def test_weights_make_all_classes_count_the_same():
    y = np.array([0, 0, 0, 1])
    part = Part(np.zeros((4, 1)), y)
    weights = Parts(part, part).balanced().train.weights
    np.testing.assert_allclose(np.bincount(y, weights), [2, 2])


def test_class_weights_are_for_classes(folder):
    write_house_prices(folder / "houses.npz")
    message = sentence("train", "--data", "houses.npz", "--class-weight", "balanced", status=2)
    assert "--class-weight is for classification, but the task is regression" in message


# Samples that were trained on


def test_predict_says_which_samples_were_trained_on_and_how_well_the_others_are_predicted(folder):
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", *NUMPY)
    result = run("predict", "flowers-model.safetensors", "flowers.csv", *NUMPY)
    assert result.stderr.splitlines()[1] == (
        "48 of these 60 samples equal samples that the model was trained on; on the other 12: Accuracy 1.0000"
    )


def test_rows_are_recognised_in_another_file_and_without_targets(folder):
    write_house_prices(folder / "houses.npz")
    run("train", "--data", "houses.npz", *NUMPY)
    with np.load("houses.npz") as arrays:
        X = arrays["X"]
    np.save("rows.npy", np.vstack([X, X + 1]))
    result = run("predict", "houses-model.safetensors", "rows.npy", *NUMPY)
    assert result.stderr == "64 of these 160 samples equal samples that the model was trained on\n"
    np.save("new.npy", X + 1)
    assert run("predict", "houses-model.safetensors", "new.npy", *NUMPY).stderr == ""


def test_a_model_may_keep_nothing_of_its_samples(folder):
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", "--no-fingerprint", *NUMPY)
    assert fastnn.load("flowers-model.safetensors", backend="numpy").trained_rows is None
    assert "trained on" not in run("predict", "flowers-model.safetensors", "flowers.csv", *NUMPY).stderr


def test_rows_are_the_same_whatever_their_type_and_the_sign_of_their_zeros(monkeypatch):
    X = np.arange(20_000.0).reshape(-1, 2)
    hashes = fingerprint.hash_rows(X)
    assert len(np.unique(hashes)) == len(X)
    for same in (X.astype(int), X.astype(np.float32), np.asfortranarray(X), np.where(X == 0, -0.0, X)):
        np.testing.assert_array_equal(fingerprint.hash_rows(same), hashes)
    monkeypatch.setattr(fingerprint, "MOST_HASHES", 100)
    kept = fingerprint.fingerprint(X[:6000], X[6000:])
    assert kept.tolist() == np.sort(hashes)[:100].tolist()
    assert fingerprint.recognized(X, kept).sum() == 100


# Early stopping


def trains(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> list[fastnn.EarlyStopping]:
    """The early stopping of a training from the command line."""
    found: list[fastnn.EarlyStopping] = []

    def note(self, run, join=fastnn.EarlyStopping.join_run):
        found.append(self)
        join(self, run)

    with monkeypatch.context() as patch:
        patch.setattr(fastnn.EarlyStopping, "join_run", note)
        run("train", *arguments, *NUMPY, "--epochs", "2", "--hidden", "8")
    return found


@pytest.mark.parametrize("more", ["", "--normalization layer"])
def test_early_stopping_is_the_default_for_files(folder, monkeypatch, more):
    write_flowers(folder / "flowers.csv")
    [stopping] = trains(monkeypatch, "--data", "flowers.csv", *more.split())
    assert (stopping.monitor, stopping.patience) == ("validation_loss", 10)
    assert trains(monkeypatch, "--data", "flowers.csv", "--no-early-stopping", *more.split()) == []


def test_early_stopping_of_a_data_set_with_a_name_is_asked_for(monkeypatch):
    assert trains(monkeypatch, "--data", "moons") == []
    assert trains(monkeypatch, "--data", "moons", "--early-stopping")[0].patience == 10
    assert trains(monkeypatch, "--data", "moons", "--early-stopping", "--patience", 3)[0].patience == 3


def test_a_training_on_noise_stops_early_and_says_so(folder):
    write_noise(folder / "noise.npz")
    output = run("train", "--data", "noise.npz", *NUMPY, "--learning-rate", "0.05").output
    assert "144 samples to train on, 16 to validate on, 40 held out" in output
    match = re.search(
        r"^Epochs +(\d+) of 100, as validation loss has not improved for 10 epochs; the network is that of epoch (\d+)$",
        output,
        re.MULTILINE,
    )
    assert int(match[1]) == int(match[2]) + 10


def test_too_few_samples_are_all_trained_on_unless_early_stopping_is_asked_for(folder, monkeypatch):
    write_flowers(folder / "flowers.csv", 20)
    assert trains(monkeypatch, "--data", "flowers.csv") == []
    output = run("train", "--data", "flowers.csv", *NUMPY, "--epochs", "2").output
    assert "16 samples to train on, 4 held out" in output
    assert "no early stopping: there are too few samples to validate on" in output
    for asked in (["--early-stopping"], ["--patience", 5], ["--validation-fraction", "0.2"]):
        assert len(trains(monkeypatch, "--data", "flowers.csv", *asked)) == 1


def test_classes_of_one_sample_each_are_not_validated_on(folder):
    np.savez("pairs.npz", X=np.arange(200.0)[:, np.newaxis], y=np.arange(200) % 100)
    options = ["--task", "classification", *NUMPY, "--epochs", "1"]
    assert "no early stopping" in run("train", "--data", "pairs.npz", *options).output


def test_patience_and_no_early_stopping_exclude_each_other():
    message = sentence("train", "--no-early-stopping", "--patience", "5", status=2)
    assert "--patience is for early stopping, which --no-early-stopping turns off" in message


# Plots


@pytest.mark.parametrize(("options", "word"), [([], "held out"), (["--early-stopping"], "validation")])
def test_the_plot_and_the_report_use_the_same_words(monkeypatch, options, word):
    pytest.importorskip("matplotlib")
    figures = []
    new_figure = plots._new_figure
    monkeypatch.setattr(plots, "_new_figure", lambda n: figures.append(new_figure(n)) or figures[-1])
    output = run("train", "--data", "moons", "--plot", "moons.png", *NUMPY, "--epochs", "3", *options).output
    _, boundary, accuracy, _ = figures[-1].axes
    texts = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert texts == ["training (running mean)", word, f"accuracy, {word}"]
    assert boundary.get_title() == "held out"
    assert all(re.search(rf"^ .*\b{name}\b", output, re.MULTILINE) for name in ("training", word, "held out"))


def test_many_classes_of_two_features_have_no_boundary_to_draw(folder):
    pytest.importorskip("matplotlib")
    X = np.random.default_rng(0).standard_normal((90, 2))
    np.savez("many.npz", X=X, y=np.arange(90) % 30)
    options = ["--task", "classification", "--plot", "many.png", *NUMPY, "--epochs", "1"]
    run("train", "--data", "many.npz", *options)
    content = Path("many.png").read_bytes()
    assert int.from_bytes(content[16:20]) < 2 * int.from_bytes(content[20:24])  # a single panel


def test_names_that_the_font_lacks_are_drawn_without_a_warning(folder):
    pytest.importorskip("matplotlib")
    write_greek_and_chinese(folder / "words.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run("train", "--data", "words.csv", "--plot", "words.png", *NUMPY, "--epochs", "2")


# Predictions in files


def test_json_is_written_where_the_name_says_so(folder):
    write_house_prices(folder / "houses.npz")
    run("train", "--data", "houses.npz", *NUMPY, "--epochs", "2")
    run("predict", "houses-model.safetensors", "houses.npz", *NUMPY, "--output", "prices.json")
    printed = run("predict", "houses-model.safetensors", "houses.npz", *NUMPY).stdout.split()
    assert json.loads(Path("prices.json").read_text()) == [{"prediction": float(number)} for number in printed]


@pytest.mark.parametrize("name", ["kinds.txt", "kinds.xlsx", "kinds", "kinds.json.gz"])
def test_files_of_other_kinds_are_refused_by_name(folder, name):
    write_flowers(folder / "flowers.csv")
    run("train", "--data", "flowers.csv", *NUMPY, "--epochs", "2")
    message = sentence("predict", "flowers-model.safetensors", "flowers.csv", "--output", name, status=2)
    assert f"{name} must end in .csv or .json" in message
    assert not Path(name).exists()


# Names


def write_greek_and_chinese(path: Path, n_samples: int = 60) -> None:
    """Classes and a target whose names few encodings have."""
    lines = [f"{n % 2 + n / 1000},{-n % 7},{('άλφα', '玫瑰')[n % 2]}" for n in range(n_samples)]
    path.write_text("\n".join(["width,length,είδος", *lines]), encoding="utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_characters_that_a_stream_lacks_are_replaced(folder, encoding, monkeypatch):
    write_greek_and_chinese(folder / "words.csv")

    def fastnn_says(*arguments: str, status: int = 0) -> str:
        written = io.BytesIO()
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(written, encoding, write_through=True))
        with pytest.raises(SystemExit) as ended:
            main.main(list(arguments))
        assert ended.value.code == status
        # click writes UTF-8 where a stream is said to be ASCII, which it takes for a mistake.
        return written.getvalue().decode("utf-8" if encoding == "ascii" else encoding)

    alpha, rose = ("άλφα", "玫瑰") if encoding == "ascii" else ("????", "??")
    output = fastnn_says("train", "--data", "words.csv", "--epochs", "2", *NUMPY)
    assert f": {alpha}, {rose}\n" in output.replace(os.linesep, "\n")
    assert f"probability_{alpha}" in fastnn_says(
        "predict", "words-model.safetensors", "words.csv", "--probabilities", *NUMPY
    )
    assert f"'{alpha}'" in fastnn_says("train", "--data", "άλφα", status=2)


def test_characters_are_replaced_under_a_runner_too(folder):
    write_greek_and_chinese(folder / "words.csv")
    result = CliRunner(charset="cp1252").invoke(main, ["train", "--data", "words.csv", "--epochs", "2", *NUMPY])
    assert result.exit_code == 0, result.output
    assert ": ????, ??\n" in result.stdout


def task_of_classes(*names: str) -> str:
    """How a report describes the task of classifying these classes."""
    y = np.arange(len(names))
    return described_task(fastnn.datasets.Dataset("table", np.zeros((len(y), 1)), y, names, target_name="kind " * 100))


def test_a_report_lists_few_classes_and_shortens_long_names():
    many = task_of_classes(*(f"class {k}" for k in range(100_000)))
    assert many == "100,000 classes of kind kind kind kind kind ki..."
    few = task_of_classes("a" * 10_000, "b\n\tc")
    assert few.endswith(f": {'a' * 27}..., b c")
    assert shortened("x" * 30) == "x" * 30
