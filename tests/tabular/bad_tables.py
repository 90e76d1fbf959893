"""Tables that cannot be encoded, and what the error message must mention.

Whoever takes tables can run the same cases: those in `BAD_TO_FIT` through `fit`, those in `BAD_TO_TRANSFORM` through `predict`
after a `fit` on `trained_on`.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse

from fastnn.tabular import tables

DAY = datetime.date(2024, 2, 29)
MOMENT = datetime.datetime(2024, 2, 29, 12)


@dataclass(frozen=True)
class BadTable:
    """A table, and what is wrong with it.

    Attributes
    ----------
    name : str
        What is wrong.
    X : function
        Makes the table.
    mentions : tuple of str
        What the message must contain, the name of the column or argument first.
    error : type
        The type of the error.
    options : dict
        Arguments of the encoder or estimator.
    trained_on : function or None
        Makes the table that was trained on before, for a table that is bad only then.
    """

    name: str
    X: Callable[[], Any]
    mentions: tuple[str, ...]
    error: type[Exception] = ValueError
    options: dict[str, Any] = field(default_factory=dict)
    trained_on: Callable[[], Any] | None = None


def good(**columns: Any) -> pd.DataFrame:
    """A data frame of three rows that can be encoded, with other columns in place of some."""
    return pd.DataFrame({"age": [31.0, 40.0, 52.0], "city": ["Rome", "Oslo", "Rome"]} | columns)


def ages(values: Any) -> Callable[[], Any]:
    """Makes `good` with other ages."""
    return lambda: good(age=values)


def objects(*cells: Any) -> pd.Series:
    """A column that holds Python's objects."""
    column = np.empty(len(cells), object)
    for row, cell in enumerate(cells):
        column[row] = cell
    return pd.Series(column, dtype=object)  # otherwise pandas may infer another dtype


def _bad_columns() -> list[BadTable]:
    """Columns that no encoder can use."""
    time = "into numbers first"
    columns: list[tuple[str, Any, tuple[str, ...], type[Exception]]] = [
        ("dates", pd.to_datetime([MOMENT] * 3), ("dates or times", time), ValueError),
        ("dates with a time zone", pd.date_range("2024", periods=3, tz="UTC"), ("dates or times", time), ValueError),
        ("durations", pd.to_timedelta([1, 2, 3], unit="h"), ("dates or times", time), ValueError),
        ("periods", pd.period_range("2024", periods=3, freq="D"), ("dates or times", time), ValueError),
        ("Python's dates", objects(DAY, None, DAY), ("dates or times", "row 0"), ValueError),
        ("Python's times", objects(None, datetime.time(12), None), ("dates or times", "row 1"), ValueError),
        ("Python's durations", objects(*[datetime.timedelta(1)] * 3), ("dates or times",), ValueError),
        ("categories of dates", pd.Categorical(pd.to_datetime([MOMENT] * 3)), ("dates or times",), ValueError),
        ("NumPy's durations as objects", objects(np.timedelta64(1, "D"), 2, 3), ("dates or times",), ValueError),
        ("complex numbers", [1j, 2.0, 3.0], ("Complex data not supported", "1j"), ValueError),
        ("complex objects", objects(1.0, 2j, None), ("Complex data not supported", "2j", "row 1"), ValueError),
        ("bytes", objects(b"ab", b"c", None), ("bytes", "b'ab'", "decode"), ValueError),
        ("lists", objects([1], [2, 3], None), ("[1]", "row 0", "type list"), TypeError),
        ("dictionaries", objects(None, {"a": 1}, None), ("{'a': 1}", "row 1"), TypeError),
        ("arrays", objects(np.ones(2), None, None), ("row 0", "type ndarray"), TypeError),
        ("objects", objects(object(), None, None), ("object", "strings, numbers and booleans"), TypeError),
        ("intervals", pd.cut([1, 2, 3], 2), ("Interval",), TypeError),
        (
            "text and numbers",
            objects("old", 40, 52),
            ("mixes text and numbers", "'old' in row 0", "40 in row 1"),
            ValueError,
        ),
        ("text and booleans", objects(True, None, "no"), ("mixes text and booleans", "'no'", "True"), ValueError),
        ("a number beyond floats", objects(10**400, 1, 2), ("no float",), ValueError),
    ]
    return [
        BadTable(f"a column of {name}", ages(values), ("'age'", *mentions), error)
        for name, values, mentions, error in columns
    ]


