"""Cells of realistic tables: labels, missing values, numbers."""

import numpy as np
import pandas as pd
import pytest

from fastnn.datasets import load_table
from tests.datasets.columns import column

MISSING = ["", "NA", "N/A", "n/a", "#N/A", "?", "-", "null", "NULL", "None", "nan", "NaN", "<NA>", " NA "]


# Labels


@pytest.mark.parametrize(
    ("cells", "class_names"),
    [
        (["1_1", "1_2", "11", "11"], ("11", "1_1", "1_2")),
        (["1E1", "1E2", "100", "1E1"], ("1E1", "100", "1E2")),
        (["0E1", "0E2", "0E1"], ("0E1", "0E2")),
        (["007", "7", "007"], ("007", "7")),
        (["1", "1.0", "2", "2."], ("1", "2")),
        (["-0", "0", "+1", "1"], ("-0", "0", "+1", "1")),
        (["0", "-0", "1", "1"], ("0", "1")),
        (["True", "False", "TRUE", "False"], ("False", "TRUE", "True")),
        (["a", "A", "a ", " A"], ("A", "a")),
        (["9007199254740992", "9007199254740993"] * 2, ("9007199254740992", "9007199254740993")),
    ],
)
def test_labels_are_what_stands_in_the_file(table, cells, class_names):
    dataset = load_table(table(column(cells)))
    assert set(dataset.class_names) == set(class_names)
    names = [dataset.class_names[label] for label in dataset.y]
    assert all(names.count(name) for name in class_names)


def test_spellings_of_fractions_are_different_classes(table):
    dataset = load_table(table(column(["1.10", "1.1", "1.2", "1.1"])), task="classification")
    assert dataset.class_names == ("1.1", "1.10", "1.2")
    np.testing.assert_array_equal(dataset.y, [1, 0, 2, 0])


def test_spellings_of_one_fraction_are_classes_as_there_is_nothing_to_regress_on(table, tmp_path):
    cells = ["1.10", "1.1", "1.10", "1.1"]
    assert load_table(table(column(cells))).class_names == ("1.1", "1.10")
    np.savez(tmp_path / "file.npz", X=np.array([[1.0], [5], [3], [2]]), y=np.array(cells))
    assert load_table(tmp_path / "file.npz").class_names == ("1.1", "1.10")


def test_labels_of_an_npz_are_words_too(tmp_path):
    np.savez(tmp_path / "file.npz", X=np.ones((4, 1)), y=np.array(["1_1", "11", "NA", "1_1"]))
    dataset = load_table(tmp_path / "file.npz")
    assert dataset.class_names == ("11", "1_1")
    assert dataset.notes == ("1 of 4 rows has no target: left out.",)


# Missing values


def test_rows_without_a_target_are_left_out_and_counted(table):
    dataset = load_table(table(column([*MISSING, "a", "b", "none"])))
    assert dataset.class_names == ("a", "b", "none")
    assert len(dataset.X) == 3
    assert dataset.notes == (f"{len(MISSING)} of {len(MISSING) + 3} rows have no target: left out.",)


def test_a_missing_price_does_not_make_classes_of_prices(table):
    dataset = load_table(table(column([*range(300, 331), "NA"])))
    np.testing.assert_array_equal(dataset.y, range(300, 331))
    assert dataset.task == "regression"


def test_missing_numbers_of_an_npz_are_left_out(tmp_path):
    np.savez(tmp_path / "file.npz", X=np.array([[5.0], [6], [8]]), y=np.array([0.5, np.nan, 1.5]))
    dataset = load_table(tmp_path / "file.npz")
    np.testing.assert_array_equal(dataset.X, [[5], [8]])
    np.testing.assert_array_equal(dataset.y, [0.5, 1.5])


@pytest.mark.parametrize("cell", MISSING)
def test_a_missing_feature_is_told_by_column_with_what_can_handle_it(table, cell):
    with pytest.raises(ValueError, match=r"missing in 'a' \(1 of 2\)\. .*SimpleImputer.*HistGradientBoosting.*--drop"):
        load_table(table(f"a,b,y\n{cell},1,u\n2,2,v\n"))


def test_all_problems_are_told_at_once_by_column(table):
    text = "a,b,color,size,y\n1,inf,red,,0.5\n,2,red,S,0.5\n3,4,blue,M,zzz\n"
    with pytest.raises(ValueError, match=r"table\.csv: ") as caught:
        load_table(table(text))
    for sentence in (
        "Values are missing in 'a' (1 of 3).",
        "Expected finite numbers, got infinite ones in 'b' (1 of 3).",
        "Expected numbers, got words in 'color' ('red' in row 1), 'size' ('S' in row 2).",
        "The targets must be either numbers or words, got 'zzz' among fractions",
    ):
        assert sentence in str(caught.value)


