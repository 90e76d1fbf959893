"""Invalid features and targets are rejected with a clear message, before anything changes."""

from itertools import cycle

import numpy as np
import pytest
from scipy import sparse

import fastnn
from tests.cases import CASES
from tests.small_networks import LABELS, X, assert_refused, network_for, put, state_of

# Features


def with_column(column, container=sparse.csr_array):
    """A sparse X with the index of one entry changed to another column or row."""
    scattered = container(X)
    scattered.indices[4] = column
    return scattered


def with_rows_backwards():
    """A sparse X with a row that ends before it begins."""
    scattered = sparse.csr_array(X)
    scattered.indptr[3] = 0
    return scattered


BAD_FEATURES = {
    "wrong number": (X[:, :2], ValueError, r"X has 2 features, but this network expects 3\."),
    "one-dimensional": (X[0], ValueError, r"X must be two-dimensional.*shape \(3,\)\. For one sample, pass X\.reshape"),
    "three-dimensional": (X[np.newaxis], ValueError, r"X must be two-dimensional.*shape \(1, 8, 3\)"),
    "a number": (1.5, ValueError, r"X must be two-dimensional.*shape \(\)"),
    "none": (None, ValueError, r"X must be two-dimensional.*shape \(\)"),
    "empty": (X[:0], ValueError, r"X is empty: at least one sample is needed, got shape \(0, 3\)"),
    "nan": (put(np.nan), ValueError, r"X must be finite.*got nan in row 2, column 1\."),
    "infinite": (put(-np.inf, (7, 0)), ValueError, r"X must be finite.*got -inf in row 7, column 0\."),
    "missing": ([[0, 1, None]] * 8, ValueError, r"X must be finite.*got nan in row 0, column 2\."),
    "half nan": (put(np.nan).astype("float16"), ValueError, r"X must be finite.*got nan in row 2, column 1\."),
    "words": ([["a", "b", "c"]] * 8, TypeError, r"X must be an array of real numbers, got elements of type <U1"),
    "complex": (X * 1j, TypeError, r"X must be an array of real numbers, got elements of type complex128"),
    "dates": (X.astype("M8[s]"), TypeError, r"X must be an array of real numbers, got elements of type datetime64"),
    "ragged": ([[0, 1, 2], [0, 1]], TypeError, r"X must be an array of numbers, got list"),
    "objects": ([[object()] * 3] * 8, TypeError, r"X must be an array of numbers, got list"),
    "too large an integer": ([[10**400, 0, 0]] * 8, (TypeError, ValueError), r"X must be"),
    "sparse, wrong number": (sparse.csr_array(X[:, :2]), ValueError, r"X has 2 features, but this network expects 3\."),
    "sparse, empty": (
        sparse.csc_array(X[:0]),
        ValueError,
        r"X is empty: at least one sample is needed, got shape \(0, 3\)",
    ),
    "sparse, nan": (sparse.coo_array(put(np.nan)), ValueError, r"X must be finite.*got nan in row 2, column 1\."),
    "sparse, infinite": (sparse.csr_matrix(put(np.inf)), ValueError, r"X must be finite.*got inf in row 2, column 1\."),
    "sparse, complex": (
        sparse.csr_array(X * 1j),
        TypeError,
        r"X must be a sparse array of real numbers, .* complex128",
    ),
    "sparse, beyond": (with_column(3), ValueError, r"X is a csr_array with entries outside its shape \(8, 3\)"),
    "sparse, negative": (with_column(-1), ValueError, r"X is a csr_array with entries outside its shape \(8, 3\)"),
    "sparse, columns": (
        with_column(8, sparse.csc_array),
        ValueError,
        r"X is a csc_array with inconsistent parts.*indices",
    ),
    "sparse, rows": (
        with_rows_backwards(),
        ValueError,
        r"X is a csr_array .* with an inconsistent indptr",
    ),
}

