"""The public interface of a network, name by name."""

import copy
import pickle
import threading

import numpy as np
import pytest
from sklearn.datasets import make_moons
from threadpoolctl import threadpool_info

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.initializers import INITIALIZERS
from tests.cases import DTYPES, assert_agree, every_backend, tolerance

every_dtype = pytest.mark.parametrize("dtype", DTYPES)

X = np.random.default_rng(0).standard_normal((8, 3))
LABELS = np.arange(8) % 2


def small_network(backend="numpy", dtype="float64", seed=0, **options):
    return fastnn.Network([3, 4, 2], "tanh", backend=backend, dtype=dtype, seed=seed, **options)


def test_public_names():
    assert set(fastnn.__all__) >= {"SGD", "DivergenceError", "History", "Network", "MLPClassifier", "check_gradients"}
    assert all(hasattr(fastnn, name) for name in dir(fastnn))
    assert set(dir(fastnn)) > {*fastnn.__all__, "datasets", "losses"}
    assert not {"Any", "logging", "import_module"} & set(dir(fastnn))
    assert fastnn.available_backends() == ("numpy", "numba")
    assert issubclass(fastnn.DivergenceError, ArithmeticError)


# The architecture


def test_one_activation_names_all_hidden_layers_and_the_loss_chooses_the_output():
    sizes = [5, 4, 3, 2]
    for loss, output in (
        ("softmax_cross_entropy", "softmax"),
        ("binary_cross_entropy", "sigmoid"),
        ("squared_error", "identity"),
    ):
        architecture = fastnn.Network(sizes, "elu", loss, backend="numpy").architecture
        assert architecture.activations == ("elu", "elu", output)
        assert architecture.loss.name == loss
    assert architecture.layer_sizes == (5, 4, 3, 2)
    assert (architecture.n_layers, architecture.n_inputs, architecture.n_outputs) == (3, 5, 2)
    assert architecture.n_parameters == 6 * 4 + 5 * 3 + 4 * 2


def test_a_sequence_names_every_activation():
    network = fastnn.Network([2, 8, 4, 1], ["relu", "relu", "sigmoid"], "binary_cross_entropy", backend="numpy")
    assert network.architecture.activations == ("relu", "relu", "sigmoid")


def test_defaults():
    network = fastnn.Network(np.array([3, 4, 2]))
    assert network.architecture.layer_sizes == (3, 4, 2)
    assert network.architecture.activations == ("relu", "softmax")
    assert (network.backend, network.dtype, network.n_threads) == ("numba", np.float32, None)
    assert fastnn.SGD() == fastnn.SGD(learning_rate=0.01, l2=0.0, penalize_biases=False)


def test_what_a_network_looks_like():
    assert repr(small_network("numba", "float32")) == (
        "Network([3, 4, 2], activations=['tanh', 'softmax'], loss='softmax_cross_entropy', "
        "backend='numba', dtype='float32')"
    )


# Parameters


@every_dtype
def test_parameters_are_one_vector_and_weights_and_biases_are_views_of_it(dtype):
    network = small_network(dtype=dtype)
    for vector, weights, biases in (
        (network.parameters, network.weights, network.biases),
        (network.gradient, network.weight_gradients, network.bias_gradients),
    ):
        assert vector.shape == (3 * 4 + 4 + 4 * 2 + 2,)
        assert vector.dtype == dtype
        assert vector.flags.c_contiguous
        assert vector.ctypes.data % 64 == 0
        assert [W.shape for W in weights] == [(3, 4), (4, 2)]
        assert [b.shape for b in biases] == [(4,), (2,)]
        vector[:] = np.arange(26)
        views = [view.ravel() for pair in zip(weights, biases, strict=True) for view in pair]
        assert np.concatenate(views).tolist() == list(range(26))
        for view in (*weights, *biases):
            view[...] = -1
        assert (vector == -1).all()


@every_backend
def test_writing_to_the_parameters_changes_the_network(backend):
    network = small_network(backend)
    network.forward(X)
    network.parameters[:] = 0
    assert network.forward(X).tolist() == [[0.5, 0.5]] * 8
    network.biases[1][:] = [np.log(3), 0]
    assert network.forward(X) == pytest.approx(np.tile([0.75, 0.25], (8, 1)))


@every_backend
def test_backward_fills_the_gradient_and_returns_it(backend):
    network = small_network(backend)
    network.gradient[:] = np.nan
    loss = network.loss(X, LABELS)
    assert isinstance(loss, float)
    assert network.backward() is network.gradient
    assert np.isfinite(network.gradient).all()


