"""Stacks of PyTorch modules become networks, and networks such stacks: they compute the same, and training goes on."""

import re
import sys
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import MLPClassifier, Network
from fastnn.activations import ACTIVATIONS
from fastnn.conversion import from_torch, to_torch
from fastnn.conversion.torch_modules import MODULES
from tests.cases import DTYPES, import_torch
from tests.export.random_models import move

torch = import_torch()
nn = torch.nn

#: Largest error relative to the largest output.
MOST = {"float32": 1e-6, "float64": 1e-14}

HIDDEN = [name for name in MODULES if ACTIVATIONS[name].hidden]


def features(n_features: int, dtype: str = "float32", n_rows: int = 20) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2, (n_rows, n_features)).astype(dtype)


def outputs(module: Any, X: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return module.eval()(torch.from_numpy(X)).numpy()


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    assert np.abs(found - expected).max() <= MOST[found.dtype.name] * np.abs(expected).max()


def activation(name: str) -> Any:
    module, options = MODULES[name]
    return getattr(nn, module)(**{option: values[0] for option, values in options.items()})


def stack(*modules: Any, dtype: str = "float32") -> Any:
    """The modules in a stack, with random parameters and running statistics."""
    module, generator = nn.Sequential(*modules), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.dtype.is_floating_point:
                tensor += 0.6 * (torch.rand(tensor.shape, generator=generator) - 0.5)
    return module.to(getattr(torch, dtype))


def everything(dtype: str = "float32", *, dropout: float = 0.25) -> Any:
    """A nested stack with every kind of module."""
    first = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Dropout(dropout))
    second = nn.Sequential(nn.Linear(7, 6), nn.LayerNorm(6), nn.Identity(), nn.GELU())
    return stack(nn.Flatten(), first, second, nn.Linear(6, 3), dtype=dtype)


# From PyTorch


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDDEN)
def test_every_activation_is_taken_over(name, dtype):
    module = stack(nn.Linear(4, 6), activation(name), nn.Linear(6, 5), activation(name), dtype=dtype)
    network = from_torch(module, "squared_error", backend="numpy")
    assert network.architecture.activations == (name, name)
    X = features(4, dtype)
    assert_close(network.forward(X), outputs(module, X))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_normalisation_dropout_and_nested_stacks_are_taken_over(backend, dtype):
    module = everything(dtype)
    network = from_torch(module, "softmax_cross_entropy", backend=backend)
    assert network.architecture.normalizations == ("batch", "layer", "none")
    assert network.architecture.dropout == (0.25, 0.0, 0.0)
    X = features(5, dtype)
    assert_close(network.logits(X), outputs(module, X))
    assert_close(network.forward(X), outputs(nn.Sequential(module, nn.Softmax(-1)), X))


@pytest.mark.parametrize(("last", "loss", "expected"), [
    (nn.Softmax(dim=1), None, ("softmax", "softmax_cross_entropy")),
    (nn.Sigmoid(), None, ("sigmoid", "binary_cross_entropy")),
    (nn.Tanh(), None, ("tanh", "squared_error")),
    (nn.Softmax(dim=-1), "squared_error", ("softmax", "squared_error")),
    (nn.Identity(), "softmax_cross_entropy", ("softmax", "softmax_cross_entropy")),
    (nn.Identity(), "binary_cross_entropy", ("sigmoid", "binary_cross_entropy")),
    (nn.Identity(), "poisson", ("exponential", "poisson")),
    (nn.Identity(), fastnn.losses.Huber(0.5), ("identity", "huber")),
], ids=str)  # fmt: skip
def test_the_last_module_and_the_loss_go_together(last, loss, expected):
    module = stack(nn.Linear(4, 3), last)
    network = from_torch(module, loss, backend="numpy")
    assert (network.architecture.activations[-1], network.architecture.loss.name) == expected
    X = features(4)
    assert_close(network.logits(X) if isinstance(last, nn.Identity) else network.forward(X), outputs(module, X))


def test_what_modules_lack_is_0_or_1():
    module = stack(
        nn.Linear(4, 6, bias=False),
        nn.BatchNorm1d(6, affine=False),
        nn.Linear(6, 5),
        nn.LayerNorm(5, bias=False),
        nn.ReLU(),
        nn.Linear(5, 2, bias=False),
    )
    X = features(4)
    assert_close(from_torch(module, "huber", backend="numpy").forward(X), outputs(module, X))


@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 1e-6])
def test_a_running_variance_makes_up_for_another_epsilon(epsilon):
    module = stack(nn.Linear(4, 6), nn.BatchNorm1d(6, eps=epsilon), nn.Tanh(), nn.Linear(6, 1))
    with torch.no_grad():
        module[1].running_var.copy_(torch.logspace(-4, 1, 6))
    X = features(4)
    assert_close(from_torch(module, "huber", backend="numpy").forward(X), outputs(module, X))


