"""The encoder of tables."""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from fastnn.tabular.alignment import column_order
from fastnn.tabular.columns import CategoryEncoding, Column, NumberEncoding, encoding_of, numbers_only
from fastnn.tabular.few_rows import read_few_rows
from fastnn.tabular.labels import quoted
from fastnn.tabular.layout import Layout
from fastnn.tabular.selection import categorical_columns
from fastnn.tabular.tables import Table, read_table


class TableEncoder(BaseEstimator):  # type: ignore[misc]
    """A table of numbers and categories as a matrix of floats.

    The encoded columns are, in this order:

    1. numbers: one column for each numeric column;
    2. small columns: for each categorical column with at most `max_one_hot` levels its one-hot columns, where missing and
       unknown categories are rows of zeros, or one column of -1 and 1 for two levels, where they are 0; then for each
       numeric column with missing cells in training a column that is 1 where the number is missing and -1 elsewhere;
    3. codes: for each categorical column with more levels one column, which is 0 for missing and unknown categories and 1,
       2, ... for the levels in ascending order.

    Numbers and small columns are scaled and clipped by `RobustScaling`; missing numbers become 0, the median. Columns whose
    cells are all the same, or all missing, are left out. Levels are compared by value: a column of integers that is read
    as floats, because values are missing, has the same levels.

    Parameters
    ----------
    categorical_features : 'from_dtype', None or array_like, default='from_dtype'
        Which columns are categorical: those whose dtype is a category, enum, string or boolean; none; or exactly those
        given by name, by position or by a boolean mask. Text in any other column is an error.
    max_one_hot : int, default=8
        The most levels that are encoded as one-hot columns. A missing value is no level.

    Attributes
    ----------
    columns_ : tuple of Column
        For each column of the training table its name, kind, and numbers of levels and missing cells.
    n_numbers_ : int
        Number of encoded columns that are numbers.
    n_small_ : int
        Number of small columns.
    n_levels_ : tuple of int
        For each column of codes, the number of codes including 0.
    encoded_names_ : tuple of str
        Names of the encoded columns, such as `age`, `colour=red`, `age is missing`.
    n_features_in_ : int
        Number of columns of the training table.
    feature_names_in_ : ndarray of str
        Their names, if they are strings.

    Notes
    -----
    The encoding is that of RealMLP: D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by Default: Strong Pre-Tuned
    MLPs and Boosted Trees on Tabular Data", NeurIPS 2024, arXiv 2407.04491, section 3.

    Examples
    --------
    >>> encoder = TableEncoder().fit([[1.0, "red"], [2.0, "blue"], [4.0, "blue"]])
    >>> encoder.encoded_names_
    ('x0', 'x1=red')
    """

    def __init__(self, categorical_features: Any = "from_dtype", max_one_hot: int = 8) -> None:
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn levels, medians and scales from a table.

        Parameters
        ----------
        X : data frame, array_like or sparse matrix of shape (n_rows, n_features)
            A pandas or Polars data frame, an Arrow table, a NumPy array, a SciPy sparse matrix or a list of rows. Missing
            cells are None, NaN or the container's own missing value.
        y : ignored
            There for scikit-learn's pipelines.

        Returns
        -------
        TableEncoder
            The encoder itself.
        """
        self._fit(read_table(X))
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """`fit` and then `transform`, reading the table once."""
        table = read_table(X)
        self._fit(table)
        return self._transform(table)

    def transform(self, X: Any) -> np.ndarray:
        """Encode a table with the same columns.

        Parameters
        ----------
        X : data frame, array_like or sparse matrix of shape (n_rows, n_features)
            As for `fit`. If both tables have names, columns may be in another order.

        Returns
        -------
        ndarray of float32, of shape (n_rows, n_encoded)
            C-contiguous.
        """
        if not hasattr(self, "columns_"):
            raise NotFittedError("This TableEncoder is not fitted yet: call fit before transform.")
        few = read_few_rows(X, self._layout, self._names, self.n_features_in_)
        if few is None:
            return self._transform(read_table(X))
        encoded = np.empty((len(few[0]), len(self.encoded_names_)), np.float32)
        self._layout.encode(*few, encoded)
        return encoded

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """`encoded_names_` as an array of objects."""
        return np.array(self.encoded_names_, object)

    @property
    def encodings(self) -> tuple[NumberEncoding | CategoryEncoding, ...]:
        """How each column of the training table is encoded."""
        return self._encodings

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the columns of the training table; None if they have none."""
        return self._names

    def _fit(self, table: Table) -> None:
        """Decide how each column is encoded."""
        max_one_hot = _checked_max_one_hot(self.max_one_hot)
        is_category = categorical_columns(self.categorical_features, table)
        names = table.names or [f"x{column}" for column in range(table.n_columns)]
        encodings = [
            encoding_of(
                name,
                table.label(column),
                table.values(column),
                is_category=is_category[column],
                max_one_hot=max_one_hot,
            )
            for column, name in enumerate(names)
        ]
        _check_varies(encodings, table)
        self._remember(encodings, table.names)

    def _remember(self, encodings: Sequence[NumberEncoding | CategoryEncoding], names: tuple[str, ...] | None) -> None:
        """Set the attributes of a fitted encoder."""
        layout = Layout.of(encodings)
        self.columns_: tuple[Column, ...] = tuple(encoding.column for encoding in encodings)
        self.n_numbers_, self.n_small_, self.n_levels_ = layout.n_numbers, layout.n_small, layout.n_levels
        self.encoded_names_ = layout.names
        self.n_features_in_ = len(encodings)
        self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        if names is not None:
            self.feature_names_in_ = np.array(names, object)
        self._layout, self._names, self._encodings = layout, names, tuple(encodings)

    def _transform(self, table: Table) -> np.ndarray:
        """Encode a table, a block of rows at a time."""
        order = column_order(table.names, table.n_columns, self._names, self.n_features_in_)
        layout = self._layout
        numbers = _numbers_of([order[column] for column in layout.numeric], table)
        codes = np.empty((table.n_rows, len(layout.categorical)), np.int32)
        for place, (column, levels) in enumerate(layout.categorical):
            codes[:, place] = levels.codes(table.values(order[column]), table.label(order[column]))
        encoded = np.empty((table.n_rows, len(layout.names)), np.float32)
        step = layout.rows_per_block()
        for start in range(0, table.n_rows, step):
            rows = slice(start, start + step)
            layout.encode(numbers(rows), codes[rows], encoded[rows])
        return encoded


def _numbers_of(columns: Sequence[int], table: Table) -> Callable[[slice], np.ndarray]:
    """A function that reads some rows of these columns as float64; ValueError if one of them holds text."""
    matrix = table.matrix
    if matrix is not None:
        return lambda rows: matrix[rows][:, columns].astype(np.float64)
    arrays = [numbers_only(table.values(column), table.label(column), in_training=False).array for column in columns]

    def read(rows: slice) -> np.ndarray:
        numbers = np.empty((len(range(table.n_rows)[rows]), len(arrays)))
        for place, array in enumerate(arrays):
            numbers[:, place] = array[rows]
        return numbers

    return read


def _checked_max_one_hot(value: Any) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"max_one_hot must be a whole number of at least 0, got {quoted(value)}.")
    if value < 0:
        raise ValueError(f"max_one_hot must be a whole number of at least 0, got {value}.")
    return int(value)


def _check_varies(encodings: Sequence[NumberEncoding | CategoryEncoding], table: Table) -> None:
    """Raise ValueError if no column can be encoded."""
    if all(encoding.column.kind in ("constant", "missing") for encoding in encodings):
        raise ValueError(
            f"At least one column of X must vary, but each has the same value, or none, in all {table.n_rows} sample(s)."
        )