@every_backend
def test_backward_may_be_called_again(backend):
    network = small_network(backend)
    network.loss(X, LABELS)
    first = network.backward().copy()
    assert network.backward().tobytes() == first.tobytes()


@every_backend
def test_a_step_is_the_formula(backend):
    network = small_network(backend)
    network.biases[0][:] = 1
    network.loss(X, LABELS)
    network.backward()
    for penalize_biases in (False, True):
        before = network.parameters.copy()
        architecture = network.architecture
        network.step(fastnn.SGD(learning_rate=0.25, l2=0.5, penalize_biases=penalize_biases))
        for W, W_before, dW in zip(
            network.weights, architecture.weight_views(before), network.weight_gradients, strict=True
        ):
            assert_agree(W, W_before - 0.25 * (dW + 0.5 * W_before), tolerance("float64", 1))
        for b, b_before, db in zip(
            network.biases, architecture.bias_views(before), network.bias_gradients, strict=True
        ):
            assert_agree(b, b_before - 0.25 * (db + 0.5 * b_before * penalize_biases), tolerance("float64", 1))


# Initial values


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_initial_values_are_the_same_on_both_backends_and_for_the_same_seed_only(initializer):
    def initial(backend="numpy", seed=3):
        return small_network(backend, seed=seed, initializer=initializer).parameters.tolist()

    assert initial("numba") == initial("numpy") == initial()
    assert (initial(seed=4) == initial()) == (initializer == "zeros")
    assert (initial(seed=None) == initial(seed=None)) == (initializer == "zeros")
    single = small_network(dtype="float32", seed=3, initializer=initializer).parameters
    assert single.tolist() == np.float32(initial()).tolist()


@pytest.mark.parametrize(
    ("initializer", "variance", "bounded"),
    [
        ("he_normal", 2 / 300, False),
        ("he_uniform", 2 / 300, True),
        ("glorot_normal", 2 / 500, False),
        ("glorot_uniform", 2 / 500, True),
        ("lecun_normal", 1 / 300, False),
    ],
)
def test_initial_weights_have_the_variance_of_their_initializer(initializer, variance, bounded):
    network = fastnn.Network([300, 200, 2], backend="numpy", initializer=initializer, dtype="float64", seed=0)
    W = network.weights[0]
    # Five standard errors of the mean, and of the variance of normal numbers (more than of uniform ones).
    assert abs(W.mean()) < 5 * np.sqrt(variance / W.size)
    assert abs(W.var() / variance - 1) < 5 * np.sqrt(2 / W.size)
    assert (np.abs(W).max() <= np.sqrt(3 * variance)) == bounded
    assert not any(b.any() for b in network.biases)


def test_zeros_are_zeros():
    assert not small_network(initializer="zeros").parameters.any()


# Outputs


@every_backend
@every_dtype
def test_two_logits_of_which_one_is_0_reproduce_the_sigmoid(dtype, backend):
    network = fastnn.Network([1, 2], backend=backend, dtype=dtype)
    network.weights[0][...] = [[1, 0]]
    z = np.linspace(-8, 8, 33).reshape(-1, 1)
    probabilities = network.forward(z)
    assert_agree(probabilities[:, :1], 1 / (1 + np.exp(-z)), tolerance(dtype, 2))
    assert_agree(probabilities.sum(axis=1), np.ones(33), tolerance(dtype, 2))
    assert network.logits(z)[:, 0].tolist() == z[:, 0].tolist()


@every_backend
@pytest.mark.parametrize(
    ("sizes", "activations", "loss", "shape", "decide"),
    [
        ([3, 4], "relu", "softmax_cross_entropy", (8,), lambda A: A.argmax(axis=1)),
        ([3, 4, 1], "relu", "binary_cross_entropy", (8,), lambda A: A[:, 0] > 0.5),
        ([3, 4, 3], "relu", "binary_cross_entropy", (8, 3), lambda A: A > 0.5),
        ([3, 3], ["softmax"], "binary_cross_entropy", (8, 3), lambda A: A > 0.5),
        ([3, 4, 1], "relu", "squared_error", (8, 1), lambda A: A),
        ([3, 4], ["softmax"], "squared_error", (8, 4), lambda A: A),
        ([3, 2], ["sigmoid"], "squared_error", (8, 2), lambda A: A),
    ],
)
def test_predictions(sizes, activations, loss, shape, decide, backend):
    network = fastnn.Network(sizes, activations, loss, backend=backend, seed=1)
    predictions, outputs = network.predict(X), network.forward(X)
    assert predictions.shape == shape
    assert predictions.dtype == (np.float32 if loss == "squared_error" else np.int64)
    assert predictions.tolist() == decide(outputs).astype(predictions.dtype).tolist()
    assert len(np.unique(predictions)) > 1
    assert outputs.shape == network.logits(X).shape == (8, sizes[-1])
    assert outputs.dtype == network.logits(X).dtype == np.float32


