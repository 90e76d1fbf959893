"""Equal content gives the same matrix, whatever the container and however few rows are read at a time."""

import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn.tabular import TableEncoder
from tests.tabular.containers import CONTAINERS, as_objects, rows_of

LETTERS = "abcdefghijkl"
N_ROWS = 40


def mixed_columns():
    """Columns of every kind, with and without missing cells."""
    random = np.random.default_rng(0)

    def gaps(values):
        return [None if random.random() < 0.2 else value for value in values]

    return {
        "number": random.normal(size=N_ROWS).tolist(),
        "count": random.integers(0, 9, N_ROWS).tolist(),
        "gaps": gaps(random.normal(size=N_ROWS).tolist()),
        "whole": gaps(random.integers(0, 9, N_ROWS).tolist()),
        "flag": (random.random(N_ROWS) < 0.5).tolist(),
        "perhaps": gaps((random.random(N_ROWS) < 0.5).tolist()),
        "colour": gaps(random.choice(["red", "green", "blue"], N_ROWS).tolist()),
        "pair": random.choice(["no", "yes"], N_ROWS).tolist(),
        "letter": gaps(random.choice(list(LETTERS), N_ROWS).tolist()),
        "blank": random.choice(["", "nan", "é"], N_ROWS).tolist(),
    }


EXPECTED = TableEncoder().fit_transform(CONTAINERS["objects"](mixed_columns()))


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same_matrix(container):
    X = CONTAINERS[container](mixed_columns())
    encoder = TableEncoder()
    np.testing.assert_array_equal(encoder.fit_transform(X), EXPECTED)
    np.testing.assert_array_equal(encoder.transform(X), EXPECTED)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("n_rows", [1, 16, 17])
def test_few_rows_are_encoded_as_in_the_whole_table(container, n_rows):
    X = CONTAINERS[container](mixed_columns())
    encoder = TableEncoder().fit(X)
    for start in range(0, N_ROWS - n_rows, n_rows):
        rows = slice(start, start + n_rows)
        np.testing.assert_array_equal(encoder.transform(rows_of(X, rows)), EXPECTED[rows])


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_table_may_come_in_another_container_than_in_training(container):
    columns = mixed_columns()
    for trained in ("pandas", "objects", "Polars"):
        encoder = TableEncoder().fit(CONTAINERS[trained](columns))
        np.testing.assert_array_equal(encoder.transform(CONTAINERS[container](columns)), EXPECTED)


NAMED = [name for name in CONTAINERS if name not in ("objects", "rows", "tuples")]


@pytest.mark.parametrize("container", NAMED)
@pytest.mark.parametrize("n_rows", [3, N_ROWS])
def test_columns_are_found_by_name(container, n_rows):
    columns = mixed_columns()
    encoder = TableEncoder().fit(CONTAINERS["pandas"](columns))
    reordered = CONTAINERS[container](dict(reversed(columns.items())))
    np.testing.assert_array_equal(encoder.transform(rows_of(reordered, slice(0, n_rows))), EXPECTED[:n_rows])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "longdouble", "i1", "u2", "i8", "u8", "bool"])
def test_numbers_of_every_dtype(dtype):
    X = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 90, (50, 3)).astype(dtype)
    encoded = TableEncoder(None).fit_transform(X)
    assert encoded.dtype == np.float32
    assert encoded.flags.c_contiguous
    for same in (
        X.astype(object),
        X.tolist(),
        np.asfortranarray(X),
        scipy.sparse.csr_array(X.astype("f8")),
        pd.DataFrame(X.astype("f8")),
    ):
        np.testing.assert_array_equal(TableEncoder(None).fit_transform(same), encoded)


@pytest.mark.parametrize("make", [scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_array])
def test_sparse_matrices_are_made_dense(make):
    X = np.random.default_rng(0).poisson(0.5, (30, 4)) * 1.0
    encoder = TableEncoder(categorical_features=[0], max_one_hot=1)
    np.testing.assert_array_equal(encoder.fit_transform(make(X)), encoder.transform(X))


