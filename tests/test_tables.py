"""Tables as people have them: what becomes of their cells, and the sentence about what cannot be learned from."""

import bz2
import gzip
import io
import lzma
import random
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn.datasets import file_type, is_missing, load_samples, load_table, split, table_name

MISSING = ["", "NA", "N/A", "n/a", "#N/A", "?", "-", "null", "NULL", "None", "nan", "NaN", "<NA>", " NA "]


@pytest.fixture
def table(tmp_path: Path):
    def write(text: str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def column(cells, name: str = "y") -> str:
    """A table of one feature, which is no counter, and a column of these cells."""
    return f"x,{name}\n" + "".join(f"{n * n / 4},{cell}\n" for n, cell in enumerate(cells))


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
        "If one is the target, choose it (--target).",
        "The targets must be of at least two classes, all are '+'.",
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
    assert "Commas are read as decimal signs; choose another by --decimal." in dataset.notes


def test_decimal_commas_of_targets_are_recognised(table):
    np.testing.assert_array_equal(load_table(table("x;y\n1;12\n4;0,5\n5;NA\n")).y, [12, 0.5])


def test_commas_that_may_separate_thousands_are_named_with_the_option(table):
    path = table("x;y\n1,125;u\n2,250;v\n")
    with pytest.raises(
        ValueError, match=r"'x' \('1,125' in row 1\).*If commas are decimal signs, say so \(--decimal ,\)"
    ):
        load_table(path)
    dataset = load_table(path, decimal=",")
    np.testing.assert_array_equal(dataset.X, [[1.125], [2.25]])
    assert dataset.notes == ()


def test_points_that_may_be_decimal_signs_are_named_with_the_option(table):
    path = table("x;y\n1.125;u\n2.250;v\n")
    with pytest.raises(
        ValueError, match=r"'x' \('1\.125' in row 1\).*If points are decimal signs, say so \(--decimal \.\)"
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
        ({"drop": ["a", "b"]}, "at least two columns, features and a target, got 3 less 2 left out"),
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
        f"The {n_values} different whole numbers are learned as a regression; for classes, --task classification."
    )
    assert dataset.notes == (expected,)
    assert len(load_table(table(column(cells)), task="classification").class_names) == n_values
    split(dataset)


def test_few_whole_numbers_are_classes_which_the_notes_say_unless_there_are_two(table):
    note = "The 6 different whole numbers are learned as classes; for a regression, --task regression."
    assert load_table(table(column([n % 6 for n in range(30)]))).notes == (note,)
    assert load_table(table(column([0, 1] * 10))).notes == ()
    assert load_table(table(column([n % 6 for n in range(30)])), task="regression").notes == ()


def test_few_fractions_are_a_regression_which_the_notes_say(table):
    note = "The 2 different numbers are learned as a regression; for classes, --task classification."
    assert load_table(table("x;y\n0,5;0,5\n1,5;1,5\n3,5;0,5\n7,5;1,5\n")).notes[1:] == (note,)
    assert load_table(table(column([n / 3 for n in range(30)]))).notes == ()


@pytest.mark.parametrize("options", [{}, {"task": "regression"}])
def test_a_regression_on_equal_numbers_is_refused(tmp_path, options):
    np.savez(tmp_path / "file.npz", X=np.random.default_rng(0).normal(size=(9, 1)), y=np.full(9, 2.5))
    with pytest.raises(ValueError, match=r"The targets must be different numbers, all are 2\.5\."):
        load_table(tmp_path / "file.npz", **options)


def test_the_same_holds_for_arrays(tmp_path):
    np.savez(tmp_path / "file.npz", X=np.random.default_rng(0).normal(size=(90, 1)), y=np.arange(90) % 45)
    assert load_table(tmp_path / "file.npz").task == "regression"


# Sizes


def test_very_many_columns_or_classes_are_refused(table):
    names = ",".join(f"c{k}" for k in range(100_000))
    with pytest.raises(ValueError, match=r"has 100,000 columns, and of such a table at most 30,000 are read"):
        load_table(table(f"{names}\n"))
    with pytest.raises(
        ValueError, match=r"The targets have 20,000 different values, and classes can be at most 10,000"
    ):
        load_table(table(column([f"w{n}" for n in range(20_000)])))


# Other files


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "CSV"])
def test_compressed_text_is_read(tmp_path, kind, ending):
    frame = pd.DataFrame({"x": [1.5, 2, 4], "y": ["u", "v", "u"]})
    path = tmp_path / f"file.{kind}{ending}"
    frame.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    dataset = load_table(path)
    np.testing.assert_array_equal(dataset.X, frame[["x"]])
    assert dataset.name == "file"


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_what_is_small_only_until_it_is_unpacked_is_refused(tmp_path, ending, compress, monkeypatch):
    monkeypatch.setattr("fastnn.datasets.compressed.ALWAYS_READ", 2**20)
    path = tmp_path / f"file.csv.{ending}"
    path.write_bytes(compress(b"x,y\n" + b"0" * 2**22))
    with pytest.raises(ValueError, match=r"cannot be read as a table: its content is more than 1 MiB, over 200 times"):
        load_table(path)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_parquet_and_feather_are_read(tmp_path, ending):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "flag": [True, False, True],
            "count": pd.array([1, 5, 2], dtype="Int64"),
            "size": np.array([0.5, 1.5, 7], np.float32),
            "kind": pd.Categorical(["a_1", None, "b"]),
        }
    )
    path = tmp_path / f"file.{ending}"
    getattr(frame, f"to_{ending}")(path)
    dataset = load_table(path)
    np.testing.assert_array_equal(dataset.X, [[1, 1, 0.5], [1, 2, 7]])
    assert dataset.class_names == ("a_1", "b")
    assert dataset.feature_names == ("flag", "count", "size")
    getattr(frame.assign(count=pd.array([1, None, 2], dtype="Int64"), y=[0.5, 1, 2]), f"to_{ending}")(path)
    with pytest.raises(ValueError, match=r"missing in 'count' \(1 of 3\).*words in 'kind' \('a_1' in row 1\)"):
        load_table(path)