@every_backend
def test_outputs_are_the_activation_of_the_logits(backend):
    network = fastnn.Network([3, 4, 2], ["relu", "tanh"], "squared_error", backend=backend, dtype="float64", seed=0)
    assert_agree(network.forward(X), np.tanh(network.logits(X)), tolerance("float64", 1))


@every_backend
def test_results_are_the_users_own(backend):
    network = small_network(backend)
    first = network.forward(X)
    kept = first.copy()
    network.forward(-X)
    network.loss(-X, LABELS)
    assert first.tolist() == kept.tolist()
    first[:] = 0
    assert network.forward(X).tolist() == kept.tolist()


@every_backend
def test_many_rows_give_what_each_of_them_gives(backend):
    network = small_network(backend)
    n = 2 * 1024 + 5
    many = np.resize(X, (n, 3))
    assert_agree(network.forward(many), np.resize(network.forward(X), (n, 2)), tolerance("float64", 3, 4))
    assert_agree(network.logits(many), np.resize(network.logits(X), (n, 2)), tolerance("float64", 3, 4))
    assert network.predict(many).tolist() == np.resize(network.predict(X), n).tolist()


@every_backend
def test_evaluate_is_the_mean_loss_however_many_rows(backend):
    network = small_network(backend)
    many, labels = np.resize(X, (2 * 1024 + 5, 3)), np.resize(LABELS, 2 * 1024 + 5)
    assert_agree(network.evaluate(many, labels), network.loss(many, labels), tolerance("float64", len(many)))
    assert network.evaluate(X, LABELS) == network.loss(X, LABELS)


@every_backend
def test_looking_at_other_data_does_not_change_what_backward_gives(backend):
    network = small_network(backend)
    network.loss(X, LABELS)
    expected = network.backward().copy()
    network.loss(X, LABELS)
    network.evaluate(np.resize(-X, (20, 3)), np.resize(LABELS, 20))
    network.predict(-X)
    assert network.backward().tobytes() == expected.tobytes()


@every_backend
def test_a_larger_batch_and_a_smaller_one_may_follow_each_other(backend):
    network, fresh = small_network(backend), small_network(backend)
    network.loss(np.resize(X, (50, 3)), np.resize(LABELS, 50))
    network.backward()
    assert network.loss(X[:3], LABELS[:3]) == fresh.loss(X[:3], LABELS[:3])
    assert network.backward().tobytes() == fresh.backward().tobytes()


@every_backend
def test_the_loop_written_by_hand_learns_the_moons(backend):
    X, y = make_moons(200, noise=0.1, random_state=0)
    network = fastnn.Network([2, 10, 2], backend=backend, dtype="float64", seed=0)
    optimizer, losses = fastnn.SGD(learning_rate=0.5), []
    for _ in range(300):
        losses.append(network.loss(X, y))
        network.backward()
        network.step(optimizer)
    assert losses[-1] < 0.2 * losses[0]
    assert np.mean(network.predict(X) == y) > 0.95


# Copies


def by_pickle(network):
    return pickle.loads(pickle.dumps(network))


@every_backend
@pytest.mark.parametrize("duplicate", [copy.deepcopy, by_pickle])
def test_a_copy_is_equal_and_independent(duplicate, backend):
    network = small_network(backend, dtype="float32", n_threads=1)
    network.fit(X, LABELS, epochs=1, batch_size=3)
    twin = duplicate(network)
    assert repr(twin) == repr(network)
    assert twin.architecture == network.architecture
    assert twin.n_threads == 1
    assert twin.parameters.tobytes() == network.parameters.tobytes()
    assert twin.parameters.ctypes.data % 64 == 0
    assert twin.forward(X).tobytes() == network.forward(X).tobytes()
    kept = network.parameters.copy()
    twin.weights[0][...] = 0
    assert not twin.parameters[:12].any()
    assert network.parameters.tobytes() == kept.tobytes()


