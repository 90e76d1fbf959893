"""Gradients agree with finite differences, with PyTorch and with scikit-learn; a wrong one is found and named."""

from itertools import count

import numpy as np
import pytest

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.gradient_check import central_differences
from fastnn.losses import LOSSES
from tests.cases import CASES, DOUBLE_CASES, assert_agree, every_backend, import_torch


def cases_on(backend_of_single: str, backend_of_double: str) -> list:
    """Every case in double precision on one of the backends, chosen by its dtype in the table."""
    backends = {"float32": backend_of_single, "float64": backend_of_double}
    return [(case, backends[dealt.dtype]) for case, dealt in zip(DOUBLE_CASES, CASES, strict=True)]


#: Every case runs on one backend against finite differences and on the other against PyTorch. One of the two finds a wrong
#: gradient, and `test_parity` checks that the backends agree.
BY_DIFFERENCES, BY_PYTORCH = cases_on("numba", "numpy"), cases_on("numpy", "numba")


# Finite differences


@pytest.mark.parametrize(("case", "backend"), BY_DIFFERENCES, ids=str)
def test_gradients_are_those_of_finite_differences(case, backend):
    fastnn.check_gradients(case.network(backend), *case.last_batch).raise_if_failed()


@every_backend
def test_relus_derivative_at_0_is_0(backend):
    network = fastnn.Network([1, 1], ["relu"], "squared_error", backend=backend, initializer="zeros")
    network.loss([[1.0]], [[1.0]])
    assert network.backward().tolist() == [0.0, 0.0]


# PyTorch


@pytest.fixture(scope="module")
def torch():
    return import_torch()


def torch_activation(torch, name):
    functional = torch.nn.functional
    return {
        "identity": lambda Z: Z,
        "relu": torch.relu,
        "leaky_relu": lambda Z: functional.leaky_relu(Z, 0.01),
        "elu": functional.elu,
        "selu": torch.selu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softplus": functional.softplus,
        "silu": functional.silu,
        "gelu": functional.gelu,
        "mish": functional.mish,
        "exponential": torch.exp,
        "softmax": lambda Z: torch.softmax(Z, dim=1),
    }[name]


def torch_loss(torch, case, Z, y):
    """Sum over outputs, mean over samples."""
    functional, loss = torch.nn.functional, case.loss
    A = torch_activation(torch, case.output)(Z)
    if loss.name == "softmax_cross_entropy":
        return functional.cross_entropy(Z, y, label_smoothing=loss.label_smoothing)
    if loss.name == "binary_cross_entropy":
        y = (1 - loss.label_smoothing) * y + loss.label_smoothing / 2
    if loss.name == "quantile":
        level = loss.levels
        return torch.maximum(level * (y - A), (level - 1) * (y - A)).sum() / len(y)
    if (loss.name, case.output) == ("binary_cross_entropy", "sigmoid"):
        return functional.binary_cross_entropy_with_logits(Z, y, reduction="sum") / len(y)
    total = {
        "binary_cross_entropy": lambda: functional.binary_cross_entropy(A, y, reduction="sum"),
        "squared_error": lambda: loss.scale * functional.mse_loss(A, y, reduction="sum"),
        "absolute_error": lambda: functional.l1_loss(A, y, reduction="sum"),
        "huber": lambda: functional.huber_loss(A, y, reduction="sum", delta=loss.delta),
        "poisson": lambda: functional.poisson_nll_loss(Z, y, reduction="sum"),
    }[loss.name]()
    return total / len(y)


def test_the_comparison_with_pytorch_knows_every_activation_and_loss(torch):
    assert all(torch_activation(torch, name) for name in ACTIVATIONS)
    assert {case.loss.name for case in DOUBLE_CASES} == set(LOSSES)


