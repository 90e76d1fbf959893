"""`check_gradients`: in single precision, with your own gradient, and on kinks, where a wrong gradient still fails."""

import numpy as np
import pytest
from scipy import sparse

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.gradient_check import check_gradients
from tests.cases import every_backend

XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])


def random_data(n_features=3, n_samples=6):
    random = np.random.default_rng(1)
    return random.standard_normal((n_samples, n_features)), np.arange(n_samples) % 2


def new_network(activation="tanh", network_class=fastnn.Network, dtype="float32", **options):
    return network_class([3, 4, 2], activation, backend="numpy", dtype=dtype, seed=0, **options)


# Single precision


@every_backend
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_a_network_in_float32_is_checked_in_float64(activation, backend):
    network = fastnn.Network([3, 8, 2], activation, backend=backend, seed=0)
    before = network._learned.tobytes()
    report = check_gradients(network, *random_data())
    report.raise_if_failed()
    assert max(check.max_absolute_error for check in report.checks) < 1e-8
    assert "a copy of the network in float64. Its own gradient, in float32, differs by " in str(report)
    assert network._learned.tobytes() == before
    assert network.dtype == np.float32


@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize(
    "loss", ["softmax_cross_entropy", "binary_cross_entropy", "squared_error", "huber", "quantile"]
)
def test_rounding_is_no_fault(loss, normalization, scale):
    """Also after training, when output and target nearly cancel, and with dropout, with the same mask each time."""
    random = np.random.default_rng(2)
    X, y = scale * random.standard_normal((20, 3)), random.standard_normal((20, 2))
    y = {"softmax_cross_entropy": np.arange(20) % 2, "binary_cross_entropy": (y > 0).astype(float)}.get(loss, y)
    network = new_network("relu", loss=loss, normalization=normalization, dropout=0.2)
    for epochs in (1, 100):
        network.fit(X, y, optimizer=fastnn.Adam(0.01), epochs=epochs, batch_size=None)
        check_gradients(network, X, y).raise_if_failed()


def test_rows_of_probabilities_in_float32():
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], 6).astype(np.float32)
    network = fastnn.Network([3, 4, 3], "tanh", backend="numpy", seed=0)
    check_gradients(network, random_data()[0], rows).raise_if_failed()


def test_sparse_features_in_float32():
    X, y = random_data()
    X[X < 0.5] = 0
    features = sparse.csr_array(X)
    before = features.data.tobytes()
    check_gradients(new_network(), features, y).raise_if_failed()
    assert features.data.tobytes() == before


def test_registered_functions_are_checked_in_float64_too():
    known = dict(ACTIVATIONS)
    try:
        fastnn.register_activation("own", lambda z: z / (1 + abs(z)), lambda z, a: (1 - abs(a)) ** 2)
        check_gradients(new_network("own"), *random_data()).raise_if_failed()
    finally:
        ACTIVATIONS.clear()
        ACTIVATIONS.update(known)


class WrongInSinglePrecision(fastnn.Network):
    def backward(self):
        gradient = super().backward()
        if self.dtype == np.float32:
            self.weight_gradients[1][2, 0] += 0.001
        return gradient


def test_a_fault_in_single_precision_alone_is_found_and_named():
    report = check_gradients(new_network(network_class=WrongInSinglePrecision), *random_data())
    assert not report.ok
    assert report.max_relative_error > report.rtol
    assert [check.n_failed for check in report.checks] == [0, 0, 0, 0]
    assert [check.n_failed for check in report.float32_checks] == [0, 0, 1, 0]
    assert "Its own gradient, in float32, DISAGREES" in str(report)
    assert "W2[2, 0], layer 2, weights, row 2, column 0: " in str(report)
    check_gradients(
        new_network(network_class=WrongInSinglePrecision, dtype="float64"), *random_data()
    ).raise_if_failed()


def sum_in_place_of_mean(gradient):
    gradient *= 6


def sign(gradient):
    gradient *= -1


def one_entry(gradient):
    gradient[2] += 1e-4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fault", [sum_in_place_of_mean, sign, one_entry])
def test_a_fault_is_found_in_either_type(fault, dtype):
    class Wrong(fastnn.Network):
        def backward(self):
            fault(super().backward())
            return self.gradient

    assert not check_gradients(new_network(network_class=Wrong, dtype=dtype), *random_data()).ok


# Your own gradient


def own_gradient(network, X, y):
    """By the equations of the README, tanh and softmax cross-entropy."""
    W, b = network.weights, network.biases
    A = np.tanh(X @ W[0] + b[0])
    Z = A @ W[1] + b[1]
    dZ2 = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True) - np.eye(2)[y]
    dZ1 = (dZ2 @ W[1].T) * (1 - A**2)
    return X.T @ dZ1 / len(X), dZ1.mean(axis=0), A.T @ dZ2 / len(X), dZ2.mean(axis=0)