def test_an_index_of_parquet_is_a_column_if_it_has_a_name(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": [1.5, 2, 4], "y": ["u", "v", "u"]}, index=[4, 9, 7])
    frame.to_parquet(tmp_path / "file.parquet")
    assert load_table(tmp_path / "file.parquet").feature_names == ("x",)
    frame.rename_axis("number").to_parquet(tmp_path / "file.parquet")
    assert load_table(tmp_path / "file.parquet").feature_names == ("number", "x")


@pytest.mark.parametrize("name", ["file.parquet", "file.feather", "file.csv.gz", "file.csv.zip", "file.csv.xz"])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04rubbish", b"PAR1rubbishPAR1", b"\x1f\x8b\x08rubbish"])
def test_damaged_files_are_refused_with_a_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} (cannot be read as a table|is empty)"):
        load_table(tmp_path / name)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Content with some bytes changed, inserted, doubled or removed."""
    for _ in range(draw.randint(1, 5)):
        start, length = draw.randrange(len(content)), draw.randint(0, 20)
        middle = draw.choice([b"", b'"', b",", b";", b"\n", b"\r", b"\0", b"1e999", b"NA,", draw.randbytes(4)])
        content = content[:start] + middle + content[start + draw.choice([0, 0, length]) :]
        if draw.random() < 0.1:
            content = content[: draw.randint(1, len(content))]
    return content


@pytest.mark.parametrize("name", ["file.csv", "file.tsv.gz", "file.csv.zip", "file.parquet", "file.feather"])
def test_mutated_files_are_read_or_refused_with_a_sentence(tmp_path, name):
    frame = pd.DataFrame({"x": np.arange(20) / 7, "flag": [True, False] * 10, "y": ["u", "v"] * 10})
    path = tmp_path / name
    if path.suffix in (".parquet", ".feather"):
        pytest.importorskip("pyarrow")
        getattr(frame, f"to_{path.suffix[1:]}")(path)
    else:
        frame.to_csv(path)
    content = path.read_bytes()
    for seed in range(40):
        path.write_bytes(mutated(content, random.Random(seed)))
        for load in (load_table, lambda path: load_samples(path, 2, feature_names=["x", "flag"], target_name="y")):
            with suppress(ValueError):
                load(path)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "file.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'read by PyArrow, which is not installed: pip install "\.\[data\]"'):
        load_table(tmp_path / "file.parquet")


def test_the_standard_input_stream_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x;y\n0,5;u\n1,5;v\n")))
    dataset = load_table("-")
    np.testing.assert_array_equal(dataset.X, [[0.5], [1.5]])
    assert dataset.name == "stdin"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "standard input is empty or no table"),
        ("x,y\n", "standard input has a header and no rows"),
        ("x,y\n1,NA\n", "standard input: the target is missing"),
        ("x,y\na,1.5\nb,2.5\n", "standard input: Expected numbers"),
        ("x,y\n1,2,3,4\n", "standard input: the first row has 4 cells"),
        ("x,y\n\xff", "standard input must be text in UTF-8"),
    ],
)
def test_faults_of_the_standard_input_stream_are_told_by_its_name(monkeypatch, text, message):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode("latin-1"))))
    with pytest.raises(ValueError, match=f"^{message}"):
        load_table("-")


def test_a_row_with_too_many_cells_is_told_by_its_line(table):
    with pytest.raises(ValueError, match=r"table\.csv cannot be read as a table: Expected 2 fields in line 5, saw 3$"):
        load_table(table("x,y\n1,a\n2,b\n3,a\n4,b,5\n"))


def test_files_are_known_by_their_endings():
    assert [file_type(Path(name)) for name in ("a.CSV", "a.tsv.xz", "-", "a.npy", "a.npy.gz", "a.gz", "a.xlsx")] == [
        ".csv",
        ".tsv",
        ".csv",
        ".npy",
        None,
        None,
        None,
    ]
    assert [table_name(Path(name)) for name in ("f/a.csv", "a.b.csv.gz", "-")] == ["a", "a.b", "stdin"]


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
    """Of a table whose column 0 was left out and whose column 2 is the target."""
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
