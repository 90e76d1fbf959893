"""The state of an encoder: what is restored encodes as before, and a state that is none is rejected."""

import json

import numpy as np
import pandas as pd
import pytest

from fastnn.tabular import TableEncoder, encoder_state, restored_encoder


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "size": [1.5, np.nan, 8.0, 9.0, 2.0, 7.0],
            "colour": ["red", "blue", None, "red", "green", "blue"],
            "member": [True, False, True, True, False, True],
            "rank": pd.Categorical([3, 1, 2, 1, 3, None]),
            "street": ["a", "b", "c", "d", "e", "f"],
            "same": 1.0,
            "nothing": np.nan,
            "word": "w",
        }
    )


def restored(encoder):
    return restored_encoder(json.loads(json.dumps(encoder_state(encoder))))


def test_a_restored_encoder_encodes_as_before(table):
    encoder = TableEncoder(max_one_hot=4).fit(table)
    other = restored(encoder)
    unknown = table.assign(colour="violet", size=[np.nan, np.inf, 3, 4, 5, 6])[table.columns[::-1]]
    for X in (table, unknown, table.iloc[[1] * 40]):
        np.testing.assert_array_equal(other.transform(X), encoder.transform(X))
    for name in ("columns_", "encoded_names_", "n_levels_", "n_numbers_", "n_small_", "n_features_in_"):
        assert getattr(other, name) == getattr(encoder, name)
    assert list(other.feature_names_in_) == list(table.columns)


def test_columns_without_names_stay_so():
    encoder = restored(TableEncoder().fit([[1.0, "a"], [2.0, "b"]]))
    assert not hasattr(encoder, "feature_names_in_")
    assert encoder.transform([[1.5, "b"]]).shape == (1, 2)


def wrong(state, column, **entries):
    state["columns"][column].update(entries)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.update(columns=3), "columns must be of type list"),
        (lambda state: state.update(columns=[]), "at least one column must be encoded"),
        (lambda state: state.update(named=1), "named must be of type bool"),
        (lambda state: state["columns"].append(state["columns"][0]), "different names"),
        (lambda state: wrong(state, 0, name=1), "name must be of type str"),
        (lambda state: wrong(state, 0, kind="word"), "a kind must be one of number, constant, missing"),
        (lambda state: wrong(state, 0, kind="constant"), "a constant column must not be encoded"),
        (lambda state: wrong(state, 5, kind="number"), "a number column must be encoded"),
        (lambda state: wrong(state, 1, kind="missing"), "a missing column must not be encoded"),
        (lambda state: wrong(state, 0, n_missing=-1), "n_missing must be of type int, got -1"),
        (lambda state: wrong(state, 0, n_missing=True), "n_missing must be of type int, got True"),
        (lambda state: wrong(state, 0, number=[float("nan"), 1.0]), "must be finite"),
        (lambda state: wrong(state, 0, number=[0.0, -1.0]), "must be finite"),
        (lambda state: wrong(state, 0, number=["0", 1.0]), "a median and a factor"),
        (lambda state: wrong(state, 0, number=[0.0, 1.0, 2.0]), "too many values"),
        (lambda state: wrong(state, 1, levels="abc"), "a list of words"),
        (lambda state: wrong(state, 1, levels=["a", 1.0, "b"]), "a list of words"),
        (lambda state: wrong(state, 1, levels=["a", "a", "b"]), "in ascending order"),
        (lambda state: wrong(state, 1, levels=["a", "b"]), "2 levels cannot have 3 small columns"),
        (lambda state: wrong(state, 1, levels_are="dates"), "a kind must be one of text, booleans, numbers"),
        (lambda state: wrong(state, 3, levels=[1.0, float("nan"), 3.0]), "a list of numbers"),
        (lambda state: wrong(state, 2, levels=[0.0, 2.0]), "booleans must be 0 or 1"),
    ],
)
def test_a_state_that_is_none_is_rejected(table, change, message):
    state = encoder_state(TableEncoder(max_one_hot=4).fit(table))
    change(state)
    with pytest.raises((TypeError, ValueError), match=message):
        restored_encoder(state)
