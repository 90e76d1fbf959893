"""Tables read as data frames: words, booleans and missing values stay what they are."""

import numpy as np
import pandas as pd
import pytest

from fastnn.datasets import load_samples, load_table


def rows(*lines):
    return "\n".join(lines)


TABLE = rows("size,colour,member,y", "1.5,red,True,u", ",?,false,v", "3, blue ,NA,u", "4,red,True,", "5,007,True,v")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


def with_none(column):
    """The cells of a column, with None for missing ones, which releases of pandas write in different ways."""
    return [None if pd.isna(cell) else cell for cell in column]


def test_cells_keep_their_kind(path):
    dataset = load_table(path, as_frame=True)
    assert list(dataset.X) == list(dataset.feature_names) == ["size", "colour", "member"]
    assert dataset.X["size"].tolist()[0] == 1.5
    assert np.isnan(dataset.X["size"].tolist()[1])
    assert with_none(dataset.X["colour"]) == ["red", None, "blue", "007"]
    assert with_none(dataset.X["member"]) == [True, False, None, True]
    assert dataset.class_names == ("u", "v")
    assert dataset.notes == ("1 of 5 rows has no target: left out.",)


def test_binary_files_give_the_same(tmp_path):
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(
        {
            "size": [1, 2, None],
            "colour": pd.Categorical(["red", None, "blue"]),
            "rank": pd.Categorical([3, 1, 3]),
            "member": [True, False, None],
            "y": ["u", "v", "u"],
        }
    )
    table.to_feather(tmp_path / "table.feather")
    X = load_table(tmp_path / "table.feather", as_frame=True).X
    assert with_none(X["colour"]) == ["red", None, "blue"]
    assert isinstance(X["rank"].dtype, pd.CategoricalDtype)
    assert X["member"].tolist() == [True, False, None]
    assert X["size"].dtype == np.float64


def test_arrays_stay_arrays(tmp_path):
    np.savez(tmp_path / "rows.npz", X=np.array([[1.0, np.nan], [2, 3]]), y=np.array([0, 1]))
    assert isinstance(load_table(tmp_path / "rows.npz", as_frame=True).X, np.ndarray)


def test_columns_of_words_are_read_as_words_for_prediction(path):
    path.write_text("colour,size\n1,2\n01,\n")
    X, targets = load_samples(path, 2, feature_names={"size": False, "colour": True})
    assert X["colour"].tolist() == ["1", "01"]
    assert targets is None
    path.write_text("colour,size\n1,big\n")
    with pytest.raises(ValueError, match=r"Expected numbers, got words in 'size' \('big' in row 1\)"):
        load_samples(path, 2, feature_names={"size": False, "colour": True})


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (
            ["1", "2", "3", "x", "5"],
            "'a' is a category because of words such as 'x' in row 4, but most of its values are",
        ),
        ([f"n{n}" for n in range(40)], "'a' has 40 different words in 40 rows, which tell the rows apart"),
        (["u", "v"] * 20, None),
        (["u", "1"], None),
    ],
)
def test_notes_say_which_columns_of_words_look_wrong(tmp_path, cells, note):
    path = tmp_path / "table.csv"
    path.write_text(rows("a,y", *[f"{cell},{'uv'[n % 2]}" for n, cell in enumerate(cells)]))
    notes = load_table(path, as_frame=True).notes
    assert [each.startswith(note) for each in notes] == ([] if note is None else [True])


def test_decimal_commas_are_detected_beside_words(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(rows("a;b;y", *[f"{n},5;w{n % 3};{'uv'[n % 2]}" for n in range(9)]))
    X = load_table(path, as_frame=True).X
    assert X["a"].tolist() == [n + 0.5 for n in range(9)]
    assert X["b"].tolist()[:3] == ["w0", "w1", "w2"]
