"""Initial weights and biases from the data: pre-activations vary alike, and hyperplanes pass among the samples."""

import numpy as np
import pytest
from scipy import sparse

import fastnn
from fastnn.data_initialization import MOST_SAMPLES
from tests.backends.table_networks import CASES, WITHOUT_DROPOUT, table
from tests.cases import DTYPES, assert_agree, every_backend

X = np.random.default_rng(0).standard_normal((300, 5)) * [1, 100, 0.01, 3, 1] + [0, 5, -1, 0, 10]


def new_network(backend="numpy", dtype="float64", seed=0, sizes=(5, 30, 20, 3), **options):
    return fastnn.Network(sizes, "tanh", backend=backend, dtype=dtype, seed=seed, **options)


def inputs_of_layers(network, X):
    """A_{l-1} for each layer, of a network without an input stage."""
    A = [X]
    for W, b in zip(network.weights[:-1], network.biases[:-1], strict=True):
        A.append(np.tanh(A[-1] @ W + b))
    return A


def in_double(network, X):
    """Inputs, weights and biases of each layer in double precision."""
    layers = zip(inputs_of_layers(network, X), network.weights, network.biases, strict=True)
    return [tuple(np.asarray(array, np.float64) for array in layer) for layer in layers]


@every_backend
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_standard_deviation_of_every_pre_activation_is_1(dtype, backend):
    network = new_network(backend, dtype)
    network.initialize_from_data(X)
    for A, W, _ in in_double(network, X):
        np.testing.assert_allclose((A @ W).std(axis=0), 1, rtol=1e-9 if dtype == "float64" else 1e-3)


@every_backend
def test_every_hyperplane_passes_among_the_samples(backend):
    network = new_network(backend)
    network.initialize_from_data(X)
    for A, W, b in in_double(network, X):
        Z = A @ W + b
        assert np.all(Z.min(axis=0) < 0)
        assert np.all(Z.max(axis=0) > 0)
    n_below = np.mean(np.concatenate([(A @ W + b < 0).ravel() for A, W, b in in_double(network, X)]))
    assert 0.3 < n_below < 0.7


def test_biases_are_convex_combinations_of_five_samples():
    """Of a unit x -> x, whose samples are 0 or 1, the shares of five samples that are 1 sum to a number below 1."""
    network = new_network(sizes=(1, 4000), loss="squared_error")
    network.weights[0][:] = 1
    network.initialize_from_data(np.array([[0.0], [1.0]]), weights=False)
    found = -network.biases[0]
    assert np.all((found >= 0) & (found <= 1))
    # Each of 32 choices is as likely; shares that are uniform among those with sum 1 are Dirichlet-distributed.
    assert found.mean() == pytest.approx(0.5, abs=0.02)
    assert found.var() == pytest.approx(1 / 12, rel=0.1)
    assert np.mean(found == 0) == pytest.approx(1 / 32, abs=0.01)


@every_backend
def test_weights_or_biases_alone(backend):
    for name, other in (("weights", "biases"), ("biases", "weights")):
        network = new_network(backend)
        before = {each: [array.copy() for array in getattr(network, each)] for each in (name, other)}
        network.initialize_from_data(X, **{name: False})
        assert all(map(np.array_equal, getattr(network, name), before[name]))
        assert not any(map(np.array_equal, getattr(network, other), before[other]))