def _bad_arrow_and_polars_columns() -> list[BadTable]:
    time = ("dates or times",)
    columns: list[tuple[str, list[Any], tuple[str, ...], type[Exception]]] = [
        ("dates", [DAY] * 3, time, ValueError),
        ("moments", [MOMENT] * 3, time, ValueError),
        ("times", [datetime.time(1)] * 3, time, ValueError),
        ("durations", [datetime.timedelta(1)] * 3, time, ValueError),
        ("bytes", [b"a"] * 3, ("bytes",), ValueError),
        ("lists", [[1], [2], [3]], ("strings, numbers and booleans",), TypeError),
        ("structs", [{"a": 1}] * 3, ("strings, numbers and booleans",), TypeError),
    ]
    return [
        BadTable(
            f"{name} in {library}",
            lambda make=make, cells=cells: make({"n": [1, 2, 3], "age": cells}),
            ("'age'", *mentions),
            error,
        )
        for name, cells, mentions, error in columns
        for library, make in (("Polars", pl.DataFrame), ("Arrow", pa.table))
    ]


def _bad_shapes() -> list[BadTable]:
    X, Value, Type = "X", ValueError, TypeError
    cases: list[tuple[str, Callable[[], Any], tuple[str, ...], type[Exception]]] = [
        ("no rows", lambda: good().iloc[:0], (X, "no rows"), Value),
        ("no columns", lambda: good()[[]], (X, "no columns"), Value),
        ("an empty array", lambda: np.empty((0, 3)), (X, "no rows"), Value),
        ("an array without columns", lambda: np.empty((12, 0)), (X, "0 feature(s) (shape=(12, 0)) while a minimum of 1 is required."), Value),
        ("an empty list", list, (X, "no rows"), Value),
        ("a list of empty rows", lambda: [[], []], (X, "no columns"), Value),
        ("no rows in Polars", lambda: pl.DataFrame({"a": []}), (X, "no rows"), Value),
        ("no columns in Arrow", lambda: pa.table({}), (X, "no rows"), Value),
        ("a vector", lambda: np.arange(3.0), (X, "two-dimensional", "(3,)", "reshape(-1, 1)"), Value),
        ("a cube", lambda: np.ones((2, 2, 2)), (X, "two-dimensional", "(2, 2, 2)"), Value),
        ("a scalar", lambda: np.float64(3), (X, "two-dimensional"), Value),
        ("a list of numbers", lambda: [1, 2, 3], (X, "two-dimensional", "1 as a row", "[X]"), Value),
        ("a list of text", lambda: ["ab", "cd"], (X, "two-dimensional", "'ab' as a row"), Value),
        ("a list of dictionaries", lambda: [{"a": 1}], (X, "as a row", "DataFrame"), Value),
        ("nested lists", lambda: [[[1, 2]], [[3, 4]]], ("Column 0", "[1, 2]"), Type),
        ("ragged rows", lambda: [[1, 2], [3]], (X, "same length", "2 cells in row 0", "1 in row 1"), Value),
        ("a series", lambda: pd.Series([1, 2]), (X, "two-dimensional", "Series"), Value),
        ("a series of Polars", lambda: pl.Series([1, 2]), (X, "two-dimensional", "Series"), Value),
        ("a lazy frame", lambda: pl.LazyFrame({"a": [1]}), (X, "collect"), Type),
        ("a dictionary", lambda: {"a": [1]}, (X, "DataFrame"), Type),
        ("text", lambda: "table.csv", (X, "'table.csv'", "a str"), Type),
        ("nothing", lambda: None, (X, "None"), Type),
        ("a structured array", lambda: np.zeros(3, [("a", float), ("b", int)]), (X, "'a', 'b'", "DataFrame"), Value),
        ("a masked array", lambda: np.ma.masked_less(np.arange(6.0).reshape(3, 2), 1), (X, "masked"), Value),
        ("an array of complex numbers", lambda: np.full((3, 2), 1j), ("Column 0", "Complex data not supported"), Value),
        ("an array of dates", lambda: np.full((3, 2), "2024-02-29", "M8[D]"), ("Column 0", "dates or times"), Value),
        ("an array of bytes", lambda: np.full((3, 2), b"a"), ("Column 0", "bytes"), Value),
        ("a complex sparse matrix", lambda: scipy.sparse.csr_matrix(np.eye(2) * 1j), (X, "Complex data not supported"), Value),
        ("a sparse vector", lambda: scipy.sparse.coo_array(np.arange(3)), (X, "two-dimensional"), Value),
        ("an enormous sparse matrix", lambda: scipy.sparse.csr_array((2**20, 2**20)), (X, "GiB", str(tables.MAX_DENSE_BYTES >> 30)), Value),
        ("two columns of one name", lambda: pd.DataFrame(np.eye(3), columns=["a", "b", "a"]), ("'a'", "more than once"), Value),
        ("names that are not all text", lambda: pd.DataFrame(np.eye(2), columns=["a", 1]), ("column 1", "strings"), Type),
        ("nothing that varies", lambda: np.ones((3, 2)), (X, "vary", "3 sample(s)"), Value),
        ("a single row", lambda: good().iloc[:1], (X, "vary", "1 sample(s)"), Value),
    ]  # fmt: skip
    return [BadTable(name, make, mentions, error) for name, make, mentions, error in cases]


