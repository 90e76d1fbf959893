"""Realistic tables, trained and predicted from the command line."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fastnn.cli import main
from tests.cli.commands import (
    QUICK,
    reported,
    run,
    sentence,
    write_house_prices,
)


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
        "Commas are read as decimal separators; use --decimal to change that.",
        "10 of 60 rows have no target: left out.",
    ):
        assert f"Note         {note}\n" in output
    assert reported(output, "Accuracy") == (1, 1)


def test_rows_without_a_target_are_predicted_and_the_score_is_that_of_the_others(folder, survey):
    run("train", "--data", "survey.csv", "--drop", "person", "--backend", "numpy")
    result = run("predict", "survey-model.safetensors", "survey.csv", "--backend", "numpy")
    assert result.stdout.split() == ["1_1", "11"] * 30
    agreement, trained = result.stderr.splitlines()
    assert agreement.startswith("Accuracy 1.0000 on the 50 of 60 samples that have a target; always ")
    assert trained == (
        "40 of these 60 samples equal samples that the model was trained on; on the other 10 that have a target: "
        "Accuracy 1.0000"
    )
    survey.write_text(re.sub(r";[^;]*$", ";", survey.read_text(), flags=re.MULTILINE).replace(";\n", ";kind\n", 1))
    result = run("predict", "survey-model.safetensors", "survey.csv", "--backend", "numpy")
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
        result = run("predict", f"{trained}-model.safetensors", f"{other}.npz", "--backend", "numpy")
        assert len(result.stdout.split()) == 40
        assert result.stderr.startswith(f"Not scored: {obstacle}")
        assert result.stderr.count("\n") == 1


def test_a_table_comes_from_the_standard_input_stream(folder, survey):
    def pipe(*arguments: str) -> Result:
        result = CliRunner().invoke(main, [*arguments, "--backend", "numpy"], input=survey.read_bytes())
        assert result.exit_code == 0, result.output
        return result

    assert "saved to stdin-model.safetensors" in pipe("train", "--data", "-", "--drop", "person").output
    Path("kinds.csv").touch()
    assert "Accuracy 1.0000" in pipe("predict", "stdin-model.safetensors", "-", "--output", "kinds.csv").stderr


def test_a_compressed_table_gives_the_model_its_name(folder, survey):
    (folder / "survey.csv.gz").write_bytes(gzip.compress(survey.read_bytes()))
    output = run("train", "--data", "survey.csv.gz", "--drop", "1", "--backend", "numpy", *QUICK).output
    assert "saved to survey-model.safetensors" in output


def test_the_decimal_sign_is_that_of_the_training_unless_another_is_chosen(folder):
    cells = [f"{n % 2 + 1},{100 + n};{n % 2}.5" for n in range(40)]
    Path("sizes.csv").write_text("\n".join(["size;y", *cells]))
    run("train", "--data", "sizes.csv", "--backend", "numpy", "--task", "classification", "--decimal", ",", *QUICK)
    assert len(run("predict", "sizes-model.safetensors", "sizes.csv", "--backend", "numpy").stdout.split()) == 40
    Path("points.csv").write_text(Path("sizes.csv").read_text().replace(",", "."))
    arguments = ["predict", "sizes-model.safetensors", "points.csv", "--backend", "numpy"]
    assert "Expected numbers, got words in 'size' ('1.100' in row 1)" in sentence(*arguments, status=1)
    assert len(run(*arguments, "--decimal", ".").stdout.split()) == 40


def test_columns_of_arrays_that_were_left_out_are_left_out_again(folder):
    X = np.random.default_rng(0).normal(size=(40, 3))
    np.save("rows.npy", np.column_stack([X, X[:, 1] > 0]))
    run("train", "--data", "rows.npy", "--drop", "0", "--no-fingerprint", "--backend", "numpy", *QUICK)
    assert "on these 40 samples;" in run("predict", "rows-model.safetensors", "rows.npy", "--backend", "numpy").stderr
    np.save("rows.npy", X)
    assert "Accuracy" not in run("predict", "rows-model.safetensors", "rows.npy", "--backend", "numpy").stderr
