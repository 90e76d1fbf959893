"""What the encoder makes of each kind of column."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from fastnn.tabular import Column, RobustScaling, TableEncoder

LETTERS = list("abcdefghijklmnop")


def table(n_rows=60):
    random = np.random.default_rng(1)
    size = random.normal(size=n_rows)
    size[::9] = np.nan
    return pd.DataFrame(
        {
            "letter": random.choice(LETTERS[:12], n_rows),
            "age": random.normal(40, 12, n_rows),
            "colour": random.choice(["red", "green", "blue"], n_rows),
            "size": size,
            "member": random.random(n_rows) < 0.3,
            "country": "NO",
            "notes": np.nan,
        }
    )


def test_columns_are_described_in_the_order_of_the_table():
    encoder = TableEncoder().fit(table())
    assert encoder.columns_ == (
        Column("letter", "category", 12, 0),
        Column("age", "number", 0, 0),
        Column("colour", "category", 3, 0),
        Column("size", "number", 0, 7),
        Column("member", "category", 2, 0),
        Column("country", "constant", 1, 0),
        Column("notes", "missing", 0, 60),
    )


def test_encoded_columns_are_numbers_then_small_columns_then_codes():
    encoder = TableEncoder().fit(table())
    small = ("colour=blue", "colour=green", "colour=red", "member=True", "size is missing")
    assert encoder.encoded_names_ == ("age", "size", *small, "letter")
    assert (encoder.n_numbers_, encoder.n_small_, encoder.n_levels_) == (2, 5, (13,))
    assert encoder.transform(table()).shape == (60, 8)
    assert list(encoder.get_feature_names_out()) == list(encoder.encoded_names_)
    assert encoder.n_features_in_ == 7
    assert list(encoder.feature_names_in_) == list(table())


def test_numbers_and_small_columns_are_scaled_and_codes_are_not():
    X = table()
    letters, member, missing = X["letter"].to_numpy(), X["member"], X["size"].isna()
    hot = OneHotEncoder(sparse_output=False).fit_transform(X[["colour"]])
    unscaled = np.column_stack([X["age"], X["size"], hot, np.where(member, 1, -1), np.where(missing, 1, -1)])
    codes = OrdinalEncoder().fit_transform(letters[:, None]) + 1
    expected = np.column_stack([RobustScaling.fit(unscaled).transform(unscaled), codes])
    np.testing.assert_allclose(TableEncoder().fit_transform(X), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n_missing", [0, 10])
@pytest.mark.parametrize("n_levels", range(1, 11))
def test_small_columns_are_scikit_learns_one_hot_columns(n_levels, n_missing):
    cells = np.array((LETTERS[:n_levels] * 7) + [None] * n_missing, object)[:, None]
    X = np.column_stack([np.arange(len(cells)), cells])
    encoder = TableEncoder(max_one_hot=10)
    encoded = encoder.fit_transform(X)[:, 1:]
    hot = OneHotEncoder(sparse_output=False).fit_transform(cells)[:, :n_levels]
    if n_levels == 2:
        hot = (hot[:, 1] - hot[:, 0])[:, None]
    if n_levels == 1 and not n_missing:
        hot = hot[:, :0]
    assert encoder.n_small_ == hot.shape[1]
    np.testing.assert_allclose(encoded, RobustScaling.fit(hot).transform(hot), rtol=1e-6)


@pytest.mark.parametrize(("max_one_hot", "n_small", "n_levels"), [(8, 8, ()), (9, 8, ()), (7, 0, (9,)), (0, 0, (9,))])
def test_columns_with_more_levels_have_codes(max_one_hot, n_small, n_levels):
    X = pd.DataFrame({"letter": LETTERS[:8] * 2 + [None]})  # a missing value is no level
    encoder = TableEncoder(max_one_hot=max_one_hot).fit(X)
    assert (encoder.n_small_, encoder.n_levels_) == (n_small, n_levels)


@pytest.mark.parametrize("repeat", [1, 30])
def test_missing_and_unknown_categories_are_zero_before_scaling(repeat):
    X = pd.DataFrame({"pair": ["no", "yes"] * 6, "colour": LETTERS[:3] * 4, "letter": LETTERS[:12]})
    encoder = TableEncoder().fit(X)
    small = np.column_stack([np.tile([-1, 1], 6), np.tile(np.eye(3), (4, 1))])
    expected = [*RobustScaling.fit(small).transform(np.zeros((1, 4)))[0].astype(np.float32), 0]
    for cell in (None, "unknown"):
        new = pd.DataFrame([[cell] * 3] * repeat, columns=X.columns, dtype=object)
        np.testing.assert_array_equal(encoder.transform(new), [expected] * repeat)


@pytest.mark.parametrize("repeat", [1, 30])
def test_missing_numbers_are_the_median_and_infinite_ones_the_limit(repeat):
    encoder = TableEncoder().fit([[1.0], [2.0], [3.0], [np.inf], [np.nan]])
    new = np.repeat([[2.0], [np.nan], [np.inf], [-np.inf]], repeat, axis=0)
    assert encoder.encoded_names_ == ("x0", "x0 is missing")
    np.testing.assert_array_equal(encoder.transform(new)[::repeat, 0], [0, 0, 3, -3])
    assert np.isfinite(encoder.transform(new)).all()


def test_numbers_missing_only_later_have_no_column_of_their_own():
    encoder = TableEncoder().fit([[1.0], [2.0], [4.0]])
    np.testing.assert_array_equal(encoder.transform([[np.nan]]), [[0]])


def test_a_number_that_is_constant_or_missing_has_only_a_column_for_that():
    encoder = TableEncoder().fit([[5.0], [None], [5.0]])
    assert encoder.encoded_names_ == ("x0 is missing",)
    assert encoder.columns_ == (Column("x0", "number", 0, 1),)


@pytest.mark.parametrize(
    "choice",
    [
        ["grade"],
        [1],
        [False, True],
        np.array(["grade"]),
        np.array([1]),
        np.array([False, True]),
        pd.Index(["grade"]),
        (1,),
        {1},
    ],
)
def test_numbers_may_be_chosen_as_categories(choice):
    X = pd.DataFrame({"age": [1, 2, 3, 4], "grade": [10, 2, 2, 5]})
    encoder = TableEncoder(categorical_features=choice).fit(X)
    assert encoder.encoded_names_ == ("age", "grade=2", "grade=5", "grade=10")


@pytest.mark.parametrize("choice", [None, [], np.array([], int), np.zeros(2, bool)])
def test_booleans_and_categories_of_numbers_may_be_numbers(choice):
    X = pd.DataFrame({"flag": [True, False, True], "grade": pd.Categorical([1, 5, 3])})
    encoder = TableEncoder(categorical_features=choice)
    np.testing.assert_array_equal(encoder.fit_transform(X), TableEncoder(None).fit_transform(X.astype(float)))


@pytest.mark.parametrize("dtype", ["int8", "float32", "Int64", "Float64", "category", object])
@pytest.mark.parametrize("n_rows", [2, 40])
def test_levels_are_compared_by_value(dtype, n_rows):
    X = pd.DataFrame({"grade": [1, 2, 3, 4] * 10})
    encoder = TableEncoder(["grade"]).fit(X)
    np.testing.assert_array_equal(encoder.transform(X.astype(dtype)[:n_rows]), encoder.transform(X)[:n_rows])


def test_booleans_are_levels_like_0_and_1():
    encoder = TableEncoder().fit(pd.DataFrame({"flag": [True, False, True]}))
    for new in ([True, False], [1, 0], [1.0, 0.0], [np.True_, np.False_]):
        np.testing.assert_array_equal(
            encoder.transform(pd.DataFrame({"flag": new})), [[0], [encoder.transform([[0]])[0, 0]]]
        )


def test_categories_in_another_order_are_the_same_levels():
    X = pd.DataFrame({"c": pd.Categorical(["a", "b", "c", "a"], ["a", "b", "c"])})
    other = pd.DataFrame({"c": pd.Categorical(["a", "b", "c", "a"], ["unused", "c", "b", "a"])})
    encoder = TableEncoder().fit(X)
    np.testing.assert_array_equal(encoder.transform(other), encoder.transform(X))
    assert TableEncoder().fit(other).encoded_names_ == encoder.encoded_names_ == ("c=a", "c=b", "c=c")


@pytest.mark.parametrize("n_rows", [1, 20])
def test_columns_that_were_left_out_may_hold_anything_later(n_rows):
    encoder = TableEncoder().fit(table())
    new = table()[:n_rows].assign(country="SE", notes="new")
    np.testing.assert_array_equal(encoder.transform(new), encoder.transform(table())[:n_rows])


def test_names_are_not_needed_where_one_of_the_tables_has_none():
    X = table().drop(columns="notes")
    named, unnamed = TableEncoder().fit(X), TableEncoder().fit(X.to_numpy(object))
    np.testing.assert_array_equal(named.transform(X.to_numpy(object)), named.transform(X))
    np.testing.assert_array_equal(unnamed.transform(X), named.transform(X))
    assert not hasattr(unnamed, "feature_names_in_")
    assert unnamed.columns_[0].name == "x0"


def test_names_of_an_earlier_fit_are_forgotten():
    encoder = TableEncoder().fit(table()).fit(np.eye(3))
    assert not hasattr(encoder, "feature_names_in_")


def test_the_table_is_not_changed():
    X = table()
    encoder = TableEncoder().fit(X)
    encoder.transform(X)
    pd.testing.assert_frame_equal(X, table())
    matrix = np.random.default_rng(0).normal(size=(30, 3))
    matrix[0] = np.nan
    kept = matrix.copy()
    TableEncoder().fit_transform(matrix)
    np.testing.assert_array_equal(matrix, kept)


def test_rows_are_encoded_one_by_one_in_many_blocks(monkeypatch):
    X = table(500)
    encoder = TableEncoder().fit(X)
    expected = encoder.transform(X)
    monkeypatch.setattr("fastnn.tabular.layout.NUMBERS_PER_BLOCK", 7)
    np.testing.assert_array_equal(encoder.transform(X), expected)


def test_pickles_are_small_and_hold_no_training_data():
    X = table(20_000)
    encoder = TableEncoder().fit(X)
    pickled = pickle.dumps(encoder)
    assert len(pickled) < 4000
    np.testing.assert_array_equal(pickle.loads(pickled).transform(X[:50]), encoder.transform(X[:50]))


def test_the_encoder_works_in_scikit_learns_pipelines():
    encoder = TableEncoder(max_one_hot=3)
    assert clone(encoder).get_params() == {"categorical_features": "from_dtype", "max_one_hot": 3}
    assert make_pipeline(encoder, StandardScaler()).fit_transform(table()).shape[0] == 60


def test_an_encoder_that_is_not_fitted_says_so():
    with pytest.raises(NotFittedError, match="call fit"):
        TableEncoder().transform([[1]])


def test_wide_tables_are_encoded():
    X = np.random.default_rng(0).normal(size=(30, 2000)).astype(np.float32)
    assert TableEncoder().fit_transform(X).shape == (30, 2000)
