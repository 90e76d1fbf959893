"""Realistic tables: columns, the task, sizes, and samples to predict."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn.datasets import is_missing, load_samples, load_table, split
from tests.datasets.columns import column

# Columns


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("others", [",", ";\t", "|,;\t"])
def test_delimiters_within_quotes_do_not_count(table, delimiter, others):
    text = f'"Length{others} cm"{delimiter}"y{others}."\n1{delimiter}"a{others}b"\n5{delimiter}c\n'
    dataset = load_table(table(text))
    assert (dataset.feature_names, dataset.target_name) == ((f"Length{others} cm",), f"y{others}.")
    assert set(dataset.class_names) == {f"a{others}b", "c"}


@pytest.mark.parametrize("name", ["", "Unnamed: 0", " "])
@pytest.mark.parametrize("cells", ["0 1 2 3", "1 2 3 4", "17 3 99 4", "a b c d"])
def test_an_index_without_a_name_is_left_out_with_a_note(table, name, cells):
    rows = zip(cells.split(), [4.5, 3, 8, 2], "uvuv", strict=True)
    dataset = load_table(table(f"{name},x,y\n" + "".join(f"{index},{x},{y}\n" for index, x, y in rows)))
    np.testing.assert_array_equal(dataset.X[:, 0], [4.5, 3, 8, 2])
    assert (dataset.feature_names, dataset.dropped) == (("x",), (0,))
    assert dataset.notes == ("Column 0 (from 0) has no name and only labels the rows: left out.",)


def test_the_rows_names_that_r_writes_are_left_out(table):
    dataset = load_table(table('"x","y"\n"r1",4,"u"\n"r2",7,"v"\n"r3",5,"u"\n'))
    np.testing.assert_array_equal(dataset.X, [[4], [7], [5]])


@pytest.mark.parametrize("header", ["x,y", "x,y,"])
def test_a_delimiter_at_the_end_of_each_line_makes_no_target(table, header):
    dataset = load_table(table(f"{header}\n4,u,\n7,v,\n5,u,\n"))
    assert (dataset.feature_names, dataset.target_name) == (("x",), "y")
    assert dataset.notes == ("Column 2 (from 0) has no name and is empty: left out.",)


def test_a_column_without_a_name_that_repeats_is_learned_from(table):
    assert load_table(table(",x,y\n5,4,u\n5,7,v\n6,5,u\n")).feature_names == ("Unnamed: 0", "x")


@pytest.mark.parametrize("cells", [[1, 2, 3, 4], [7, 5, 8, 6]])
def test_a_column_that_counts_the_rows_is_warned_of(table, tmp_path, cells):
    text = "id,x,y\n" + "".join(f"{cell},{2.5 * k},{'uv'[k % 2]}\n" for k, cell in enumerate(cells))
    note = "The numbers in {} count the rows: leave the column out (--drop) unless they mean something."
    assert load_table(table(text)).notes == (note.format("'id'"),)
    assert load_table(table(text), drop="id").notes == ()
    np.savez(tmp_path / "file.npz", X=np.array([cells, [1, 1, 5, 1]]).T, y=np.array([0, 1, 0, 1]))
    assert load_table(tmp_path / "file.npz").notes == (note.format("column 0"),)


@pytest.mark.parametrize("drop", [["name", "b"], ["0", "-2"], ["0", "b"]])
def test_columns_are_left_out_by_name_or_position(table, drop):
    dataset = load_table(table("name,a,b,y\nx7,1,5,u\nx8,4,,v\n"), drop=drop)
    np.testing.assert_array_equal(dataset.X, [[1], [4]])
    assert (dataset.dropped, dataset.target_index) == ((0, 2), 3)


def test_the_last_column_that_is_not_left_out_is_the_target(table):
    assert load_table(table("a,y,comment\n1,u,-\n3,v,-\n"), drop=["comment"]).target_name == "y"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": ["z"]}, "has no column 'z'; its columns are a, b, y"),
        ({"drop": ["a", "b"]}, "at least two columns, features and a target, got 3, 2 of them left out"),
        ({"drop": ["b"], "target": "b"}, "the target, 'b', cannot be left out"),
    ],
)
def test_what_cannot_be_left_out_is_said(table, options, message):
    with pytest.raises(ValueError, match=message):
        load_table(table("a,b,y\n1,2,u\n4,5,v\n"), **options)


def test_columns_of_arrays_are_left_out_by_position(tmp_path):
    np.save(tmp_path / "file.npy", np.array([[9, 1.0, 0], [9, 4, 1]]))
    np.testing.assert_array_equal(load_table(tmp_path / "file.npy", drop=["0"]).X, [[1], [4]])
    np.savez(tmp_path / "file.npz", X=np.array([[9, 1.0], [9, 4]]), y=np.array([0, 1]))
    np.testing.assert_array_equal(load_table(tmp_path / "file.npz", drop=["0"]).X, [[1], [4]])


# The task


@pytest.mark.parametrize(
    "cells",
    [[17 + n % 40 for n in range(200)], [327, 410, 455, 327, 512], [f"{n % 25}.0" for n in range(100)]],
    ids=["age", "price", "with a fraction of 0"],
)
def test_many_whole_numbers_are_a_regression_which_the_notes_say(table, cells):
    dataset = load_table(table(column(cells)))
    assert dataset.task == "regression"
    n_values = len(set(cells))
    expected = (
        f"The {n_values} distinct whole numbers are treated as regression; for classes, use --task classification."
    )
    assert dataset.notes == (expected,)
    assert len(load_table(table(column(cells)), task="classification").class_names) == n_values
    split(dataset)


def test_few_whole_numbers_are_classes_which_the_notes_say_unless_there_are_two(table):
    note = "The 6 distinct whole numbers are treated as classes; for regression, use --task regression."
    assert load_table(table(column([n % 6 for n in range(30)]))).notes == (note,)
    assert load_table(table(column([0, 1] * 10))).notes == ()
    assert load_table(table(column([n % 6 for n in range(30)])), task="regression").notes == ()


def test_few_fractions_are_a_regression_which_the_notes_say(table):
    note = "The 2 distinct numbers are treated as regression; for classes, use --task classification."
    assert load_table(table("x;y\n0,5;0,5\n1,5;1,5\n3,5;0,5\n7,5;1,5\n")).notes[1:] == (note,)
    assert load_table(table(column([n / 3 for n in range(30)]))).notes == ()


@pytest.mark.parametrize("options", [{}, {"task": "regression"}])
def test_a_regression_on_equal_numbers_is_refused(tmp_path, options):
    np.savez(tmp_path / "file.npz", X=np.random.default_rng(0).normal(size=(9, 1)), y=np.full(9, 2.5))
    with pytest.raises(ValueError, match=r"The targets must not be all equal, all are 2\.5\."):
        load_table(tmp_path / "file.npz", **options)


def test_the_same_holds_for_arrays(tmp_path):
    np.savez(tmp_path / "file.npz", X=np.random.default_rng(0).normal(size=(90, 1)), y=np.arange(90) % 45)
    assert load_table(tmp_path / "file.npz").task == "regression"


# Sizes


def test_very_many_columns_or_classes_are_refused(table):
    names = ",".join(f"c{k}" for k in range(100_000))
    with pytest.raises(ValueError, match=r"has 100,000 columns, but tables may have at most 30,000"):
        load_table(table(f"{names}\n"))
    with pytest.raises(
        ValueError, match=r"The targets have 20,000 distinct values, but there can be at most 10,000 classes"
    ):
        load_table(table(column([f"w{n}" for n in range(20_000)])))


# Samples to predict


def test_targets_that_are_missing_are_marked(table):
    path = table("x,y\n1,1.0\n2,NA\n3,\n")
    X, targets = load_samples(path, 1, feature_names=["x"], target_name="y", class_names=["1", "2"])
    np.testing.assert_array_equal(X, [[1], [2], [3]])
    assert list(targets) == ["1", "", ""]
    np.testing.assert_array_equal(is_missing(targets), [False, True, True])
    _, numbers = load_samples(path, 1, feature_names=["x"], target_name="y")
    np.testing.assert_array_equal(numbers, [1, np.nan, np.nan])
    np.testing.assert_array_equal(is_missing(numbers), [False, True, True])


@pytest.mark.parametrize("class_names", [None, ["u", "v"]])
def test_all_targets_may_be_missing(table, tmp_path, class_names):
    np.savez(tmp_path / "file.npz", X=np.ones((2, 1)), y=np.full(2, np.nan))
    for path in (table("x,y\n1,\n2,NA\n"), tmp_path / "file.npz"):
        _, targets = load_samples(path, 1, class_names=class_names)
        assert is_missing(targets).all()


def test_words_are_compared_as_the_classes_are_spelled(table):
    path = table("x,y\n1,1.0\n2,2.0\n")
    assert list(load_samples(path, 1, class_names=["1", "2"])[1]) == ["1", "2"]
    assert list(load_samples(path, 1, class_names=["1.0", "2.0", "a"])[1]) == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("columns", "X", "targets"),
    [
        ([0, 1, 2, 3], [1, 3], 2),
        ([0, 1, 3], [1, 3], None),
        ([1, 3], [1, 3], None),
    ],
    ids=["all", "without the target", "features only"],
)
def test_arrays_are_read_as_the_one_that_was_trained_on(tmp_path, columns, X, targets):
    """The columns of a table whose column 0 was left out and whose column 2 is the target."""
    np.save(tmp_path / "file.npy", np.array([columns, columns], float))
    read, found = load_samples(tmp_path / "file.npy", 2, target_index=2, dropped=(0,))
    np.testing.assert_array_equal(read[0], X)
    assert (found is None) == (targets is None)
    assert found is None or found[0] == targets


def test_arrays_lack_the_columns_with_names_that_were_left_out(tmp_path):
    np.save(tmp_path / "file.npy", np.array([[5.0, 1], [7, 0]]))
    X, targets = load_samples(tmp_path / "file.npy", 1, feature_names=["x"], target_index=2, dropped=(0,))
    np.testing.assert_array_equal(X, [[5], [7]])
    np.testing.assert_array_equal(targets, [1, 0])


def test_a_column_that_was_left_out_of_an_npz_is_again(tmp_path):
    for columns in ([0, 1, 2], [1, 2]):
        np.savez(tmp_path / "file.npz", X=np.array([columns], float))
        np.testing.assert_array_equal(load_samples(tmp_path / "file.npz", 2, dropped=(0,))[0], [[1, 2]])


def test_an_index_without_a_name_has_no_position(table):
    X, targets = load_samples(table(",a,b\n0,1,u\n1,4,v\n"), 1)
    np.testing.assert_array_equal(X, [[1], [4]])
    assert list(targets) == ["u", "v"]


def test_features_that_are_missing_are_told_by_column(table):
    with pytest.raises(ValueError, match=r"missing in 'b' \(1 of 2\)\. .* words in 'a' \('red' in row 2\)\.$"):
        load_samples(table("a,b\n1,\nred,2\n"), 2, feature_names=["b", "a"])


# A table comes back as it was written


NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6).map(lambda s: f"n{s}"),
    min_size=2,
    max_size=5,
    unique=True,
)
WORDS = st.text(st.sampled_from("abc ,;|\t\"'_1.é"), max_size=6).map(lambda s: f"w{s}w")


@st.composite
def frames(draw):
    names = draw(NAMES)
    n_rows = draw(st.integers(2, 30))
    values = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53).map(float)
    cells = draw(st.lists(values, min_size=n_rows * (len(names) - 1), max_size=n_rows * (len(names) - 1)))
    labels = draw(st.lists(WORDS, min_size=n_rows, max_size=n_rows).filter(lambda words: len(set(words)) > 1))
    frame = pd.DataFrame(np.reshape(cells, (n_rows, -1)), columns=names[:-1])
    return frame.assign(**{names[-1]: labels})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(frame=frames(), delimiter=st.sampled_from(",;\t|"), quoting=st.sampled_from([0, 1, 2]))
def test_a_written_table_comes_back(tmp_path_factory, frame, delimiter, quoting):
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    frame.to_csv(path, index=False, sep=delimiter, quoting=quoting)
    dataset = load_table(path)
    assert (*dataset.feature_names, dataset.target_name) == tuple(frame.columns)
    np.testing.assert_allclose(dataset.X, frame.iloc[:, :-1].to_numpy(float), rtol=1e-15)
    assert [dataset.class_names[label] for label in dataset.y] == list(frame.iloc[:, -1])
    assert dataset.decimal is None


def test_reading_warns_of_nothing(table):
    rows = "".join(f"{n % 7},{'True' if n < 140_000 else n},{n}\n" for n in range(150_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_table(table(f"a,mixed,y\n{rows}"), task="regression")
