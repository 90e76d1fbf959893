"""What cannot be used is refused with a sentence that says what and where, and a fitted estimator stays as it was."""

import re

import numpy as np
import pandas as pd
import pytest

from fastnn.exceptions import DivergenceError
from tests.realmlp.small import LABELS, N_ROWS, NUMBERS, X, both, classifier, options, outputs, regressor
from tests.tabular.bad_tables import BAD_TO_FIT, BAD_TO_TRANSFORM


def message_of(raised):
    text = str(raised.value)
    assert "\n" not in text
    assert re.search(r"[A-Za-z]", text[0])
    return text


def n_rows_of(table):
    shape = getattr(table, "shape", None)
    return shape[0] if shape else len(table) if hasattr(table, "__len__") else 3


@both
@pytest.mark.parametrize("case", BAD_TO_FIT, ids=lambda case: case.name)
def test_unusable_tables_are_refused_in_fit(make, y, case):
    table = case.X()
    n_rows = min(n_rows_of(table) or 1, 12)
    targets = np.arange(n_rows) % 2 if n_rows > 1 else [0]
    if make is classifier:
        targets = np.resize([0, 1], max(2, n_rows))
    with pytest.raises(case.error) as raised:
        make(**case.options).fit(table, targets)
    text = message_of(raised)
    mentions = [part for part in case.mentions if not part.startswith("got ") or "max_one_hot" not in case.options]
    assert not [part for part in mentions if part not in text], text


@both
@pytest.mark.parametrize("case", BAD_TO_TRANSFORM, ids=lambda case: case.name)
def test_unusable_tables_are_refused_in_predict(make, y, case):
    trained_on = case.trained_on()
    estimator = make(n_epochs=1).fit(trained_on, np.arange(len(trained_on)) % 2)
    with pytest.raises(case.error) as raised:
        estimator.predict(case.X())
    text = message_of(raised)
    assert not [part for part in case.mentions if part not in text], text


BAD_LABELS = {
    "none": (None, "requires y to be passed, but the target y is None"),
    "a scalar": (3, "y must have one entry for each row of X, got 3."),
    "text": ("abc", "y must have one entry for each row of X, got 'abc'."),
    "a missing label": ([None, *LABELS[1:]], "y must not have missing labels, got None in row 0."),
    "NaN among text": ([*LABELS[:-1], np.nan], "y must not have missing labels, got nan in row 59."),
    "NaN among numbers": (np.where(NUMBERS > 1, 1, np.nan), "Input y contains NaN."),
    "NA": (pd.Series([None, *[0, 1, 1] * 19, 1, 0], dtype="Int64"), "missing labels, got <NA> in row 0."),
    "text and numbers": ([1, *LABELS[1:]], "y mixes text and other labels, '.*' in row 1 and 1 in row 0: turn"),
    "infinity": (np.where(NUMBERS > 1, 1, np.inf), "Input y contains infinity"),
    "numbers that are no classes": (NUMBERS, "Unknown label type: continuous"),
    "bytes": ([b"a", b"b"] * 30, "labels represented as bytes"),
    "objects": ([object()] * N_ROWS, "Unknown label type"),
    "two columns": (np.c_[LABELS, LABELS], r"y should be a 1d array, got an array of shape \(60, 2\)"),
    "one class": (["same"] * N_ROWS, "at least 2 classes, got only 1 class, 'same': there is nothing to tell apart."),
    "too few": (LABELS[:5], r"inconsistent numbers of samples: \[60, 5\]"),
}