FORMS = {
    "vector": lambda dW1, db1, dW2, db2: np.concatenate([dW1.ravel(), db1, dW2.ravel(), db2]),
    "list of numbers": lambda *parts: np.concatenate([part.ravel() for part in parts]).tolist(),
    "arrays": lambda *parts: list(parts),
    "nested lists": lambda *parts: [part.tolist() for part in parts],
    "layers": lambda dW1, db1, dW2, db2: [(dW1, db1), (dW2, db2)],
    "names": lambda dW1, db1, dW2, db2: {"W2": dW2, "b2": db2, "W1": dW1, "b1": db1},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_of_ones_own_is_compared_in_any_form(dtype, form):
    network, (X, y) = new_network(dtype=dtype), random_data()
    parts = own_gradient(network, X, y)
    report = check_gradients(network, X, y, gradient=FORMS[form](*parts))
    report.raise_if_failed()
    assert [check.name for check in report.checks] == ["W1", "b1", "W2", "b2"]
    assert "The gradient given and central differences agree" in str(report)
    parts[2][3, 1] += 0.25
    report = check_gradients(network, X, y, gradient=FORMS[form](*parts))
    assert [check.n_failed for check in report.checks] == [0, 0, 1, 0]
    assert "\n  W2[3, 1], layer 2, weights, row 3, column 1: 0.220663" in str(report)
    assert " instead of -0.0293" in str(report)
    with pytest.raises(AssertionError, match="The gradient given and finite differences disagree"):
        report.raise_if_failed()


def test_a_gradient_in_float32_is_allowed_its_rounding_and_no_more():
    network, (X, y) = new_network(dtype="float64"), random_data()
    parts = [part.astype(np.float32) for part in own_gradient(network, X, y)]
    check_gradients(network, X, y, rtol=0, atol=1e-10, gradient=parts).raise_if_failed()
    parts[1][2] *= 1.001
    report = check_gradients(network, X, y, rtol=0, atol=1e-10, gradient=parts)
    assert [check.n_failed for check in report.checks] == [0, 1, 0, 0]
    assert "b1[2], layer 1, biases, entry 2: " in str(report)


def test_a_mapping_may_leave_parameters_out():
    network, (X, y) = new_network(dtype="float64"), random_data()
    dW2 = own_gradient(network, X, y)[2]
    report = check_gradients(network, X, y, gradient={"W2": dW2})
    assert [check.name for check in report.checks] == ["W2"]
    assert report.ok
    assert not check_gradients(network, X, y, gradient={"W2": -dW2}).ok


def test_a_gradient_that_is_not_a_number_fails():
    network, (X, y) = new_network(dtype="float64"), random_data()
    report = check_gradients(network, X, y, gradient=np.full(26, np.nan))
    assert [check.n_failed for check in report.checks] == [12, 4, 8, 2]


def test_the_gradient_of_a_normalised_layer_has_four_parts():
    network, (X, y) = new_network(dtype="float64", normalization="layer"), random_data()
    network.loss(X, y)
    gradient = network.backward().copy()
    check_gradients(network, X, y, gradient=gradient).raise_if_failed()
    views = network.architecture.scale_views(gradient)
    views[0][1] += 1
    assert "gamma1[1], layer 1, scales, entry 1: " in str(check_gradients(network, X, y, gradient=gradient))


@pytest.mark.parametrize(
    ("gradient", "error", "message"),
    [
        (np.zeros(25), ValueError, r"gradient must have shape \(26,\), got \(25,\)"),
        (np.zeros((2, 13)), ValueError, r"gradient must have shape \(26,\), got \(2, 13\)"),
        ([np.zeros((3, 4)), np.zeros(4)], ValueError, "gradient must have 4 arrays, W1, b1, W2, b2, got 2"),
        (
            [np.zeros((4, 3)), np.zeros(4), np.zeros((4, 2)), np.zeros(2)],
            ValueError,
            r"The gradient of W1 must have shape \(3, 4\), got \(4, 3\). Samples are rows here, so W is \(n_in, n_out\)",
        ),
        ({"w1": np.zeros((3, 4))}, ValueError, "gradient must have names among W1, b1, W2, b2, got 'w1'"),
        ({}, ValueError, "gradient must have names among W1, b1, W2, b2, got none"),
        ("none", TypeError, "gradient must be an array of real numbers, got elements of type <U4"),
        ({"b1": [[0.0], [1.0, 2.0]]}, TypeError, "The gradient of b1 must be an array of real numbers"),
    ],
)
def test_what_is_no_gradient_of_the_network_is_refused(gradient, error, message):
    with pytest.raises(error, match=message):
        check_gradients(new_network(), *random_data(), gradient=gradient)


# Kinks


@every_backend
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sample_on_a_kink_is_reported_and_no_fault(dtype, backend):
    report = check_gradients(fastnn.Network([2, 4, 2], "relu", backend=backend, dtype=dtype, seed=0), *XOR)
    report.raise_if_failed()
    assert report.kinks == tuple(("b1", (unit,)) for unit in range(4))
    assert "On a kink, or within epsilon of one, " in str(report)
    assert "passes: b1[0], b1[1], b1[2], b1[3]." in str(report)


@pytest.mark.parametrize("hidden", [[8], [8, 8], [6, 6, 6]], ids=str)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu"])
def test_kinks_of_any_activation_in_any_number_of_layers(activation, hidden):
    for seed in range(2):
        network = fastnn.Network([2, *hidden, 2], activation, backend="numpy", dtype="float64", seed=seed)
        report = check_gradients(network, *XOR)
        report.raise_if_failed()
        assert {name[0] for name, _ in report.kinks} == {"b"}
        assert len(report.kinks) >= hidden[0]


@pytest.mark.parametrize(
    ("loss", "kinks"),
    [
        ("absolute_error", ()),  # whose derivative there, 0, is in the middle, as the central difference is
        (fastnn.losses.Quantile(0.3), (("b1", (0,)), ("b1", (1,)), ("b1", (2,)), ("b1", (3,)), ("b2", (0,)))),
    ],
)
def test_an_output_that_meets_its_target_is_on_a_kink_of_the_loss(loss, kinks):
    network = fastnn.Network([2, 4, 1], "tanh", loss, backend="numpy", dtype="float64", seed=0)
    report = check_gradients(network, *XOR)
    report.raise_if_failed()
    assert report.kinks == kinks


def test_hubers_loss_has_no_kink_where_it_turns_straight():
    network = fastnn.Network([1, 1], ["identity"], "huber", backend="numpy", dtype="float64", initializer="zeros")
    report = check_gradients(network, [[1.0], [2.0]], [[1.0], [0.5]])
    report.raise_if_failed()
    assert report.kinks == ()


def test_a_kink_within_the_step_is_one():
    """ReLU at 10^-6: the central difference is half the slope."""
    network = fastnn.Network([1, 1], ["relu"], "absolute_error", backend="numpy", dtype="float64")
    network.parameters[:] = 0.0, 1e-6
    report = check_gradients(network, [[1.0]], [[1.0]])
    report.raise_if_failed()
    assert report.kinks == (("W1", (0, 0)), ("b1", (0,)))
    assert check_gradients(network, [[1.0]], [[1.0]], epsilon=1e-7).kinks == ()


def on_kinks(values, backend="numpy", dtype="float64"):
    """The report on a gradient of the XOR network, whose biases are on kinks; `values` changes the correct gradient."""
    network = fastnn.Network([2, 4, 2], "relu", backend=backend, dtype=dtype, seed=0)
    network.loss(*XOR)
    network.backward()
    parts = {
        f"{name}{l + 1}": views[l].copy()
        for l in range(2)
        for name, views in (("W", network.weight_gradients), ("b", network.bias_gradients))
    }
    return check_gradients(network, *XOR, gradient=values(network, parts))


@pytest.mark.parametrize(
    "fault",
    [
        lambda parts: {name: -part for name, part in parts.items()},
        lambda parts: {name: 2 * part for name, part in parts.items()},
        lambda parts: parts | {"W1": parts["W1"][::-1]},
        lambda parts: parts | {"W2": parts["W2"][:, ::-1]},
        lambda parts: parts | {"b1": parts["b1"] + 0.5},  # more than any slope beside the kink
        lambda parts: parts | {"b1": parts["b1"] - 0.5},
        lambda parts: parts | {"b2": np.zeros(2)},
        lambda parts: parts | {"b1": np.full(4, np.nan)},
    ],
    ids=["sign", "factor", "rows", "columns", "above", "below", "zero", "NaN"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wrong_gradient_fails_beside_kinks_too(dtype, fault):
    assert on_kinks(lambda network, parts: parts, dtype=dtype).ok
    assert not on_kinks(lambda network, parts: fault(parts), dtype=dtype).ok


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0])
def test_any_choice_of_relus_derivative_at_0_passes(slope):
    def with_slope(network, parts):
        dZ2 = network.forward(XOR[0][:1]) - np.eye(2)[XOR[1][:1]]
        return parts | {"b1": parts["b1"] + slope * (dZ2 @ network.weights[1].T)[0] / 4}

    report = on_kinks(with_slope)
    report.raise_if_failed()
    assert {name for name, _ in report.kinks} == {"b1"}


def test_a_steep_and_smooth_loss_is_no_kink():
    """A wrong entry where the loss is strongly curved: there one-sided differences differ too, by the step."""
    network = fastnn.Network(
        [1, 1], ["identity"], "squared_error", backend="numpy", dtype="float64", initializer="zeros"
    )
    report = check_gradients(network, [[1000.0]], [[0.0]], gradient=[[[5.0]], [0.0]])
    assert [check.n_failed for check in report.checks] == [1, 0]
    assert report.kinks == ()