def test_problems_come_with_what_was_left_out_and_noted(table):
    text = "id,name,y\n1,a,+\n2,b,-\n3,c,+\n4,d,-\n"
    with pytest.raises(ValueError, match="words in 'name'") as caught:
        load_table(table(text))
    for sentence in (
        "If one of them is the target, choose it (--target).",
        "The targets must have at least two classes, all are '+'.",
        "The numbers in 'id' count the rows",
        "2 of 4 rows have no target: left out.",
    ):
        assert sentence in str(caught.value)


def test_of_very_many_columns_the_first_are_named(table):
    names = [f"c{k}" for k in range(110)]
    with pytest.raises(ValueError, match=r"'c99' \('w' in row 1\) and 10 more\."):
        load_table(table(",".join([*names, "y"]) + "\n" + ",".join(["w"] * 111) + "\n"))


def test_rows_without_a_target_may_lack_anything(table):
    dataset = load_table(table("a,b,y\n1,5,u\n,,\n3,9,v\n,14,\n"))
    np.testing.assert_array_equal(dataset.X, [[1, 5], [3, 9]])


# Numbers


@pytest.mark.parametrize(
    "text",
    [
        "a;b;y\n0,5;1,5;u\n1;-2,25e1;v\n",
        'a,b,y\n"0,5","1,5",u\n1,"-2,25e1",v\n',
        "a\tb\ty\n0,5\t1,5\tu\n1\t-2,25e1\tv\n",
    ],
)
def test_decimal_commas_are_recognised(table, text):
    dataset = load_table(table(text))
    np.testing.assert_array_equal(dataset.X, [[0.5, 1.5], [1, -22.5]])
    assert dataset.decimal == ","
    assert "Commas are read as decimal separators; use --decimal to change that." in dataset.notes


def test_decimal_commas_of_targets_are_recognised(table):
    np.testing.assert_array_equal(load_table(table("x;y\n1;12\n4;0,5\n5;NA\n")).y, [12, 0.5])


def test_commas_that_may_separate_thousands_are_named_with_the_option(table):
    path = table("x;y\n1,125;u\n2,250;v\n")
    with pytest.raises(
        ValueError, match=r"'x' \('1,125' in row 1\).*If commas are decimal separators, say so \(--decimal ,\)"
    ):
        load_table(path)
    dataset = load_table(path, decimal=",")
    np.testing.assert_array_equal(dataset.X, [[1.125], [2.25]])
    assert dataset.notes == ()


def test_points_that_may_be_decimal_signs_are_named_with_the_option(table):
    path = table("x;y\n1.125;u\n2.250;v\n")
    with pytest.raises(
        ValueError, match=r"'x' \('1\.125' in row 1\).*If points are decimal separators, say so \(--decimal \.\)"
    ):
        load_table(path, decimal=",")


def test_decimal_commas_of_a_parquet_file_are_read_if_that_is_said(tmp_path):
    path = tmp_path / "file.parquet"
    pd.DataFrame({"x": ["0,5", "1,5"], "y": ["u", "v"]}).to_parquet(path)
    with pytest.raises(ValueError, match=r"say so \(--decimal ,\)"):
        load_table(path)
    dataset = load_table(path, decimal=",")
    np.testing.assert_array_equal(dataset.X, [[0.5], [1.5]])
    assert dataset.decimal == ","


def test_thousands_do_not_turn_points_into_words(table):
    path = table('x,price,y\n0.5,"1,000",u\n0.25,"2,5",v\n')
    with pytest.raises(ValueError, match=r"words in 'price' \('1,000' in row 1\)\. "):
        load_table(path)


def test_an_unknown_decimal_sign_is_refused(table):
    with pytest.raises(ValueError, match="decimal must be"):
        load_table(table("a,b\n1,2\n"), decimal=";")


def test_truth_values_are_ones_and_zeros(table, tmp_path):
    dataset = load_table(table("a,b,y\nTrue,FALSE,u\nfalse,true,v\n"))
    np.testing.assert_array_equal(dataset.X, [[1, 0], [0, 1]])
    with pytest.raises(ValueError, match=r"Values are missing in 'a' \(1 of 2\)"):
        load_table(table("a,b,y\nTrue,1,u\nNA,1,v\n"))
    np.savez(tmp_path / "file.npz", X=np.array([[True], [False]]), y=np.array([0, 1]))
    assert load_table(tmp_path / "file.npz").X.dtype.kind == "b"


@pytest.mark.parametrize("cell", ["1_100", "0x10", "1d5", "12L", "1 2", "--1"])
def test_what_only_resembles_a_number_is_a_word(table, cell):
    with pytest.raises(ValueError, match=r"Expected numbers, got words in 'a'"):
        load_table(table(f"a,y\n{cell},u\n2,v\n"))


def test_a_number_beyond_64_bits_is_a_number(table):
    np.testing.assert_array_equal(load_table(table("a,y\n99999999999999999999,u\n2,v\n")).X, [[1e20], [2]])
