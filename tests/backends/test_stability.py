"""Loss, gradient and activations at extreme values are finite and correct, compared with 50-digit arithmetic."""

from itertools import product

import mpmath
import numpy as np
import pytest

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.losses import BinaryCrossEntropy, Huber, Loss, Quantile, SoftmaxCrossEntropy
from tests.cases import DTYPES, HIDDEN, tolerance

pytestmark = [
    pytest.mark.parametrize("backend", fastnn.available_backends()),
    pytest.mark.parametrize("dtype", DTYPES),
]

#: Shifted far up and down, far apart, close together, at the ends of the exponential's range in either type.
LOGITS = (
    (0.0, 0.0, 0.0),
    (1e4, 1e4, 1e4),
    (-1e4, -1e4, -1e4),
    (1e4, -1e4, 0.0),
    (-1e4, 0.0, 1e4),
    (1e4, 1e4, -1e4),
    (1e4, 9995.0, 9997.0),
    (-1e4, -9995.0, -9997.0),
    (1e4, -1e4, -9997.0),
    (40.0, 0.0, 17.0),
    (88.75, -88.75, -103.5),
    (709.75, 0.0, -745.0),
    (1e-4, 0.0, -1e-4),
)
Z_VALUES = tuple(
    sign * z for sign in (1.0, -1.0) for z in (1e4, 745.0, 104.0, 88.75, 30.0, 13.0, 5.0, 1.0, 1e-3, 1e-10, 0.0)
)


@pytest.fixture(autouse=True)
def _fifty_digits():
    with mpmath.workdps(50):
        yield


def exact(values) -> list:
    """The exact numbers that the floating-point values represent."""
    return [mpmath.mpf(float(value)) for value in values]


def softmax(z: list) -> list:
    exponentials = [mpmath.exp(value) for value in z]
    return [value / mpmath.fsum(exponentials) for value in exponentials]


def sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def as_logits(output: str, loss: str | Loss, Z, y, dtype: str, backend: str) -> tuple[float, np.ndarray]:
    """Loss and dZ_L of one sample whose logits are these: its features, through weights that are the unit matrix."""
    network = fastnn.Network([len(Z)] * 2, [output], loss, backend=backend, dtype=dtype, initializer="zeros")
    network.weights[0][...] = np.eye(len(Z))
    value = network.loss([Z], [y])
    assert isinstance(value, float)
    network.backward()
    return value, network.bias_gradients[0]


def assert_close(found, expected, dtype: str) -> None:
    """Within rounding of the expected number, or of 1 if that is smaller, because terms of order one cancel."""
    for one, other in zip(np.atleast_1d(found), expected, strict=True):
        assert np.isfinite(one)
        assert abs(mpmath.mpf(float(one)) - other) <= tolerance(dtype, 3) * max(1, abs(other))


def test_softmax_cross_entropy(dtype, backend):
    for logits in np.array(LOGITS, dtype):
        z = exact(logits)
        for label in range(3):
            loss, dZ = as_logits("softmax", "softmax_cross_entropy", logits, label, dtype, backend)
            assert_close(loss, [mpmath.log(mpmath.fsum(map(mpmath.exp, z))) - z[label]], dtype)
            assert_close(dZ, [p - (k == label) for k, p in enumerate(softmax(z))], dtype)


def test_softmax_cross_entropy_of_probabilities(dtype, backend):
    for logits in np.array(LOGITS, dtype):
        y = (0.5, 0.125, 0.375)
        z = exact(logits)
        loss, dZ = as_logits("softmax", "softmax_cross_entropy", logits, y, dtype, backend)
        log_sum = mpmath.log(mpmath.fsum(map(mpmath.exp, z)))
        assert_close(loss, [mpmath.fsum(share * (log_sum - value) for share, value in zip(y, z, strict=True))], dtype)
        assert_close(dZ, [p - share for p, share in zip(softmax(z), y, strict=True)], dtype)


def test_binary_cross_entropy_under_sigmoid(dtype, backend):
    for logits in np.array(LOGITS, dtype):
        z = exact(logits)
        for y in product((0, 1, 0.25), repeat=3):
            loss, dZ = as_logits("sigmoid", "binary_cross_entropy", logits, y, dtype, backend)
            terms = [mpmath.log1p(mpmath.exp(value)) - target * value for value, target in zip(z, y, strict=True)]
            assert_close(loss, [mpmath.fsum(terms)], dtype)
            assert_close(dZ, [sigmoid(value) - target for value, target in zip(z, y, strict=True)], dtype)


