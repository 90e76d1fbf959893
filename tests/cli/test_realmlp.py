"""`fastnn train` and `fastnn predict` with a RealMLP: tables as they are, with categories and missing values."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import fastnn
from fastnn.cli import main
from tests.cli.commands import QUICK, run, sentence, write_flowers

TINY = ["--model", "realmlp", "--epochs", "2", "--members", "1"]
TRAINED = ["--model", "realmlp", "--epochs", "30", "--members", "1", "--preset", "td-s"]


def shop(n_rows: int = 80) -> pd.DataFrame:
    """Customers, of whom those with red hats buy; some cells are missing."""
    random = np.random.default_rng(0)
    hats = random.choice(np.array(["red", "blue", "green"], object), n_rows)
    bought = np.where(hats == "red", "yes", "no").astype(object)
    bought[::20] = None
    table = {
        "age": np.where(np.arange(n_rows) % 9 == 0, np.nan, random.integers(18, 90, n_rows)),
        "hat": np.where(np.arange(n_rows) % 16 == 3, None, hats),
        "street": [f"{n % 12} Main Street" for n in range(n_rows)],
        "member": np.arange(n_rows) % 3 == 0,
        "country": "Utopia",
        "fax": np.nan,
        "bought": bought,
    }
    return pd.DataFrame(table)


@pytest.fixture(params=["csv", "parquet"])
def table(folder: Path, request: pytest.FixtureRequest) -> str:
    """The customers as a file."""
    if request.param == "csv":
        shop().to_csv("shop.csv", index=False)
    else:
        pytest.importorskip("pyarrow")
        shop().to_parquet("shop.parquet")
    return f"shop.{request.param}"


@pytest.fixture
def model(folder: Path) -> Path:
    """A model of the customers."""
    shop().to_csv("shop.csv", index=False)
    run("train", "--data", "shop.csv", *TRAINED)
    return folder / "shop-model.safetensors"


COLUMNS = """
Column   kind                levels  missing
age      number                   -        8
hat      category                 3        5
street   category                12        0
member   category                 2        0
country  constant, left out       -        0
fax      empty, left out          -       76