@pytest.mark.parametrize("case", [*WITHOUT_DROPOUT, CASES[8]], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_both_backends_start_from_the_same_parameters(case, dtype):
    features, _ = table(50, dtype)
    networks = [case.network(backend, dtype) for backend in fastnn.available_backends()]
    before = networks[0].parameters.copy()
    for network in networks:
        network.initialize_from_data(features)
    assert networks[0].parameters.tobytes() == networks[1].parameters.tobytes()
    for array in networks[0].architecture.arrays:
        changes = not np.array_equal(array.view(networks[0].parameters), array.view(before))
        assert changes == (array.group in ("weights", "biases")), array.name
    if "normalization" not in case.options:
        # The first pre-activations of the backends themselves.
        first = fastnn.Network(
            (5, *case.hidden[:1], 3)[:: len(case.hidden) + 1] if not case.hidden else (5, case.hidden[0]),
            loss="softmax_cross_entropy",
            dtype=dtype,
            **{name: value for name, value in case.options.items() if name in ("embeddings", "input_scaling")},
        )
        arrays = {array.name: array.view(networks[0].parameters) for array in networks[0].architecture.arrays}
        for array in first.architecture.arrays:
            array.view(first.parameters)[:] = arrays[array.name]
        first.biases[0][:] = 0
        np.testing.assert_allclose(first.logits(features).std(axis=0), 1, rtol=1e-3 if dtype == "float32" else 1e-9)


@every_backend
def test_dropout_and_normalisation_do_not_disturb(backend):
    one, other = new_network(backend, dropout=0.5), new_network(backend)
    for network in (one, other):
        network.initialize_from_data(X)
    assert one.parameters.tobytes() == other.parameters.tobytes()
    network = new_network(backend, normalization="layer")
    network.initialize_from_data(X)
    assert np.isfinite(network.parameters).all()
    np.testing.assert_allclose((X @ network.weights[0]).std(axis=0), 1)


def test_random_numbers_are_the_networks():
    networks = [new_network(seed=seed) for seed in (0, 0, 1)]
    for network in networks:
        network.initialize_from_data(X)
    assert networks[0].parameters.tobytes() == networks[1].parameters.tobytes() != networks[2].parameters.tobytes()
    networks[0].initialize_from_data(X)
    assert networks[0].parameters.tobytes() != networks[1].parameters.tobytes()


def test_of_many_samples_some_are_looked_at(monkeypatch):
    many = np.random.default_rng(1).standard_normal((3 * MOST_SAMPLES, 5))
    network = new_network()
    network.initialize_from_data(many)
    deviations = (many @ network.weights[0]).std(axis=0)
    np.testing.assert_allclose(deviations, 1, rtol=0.1)
    assert np.all(deviations != 1)
    few = new_network()
    few.initialize_from_data(many[:MOST_SAMPLES])
    np.testing.assert_allclose((many[:MOST_SAMPLES] @ few.weights[0]).std(axis=0), 1, rtol=1e-9)


@every_backend
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3])
@pytest.mark.parametrize("n", [1, 2, 70, 300])
def test_where_nothing_varies_weights_have_the_size_they_have_without_data(n, value, dtype, backend):
    network = new_network(backend, dtype)
    network.initialize_from_data(np.full((n, 5), value))
    for W in network.weights:
        assert np.isfinite(W).all()
        assert 0.3 < W.std() * np.sqrt(len(W)) < 2
    assert np.isfinite(network.biases[0]).all()


def test_a_column_that_does_not_vary_is_no_hindrance():
    features = X.copy()
    features[:, 1] = 0.1
    network = new_network()
    network.initialize_from_data(features)
    np.testing.assert_allclose((features @ network.weights[0]).std(axis=0), 1)


@every_backend
def test_the_gradient_of_an_earlier_loss_is_gone(backend):
    network = new_network(backend)
    network.loss(X, np.arange(300) % 3)
    network.initialize_from_data(X)
    with pytest.raises(ValueError, match="backward needs the loss of a batch first"):
        network.backward()


@every_backend
@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        (sparse.csr_array(X), TypeError, "needs a dense X, got a sparse one"),
        (np.where(X > 100, np.nan, X), ValueError, "NaN|nan|finite"),
        (np.full((3, 5), np.inf), ValueError, "inf|finite"),
        (X[:, :4], ValueError, "5"),
        (X[0], ValueError, "dimension|shape"),
        (X[:0], ValueError, "sample|empty|0"),
    ],
    ids=["sparse", "nan", "infinite", "narrow", "a vector", "empty"],
)
def test_other_features_are_refused_and_change_nothing(features, error, message, backend):
    network = new_network(backend)
    before = network.parameters.tobytes(), str(network.random.bit_generator.state)
    with pytest.raises(error, match=message):
        network.initialize_from_data(features)
    assert (network.parameters.tobytes(), str(network.random.bit_generator.state)) == before


@every_backend
def test_training_from_there_succeeds(backend):
    network, y = new_network(backend), (X[:, 1] > 5).astype(int)
    network.initialize_from_data(X)
    history = network.fit(X, y, optimizer=fastnn.Adam(0.01), epochs=30, progress=False)
    assert history.loss[-1] < 0.2 * history.loss[0]
    assert_agree(network.evaluate(X, y), history.loss[-1], 0.1)