def test_binary_cross_entropy_under_softmax(dtype, backend):
    for logits in np.array(LOGITS, dtype):
        p = softmax(exact(logits))
        rest = [mpmath.fsum(p[:k] + p[k + 1 :]) for k in range(3)]
        for y in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.25, 0.25), (1, 1, 0), (0, 0, 0)):
            loss, dZ = as_logits("softmax", "binary_cross_entropy", logits, y, dtype, backend)
            terms = [-y[k] * mpmath.log(p[k]) - (1 - y[k]) * mpmath.log(rest[k]) for k in range(3)]
            # By p: -y / p + (1 - y) / (1 - p); by z: dp_k / dz_j = p_k ([k = j] - p_j), where 1 - p_j is the rest.
            slopes = [-y[k] + (1 - y[k]) * p[k] / rest[k] for k in range(3)]
            gradient = [mpmath.fsum(slopes[k] * (rest[j] if k == j else -p[j]) for k in range(3)) for j in range(3)]
            assert_close(loss, [mpmath.fsum(terms)], dtype)
            assert_close(dZ, gradient, dtype)


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_squared_error_of_probabilities(output, dtype, backend):
    for logits in np.array(LOGITS, dtype):
        y = (1.0, 0.0, 0.5)
        z = exact(logits)
        loss, dZ = as_logits(output, "squared_error", logits, y, dtype, backend)
        a = softmax(z) if output == "softmax" else [sigmoid(value) for value in z]
        difference = [value - target for value, target in zip(a, y, strict=True)]
        assert_close(loss, [mpmath.fsum(value**2 for value in difference)], dtype)
        mean = mpmath.fsum(d * value for d, value in zip(difference, a, strict=True)) if output == "softmax" else None
        if output == "softmax":
            expected = [2 * value * (d - mean) for d, value in zip(difference, a, strict=True)]
        else:
            expected = [2 * d * value * (1 - value) for d, value in zip(difference, a, strict=True)]
        assert_close(dZ, expected, dtype)


def test_smoothed_softmax_cross_entropy(dtype, backend):
    for logits in np.array(LOGITS, dtype):
        z, loss = exact(logits), SoftmaxCrossEntropy(label_smoothing=0.375)
        log_sum = mpmath.log(mpmath.fsum(map(mpmath.exp, z)))
        for label in range(3):
            value, dZ = as_logits("softmax", loss, logits, label, dtype, backend)
            y = [0.625 * (k == label) + 0.125 for k in range(3)]
            assert_close(value, [mpmath.fsum(share * (log_sum - one) for share, one in zip(y, z, strict=True))], dtype)
            assert_close(dZ, [p - share for p, share in zip(softmax(z), y, strict=True)], dtype)


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_smoothed_binary_cross_entropy_is_that_of_smoothed_targets(output, dtype, backend):
    for logits in np.array(LOGITS, dtype):
        loss = BinaryCrossEntropy(label_smoothing=0.25)
        smoothed = as_logits(output, loss, logits, (1, 0, 0.5), dtype, backend)
        expected = as_logits(output, "binary_cross_entropy", logits, (0.875, 0.125, 0.5), dtype, backend)
        assert smoothed[0] == expected[0]
        assert smoothed[1].tolist() == expected[1].tolist()


def test_absolute_error_huber_and_quantile(dtype, backend):
    for logits in np.array(LOGITS, dtype):
        levels = exact((0.25, 0.5, 0.875))
        r = [value - mpmath.mpf(0.5) for value in exact(logits)]  # all three outputs aim at the same target
        clipped = [min(max(value, -2), 2) for value in r]
        for loss, values, gradient in (
            ("absolute_error", map(abs, r), map(mpmath.sign, r)),
            (Huber(delta=2), [c * (value - c / 2) for c, value in zip(clipped, r, strict=True)], clipped),
            (
                Quantile(levels=(0.25, 0.5, 0.875)),
                [max(-q * value, (1 - q) * value) for q, value in zip(levels, r, strict=True)],
                [(value > 0) - q for q, value in zip(levels, r, strict=True)],
            ),
        ):
            y = [0.5] if isinstance(loss, Quantile) else [0.5] * 3
            found, dZ = as_logits("identity", loss, logits, y, dtype, backend)
            assert_close(found, [mpmath.fsum(values)], dtype)
            assert_close(dZ, gradient, dtype)