def test_a_single_layer_is_a_network():
    module = stack(nn.Linear(4, 2))[0]
    X = features(4)
    assert_close(from_torch(module, "huber", backend="numpy").forward(X), outputs(module, X))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_goes_on_as_in_torch(momentum):
    module = everything("float64", dropout=0.0)
    network = from_torch(module, "softmax_cross_entropy", backend="numpy")
    X, y = features(5, "float64"), np.arange(20) % 3
    descent = torch.optim.SGD(module.train().parameters(), lr=0.1, momentum=momentum)
    for _ in range(3):
        descent.zero_grad()
        loss = nn.functional.cross_entropy(module(torch.from_numpy(X)), torch.from_numpy(y))
        loss.backward()
        descent.step()
        assert network.loss(X, y) == pytest.approx(loss.item(), rel=1e-12)
        network.backward()
        network.step(fastnn.SGD(learning_rate=0.1, momentum=momentum))
    expected = from_torch(module, "softmax_cross_entropy", backend="numpy")
    np.testing.assert_allclose(network.parameters, expected.parameters, rtol=1e-10, atol=1e-12)
    assert_close(network.logits(X), outputs(module, X))  # which depend on the running statistics


def test_parameters_are_copies():
    module = stack(nn.Linear(4, 3))
    network, X = from_torch(module, "huber", backend="numpy"), features(4)
    before = network.forward(X)
    with torch.no_grad():
        module[0].weight.zero_()
    np.testing.assert_array_equal(network.forward(X), before)


class OwnLinear(nn.Linear):
    pass


def with_hook() -> Any:
    module = nn.Linear(4, 3)
    module.register_forward_hook(lambda *_: None)
    return module


LINEAR, RELU = nn.Linear(4, 4), nn.ReLU()


@pytest.mark.parametrize(("modules", "message"), [
    ([LINEAR, RELU, nn.Conv1d(1, 2, 3)], r"Layer 3 \(Conv1d\) has no counterpart"),
    ([OwnLinear(4, 3)], r"Layer 1 \(OwnLinear\) has no counterpart"),
    ([LINEAR, nn.PReLU()], r"Layer 2 \(PReLU\) has no counterpart"),
    ([LINEAR, nn.Flatten()], r"Layer 2 \(Flatten\) has no counterpart"),
    ([with_hook()], r"Layer 1 \(Linear\) has hooks"),
    ([LINEAR, nn.LeakyReLU(0.2)], r"Layer 2 \(LeakyReLU\) has negative_slope=0\.2, but fastnn's leaky_relu has 0\.01"),
    ([LINEAR, nn.GELU("tanh")], r"Layer 2 \(GELU\) has approximate='tanh', but fastnn's gelu has 'none'"),
    ([LINEAR, nn.Softplus(beta=2)], r"Layer 2 \(Softplus\) has beta=2"),
    ([LINEAR, nn.ELU(0.5)], r"Layer 2 \(ELU\) has alpha=0\.5"),
    ([LINEAR, nn.Softmax(dim=0)], r"Layer 2 \(Softmax\) has dim=0"),
    ([LINEAR, nn.Softmax(dim=1), LINEAR], r"Layer 2 \(Softmax\) is in a hidden layer"),
    ([LINEAR, RELU, nn.BatchNorm1d(4)], r"Layer 3 \(BatchNorm1d\) follows layer 2 \(ReLU\), but a layer of fastnn"),
    ([LINEAR, nn.Dropout(0.1), RELU], r"Layer 3 \(ReLU\) follows layer 2 \(Dropout\)"),
    ([LINEAR, RELU, RELU], r"Layer 3 \(ReLU\) follows layer 2 \(ReLU\)"),
    ([nn.Dropout(0.1), LINEAR], r"Layer 1 \(Dropout\) follows the input"),
    ([LINEAR, nn.BatchNorm1d(4)], r"Layer 2 \(BatchNorm1d\) belongs to the output layer"),
    ([LINEAR, RELU, nn.Dropout(0.1)], r"Layer 3 \(Dropout\) belongs to the output layer"),
    ([LINEAR, nn.BatchNorm1d(4, momentum=0.2), LINEAR], r"Layer 2 \(BatchNorm1d\) has momentum=0\.2, but fastnn's is 0\.1"),
    ([LINEAR, nn.BatchNorm1d(4, track_running_stats=False), LINEAR], r"Layer 2 \(BatchNorm1d\) has no running statistics"),
    ([LINEAR, nn.LayerNorm(4, eps=1e-3), LINEAR], r"Layer 2 \(LayerNorm\) must normalise one axis with eps=1e-05"),
    ([LINEAR, nn.BatchNorm1d(5), LINEAR], r"Layer 2 \(BatchNorm1d\) normalises 5 units, but the layer before has 4"),
    ([LINEAR, nn.Linear(5, 2)], r"Layer 2 \(Linear\) has 5 inputs, but the layer before has 4 outputs"),
    ([LINEAR, nn.Dropout(1.0), LINEAR], r"Layer 2 \(Dropout\) drops everything"),
    ([nn.Linear(4, 3).half()], r"Layer 1 \(Linear\) has the dtype torch\.float16"),
    ([LINEAR, nn.Linear(4, 3).double()], r"All layers must have the same dtype, got float32 and float64"),
    ([nn.Flatten()], r"There is no linear layer"),
])  # fmt: skip
def test_what_fastnn_lacks_is_named(modules, message):
    with pytest.raises(ValueError, match=message):
        from_torch(nn.Sequential(*modules), "squared_error")