@pytest.mark.parametrize("dtype", ["U2", "O", np.dtypes.StringDType()])
def test_arrays_of_text_hold_categories(dtype):
    X = np.array([["a", "x"], ["b", "y"], ["c", "x"]], dtype)
    encoder = TableEncoder().fit(X)
    assert encoder.encoded_names_ == ("x0=a", "x0=b", "x0=c", "x1=y")


def test_other_columns_of_numbers():
    cents = [decimal.Decimal("1.10"), None, decimal.Decimal("2.30"), decimal.Decimal("0.70")]
    floats = [None if cell is None else float(cell) for cell in cents]
    expected = TableEncoder().fit_transform(pd.DataFrame({"a": floats}))
    sparse = pd.DataFrame({"a": pd.arrays.SparseArray(np.array(floats, float)), "b": 1})
    for same in (pd.DataFrame({"a": cents}), pl.DataFrame({"a": cents}), pa.table({"a": cents}), sparse):
        encoder = TableEncoder()
        np.testing.assert_array_equal(encoder.fit_transform(same), expected)
        np.testing.assert_array_equal(encoder.transform(same), expected)
    wide = pl.DataFrame({"a": pl.Series([1, None, 3], dtype=pl.Int128)})
    np.testing.assert_array_equal(TableEncoder().fit_transform(wide), TableEncoder().fit_transform([[1], [None], [3]]))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, np.float32("nan"), decimal.Decimal("nan")])
@pytest.mark.parametrize("n_rows", [1, 3, 30])
def test_missing_cells_of_every_kind(missing, n_rows):
    encoder = TableEncoder().fit([[1.0, "a", 1.5], [2.0, "b", None], [4.0, "c", 2.5]])
    cells = np.empty((n_rows, 3), object)
    cells[:] = missing
    expected = encoder.transform(np.full((n_rows, 3), np.nan))
    np.testing.assert_array_equal(encoder.transform(cells), expected)
    np.testing.assert_array_equal(encoder.transform(cells.tolist()), expected)


def test_columns_without_a_type_are_missing():
    encoder = TableEncoder().fit(pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": ["x", "y", "z"]}))
    nothing = {"a": [None] * 20, "b": [None] * 20}
    expected = encoder.transform(np.full((20, 2), np.nan))
    for make in (pd.DataFrame, pl.DataFrame, pa.table):
        np.testing.assert_array_equal(encoder.transform(make(nothing)), expected)


def test_nulls_inside_an_arrow_dictionary_are_missing():
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["a", None, "b"]))
    numbers = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array([5, None, 7]))
    encoder = TableEncoder().fit(pa.table({"word": words, "number": numbers}))
    assert [(column.kind, column.n_levels, column.n_missing) for column in encoder.columns_] == [("category", 2, 2)] * 2


CELLS = {
    "number": st.floats(allow_nan=False, width=32) | st.none(),
    "whole": st.integers(-(2**40), 2**40) | st.none(),
    "flag": st.booleans() | st.none(),
    "word": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3) | st.none(),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*CELLS.values()), min_size=2, max_size=20))
def test_any_content_is_encoded_alike_in_all_containers(rows):
    columns = {name: list(cells) for name, cells in zip(CELLS, zip(*rows, strict=True), strict=True)}
    columns["row"] = list(range(len(rows)))  # at least one column that varies
    encoder = TableEncoder(max_one_hot=3)
    expected = encoder.fit_transform(as_objects(columns))
    assert np.isfinite(expected).all()
    for container in ("pandas of objects", "Polars", "Arrow"):
        X = CONTAINERS[container](columns)
        np.testing.assert_array_equal(TableEncoder(max_one_hot=3).fit_transform(X), expected)
        np.testing.assert_array_equal(encoder.transform(rows_of(X, slice(0, 1))), expected[:1])