@pytest.mark.parametrize("logits", [(-1e4, 0.0, 1.0), (-104.0, 40.0, 1e-4), (-745.0, -88.75, 80.0)], ids=str)
def test_poisson(logits, dtype, backend):
    logits, y = np.array(logits, dtype), (0, 3, 1e4)
    z = exact(logits)
    loss, dZ = as_logits("exponential", "poisson", logits, y, dtype, backend)
    terms = [mpmath.exp(value) - target * value for value, target in zip(z, y, strict=True)]
    assert_close(loss, [mpmath.fsum(terms)], dtype)
    assert_close(dZ, [mpmath.exp(value) - target for value, target in zip(z, y, strict=True)], dtype)


def test_a_rate_beyond_all_numbers_is_an_infinite_loss(dtype, backend):
    loss, dZ = as_logits("exponential", "poisson", np.full(2, 1e4), (0, 3), dtype, backend)
    assert loss == np.inf
    assert dZ.tolist() == [np.inf, np.inf]


def test_the_loss_of_equal_logits_is_the_logarithm_of_their_number(dtype, backend):
    loss, dZ = as_logits("softmax", "softmax_cross_entropy", np.full(5, 1e4), 2, dtype, backend)
    assert loss == pytest.approx(np.log(5), rel=tolerance(dtype, 5))
    assert dZ == pytest.approx(np.full(5, 0.2) - np.eye(5)[2], rel=tolerance(dtype, 5))


def test_probabilities_of_large_logits_sum_to_one(dtype, backend):
    network = fastnn.Network([5, 5], backend=backend, dtype=dtype, initializer="zeros")
    network.weights[0][...] = np.eye(5)
    X = np.array([[500, 100, 50, 40, 10], [1e4, -1e4, 0, 1e4, 9999], [-1e4, -1e4, -1e4, -1e4, -1e4]])
    probabilities = network.forward(X)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(3), rel=tolerance(dtype, 5))
    assert probabilities[0].tolist()[0] == 1
    assert probabilities[2].tolist() == pytest.approx([0.2] * 5, rel=tolerance(dtype, 5))
    assert network.predict(X)[:2].tolist() == [0, 0]


# Activations

SELU_SCALE = mpmath.mpf("1.0507009873554804934193349852946")
SELU_ALPHA = mpmath.mpf("1.6732632423543772848170429916717")


def f(name: str, z):
    """a = f(z)."""
    return {
        "identity": lambda: z,
        "relu": lambda: max(z, 0),
        "leaky_relu": lambda: z if z > 0 else mpmath.mpf("0.01") * z,
        "elu": lambda: z if z > 0 else mpmath.expm1(z),
        "selu": lambda: SELU_SCALE * (z if z > 0 else SELU_ALPHA * mpmath.expm1(z)),
        "sigmoid": lambda: sigmoid(z),
        "tanh": lambda: mpmath.tanh(z),
        "softplus": lambda: max(z, 0) + mpmath.log1p(mpmath.exp(-abs(z))),
        "silu": lambda: z * sigmoid(z),
        "gelu": lambda: z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
        "mish": lambda: z * mpmath.tanh(mpmath.log1p(mpmath.exp(z))),
    }[name]()


def slope(name: str, z):
    """f'(z), with the convention of each function at its kink."""
    return {
        "identity": lambda: mpmath.mpf(1),
        "relu": lambda: mpmath.mpf(z > 0),
        "leaky_relu": lambda: mpmath.mpf(1) if z > 0 else mpmath.mpf("0.01"),
        "elu": lambda: mpmath.exp(min(z, 0)),
        "selu": lambda: SELU_SCALE * (1 if z > 0 else SELU_ALPHA * mpmath.exp(z)),
        "sigmoid": lambda: sigmoid(z) * sigmoid(-z),
        "tanh": lambda: mpmath.sech(z) ** 2,
        "softplus": lambda: sigmoid(z),
        "silu": lambda: sigmoid(z) * (1 + z * sigmoid(-z)),
        "gelu": lambda: mpmath.erfc(-z / mpmath.sqrt(2)) / 2 + z * mpmath.npdf(z),
        "mish": lambda: (
            mpmath.tanh(mpmath.log1p(mpmath.exp(z))) + z * sigmoid(z) * mpmath.sech(mpmath.log1p(mpmath.exp(z))) ** 2
        ),
    }[name]()