USES = {
    "loss": lambda network, X, y: network.loss(X, y),
    "evaluate": lambda network, X, y: network.evaluate(X, y),
    "fit": lambda network, X, y: network.fit(X, y, epochs=1),
    "validation": lambda network, X_, y: network.fit(X, LABELS, epochs=1, validation_data=(X_, y)),
}
INFERENCE = {
    "logits": lambda network, X: network.logits(X),
    "forward": lambda network, X: network.forward(X),
    "predict": lambda network, X: network.predict(X),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("fault", BAD_FEATURES)
def test_bad_features_are_refused(fault, use):
    features, error, message = BAD_FEATURES[fault]
    assert_refused(network_for(), lambda network: USES[use](network, features, LABELS), error, message)


@pytest.mark.parametrize("use", INFERENCE)
@pytest.mark.parametrize("fault", BAD_FEATURES)
def test_bad_features_are_refused_by_inference(fault, use):
    features, error, message = BAD_FEATURES[fault]
    assert_refused(network_for(), lambda network: INFERENCE[use](network, features), error, message)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("use", [*USES, *INFERENCE])
def test_features_beyond_single_precision_are_refused_by_a_network_of_single_precision(use, container):
    message = r"X must be finite in float32, got 1e\+300 in row 2, column 1\."
    features = container(put(1e300))
    network = network_for(dtype="float32")
    if use in USES:
        assert_refused(network, lambda network: USES[use](network, features, LABELS), ValueError, message)
    else:
        assert_refused(network, lambda network: INFERENCE[use](network, features), ValueError, message)
    assert np.isfinite(network_for().loss(features, LABELS))


#: Non-finite values, used in turn.
FAULTS = np.nan, np.inf, -np.inf
FAULTY_CASES = list(zip(CASES, cycle(FAULTS), strict=False))


@pytest.mark.parametrize(("case", "fault"), FAULTY_CASES, ids=str)
def test_a_fit_finds_the_number_that_is_not_finite_whatever_hides_it(case, fault):
    """Training checks X only when a parameter is no longer finite, so no activation may hide NaN or infinity."""
    features, targets = case.data
    row, column = len(features) - 1, features.shape[1] // 2
    features = features.copy()
    features[row, column] = fault
    for backend in fastnn.available_backends():
        network = case.network(backend)
        before = state_of(network)
        with pytest.raises(
            ValueError, match=rf"X must be finite in .*, got -?(nan|inf) in row {row}, column {column}\."
        ):
            network.fit(features, targets, optimizer=case.optimizer, epochs=2, batch_size=case.batch_size)
        assert state_of(network) == before


def test_the_row_that_is_not_finite_is_found_far_down():
    features = np.zeros((10_000, 3))
    features[9_999, 2] = np.nan
    with pytest.raises(ValueError, match="got nan in row 9999, column 2"):
        network_for().forward(features)


# Targets

BAD_TARGETS = {
    "lengths that differ": ("softmax_cross_entropy", LABELS[:7], ValueError, r"same number of samples, got 8 and 7"),
    "a number": ("softmax_cross_entropy", 1, ValueError, r"y must be one- or two-dimensional, got shape \(\)"),
    "three-dimensional": ("softmax_cross_entropy", np.zeros((8, 1, 1)), ValueError, r"one- or two-dim.*\(8, 1, 1\)"),
    "nan label": ("softmax_cross_entropy", put(np.nan, 3, LABELS), ValueError, r"y must be finite.*nan in row 3"),
    "infinite label": ("softmax_cross_entropy", put(np.inf, 3, LABELS), ValueError, r"y must be finite.*inf in row 3"),
    "negative label": ("softmax_cross_entropy", put(-1, 3, LABELS), ValueError, r"whole numbers from 0 to 1.*-1"),
    "label too large": ("softmax_cross_entropy", put(2, 3, LABELS), ValueError, r"from 0 to 1 for 2 outputs.*0.* to 2"),
    "huge label": ("softmax_cross_entropy", put(1e300, 3, LABELS), ValueError, r"whole numbers from 0 to 1.*1e\+300"),
    "fraction": ("softmax_cross_entropy", put(0.5, 3, LABELS), ValueError, r"whole numbers from 0 to 1, got 0\.5"),
    "words": ("softmax_cross_entropy", ["no", "yes"] * 4, TypeError, r"y must be.*<U3.*LabelEncoder"),
    "too many columns": ("softmax_cross_entropy", np.eye(3)[LABELS], ValueError, r"shape \(8, 2\).*got \(8, 3\)"),
    "rows that do not sum to 1": (
        "softmax_cross_entropy",
        put(1, (4, 1), np.eye(2)[LABELS]),
        ValueError,
        r"Rows of y must sum to 1.*got 2 in row 4",
    ),
    "negative share": ("softmax_cross_entropy", [[-1, 2]] * 8, ValueError, r"between 0 and 1, got.*-1 to 2"),
    "above 1": ("binary_cross_entropy", put(1.5, (0, 0), np.zeros((8, 2))), ValueError, r"between 0 and 1.*0 to 1\.5"),
    "below 0": ("binary_cross_entropy", put(-0.1, (0, 0), np.zeros((8, 2))), ValueError, r"between 0 and 1.*-0\.1 to"),
    "too few columns": ("binary_cross_entropy", LABELS, ValueError, r"shape \(8, 2\).*got \(8,\)"),
    "nan target": ("squared_error", put(np.nan, (5, 1), np.zeros((8, 2))), ValueError, r"finite.*row 5, column 1"),
    "complex": ("squared_error", np.zeros((8, 2)) * 1j, TypeError, r"y must be an array of real numbers.*complex128"),
    "no columns": ("squared_error", np.zeros((8, 0)), ValueError, r"shape \(8, 2\).*got \(8, 0\)"),
    "none": ("squared_error", None, ValueError, r"y must be one- or two-dimensional, got shape \(\)"),
}


@pytest.mark.parametrize("use", ["loss", "evaluate", "fit"])
@pytest.mark.parametrize("fault", BAD_TARGETS)
def test_bad_targets_are_refused(fault, use):
    loss, y, error, message = BAD_TARGETS[fault]
    assert_refused(network_for(loss), lambda network: USES[use](network, X, y), error, message)


def test_bad_validation_targets_are_refused_before_training():
    use = lambda network: USES["validation"](network, X, LABELS + 1)  # noqa: E731
    assert_refused(network_for(), use, ValueError, "whole numbers from 0 to 1")