BAD_TARGETS = {
    "none": (None, "requires y to be passed, but the target y is None"),
    "a scalar": (3.0, "y must have one entry for each row of X, got 3.0."),
    "text": (LABELS, r"^y must hold numbers, got 'bee' in row 0\.$"),
    "NaN": (np.where(NUMBERS > 1, 1, np.nan), "Input y contains NaN."),
    "infinity": (np.where(NUMBERS > 1, 1, np.inf), "Input y contains infinity"),
    "None among objects": (np.array([None, *NUMBERS[1:]], object), "missing or infinite targets, got nan in row 0."),
    "complex numbers": (NUMBERS * 1j, "Complex data not supported"),
    "dates": (np.full(N_ROWS, "2024-02-29", "M8[D]"), "y holds dates or times: turn them into numbers first"),
    "three dimensions": (np.ones((N_ROWS, 2, 2)), "dim <= 2 is required"),
    "no targets": (np.ones((N_ROWS, 0)), "0 feature"),
    "too few": (NUMBERS[:5], r"inconsistent numbers of samples: \[60, 5\]"),
    "a range beyond floats": (np.where(np.arange(N_ROWS) == 1, 1.7e308, -1e307), "1e.307 to 1.7e.308: rescale"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_unusable_labels_are_refused(name):
    y, message = BAD_LABELS[name]
    with pytest.raises((ValueError, TypeError), match=message):
        classifier().fit(X, y)


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_unusable_targets_are_refused(name):
    y, message = BAD_TARGETS[name]
    with pytest.raises(ValueError, match=message):
        regressor().fit(X, y)


@both
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(N_ROWS), "at least one non-zero"),
        (np.r_[-1.0, np.ones(N_ROWS - 1)], "sample_weight must not be negative, .* got weights from -1 to 1."),
        (np.r_[np.nan, np.ones(N_ROWS - 1)], "sample_weight contains NaN"),
        (np.r_[np.inf, np.ones(N_ROWS - 1)], "sample_weight contains infinity"),
        (np.ones(5), r"sample_weight.shape == \(5,\), expected \(60,\)"),
        (np.ones((N_ROWS, 1)), "must be 1D array or scalar"),
        (["heavy"] * N_ROWS, "sample_weight must hold numbers: .*'heavy'"),
    ],
)
def test_unusable_weights_are_refused(make, y, weights, message):
    with pytest.raises(ValueError, match=message):
        make().fit(X, y, sample_weight=weights)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"ant": -1}, "class_weight must be finite and at least 0, got -1 for the class 'ant'."),
        ({"ant": np.nan}, "got nan for the class 'ant'."),
        ({"ant": "much"}, "got 'much' for the class 'ant'."),
        ({"ants": 2}, "names 'ants', not among the classes of y, and lacks 'ant', 'bee', 'cat'. Did you mean 'ant'?"),
        ({"ant": 0, "bee": 0, "cat": 0}, "class_weight must leave a weight above 0 to some row"),
        ("uniform", "'class_weight' parameter"),
        ([1, 2, 3], "'class_weight' parameter"),
    ],
)
def test_unusable_class_weights_are_refused(weights, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (checked below, without regular expressions)
        classifier(class_weight=weights).fit(X, LABELS)
    assert message in str(raised.value)


BAD_PARAMETERS = [
    {"preset": "TD"},
    {"n_members": 0},
    {"n_members": "all"},
    {"refit": "yes"},
    {"validation_fraction": 0.6},
    {"validation_fraction": -0.1},
    {"scoring": 3},
    {"scoring": "acuracy"},
    {"oob_score": 2},
    {"categorical_features": "all"},
    {"categorical_features": ["City"]},
    {"max_one_hot": -1},
    {"hidden_layer_sizes": 0},
    {"hidden_layer_sizes": [8, 0]},
    {"hidden_layer_sizes": [8.0]},
    {"hidden_layer_sizes": "8"},
    {"hidden_layer_sizes": True},
    {"n_epochs": 0},
    {"n_epochs": 1.5},
    {"batch_size": 0},
    {"learning_rate": 0.0},
    {"learning_rate": np.inf},
    {"dropout": 1.0},
    {"weight_decay": -1.0},
    {"random_state": "seed"},
    {"warm_start": 2},
    {"backend": "cuda"},
    {"n_threads": 0},
    {"progress": 3},
]


@both
@pytest.mark.parametrize("bad", BAD_PARAMETERS, ids=str)
def test_bad_parameters_are_refused_by_name(make, y, bad):
    ((name, value),) = bad.items()
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (checked below)
        make(**bad).fit(X, y)
    assert name in str(raised.value)
    assert (value if isinstance(value, str) else repr(value).strip("[]'")) in str(raised.value)


@both
def test_misspelt_scorers_are_corrected(make, y):
    with pytest.raises(ValueError, match="Did you mean 'neg_log_loss'"):
        make(scoring="neg_logloss").fit(X, y)


def test_scorers_that_cannot_measure_held_out_rows_are_named():
    with pytest.raises(ValueError, match="scoring='roc_auc' cannot measure a network on held-out rows: multi_class"):
        classifier(scoring="roc_auc").fit(X, LABELS)


@both
def test_predictions_need_a_fit(make, y):
    with pytest.raises(ValueError, match="not fitted yet"):
        make().predict(X)


class InterruptingProgress:
    """Simulates Ctrl-C when a fraction of the work is done."""

    def __init__(self, fraction):
        self.fraction = fraction

    def __call__(self, fraction, history):
        if fraction >= self.fraction:
            raise KeyboardInterrupt


class TestFailedFit:
    @pytest.fixture(params=[False, True], ids=["new start", "warm start"])
    def warm_start(self, request):
        return request.param

    @both
    @pytest.mark.parametrize(
        ("n_members", "changes", "data", "error"),
        [
            (1, {}, {"X": X.assign(size=np.full(N_ROWS, "2024-02-29", "M8[ns]"))}, ValueError),
            (1, {}, {"y": None}, ValueError),
            (1, {}, {"sample_weight": -np.ones(N_ROWS)}, ValueError),
            (1, {"n_epochs": 0}, {}, ValueError),
            (1, {"learning_rate": 1e30, "validation_fraction": 0}, {}, DivergenceError),
            (3, {"learning_rate": 1e30, "validation_fraction": 0}, {}, DivergenceError),
            (1, {"scoring": lambda network, X, y: 1 / 0}, {}, ZeroDivisionError),
            (1, {"progress": InterruptingProgress(0.4)}, {}, KeyboardInterrupt),
            (3, {"progress": InterruptingProgress(0.4)}, {}, KeyboardInterrupt),
            (2, {"progress": InterruptingProgress(0.7), "refit": True}, {}, KeyboardInterrupt),
        ],
    )
    def test_leaves_the_estimator_as_it_was(self, make, y, warm_start, n_members, changes, data, error):
        estimator = make(n_members=n_members, oob_score=True).fit(X, y)
        before, state = (
            outputs(estimator),
            {name: id(value) for name, value in vars(estimator).items() if name[-1] == "_"},
        )
        estimator.set_params(warm_start=warm_start, **changes)
        with pytest.raises(error):
            estimator.fit(**{"X": X, "y": y, **data})
        assert {name: id(value) for name, value in vars(estimator).items() if name[-1] == "_"} == state
        np.testing.assert_array_equal(outputs(estimator), before)

    @both
    def test_makes_no_new_estimator_look_fitted(self, make, y):
        estimator = make(learning_rate=1e30, validation_fraction=0)
        with pytest.raises(DivergenceError, match=r"diverged in epoch .* The estimator is as it was before\.$"):
            estimator.fit(X, y)
        assert not [name for name in vars(estimator) if name.endswith("_")]
        assert vars(estimator) == vars(make(**options(learning_rate=1e30, validation_fraction=0)))