def test_an_epsilon_that_no_variance_makes_up_for_is_named():
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, eps=1e-6), nn.Linear(3, 1))
    nn.init.constant_(module[1].running_var, 1e-7)
    with pytest.raises(ValueError, match=r"Layer 2 \(BatchNorm1d\) has epsilon=1e-06, which is below fastnn's 1e-05"):
        from_torch(module, "huber")


def test_logits_need_a_loss():
    with pytest.raises(ValueError, match=r"no activation, so the loss must be named: loss='softmax_cross_entropy'"):
        from_torch(nn.Sequential(nn.Linear(4, 3)))


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match=r"from_torch takes a torch\.nn\.Sequential, got Network"):
        from_torch(Network([2, 3], backend="numpy"))
    with pytest.raises(TypeError, match=r"to_torch takes a fastnn\.Network, got Linear"):
        to_torch(nn.Linear(2, 3))
    fitted = MLPClassifier(backend="numpy").partial_fit(features(2), np.arange(20) % 2, classes=[0, 1])
    with pytest.raises(TypeError, match=r"got MLPClassifier: pass its network_"):
        to_torch(fitted)


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        ImportError, match="from_torch needs the package torch, which is not installed: pip install torch"
    ):
        from_torch(None)


# To PyTorch


def network_of(hidden: str, output: str, dtype: str, **options: Any) -> Network:
    sizes = [4, 7, 6, 3]
    options = {"backend": "numpy", "seed": 0, "dtype": dtype} | options
    network = Network(sizes, [hidden, hidden, output], "squared_error", **options)
    move(network, np.random.default_rng(0))
    return network


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*MODULES, "identity"])
def test_every_activation_has_a_module(name, dtype):
    network = network_of(name if ACTIVATIONS[name].hidden else "relu", name, dtype)
    module, X = to_torch(network), features(4, dtype)
    assert not module.training
    assert_close(outputs(module, X), network.forward(X))
    assert_close(outputs(to_torch(network, logits=True), X), network.logits(X))


@pytest.mark.parametrize("dtype", DTYPES)
def test_normalisation_and_dropout_have_modules(dtype):
    network = network_of("silu", "softmax", dtype, normalization=["batch", "layer"], dropout=[0.0, 0.3])
    module, X = to_torch(network), features(4, dtype)
    kinds = "Linear BatchNorm1d SiLU Linear LayerNorm SiLU Dropout Linear Softmax"
    assert [type(each).__name__ for each in module] == kinds.split()
    assert_close(outputs(module, X), network.forward(X))


def test_there_and_back_again_is_the_same_network():
    network = network_of("mish", "softmax", "float32", normalization=["layer", "batch"], dropout=[0.2, 0.1])
    again = from_torch(to_torch(network), "squared_error", backend="numpy")
    assert again.architecture == network.architecture
    np.testing.assert_array_equal(again.parameters, network.parameters)
    X = features(4)
    np.testing.assert_array_equal(again.forward(X), network.forward(X))


def test_a_module_trains_on_as_the_network_would():
    network = Network(
        [4, 7, 6, 3],
        ["relu", "relu", "softmax"],
        normalization=["batch", None],
        backend="numpy",
        dtype="float64",
        seed=0,
    )
    module, X, y = to_torch(network, logits=True).train(), features(4, "float64"), np.arange(20) % 3
    descent = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(3):
        descent.zero_grad()
        nn.functional.cross_entropy(module(torch.from_numpy(X)), torch.from_numpy(y)).backward()
        descent.step()
        network.loss(X, y)
        network.backward()
        network.step(fastnn.Adam(learning_rate=0.01))
    assert np.abs(outputs(module, X) - network.logits(X)).max() < 1e-9


@pytest.mark.parametrize(("options", "message"), [
    ({"input_scaling": True}, "input scaling"),
    ({"parametric": True}, "parametric activations"),
    ({"embeddings": [fastnn.PeriodicEmbedding(0)]}, "PeriodicEmbedding"),
    ({"embeddings": [fastnn.CategoryEmbedding(0, 3)], "parametric": [True, False]},
     "CategoryEmbedding and parametric activations"),
], ids=["scaling", "parametric", "periodic", "two parts"])  # fmt: skip
def test_what_torch_lacks_is_named(options, message):
    with pytest.raises(ValueError, match=re.escape(f"PyTorch has no module for {message}.")):
        to_torch(network_of("relu", "identity", "float32", **options))


def test_an_exponential_output_can_be_left_out():
    network = network_of("relu", "exponential", "float32")
    with pytest.raises(
        ValueError, match=r"no module for the activation 'exponential'\. With logits=True, the activation"
    ):
        to_torch(network)
    X = features(4)
    assert_close(outputs(to_torch(network, logits=True), X), network.logits(X))