"""


def test_a_table_is_learned_as_it_is_and_every_column_is_described(table):
    output = run("train", "--data", table, *TRAINED).output
    assert COLUMNS in output
    assert "Data         shop, 6 features, 2 classes of bought: no, yes\n" in output
    assert "Note         4 of 80 rows have no target: left out.\n" in output
    assert "Model        realmlp, as requested\n" in output
    assert "Network      RealMLP-TD-S, 1 network of 256-256-256 hidden units\n" in output
    assert "Training     30 epochs, batches of 61; each network keeps its best epoch on 20% of the" in output
    error, baseline = re.search(
        r"^Held out +error (\S+) \(majority class 'no': (\S+)\)$", output, re.MULTILINE
    ).groups()
    assert float(error) < float(baseline)
    assert output.endswith("Model        saved to shop-model.safetensors\n")


def test_the_mean_is_the_baseline_of_a_regression(table):
    output = run("train", "--data", table, "--target", "age", *TINY).output
    assert "regression of age" in output
    assert re.search(r"^Held out +RMSE \S+ \(mean: \S+\), R2 \S+$", output, re.MULTILINE)
    predictions = run("predict", "shop-model.safetensors", table).stdout.split()
    assert len(predictions) == 80
    assert all(18 <= float(number) < 90 for number in predictions)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "realmlp, the default for tables; --model mlp trains a plain network"),
        (["--preset", "td-s"], "realmlp, because of --preset"),
        (["--model", "realmlp", "--backend", "numpy"], "realmlp, as requested"),
        (["--hidden", "4"], "mlp, because of --hidden; the default for tables is --model realmlp"),
        (["--backend", "numpy"], "mlp, because of --backend; the default for tables is --model realmlp"),
        (["--no-early-stopping"], "mlp, because of --no-early-stopping; the default for tables is --model realmlp"),
        (["--model", "mlp"], "mlp, as requested"),
    ],
)
def test_the_report_says_which_model_was_chosen_and_why(folder, options, expected):
    write_flowers(folder / "flowers.csv")
    output = run("train", "--data", "flowers.csv", "--epochs", "1", "--seed", "1", "--threads", "1", *options).output
    assert f"Model        {expected}\n" in output


@pytest.mark.parametrize("data", ["moons", "rows.npy", "rows.npz"])
def test_whatever_has_no_named_columns_is_learned_by_an_mlp_unless_a_realmlp_is_asked_for(folder, data):
    X = np.random.default_rng(0).normal(size=(40, 3))
    np.save("rows.npy", np.column_stack([X, X[:, 1] > 0]))
    np.savez("rows.npz", X=np.where(np.abs(X) > 1.5, np.nan, X), y=np.arange(40) % 2)
    if data != "rows.npz":
        assert "\nModel        mlp" not in (output := run("train", "--data", data, *QUICK, "--backend", "numpy").output)
        assert "Network " in output
        assert "RealMLP" not in output
    assert re.search(r"^x0 +number ", run("train", "--data", data, *TINY).output, re.MULTILINE)
    predicted = run("predict", f"{Path(data).stem}-model.safetensors", data).stdout.split()
    assert set(predicted) <= {"0", "1"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "realmlp", "--hidden", "8"], "--hidden is for --model mlp, but --model is realmlp."),
        (["--model", "realmlp", "--checkpoint", "file"], "--checkpoint is for --model mlp, but --model is realmlp."),
        (["--model", "mlp", "--members", "2"], "--members is for --model realmlp, but --model is mlp."),
        (
            ["--preset", "td", "--schedule", "cosine"],
            "--preset is for --model realmlp, and --schedule for --model mlp: leave one of them out.",
        ),
        (["--task", "regression", "--class-weight", "balanced", "--target", "age"], "--class-weight is for"),
    ],
)
def test_options_that_do_not_fit_are_rejected(folder, options, message):
    shop().to_csv("shop.csv", index=False)
    assert message in sentence("train", "--data", "shop.csv", *options, status=2)
    assert not Path("shop-model.safetensors").exists()


def test_an_mlp_says_that_a_realmlp_takes_words_and_missing_values(folder):
    shop().to_csv("shop.csv", index=False)
    message = sentence("train", "--data", "shop.csv", "--hidden", "8", status=1)
    assert message.count("--model realmlp") == 2


def test_help_explains_the_choice():
    text = " ".join(run("train", "--help").output.split())
    assert "--model [realmlp|mlp]" in text
    assert "[default: realmlp for a table, unless options of the mlp are given; otherwise mlp]" in text


def test_columns_are_matched_by_name_and_may_have_unknown_or_missing_cells(model):
    expected = run("predict", model, "shop.csv").stdout.split()
    table = shop()
    table[table.columns[::-1]].assign(more=1).drop(columns="bought").to_csv("other.csv", index=False)
    assert run("predict", model, "other.csv").stdout.split() == expected
    table.assign(hat="violet", age=None, street="", member=None).to_csv("other.csv", index=False)
    assert len(run("predict", model, "other.csv").stdout.split()) == 80


def test_words_that_look_like_numbers_stay_words(folder):
    rows = [f"{code},{n % 2}" for n, code in enumerate(["01", "1", "1.0", "x"] * 20)]
    Path("codes.csv").write_text("\n".join(["code,y", *rows]))
    assert re.search(r"^code +category +4 ", run("train", "--data", "codes.csv", *TRAINED).output, re.MULTILINE)
    Path("new.csv").write_text("code\n01\n1\n1.0\n")
    by_word = run("predict", "codes-model.safetensors", "new.csv").stdout.split()
    assert by_word == ["0", "1", "0"]


def test_probabilities_and_files_are_written(model):
    rows = list(csv.DictReader(io.StringIO(run("predict", model, "shop.csv", "--probabilities").stdout)))
    assert list(rows[0]) == ["prediction", "probability_no", "probability_yes"]
    assert all(abs(float(row["probability_no"]) + float(row["probability_yes"]) - 1) < 1e-6 for row in rows)
    run("predict", model, "shop.csv", "--output", "bought.json")
    assert [row["prediction"] for row in json.loads(Path("bought.json").read_text())] == [
        row["prediction"] for row in rows
    ]


def test_samples_that_were_trained_on_are_recognised(model):
    text = run("predict", model, "shop.csv").stderr
    assert re.match(r"Accuracy \S+ on the 76 of 80 samples that have a target; always 'no', the most frequent", text)
    assert re.search(r"6\d of these 80 samples equal samples that the model was trained on", text)
    run("train", "--data", "shop.csv", "--no-fingerprint", *TINY)
    assert "trained on" not in run("predict", model, "shop.csv").stderr


def test_the_saved_model_is_an_estimator_in_python(model):
    loaded = fastnn.load(model)
    assert isinstance(loaded, fastnn.RealMLPClassifier)
    predictions = loaded.predict(shop().drop(columns="bought"))
    assert predictions.tolist() == run("predict", model, "shop.csv").stdout.split()


def test_an_estimator_saved_from_python_predicts(folder):
    table = shop().drop(columns="bought")
    classifier = fastnn.RealMLPClassifier(n_members=1, n_epochs=1, random_state=0).fit(table, np.arange(80) % 2)
    fastnn.save(classifier, "model")
    table.to_csv("table.csv", index=False)
    assert run("predict", "model", "table.csv").stdout.split() == [str(k) for k in classifier.predict(table)]


def test_tables_that_do_not_fit_the_model_are_rejected(model):
    for change, message in (
        ({"age": "old"}, "other.csv: Expected numbers, got words in 'age' ('old' in row 1)."),
        ({"member": "perhaps"}, "other.csv: Expected numbers, got words in 'member' ('perhaps' in row 1)."),
    ):
        shop().assign(**change).to_csv("other.csv", index=False)
        assert message in sentence("predict", model, "other.csv", status=1)
    shop().drop(columns="hat").to_csv("other.csv", index=False)
    assert "lacks columns that the network was trained on: hat;" in sentence("predict", model, "other.csv", status=1)


def test_a_table_comes_from_the_standard_input_stream(folder):
    text = shop().to_csv(index=False).encode()
    result = CliRunner().invoke(main, ["train", "--data", "-", *TINY], input=text)
    assert result.exit_code == 0, result.output
    assert COLUMNS in result.output


def test_of_wide_tables_only_the_first_columns_are_listed(folder):
    X = np.random.default_rng(0).normal(size=(30, 60))
    table = pd.DataFrame(X, columns=[f"c{n}" for n in range(60)]).assign(word=["a", "b"] * 15, y=["u", "v"] * 15)
    table.to_csv("wide.csv", index=False)
    output = run("train", "--data", "wide.csv", *TINY).output
    assert "and 11 more: 10 number; 1 category\n" in output
    assert output.count(" number ") == 50


def test_ctrl_c_saves_nothing_and_says_so(folder, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    shop().to_csv("shop.csv", index=False)
    monkeypatch.setattr(fastnn.RealMLPClassifier, "fit", interrupt)
    result = run("train", "--data", "shop.csv", *TINY, status=130)
    assert result.stderr == "Interrupted: no model was saved, because a realmlp is complete only at the end.\n"
    assert not Path("shop-model.safetensors").exists()


def test_a_table_without_variation_is_rejected(folder):
    Path("same.csv").write_text("\n".join(["a,y", *[f"1,{'uv'[n % 2]}" for n in range(20)]]))
    assert "At least one column of X must vary" in sentence("train", "--data", "same.csv", *TINY, status=1)