@pytest.mark.parametrize("name", HIDDEN)
def test_activations_and_their_derivatives(name, dtype, backend):
    network = fastnn.Network([1, 1], [name], "squared_error", backend=backend, dtype=dtype, initializer="zeros")
    network.weights[0][...] = 1
    for value in np.array(Z_VALUES, dtype):
        z, a = mpmath.mpf(float(value)), network.forward([[value]])[0, 0]
        # To the last bits even where it is tiny. The normal distribution's tail magnifies the rounding of its argument
        # by z^2; a factor of z that is smaller than the smallest normal number may be lost.
        magnified = 1 + z**2 if name == "gelu" and z < 0 else 1
        lost = max(1, abs(z)) * float(np.finfo(dtype).tiny)
        allowed = tolerance(dtype, 1) * magnified * abs(f(name, z)) + lost
        assert abs(mpmath.mpf(float(a)) - f(name, z)) <= allowed, f"f({value})"
        y = a - a.dtype.type(0.5)
        loss = network.loss([[value]], [[y]])
        assert loss == pytest.approx(float(a - y) ** 2, rel=tolerance(dtype, 1))
        derivative = network.backward()[1] / (2 * float(a - y))
        assert abs(mpmath.mpf(float(derivative)) - slope(name, z)) <= tolerance(dtype, 1) * 2, f"f'({value})"


def test_the_exponential_and_its_derivative(dtype, backend):
    network = fastnn.Network(
        [1, 1], ["exponential"], "squared_error", backend=backend, dtype=dtype, initializer="zeros"
    )
    network.weights[0][...] = 1
    largest = float(np.log(np.finfo(dtype).max))
    for value in np.array(Z_VALUES, dtype):
        a = network.forward([[value]])[0, 0]
        if value > largest:
            assert a == np.inf
            continue
        expected = mpmath.exp(mpmath.mpf(float(value)))
        allowed = tolerance(dtype, 1) * expected + float(np.finfo(dtype).tiny)
        assert abs(mpmath.mpf(float(a)) - expected) <= allowed
        loss = network.loss([[value]], [[0.0]])
        assert loss == pytest.approx(float(a) ** 2, rel=tolerance(dtype, 1)) or loss == np.inf
        if np.isfinite(2 * a * a):
            assert network.backward()[1] == pytest.approx(2 * float(a) ** 2, rel=tolerance(dtype, 1))


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_layers_compute_the_same_as_output_layers(name, dtype, backend):
    single = fastnn.Network([1, 1], [name], "squared_error", backend=backend, dtype=dtype, initializer="zeros")
    double = fastnn.Network([1, 1, 1], [name, "identity"], "squared_error", backend=backend, dtype=dtype)
    single.weights[0][...] = double.weights[0][...] = double.weights[1][...] = 1
    X = np.array(Z_VALUES, dtype).reshape(-1, 1)
    assert double.forward(X).tolist() == single.forward(X).tolist()
    y = np.zeros_like(X)
    assert double.loss(X, y) == single.loss(X, y)
    assert np.isfinite(double.backward()).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_that_are_not_numbers_survive_every_activation(name, dtype, backend):
    network = fastnn.Network([1, 2], [name], "squared_error", backend=backend, dtype=dtype, initializer="zeros")
    network.parameters[0] = np.nan
    assert np.isnan(network.forward([[1.0]])[0, 0])
    assert np.isnan(network.loss([[1.0]], [[0.0, 0.0]]))


@pytest.mark.parametrize("name", HIDDEN)
def test_values_that_are_not_numbers_survive_hidden_layers(name, dtype, backend):
    network = fastnn.Network([1, 1, 2], name, backend=backend, dtype=dtype)
    network.parameters[0] = np.nan
    assert np.isnan(network.loss([[1.0]], [0]))
    assert np.isnan(network.backward()).any()


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("softmax_cross_entropy", [0]),
        ("binary_cross_entropy", [[0.0, 1.0]]),
        ("squared_error", [[0, 1]]),
        ("absolute_error", [[0, 1]]),
        ("huber", [[0, 1]]),
        ("quantile", [[0, 1]]),
        ("poisson", [[0, 1]]),
    ],
)
def test_a_loss_that_is_infinite_or_not_a_number_is_returned_without_a_warning(loss, y, dtype, backend):
    network = fastnn.Network([1, 2], loss=loss, backend=backend, dtype=dtype, initializer="zeros")
    network.weights[0][...] = np.finfo(dtype).max * np.array([-1, 1])
    assert not np.isfinite(network.loss([[2.0]], y))