@every_backend
@pytest.mark.parametrize("duplicate", [copy.deepcopy, by_pickle])
def test_a_copy_goes_on_as_the_original_does(duplicate, backend):
    network = small_network(backend)
    network.fit(X, LABELS, optimizer="sgd", epochs=1, batch_size=3)
    twin = duplicate(network)
    histories = [each.fit(X, LABELS, optimizer="sgd", epochs=2, batch_size=3) for each in (network, twin)]
    assert histories[0].loss == histories[1].loss
    assert twin.parameters.tobytes() == network.parameters.tobytes()


# Threads


def test_the_reference_limits_the_threads_of_blas_while_it_computes_and_not_after():
    def blas_threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    during, before = [], blas_threads()
    network = small_network(n_threads=1)
    network.fit(X, LABELS, epochs=1, progress=lambda share, history: during.extend(blas_threads()))
    assert during
    assert set(during) == {1}
    assert blas_threads() == before


def test_the_compiled_backend_starts_as_many_threads_as_it_may_and_as_have_work(monkeypatch):
    start, started = threading.Thread.start, []

    def record(thread):
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", record)
    monkeypatch.setattr(fastnn.threads, "available_cpus", lambda: 8)
    many, few = np.ones((1280, 1000)), np.ones((2, 1000))
    for n_threads in (1, 3):
        network = fastnn.Network([1000, 50, 2], n_threads=n_threads)
        started.clear()
        network.forward(many)
        assert len(started) == n_threads - 1
        network.forward(few)
        assert len(started) == n_threads - 1
    assert not any(thread.is_alive() for thread in started)


def test_the_number_of_threads_does_not_change_what_the_reference_learns():
    wide = np.random.default_rng(1).standard_normal((64, 40))
    parameters = []
    for n_threads in (None, 1, 2):
        network = fastnn.Network([40, 30, 2], "tanh", backend="numpy", dtype="float64", seed=0, n_threads=n_threads)
        network.fit(wide, np.resize(LABELS, 64), epochs=2, batch_size=16)
        parameters.append(network.parameters)
    assert_agree(parameters[1], parameters[0], 8 * tolerance("float64", 40, 30, 2, 30, 2, 16))
    assert_agree(parameters[2], parameters[0], 8 * tolerance("float64", 40, 30, 2, 30, 2, 16))


# Layers


@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize("sizes", [[5, 2], [5, 4, 3, 2], [5, 70, 66, 2]], ids=str)
def test_a_trace_obeys_the_equations(sizes, backend):
    random = np.random.default_rng(0)
    X, y = random.standard_normal((30, 5)), random.integers(0, 2, 30)
    network = fastnn.Network(sizes, "tanh", backend=backend, dtype="float64", seed=0)
    trace = network.trace(X, y)
    layers = list(zip(trace, [X, *(layer.A for layer in trace)], network.weights, network.biases, strict=False))
    for layer, A_previous, W, b in layers:
        np.testing.assert_allclose(layer.Z, A_previous @ W + b, rtol=1e-12, atol=1e-12)
    for layer, A_previous, dW in zip(trace, [X, *(layer.A for layer in trace)], network.weight_gradients, strict=False):
        np.testing.assert_allclose(dW, A_previous.T @ layer.dZ / 30, rtol=1e-12, atol=1e-12)
    for layer, following, W in zip(trace, trace[1:], network.weights[1:], strict=False):
        np.testing.assert_allclose(layer.A, np.tanh(layer.Z), rtol=1e-12)
        np.testing.assert_allclose(layer.dZ, following.dZ @ W.T * (1 - layer.A**2), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(trace[-1].A, network.forward(X), rtol=1e-12)
    np.testing.assert_allclose(trace[-1].dZ, trace[-1].A - np.eye(2)[y], rtol=1e-12, atol=1e-12)


def test_activations_are_functions_of_arrays():
    z = np.array([[-1.0, 0.0, 2.0]])
    np.testing.assert_array_equal(ACTIVATIONS["relu"](z), [[0, 0, 2]])
    np.testing.assert_array_equal(ACTIVATIONS["tanh"]([1, 2]), np.tanh([1.0, 2.0]))
    np.testing.assert_allclose(ACTIVATIONS["softmax"](z), np.exp(z) / np.exp(z).sum(), rtol=1e-15)
    assert ACTIVATIONS["gelu"](z.astype(np.float32)).dtype == np.float32
