"""Stacks of Keras layers become networks that compute the same."""

import os
import sys
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.conversion import from_keras
from tests.cases import DTYPES, import_torch

import_torch()
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", reason="Keras is not installed: pip install keras")
layers = keras.layers

#: Keras's own variables warn so when they become arrays of NumPy 2.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

#: Largest error relative to the largest output. With PyTorch behind it, Keras multiplies matrices of float64 in float32 too.
MOST = 1e-6

#: Activations by Keras's names.
ACTIVATIONS = ["relu", "elu", "selu", "sigmoid", "tanh", "softplus", "silu", "swish", "gelu", "mish", "linear"]


@pytest.fixture(params=DTYPES)
def precision(request):
    """The dtype of all layers, and of what models make of their inputs."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def features(n_features: int = 4, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2, (20, n_features)).astype(dtype)


def stack(*parts: Any, n_features: int = 4) -> Any:
    """The layers in a model, with random weights and moving statistics."""
    model, random = (
        keras.Sequential([keras.Input((n_features,)), *parts]),
        np.random.default_rng(0),
    )
    model.set_weights([array + random.uniform(-0.3, 0.3, array.shape) for array in model.get_weights()])
    return model


def outputs(model: Any, X: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(X, training=False))


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    assert np.abs(found - expected).max() <= MOST * np.abs(expected).max()


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("own_layer", [False, True], ids=["in the layer", "after it"])
def test_every_activation_is_taken_over(name, own_layer, precision):
    hidden = [layers.Dense(6, name)]
    if own_layer:
        hidden = [layers.Dense(6), layers.Activation(name)]
    model = stack(*hidden, layers.Dense(5, name))
    network, X = from_keras(model, "squared_error", backend="numpy"), features(dtype=precision)
    assert network.dtype == precision
    assert_close(network.forward(X), outputs(model, X))


@pytest.mark.parametrize("make", [
    layers.ReLU, lambda: layers.LeakyReLU(negative_slope=0.01), layers.ELU,
], ids=["ReLU", "LeakyReLU", "ELU"])  # fmt: skip
def test_layers_that_are_an_activation_are_taken_over(make):
    model, X = stack(layers.Dense(6), make(), layers.Dense(3), layers.Softmax()), features()
    network = from_keras(model, backend="numpy")
    assert network.architecture.loss.name == "softmax_cross_entropy"
    assert_close(network.forward(X), outputs(model, X))


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_normalisation_and_dropout_are_taken_over(backend, precision):
    model = stack(
        layers.Dense(7, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dropout(0.25),
        layers.Dense(6),
        layers.LayerNormalization(epsilon=1e-5),
        layers.Activation("gelu"),
        layers.Dense(3, "softmax"),
    )
    network, X = from_keras(model, backend=backend), features(dtype=precision)
    assert network.dtype == precision
    assert network.architecture.normalizations == ("batch", "layer", "none")
    assert network.architecture.dropout == (0.25, 0.0, 0.0)
    assert_close(network.forward(X), outputs(model, X))


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 1e-6])
@pytest.mark.parametrize("learns", [True, False])
def test_a_moving_variance_makes_up_for_another_epsilon(epsilon, learns):
    norm = layers.BatchNormalization(epsilon=epsilon, center=learns, scale=learns)
    model, X = stack(layers.Dense(6), norm, layers.Dense(2)), features()
    norm.moving_variance.assign(np.logspace(-4, 1, 6))
    assert_close(from_keras(model, "huber", backend="numpy").forward(X), outputs(model, X))


@pytest.mark.parametrize(("loss", "output"), [("softmax_cross_entropy", "softmax"), ("poisson", "exponential")])
def test_logits_get_the_activation_of_the_loss(loss, output):
    model, X = stack(layers.Dense(6, "tanh"), layers.Dense(3)), features()
    network = from_keras(model, loss, backend="numpy")
    assert network.architecture.activations[-1] == output
    assert_close(network.logits(X), outputs(model, X))
    with pytest.raises(ValueError, match="no activation, so the loss must be named"):
        from_keras(model)


def test_functional_and_nested_models_are_taken_over():
    first = keras.Sequential([keras.Input((6,)), layers.Dense(5, "tanh"), layers.Dropout(0.1)])
    nested = stack(layers.Flatten(), first, layers.Dense(3, "softmax"), n_features=6)
    tensor = inputs = keras.Input((6,))
    for layer in (layers.Dense(5, "elu"), layers.Dropout(0.1), layers.Dense(3, "softmax")):
        tensor = layer(tensor)
    for model in (nested, keras.Model(inputs, tensor)):
        network, X = from_keras(model, backend="numpy"), features(6)
        assert network.architecture.dropout == (0.1, 0.0)
        assert_close(network.forward(X), outputs(model, X))


def test_training_goes_on():
    model, X = stack(layers.Dense(6, "tanh"), layers.Dense(3, "softmax")), features()
    network, y = from_keras(model, seed=0, backend="numpy"), np.arange(20) % 3
    before = network.evaluate(X, y)
    network.fit(X, y, epochs=20, optimizer=fastnn.Adam(learning_rate=0.01))
    assert network.evaluate(X, y) < before


def branched() -> Any:
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Add()([layers.Dense(3, name="left")(inputs), layers.Dense(3)(inputs)]))


def shared() -> Any:
    inputs, dense = keras.Input((4,)), layers.Dense(4)
    return keras.Model(inputs, dense(dense(inputs)))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: stack(layers.Dense(4), layers.GaussianNoise(0.1, name="n"), layers.Dense(2)),
     r"Layer 2 \(GaussianNoise 'n'\) has no counterpart"),
    (lambda: stack(layers.Dense(4, "relu6", name="d")), r"Layer 1 \(Dense 'd'\) has the activation 'relu6', which fastnn lacks"),
    (lambda: stack(layers.Dense(4, "leaky_relu", name="d")), r"has the activation leaky_relu, whose slope in Keras is 0\.2"),
    (lambda: stack(layers.Dense(4), layers.LeakyReLU(name="l")), r"has negative_slope=0\.3, but fastnn's leaky_relu has 0\.01"),
    (lambda: stack(layers.Dense(4), layers.ReLU(max_value=6)), r"has max_value=6, but fastnn's relu has None"),
    (lambda: stack(layers.Dense(4, "relu", name="d"), layers.BatchNormalization(name="b"), layers.Dense(2)),
     r"Layer 2 \(BatchNormalization 'b'\) follows layer 1 \(Dense 'd'\), but a layer of fastnn"),
    (lambda: stack(layers.Dense(4), layers.LayerNormalization(name="n"), layers.Dense(2)),
     r"Layer 2 \(LayerNormalization 'n'\) has epsilon=0\.001, .* use LayerNormalization\(epsilon=1e-05\)"),
    (lambda: stack(layers.Dense(4), layers.Dropout(0.2, name="d")), r"Layer 2 \(Dropout 'd'\) belongs to the output layer"),
    (lambda: stack(layers.Dense(4, "softmax"), layers.Dense(2)), r"is in a hidden layer"),
    (lambda: stack(layers.Dense(4, dtype="mixed_float16")), r"computes in float16"),
    (lambda: stack(layers.Reshape((2, 2)), layers.Dense(4)), r"Layer 1 \(Reshape .*\) has no counterpart"),
    (lambda: keras.Sequential([keras.Input((2, 3)), layers.Dense(4)]), r"has inputs of shape \(None, 2, 3\)"),
    (lambda: keras.Sequential([layers.Dense(4)], name="m"), r"The model 'm' is not built yet"),
    (branched, r"is not a straight stack"),
    (shared, r"is not a straight stack"),
])  # fmt: skip
def test_what_fastnn_lacks_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        from_keras(make(), "squared_error")


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match=r"from_keras takes a keras\.Model, got Dense"):
        from_keras(layers.Dense(3))


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(
        ImportError, match="from_keras needs the package keras, which is not installed: pip install keras"
    ):
        from_keras(None)
