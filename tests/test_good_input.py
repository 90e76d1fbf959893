"""Every valid kind of input gives the same results, and none is copied."""

import numpy as np
import pandas as pd
import pytest

import fastnn
from tests.cases import every_backend
from tests.small_networks import LABELS, X, network_for


def misaligned(array):
    buffer = np.zeros(array.nbytes + 1, np.uint8)
    view = buffer[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    assert not view.flags.aligned
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


GOOD_FEATURES = {
    "list": lambda X: X.tolist(),
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "integers": lambda X: X.astype("int64"),
    "bytes": lambda X: X.astype("uint8"),
    "truths": lambda X: X.astype("bool"),
    "half": lambda X: X.astype("float16"),
    "single": lambda X: X.astype("float32"),
    "extended": lambda X: X.astype("longdouble"),
    "other byte order": lambda X: X.astype(">f8"),
    "objects": lambda X: X.astype(object),
    "Fortran order": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "columns of a wider array": lambda X: np.hstack([X, X])[:, :3],
    "rows upside down": lambda X: X[::-1].copy()[::-1],
    "read-only": read_only,
    "misaligned": misaligned,
    "DataFrame": pd.DataFrame,
    "DataFrame of mixed types": lambda X: pd.DataFrame(X).astype({0: "int8", 1: "bool", 2: "float32"}),
    "nullable DataFrame": lambda X: pd.DataFrame(X).astype("Int64"),
}


def memory_mapped(path, array):
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@every_backend
@pytest.mark.parametrize("kind", GOOD_FEATURES)
def test_every_kind_of_features_gives_the_same_numbers(kind, backend):
    network, features = network_for(backend=backend), GOOD_FEATURES[kind](X)
    assert network.loss(features, LABELS) == network.loss(X, LABELS)
    assert network.evaluate(features, LABELS) == network.evaluate(X, LABELS)
    assert network.forward(features).tobytes() == network.forward(X).tobytes()


def fitted(features, y, backend, loss="softmax_cross_entropy", n_outputs=2):
    network = network_for(loss, n_outputs, backend)
    network.fit(features, y, epochs=2, batch_size=3)
    return network.parameters.tobytes()


# Compiling an epoch for another memory layout takes seconds, so the compiled backend gets one of each.
@pytest.mark.parametrize(
    ("kind", "backend"),
    [(kind, "numpy") for kind in GOOD_FEATURES]
    + [(kind, "numba") for kind in ("list", "bytes", "half", "Fortran order", "every second row", "read-only")],
)
def test_every_kind_of_features_gives_the_same_fit(kind, backend):
    assert fitted(GOOD_FEATURES[kind](X), LABELS, backend) == fitted(X, LABELS, backend)


@every_backend
def test_memory_mapped_features_and_targets_work(backend, tmp_path):
    mapped, y = memory_mapped(tmp_path / "X.npy", X), memory_mapped(tmp_path / "y.npy", LABELS)
    assert isinstance(mapped, np.memmap)
    assert fitted(mapped, y, backend) == fitted(X, LABELS, backend)
    assert network_for(backend=backend).loss(mapped, y) == network_for(backend=backend).loss(X, LABELS)


@every_backend
@pytest.mark.parametrize(
    "labels",
    [
        LABELS.tolist(),
        LABELS.astype("uint8"),
        LABELS.astype("bool"),
        LABELS.astype("float16"),
        LABELS.astype(">i4"),
        LABELS.reshape(-1, 1),
        np.repeat(LABELS, 2)[::2],
        read_only(LABELS),
        pd.Series(LABELS, index=range(8, 0, -1)),
        pd.DataFrame({"label": LABELS}),
    ],
    ids=["list", "bytes", "truths", "half", "byte order", "column", "strided", "read-only", "Series", "DataFrame"],
)
def test_every_kind_of_labels_gives_the_same_numbers(labels, backend):
    assert network_for(backend=backend).loss(X, labels) == network_for(backend=backend).loss(X, LABELS)
    assert fitted(X, labels, backend) == fitted(X, LABELS, backend)


@every_backend
@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, lambda Y: Y.astype(bool), lambda Y: Y.tolist()])
def test_one_hot_rows_give_the_same_numbers_as_labels(kind, backend):
    rows = kind(np.eye(2)[LABELS])
    assert network_for(backend=backend).loss(X, rows) == network_for(backend=backend).loss(X, LABELS)
    assert fitted(X, rows, backend) == fitted(X, LABELS, backend)


@every_backend
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "squared_error"])
def test_targets_of_one_output_may_be_a_vector_or_a_column(loss, backend):
    column = LABELS.astype("float64").reshape(-1, 1)
    expected = fitted(X, column, backend, loss, n_outputs=1)
    for y in (LABELS, LABELS.astype(bool), column[:, 0], read_only(column), pd.Series(LABELS)):
        assert fitted(X, y, backend, loss, n_outputs=1) == expected


def test_float_rows_that_sum_to_one_but_for_rounding_are_probabilities():
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(50), 8)
    network = fastnn.Network([3, 50], backend="numpy")
    assert np.isfinite(network.loss(X, shares))
    assert np.isfinite(network.loss(X, shares.astype("float32")))


def test_input_is_not_written_to():
    features, y = X.copy(), np.eye(2)[LABELS]
    network = network_for()
    network.loss(features, y)
    network.backward()
    network.fit(features, y, epochs=2, batch_size=3, validation_data=(features, y))
    network.fit(features, y, epochs=1, batch_size=None)
    assert features.tobytes() == X.tobytes()
    assert y.tobytes() == np.eye(2)[LABELS].tobytes()