@pytest.mark.parametrize(("case", "backend"), BY_PYTORCH, ids=str)
def test_loss_and_gradient_are_those_of_pytorch(case, backend, torch):
    X, y = case.last_batch
    network = case.network(backend)
    parameters = torch.tensor(network.parameters, requires_grad=True)
    A, start = torch.tensor(X), 0
    for l, (n_in, n_out) in enumerate(zip(case.layer_sizes, case.layer_sizes[1:], strict=False)):
        W = parameters[start : start + n_in * n_out].reshape(n_in, n_out)
        b = parameters[start + n_in * n_out : start + n_in * n_out + n_out]
        Z = A @ W + b
        A = torch_activation(torch, case.activations[l])(Z)
        start += n_in * n_out + n_out
    expected = torch_loss(torch, case, Z, torch.tensor(y))
    expected.backward()
    assert network.loss(X, y) == pytest.approx(expected.item(), rel=1e-8)
    network.backward()
    gradient = parameters.grad.numpy()
    views = network.architecture.weight_views(gradient) + network.architecture.bias_views(gradient)
    for found, block in zip(network.weight_gradients + network.bias_gradients, views, strict=True):
        np.testing.assert_allclose(found, block, rtol=0, atol=1e-8 * np.abs(block).max())


# scikit-learn


@every_backend
@pytest.mark.parametrize(("hidden", "name"), [("relu", "relu"), ("tanh", "tanh"), ("sigmoid", "logistic")])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_loss_and_gradient_are_those_of_scikit_learn(n_classes, hidden, name, backend):
    from sklearn.neural_network import MLPClassifier

    random = np.random.default_rng(0)
    X, y = random.standard_normal((12, 4)), np.arange(12) % n_classes
    classifier = MLPClassifier(
        (6, 5), activation=name, solver="sgd", alpha=0, learning_rate_init=0.5, momentum=0, random_state=0
    )
    classifier.partial_fit(X, y, classes=np.arange(n_classes))  # makes the arrays, whose values are replaced
    binary = n_classes == 2
    network = fastnn.Network(
        [4, 6, 5, 1 if binary else 3],
        hidden,
        "binary_cross_entropy" if binary else "softmax_cross_entropy",
        backend=backend,
        dtype="float64",
        seed=1,
    )
    network.parameters[:] = random.uniform(-1, 1, network.parameters.shape)
    classifier.coefs_ = [W.copy() for W in network.weights]
    classifier.intercepts_ = [b.copy() for b in network.biases]
    assert network.forward(X)[:, -1] == pytest.approx(classifier.predict_proba(X)[:, -1], rel=1e-12)
    classifier.partial_fit(X, y)  # one step over all samples
    assert network.loss(X, y) == pytest.approx(classifier.loss_, rel=1e-12)
    network.backward()
    for dW, db, W, b, coefs, intercepts in zip(
        network.weight_gradients,
        network.bias_gradients,
        network.weights,
        network.biases,
        classifier.coefs_,
        classifier.intercepts_,
        strict=True,
    ):
        assert_agree(dW, (W - coefs) / 0.5, 1e-12)
        assert_agree(db, (b - intercepts) / 0.5, 1e-12)


# The report


class WrongInOnePlace(fastnn.Network):
    """A network whose gradient is off by one percent for one weight of the second layer."""

    def backward(self):
        gradient = super().backward()
        self.weight_gradients[1][2, 0] *= 1.01
        return gradient


def small_problem(network_class=fastnn.Network, backend="numpy"):
    network = network_class([3, 4, 2], "tanh", backend=backend, dtype="float64", seed=0)
    return network, np.random.default_rng(1).standard_normal((6, 3)), np.arange(6) % 2


@every_backend
def test_a_report_of_agreement(backend):
    network, X, y = small_problem(backend=backend)
    report = fastnn.check_gradients(network, X, y)
    assert report.ok
    assert 0 < report.max_relative_error < 1e-6
    assert [check.name for check in report.checks] == ["W1", "b1", "W2", "b2"]
    assert [check.n_checked for check in report.checks] == [12, 4, 8, 2]
    assert report.max_relative_error == max(check.max_relative_error for check in report.checks)
    assert report.raise_if_failed() is None