def _bad_options() -> list[BadTable]:
    which, most = "categorical_features", "max_one_hot"
    cases: list[tuple[str, dict[str, Any], tuple[str, ...], type[Exception]]] = [
        ("a name that does not exist", {which: ["City"]}, (which, "'City'", "'age', 'city'", "Did you mean 'city'?"), ValueError),
        ("a single name", {which: "city"}, (which, "['city']"), ValueError),
        ("a misspelt word", {which: "from_dtypes"}, (which, "Did you mean 'from_dtype'?"), ValueError),
        ("a position too high", {which: [2]}, (which, "from 0 to 1", "got 2"), ValueError),
        ("a negative position", {which: [-1]}, (which, "got -1"), ValueError),
        ("a short mask", {which: [True]}, (which, "mask of 1", "2 columns"), ValueError),
        ("numbers that are not whole", {which: [0.5]}, (which, "float"), TypeError),
        ("names and positions", {which: ["city", 0]}, (which, "int, str"), TypeError),
        ("a number", {which: 1}, (which, "got 1"), TypeError),
        ("text that is not listed", {which: ["age"]}, ("'city'", "'Rome' in row 0", which), ValueError),
        ("text among no categories", {which: None}, ("'city'", "'Rome' in row 0", which), ValueError),
        ("a negative number of columns", {most: -1}, (most, "got -1"), ValueError),
        ("a fraction of columns", {most: 8.5}, (most, "got 8.5"), TypeError),
        ("a flag as number of columns", {most: True}, (most, "got True"), TypeError),
    ]  # fmt: skip
    return [
        *(BadTable(name, good, mentions, error, options) for name, options, mentions, error in cases),
        BadTable("names for an array", lambda: np.eye(3), (which, "'a'", "no names"), options={which: ["a"]}),
        BadTable(
            "categories beyond 2^53",
            ages([2**53, 1, 2]),
            ("'age'", "2^53", "strings"),
            options={which: ["age", "city"]},
        ),
    ]


def _bad_later() -> list[BadTable]:
    def matrix() -> np.ndarray:
        return np.eye(3)

    def words() -> np.ndarray:
        return np.array([["a", "b"], ["b", "c"], ["c", "c"]])

    cases: list[tuple[str, Callable[[], Any], Callable[[], Any], tuple[str, ...]]] = [
        ("a missing column", lambda: good()[["city"]], good, ("'age'", "lacks the column")),
        ("another column", lambda: good(size=[1, 2, 3]), good, ("'size'", "did not have")),
        ("a renamed column", lambda: good().rename(columns={"age": "Age"}), good, ("'age'", "'Age'", "Did you mean 'age'?")),
        ("a column twice", lambda: pd.concat([good(), good()[["age"]]], axis=1), good, ("'age'", "more than once")),
        ("text in a numeric column", ages(["31", "old", "52"]), good, ("'age'", "held numbers", "'31' in row 0")),
        ("text among numbers", ages(objects(31, "old", 52)), good, ("'age'", "mixes", "'old' in row 1")),
        ("numbers in a column of text", lambda: good(city=[7, 8, 9]), good, ("'city'", "held text", "7.0 in row 0")),
        ("text in a column of booleans", lambda: good(b=["yes", "no", "no"]), lambda: good(b=[True, False, True]), ("'b'", "held booleans", "'yes'")),
        ("dates in a numeric column", ages([DAY] * 3), good, ("'age'", "dates or times")),
        ("one row of text", lambda: good(age=["old"] * 3).iloc[:1], good, ("'age'", "'old' in row 0")),
        ("one row of dates", lambda: good(city=[DAY] * 3).iloc[:1], good, ("'city'", "dates or times")),
        ("one row that lacks a column", lambda: good()[["city"]].iloc[:1], good, ("'age'", "lacks")),
        ("a narrower array", lambda: np.ones((2, 2)), matrix, ("X has 2 features, but TableEncoder is expecting 3 features as input.",)),
        ("a wider list", lambda: [[1, 2, 3, 4]], matrix, ("X has 4 features",)),
        ("text in an array of numbers", lambda: np.full((2, 3), "1.5"), matrix, ("Column 0", "held numbers", "'1.5'")),
        ("numbers in an array of text", lambda: np.eye(2), words, ("Column 0", "held text")),
        ("no rows later", lambda: good().iloc[:0], good, ("X", "no rows")),
        ("a vector later", lambda: np.ones(3), matrix, ("X", "two-dimensional")),
    ]  # fmt: skip
    return [BadTable(name, make, mentions, trained_on=before) for name, make, before, mentions in cases]


BAD_TO_FIT = [*_bad_columns(), *_bad_arrow_and_polars_columns(), *_bad_shapes(), *_bad_options()]
BAD_TO_TRANSFORM = _bad_later()
