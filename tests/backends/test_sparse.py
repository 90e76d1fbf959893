"""A sparse X gives the same results as a dense one, and is never made dense."""

import tracemalloc
from copy import copy

import numpy as np
import pytest
import sklearn.neural_network
from scipy import sparse
from sklearn.preprocessing import StandardScaler

import fastnn
from tests.cases import assert_agree, every_backend, tolerance

N_SAMPLES, N_FEATURES = 57, 30


def features(n_samples=N_SAMPLES, n_features=N_FEATURES, density=0.2):
    """X (n_samples, n_features), mostly zeros; some samples and some features are all zero."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n_samples, n_features)) * (random.random((n_samples, n_features)) < density)
    X[3], X[-1], X[:, 4] = 0, 0, 0
    return X


X = features()
LABELS = np.random.default_rng(1).integers(0, 3, N_SAMPLES)


def untidy(X):
    """X in a non-canonical CSR format: unsorted columns, duplicate entries, explicit zeros."""
    rows, columns = np.nonzero(np.ones_like(X))
    halves = np.concatenate([0.25 * X[rows, columns], 0.75 * X[rows, columns]])
    order = np.lexsort((np.random.default_rng(0).random(2 * len(rows)), np.tile(rows, 2)))
    columns, ends = np.tile(columns, 2)[order], np.arange(len(X) + 1) * 2 * X.shape[1]
    return sparse.csr_array((halves[order], columns, ends), shape=X.shape)


def with_indices_of_64_bits(X):
    matrix = sparse.csr_matrix(X)
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix


CONTAINERS = {
    **{
        name: getattr(sparse, name)
        for name in ("csr_array", "csr_matrix", "csc_array", "coo_array", "lil_array", "dok_array", "bsr_array")
    },
    "untidy": untidy,
    "64 bits": with_indices_of_64_bits,
}
OPTIMIZERS = (
    fastnn.SGD(0.1),
    fastnn.SGD(0.1, l2=0.1, weight_decay=0.01),
    fastnn.SGD(0.1, l1=0.01),
    fastnn.SGD(0.1, momentum=0.9, nesterov=True),
    fastnn.Adam(0.01),
    fastnn.Adam(0.01, max_grad_norm=0.1),
    fastnn.Muon(),
    fastnn.LBFGS(),
)
NETWORKS = {
    "narrow": {"layer_sizes": [N_FEATURES, 8, 3]},
    "one layer": {"layer_sizes": [N_FEATURES, 3]},
    "wide": {"layer_sizes": [N_FEATURES, 37, 5, 3], "activations": "tanh"},
    "regularised": {"layer_sizes": [N_FEATURES, 8, 6, 3], "normalization": ("batch", "layer"), "dropout": 0.2},
}


def network(backend="numpy", layers="narrow", dtype="float64", **options):
    return fastnn.Network(**NETWORKS[layers], backend=backend, dtype=dtype, seed=0, **options)


def everything(net, X, optimizer, **options):
    """Outputs, loss, gradient, and the parameters and losses of a fit."""
    outputs, loss, gradient = net.forward(X), net.loss(X, LABELS), net.backward().copy()
    history = net.fit(
        X, LABELS, optimizer=optimizer, epochs=2, batch_size=10, validation_data=(X[:20], LABELS[:20]), **options
    )
    return outputs, np.array([loss]), gradient, net._learned, np.array([history.loss, history.validation_loss])


def assert_all_agree(found, expected, dtype="float64"):
    for one, other in zip(found, expected, strict=True):
        assert_agree(one, other, 20 * tolerance(dtype, N_FEATURES, 37, 37, N_SAMPLES))


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@every_backend
def test_every_format_gives_what_a_dense_array_gives(backend, container):
    scattered = container(X) if container is untidy else sparse.csr_array(container(X))
    found, expected = network(backend), network(backend)
    assert_agree(found.forward(container(X)), expected.forward(X), tolerance("float64", N_FEATURES))
    assert found.loss(container(X), LABELS) == pytest.approx(expected.loss(X, LABELS), rel=1e-12)
    assert_agree(found.backward(), expected.backward(), tolerance("float64", N_FEATURES, N_SAMPLES))
    assert found.evaluate(scattered, LABELS) == pytest.approx(expected.evaluate(X, LABELS), rel=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@every_backend
def test_every_optimizer_takes_the_same_way(backend, optimizer):
    assert_all_agree(
        everything(network(backend), sparse.csr_array(X), optimizer), everything(network(backend), X, optimizer)
    )


@pytest.mark.parametrize("layers", NETWORKS)
@every_backend
def test_every_network_takes_the_same_way(backend, layers):
    both = [everything(network(backend, layers), data, fastnn.Adam(0.01)) for data in (sparse.csr_matrix(X), X)]
    assert_all_agree(*both)


@every_backend
def test_single_precision_takes_the_same_way(backend):
    both = [everything(network(backend, dtype="float32"), data, fastnn.SGD(0.01)) for data in (sparse.csr_array(X), X)]
    assert_all_agree(*both, "float32")


@every_backend
def test_a_single_sample_and_samples_without_entries_are_samples(backend):
    for rows in (X[:1], X[3:4], np.zeros((5, N_FEATURES))):
        found, expected = (network(backend).forward(data) for data in (sparse.csr_array(rows), rows))
        assert_agree(found, expected, tolerance("float64", N_FEATURES))


@pytest.mark.usefixtures("large_teams")
def test_the_same_bits_for_any_number_of_threads():
    large = features(600, 700)
    y = np.random.default_rng(1).integers(0, 3, 600)

    def bits(n_threads, optimizer):
        net = fastnn.Network([700, 20, 3], dtype="float64", seed=0, n_threads=n_threads)
        data = sparse.csr_array(large)
        outputs, loss, gradient = net.forward(data), net.loss(data, y), net.backward().copy()
        net.fit(data, y, optimizer=optimizer, epochs=2, batch_size=150)
        return outputs.tobytes(), loss, gradient.tobytes(), net.parameters.tobytes()

    for optimizer in (fastnn.SGD(0.1), fastnn.Adam(), fastnn.Adam(max_grad_norm=0.1)):
        alone = bits(1, optimizer)
        assert all(bits(n_threads, optimizer) == alone for n_threads in (2, 3, 7))


@every_backend
def test_weights_validation_and_resumption_go_as_with_a_dense_array(backend, tmp_path):
    weights = np.random.default_rng(2).exponential(size=N_SAMPLES)
    results = []
    for number, data in enumerate((sparse.csr_array(X), X)):
        options = {"validation_fraction": 0.3, "batch_size": 10, "optimizer": fastnn.Adam(0.01)}
        checkpoint = fastnn.Checkpoint(tmp_path / f"{number}.npz")
        network(backend).fit(data, LABELS, weights, epochs=2, callbacks=checkpoint, **options)
        resumed = network(backend)
        history = resumed.fit(data, LABELS, weights, epochs=4, resume_from=checkpoint.path, **options)
        results.append((resumed.parameters, np.array(history.loss), np.array(history.validation_accuracy)))
    assert_all_agree(*results)
    other = sparse.csr_array(2 * X)
    with pytest.raises(ValueError, match="features"):
        network(backend).fit(other, LABELS, weights, epochs=4, resume_from=tmp_path / "0.npz", **options)


@every_backend
def test_streams_and_the_range_test_take_sparse_batches(backend):
    results = []
    for data in (sparse.csr_array(X), X):
        net = network(backend)
        history = net.fit_batches([(data[:20], LABELS[:20]), (data[20:], LABELS[20:])], optimizer=fastnn.Adam(0.01))
        search = fastnn.find_learning_rate(net, data, LABELS, steps=10, batch_size=20)
        results.append((net.parameters, np.array(history.loss), search.losses))
    assert_all_agree(*results)


def test_a_stream_of_sparse_batches_is_not_centred():
    net = network()
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=r"with_mean=False"):
        net.fit_batches([(sparse.csr_array(X), LABELS)], scaler=StandardScaler())
    np.testing.assert_array_equal(net.parameters, before)


@every_backend
def test_numbers_that_are_not_finite_are_named_and_nothing_is_learned(backend):
    wrong = sparse.csr_array(X)
    wrong.data[17] = np.nan
    row, column = np.argwhere(np.isnan(wrong.toarray()))[0]
    net = network(backend)
    before = net.parameters.copy()
    for use in (lambda: net.predict(wrong), lambda: net.fit(wrong, LABELS, epochs=1)):
        with pytest.raises(ValueError, match=f"X must be finite in float64, got nan in row {row}, column {column}"):
            use()
    np.testing.assert_array_equal(net.parameters, before)


ESTIMATORS = {
    "adam": {},
    "sgd": {"solver": "sgd"},
    "L-BFGS": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True},
    "callbacks": {"callbacks": [fastnn.EarlyStopping("validation_loss", patience=1)], "early_stopping": True},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("options", ESTIMATORS.values(), ids=ESTIMATORS)
@every_backend
def test_no_call_of_an_estimator_makes_features_dense(backend, options, monkeypatch):
    """Hashed text: 400 rows, 2^16 columns. Dense they would take 200 MiB; three vectors of parameters take 6."""
    random = np.random.default_rng(0)
    rows, columns = np.repeat(np.arange(400), 20), random.integers(0, 2**16, 8000)
    X = sparse.csr_array((random.random(8000), (rows, columns)), shape=(400, 2**16))
    y = random.integers(0, 2, 400)
    few = X[:, :100].tocsr(), y
    fastnn.MLPClassifier((4,), max_iter=2, backend=backend, random_state=0, **options).fit(*few)  # compiles
    for name in ("toarray", "todense"):
        monkeypatch.setattr(sparse.csr_array, name, lambda self: pytest.fail("made dense"))
    estimator = fastnn.MLPClassifier((4,), max_iter=2, backend=backend, random_state=0, **options)
    tracemalloc.start()
    try:
        estimator.fit(X, y)
        estimator.score(X, y)
        estimator.predict_proba(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    vectors = 45 if options.get("solver") == "lbfgs" else 9  # SciPy keeps ten pairs of steps and gradients
    assert peak < vectors * estimator.network_.parameters.nbytes


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_second_fit_needs_no_more_memory_for_the_network_of_the_first():
    X, y = sparse.csr_array(([1.0], ([0], [0])), shape=(40, 2**17)), np.arange(40) % 2
    estimator = fastnn.MLPClassifier((4,), max_iter=2, early_stopping=True, random_state=0)
    peaks = []
    tracemalloc.start()
    try:
        for _ in range(3):
            tracemalloc.reset_peak()
            estimator.fit(X, y)
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    size = estimator.network_.parameters.nbytes
    assert max(peaks) < min(peaks) + 4.5 * size  # what the first leaves is there until the second begins


def test_a_copy_keeps_its_own_best_parameters():
    estimator = fastnn.MLPClassifier((4,), early_stopping=True, random_state=0, backend="numpy")
    step = {"classes": [0, 1, 2], "X_val": X[:20], "y_val": LABELS[:20]}
    estimator.partial_fit(sparse.csr_array(X), LABELS, **step)
    twin = copy(estimator)
    best = twin._best_learned.copy()
    estimator.best_validation_score_ = -1.0  # so that the next step is better
    estimator.partial_fit(sparse.csr_array(X), LABELS, **step)
    assert not np.array_equal(estimator._best_learned, best)
    np.testing.assert_array_equal(twin._best_learned, best)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("container", [sparse.csc_matrix, untidy, with_indices_of_64_bits], ids=lambda f: f.__name__)
@every_backend
def test_estimators_follow_scikit_learn(backend, container):
    options = {"hidden_layer_sizes": (6,), "max_iter": 4, "batch_size": 10, "random_state": 0}
    ours = fastnn.MLPClassifier(**options, backend=backend).fit(container(X), LABELS)
    theirs = sklearn.neural_network.MLPClassifier(**options).fit(container(X), LABELS)
    for found, expected in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    np.testing.assert_array_equal(ours.predict(container(X)), theirs.predict(container(X)))