@every_backend
def test_a_wrong_gradient_is_found_and_named(backend):
    network, X, y = small_problem(WrongInOnePlace, backend)
    report = fastnn.check_gradients(network, X, y, atol=1e-9)
    assert not report.ok
    assert [check.n_failed for check in report.checks] == [0, 0, 1, 0]
    assert report.checks[2].worst_index == (2, 0)
    assert report.max_relative_error == report.checks[2].max_relative_error == pytest.approx(0.01, rel=0.1)
    with pytest.raises(AssertionError, match=r"disagree[^W]*\n(.*\n)*W2 .* 1 of 8\n"):
        report.raise_if_failed()


def test_a_wrong_bias_gradient_is_named_too(monkeypatch):
    network, X, y = small_problem()
    monkeypatch.setattr(network, "backward", lambda: fastnn.Network.backward(network) + np.eye(26)[12])
    assert [check.n_failed for check in fastnn.check_gradients(network, X, y).checks] == [0, 1, 0, 0]


def test_a_gradient_that_is_not_a_number_fails(monkeypatch):
    network, X, y = small_problem()
    monkeypatch.setattr(network, "backward", lambda: np.full(26, np.nan))
    report = fastnn.check_gradients(network, X, y)
    assert not report.ok
    assert [check.n_failed for check in report.checks] == [12, 4, 8, 2]


def test_what_a_report_prints():
    network, X, y = small_problem(WrongInOnePlace)
    lines = str(fastnn.check_gradients(network, X, y, epsilon=1e-6, rtol=1e-3)).splitlines()
    assert lines[0].split() == ["largest", "error", "relative", "failed"]
    assert [line.split()[0] for line in lines[1:5]] == ["W1", "b1", "W2", "b2"]
    assert [line.split(maxsplit=3)[3] for line in lines[1:5]] == ["0 of 12", "0 of 4", "1 of 8", "0 of 2"]
    assert lines[5] == ("Backpropagation and central differences DISAGREE (epsilon 1e-06, rtol 0.001, atol 1e-07).")
    assert "differences agree (" in str(fastnn.check_gradients(*small_problem()))


def test_the_tolerances_decide():
    network, X, y = small_problem(WrongInOnePlace)
    assert fastnn.check_gradients(network, X, y, rtol=0.02).ok
    assert fastnn.check_gradients(network, X, y, rtol=0, atol=1).ok
    assert not fastnn.check_gradients(network, X, y, rtol=0, atol=1e-14).ok


@every_backend
def test_a_check_leaves_the_parameters_as_they_were(backend):
    network, X, y = small_problem(WrongInOnePlace, backend)
    before = network.parameters.tobytes()
    fastnn.check_gradients(network, X, y)
    assert network.parameters.tobytes() == before


def test_an_interrupted_check_leaves_the_parameters_as_they_were(monkeypatch):
    network, X, y = small_problem()
    before, calls = network.parameters.tobytes(), count(1)

    def interrupted_loss(*data):
        if next(calls) == 4:
            raise KeyboardInterrupt
        return fastnn.Network.loss(network, *data)

    monkeypatch.setattr(network, "loss", interrupted_loss)
    with pytest.raises(KeyboardInterrupt):
        central_differences(network, X, y, 1e-5)
    assert network.parameters.tobytes() == before


@every_backend
def test_after_a_check_backward_gives_the_gradient_of_its_data(backend):
    network, X, y = small_problem(backend=backend)
    fastnn.check_gradients(network, X, y)
    found = network.backward().copy()
    network.loss(X, y)
    assert found.tobytes() == network.backward().tobytes()


def test_numerical_gradients_alone():
    network, X, y = small_problem()
    network.loss(X, y)
    assert_agree(central_differences(network, X, y, 1e-5), network.backward(), 1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": 0}, "epsilon must be positive and finite, got 0"),
        ({"epsilon": -1e-5}, "epsilon must be positive and finite, got -1e-05"),
        ({"epsilon": np.nan}, "epsilon must be positive and finite, got nan"),
        ({"rtol": -1}, "rtol must be at least 0 and finite, got -1"),
        ({"atol": np.inf}, "atol must be at least 0 and finite, got inf"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fastnn.check_gradients(*small_problem(), **options)
