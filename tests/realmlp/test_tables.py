"""Tables, labels and targets in the containers in which people have them."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from tests.realmlp.small import BOTH, LABELS, N_ROWS, NUMBERS, X, both, classifier, outputs, regressor
from tests.tabular.containers import CONTAINERS, rows_of

COLUMNS = {name: [None if pd.isna(cell) else cell for cell in X[name].tolist()] for name in X.columns}


@pytest.fixture(scope="module")
def fitted():
    """Estimators fitted to the pandas frame."""
    return {make: make().fit(CONTAINERS["pandas"](COLUMNS), y) for make, y in BOTH}


@both
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same_predictions(fitted, make, y, container):
    # An array of objects has no dtype for booleans, but its cells do.
    table = CONTAINERS[container](COLUMNS)
    estimator = make().fit(table, y)
    np.testing.assert_array_equal(outputs(estimator, table), outputs(fitted[make], CONTAINERS["pandas"](COLUMNS)))
    np.testing.assert_allclose(
        outputs(estimator, rows_of(table, slice(3, 5))), outputs(estimator, table)[3:5], rtol=1e-5, atol=1e-6
    )


@both
def test_sparse_and_dense_matrices_give_the_same_predictions(make, y):
    matrix = np.where(np.random.default_rng(0).random((N_ROWS, 4)) < 0.6, 0, X[["size"]].to_numpy())
    estimator = make().fit(matrix, y)
    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array):
        np.testing.assert_array_equal(outputs(make().fit(kind(matrix), y), kind(matrix)), outputs(estimator, matrix))


@both
def test_named_columns_may_come_in_another_order(fitted, make, y):
    frame = CONTAINERS["pandas"](COLUMNS)
    np.testing.assert_array_equal(outputs(fitted[make], frame[frame.columns[::-1]]), outputs(fitted[make], frame))


@both
def test_unknown_categories_count_as_missing(fitted, make, y):
    frame = CONTAINERS["pandas"](COLUMNS)
    unknown, missing = (frame.assign(city=[value] * N_ROWS, street=[value] * N_ROWS) for value in ("new", None))
    missing = missing.astype({"city": object, "street": object})
    np.testing.assert_array_equal(outputs(fitted[make], unknown), outputs(fitted[make], missing))


@both
def test_columns_without_information_do_not_change_predictions(make, y):
    more = X.assign(constant=3.0, nothing=np.nan, word="same")
    np.testing.assert_array_equal(outputs(make().fit(more, y), more), outputs(make().fit(X, y), X))


@both
def test_infinite_and_repeated_columns_are_learned_from(make, y):
    more = X.assign(infinite=np.where(X["size"] > 0, np.inf, X["size"]), again=X["size"])
    estimator = make().fit(more, y)
    assert np.isfinite(outputs(estimator, more)).all()
    assert (outputs(estimator, more) != outputs(estimator, more.assign(infinite=-np.inf, again=0.0))).any()


@both
def test_cells_that_are_missing_only_later_count_as_the_median(make, y):
    estimator = make().fit(X, y)
    later = X.assign(size=np.nan)
    np.testing.assert_array_equal(outputs(estimator, later), outputs(estimator, X.assign(size=X["size"].median())))


@both
def test_what_a_column_was_taken_for_can_be_looked_up(make, y):
    columns = {column.name: column for column in make().fit(X, y).columns_}
    assert [column.kind for column in columns.values()] == ["number", "number", "category", "category", "category"]
    assert columns["street"].n_levels == 12
    assert columns["age"].n_missing == X["age"].isna().sum()


IS_LARGE = X["size"].to_numpy() > 0
WORDS = np.where(IS_LARGE, "yes", "no")

#: Labels in their containers, and the type of the classes.
LABELLINGS = {
    "booleans": (IS_LARGE, bool),
    "integers": (np.where(IS_LARGE, 4, -3), np.int64),
    "floats": (np.where(IS_LARGE, 2.0, -1.0), np.float64),
    "strings": (WORDS, "<U3"),
    "objects": (WORDS.astype(object), object),
    "booleans as objects": (IS_LARGE.astype(object), bool),
    "integers as objects": (IS_LARGE.astype(int).astype(object), np.int64),
    "list of strings": (WORDS.tolist(), "<U3"),
    "list of booleans": (IS_LARGE.tolist(), bool),
    "Series": (pd.Series(IS_LARGE), bool),
    "nullable integers": (pd.Series(IS_LARGE.astype(int), dtype="Int64"), np.int64),
    "nullable booleans": (pd.Series(IS_LARGE, dtype="boolean"), bool),
    "categories": (pd.Series(pd.Categorical(WORDS, ["yes", "no", "unused"])), object),
    "pandas on Arrow": (pd.Series(WORDS, dtype=pd.ArrowDtype(pa.string())), object),
    "Polars": (pl.Series(IS_LARGE), bool),
    "enum of Polars": (pl.Series(WORDS, dtype=pl.Enum(["yes", "no"])), object),
    "Arrow": (pa.array(IS_LARGE.tolist()), bool),
    "chunks of Arrow": (pa.chunked_array([WORDS[:9].tolist(), WORDS[9:].tolist()]), object),
    "dictionary of Arrow": (pa.array(WORDS.tolist()).dictionary_encode(), object),
}


@pytest.mark.parametrize("name", LABELLINGS)
def test_labels_of_every_kind_are_predicted_as_they_were_given(name):
    y, dtype = LABELLINGS[name]
    fitted = classifier().fit(X, y)
    labels = np.sort(np.unique(np.asarray(y).tolist() if not isinstance(y, pd.Series) else y.tolist()))
    assert fitted.classes_.dtype == np.dtype(dtype)
    assert fitted.classes_.tolist() == labels.tolist()
    expected = classifier().fit(X, IS_LARGE)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    assert fitted.predict(X).tolist() == labels[expected.predict(X).astype(int)].tolist()
    assert len(set(fitted.predict(X).tolist())) == 2


def test_logarithms_of_probabilities():
    fitted = classifier().fit(X, LABELS)
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X)), fitted.predict_proba(X), rtol=1e-6)


TARGETS = {
    "array": NUMBERS,
    "list": NUMBERS.tolist(),
    "Series": pd.Series(NUMBERS),
    "nullable": pd.Series(NUMBERS, dtype="Float64"),
    "pandas on Arrow": pd.Series(NUMBERS).astype(pd.ArrowDtype(pa.float64())),
    "objects": NUMBERS.astype(object),
    "Polars": pl.Series(NUMBERS),
    "Arrow": pa.array(NUMBERS),
    "chunks of Arrow": pa.chunked_array([NUMBERS[:9], NUMBERS[9:]]),
}


@pytest.mark.parametrize("name", TARGETS)
def test_targets_in_every_container_give_the_same_predictions(name):
    np.testing.assert_array_equal(regressor().fit(X, TARGETS[name]).predict(X), regressor().fit(X, NUMBERS).predict(X))


def test_predictions_have_the_shape_of_the_targets():
    one = regressor().fit(X, NUMBERS)
    column = regressor().fit(X, NUMBERS[:, np.newaxis])
    assert one.predict(X).shape == (N_ROWS,)
    np.testing.assert_array_equal(column.predict(X), one.predict(X)[:, np.newaxis])


def test_several_targets_are_learned_in_their_own_units():
    y = np.c_[X["size"], 1e12 * X["size"] + 5e12, np.full(N_ROWS, 0.1)]
    predictions = regressor(n_epochs=60, validation_fraction=0).fit(X, y).predict(X)
    assert np.corrcoef(predictions[:, 0], y[:, 0])[0, 1] > 0.9
    assert np.corrcoef(predictions[:, 1], y[:, 1])[0, 1] > 0.9
    np.testing.assert_array_equal(predictions[:, 2], 0.1)
    frame = pd.DataFrame(y)
    np.testing.assert_array_equal(regressor(n_epochs=60, validation_fraction=0).fit(X, frame).predict(X), predictions)


@pytest.mark.parametrize("scale", [1e12, 1e-12, 1e200, 1e-200])
def test_the_scale_of_the_targets_does_not_matter(scale):
    found = regressor().fit(X, scale * NUMBERS).predict(X)
    np.testing.assert_allclose(found / scale, regressor().fit(X, NUMBERS).predict(X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("preset", ["td", "td-s"])
def test_constant_targets_are_predicted(preset):
    np.testing.assert_array_equal(regressor(preset=preset).fit(X, np.full(N_ROWS, 0.1)).predict(X), 0.1)


def test_predictions_stay_within_the_targets_of_the_training_table():
    y = (NUMBERS > 1).astype(float)
    extreme = X.assign(size=1e6)
    fitted, free = (regressor(n_epochs=40, preset=preset).fit(X, y) for preset in ("td", "td-s"))
    assert fitted.predict(extreme).max() <= 1
    assert fitted.predict(X).min() == 0
    assert free.predict(pd.concat([X, extreme])).max() > 1


class TestWeights:
    @both
    def test_rows_of_weight_zero_train_and_select_nothing(self, make, y):
        kept = np.arange(N_ROWS) % 3 > 0
        changed = np.where(kept, y, y[::-1])
        fits = [make().fit(X, targets, sample_weight=kept.astype(float)) for targets in (y, changed)]
        np.testing.assert_array_equal(outputs(fits[0]), outputs(fits[1]))

    @both
    def test_equal_weights_count_as_none(self, make, y):
        weighted = make().fit(X, y, sample_weight=np.ones(N_ROWS))
        np.testing.assert_allclose(outputs(weighted), outputs(make().fit(X, y)), rtol=1e-4, atol=1e-5)

    @both
    def test_a_heavy_row_changes_the_fit(self, make, y):
        heavy = make().fit(X, y, sample_weight=np.where(np.arange(N_ROWS) == 3, 50.0, 1.0))
        assert np.abs(outputs(heavy) - outputs(make().fit(X, y))).max() > 0.01

    def test_heavy_classes_are_predicted_more_often(self):
        counts = [
            (classifier(class_weight=weights, n_epochs=20).fit(X, LABELS).predict(X) == "bee").sum()
            for weights in ({"bee": 100}, {"bee": 0.01})
        ]
        assert counts[0] > counts[1] + 10

    def test_balanced_weights_are_those_of_scikit_learn(self):
        counts = pd.Series(LABELS).value_counts()
        given = classifier(class_weight={label: N_ROWS / (3 * n) for label, n in counts.items()}).fit(X, LABELS)
        balanced = classifier(class_weight="balanced").fit(X, LABELS)
        np.testing.assert_allclose(outputs(balanced), outputs(given), rtol=1e-6)

    def test_classes_that_a_fold_lacks_may_have_weights(self):
        weights = {"ant": 1.0, "bee": 1.0, "cat": 1.0, "dog": 7.0}
        np.testing.assert_allclose(
            outputs(classifier(class_weight=weights).fit(X, LABELS)),
            outputs(classifier().fit(X, LABELS)),
            rtol=1e-4,
            atol=1e-5,
        )
