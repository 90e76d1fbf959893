"""Invalid options of networks, optimizers and `fit` are rejected with a clear message."""

import numpy as np
import pytest

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.initializers import INITIALIZERS
from fastnn.losses import LOSSES, Huber
from tests.cases import every_backend
from tests.small_networks import LABELS, X, assert_refused, network_for

BAD_NETWORKS = {
    "activation": (
        {"activations": "relo"},
        ValueError,
        "Unknown activation 'relo'; known are " + ", ".join(ACTIVATIONS),
    ),
    "activation in a list": ({"activations": ["tanh", "softmaxx"]}, ValueError, "Unknown activation 'softmaxx'; known"),
    "activation that is no name": ({"activations": ["tanh", None]}, ValueError, "Unknown activation None; known are"),
    "no activations": ({"activations": None}, TypeError, "activations must be a name.*got None"),
    "too few activations": ({"activations": ["relu"]}, ValueError, r"each of the 2 layers, output included, got 1"),
    "too many activations": (
        {"activations": ["relu"] * 3},
        ValueError,
        r"each of the 2 layers.*got 3: \['relu', 'relu'",
    ),
    "softmax on a hidden layer": ({"activations": "softmax"}, ValueError, "softmax.*belongs on the output.*on layer 1"),
    "output outside the loss": (
        {"activations": ["relu", "tanh"]},
        ValueError,
        "needs outputs from softmax, got 'tanh'",
    ),
    "loss": ({"loss": "hinge"}, ValueError, "Unknown loss 'hinge'; known are " + ", ".join(LOSSES)),
    "class of a loss": ({"loss": Huber}, TypeError, r"loss is the class Huber; pass an instance: Huber\(\)\."),
    "loss that is no name": ({"loss": None}, ValueError, "Unknown loss None; known are"),
    "initializer": (
        {"initializer": "he"},
        ValueError,
        "Unknown initializer 'he'; known are " + ", ".join(INITIALIZERS),
    ),
    "backend": ({"backend": "cuda"}, ValueError, "Unknown backend 'cuda'; known are numpy, numba"),
    "half precision": ({"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64', got 'float16'"),
    "integers": ({"dtype": int}, ValueError, "dtype must be 'float32' or 'float64', got <class 'int'>"),
    "no type": ({"dtype": None}, ValueError, "dtype must be 'float32' or 'float64', got None"),
    "no threads": ({"n_threads": 0}, ValueError, "n_threads must be a positive integer, got 0"),
    "part of a thread": ({"n_threads": 1.5}, TypeError, "n_threads must be a positive integer, got 1.5"),
    "layer of no units": ({"layer_sizes": [3, 0, 2]}, ValueError, r"positive integers, got 0 in \[3, 0, 2\]"),
    "negative layer": ({"layer_sizes": [3, -4, 2]}, ValueError, r"positive integers, got -4 in \[3, -4, 2\]"),
    "part of a unit": ({"layer_sizes": [3, 2.0]}, ValueError, r"positive integers, got 2.0 in \[3, 2.0\]"),
    "truth as a size": ({"layer_sizes": [3, True]}, ValueError, r"positive integers, got True"),
    "word as a size": ({"layer_sizes": "32"}, ValueError, r"positive integers, got '3'"),
    "one size": ({"layer_sizes": [3]}, ValueError, r"the inputs and at least one layer, as in \[2, 1\], got \(3,\)"),
    "a number": ({"layer_sizes": 3}, TypeError, r"sequence of positive integers such as \[784, 128, 10\], got 3"),
    "softmax of one output": ({"layer_sizes": [3, 1]}, ValueError, "softmax over a single output is always 1"),
}


@pytest.mark.parametrize("fault", BAD_NETWORKS)
def test_bad_networks_are_refused(fault):
    options, error, message = BAD_NETWORKS[fault]
    with pytest.raises(error, match=message):
        fastnn.Network(**{"layer_sizes": [3, 4, 2], "backend": "numpy", **options})


@pytest.mark.parametrize("output", ["relu", "identity", "elu", "tanh", "gelu"])
def test_outputs_outside_0_and_1_do_not_go_with_binary_cross_entropy(output):
    with pytest.raises(ValueError, match=f"binary_cross_entropy needs outputs from sigmoid or softmax, got '{output}'"):
        network_for("binary_cross_entropy").architecture.create([3, 2], [output], "binary_cross_entropy")


EVERY_OPTIMIZER = (fastnn.SGD, fastnn.Adagrad, fastnn.RMSprop, fastnn.Adam, fastnn.AdamW)
ADAPTIVE = EVERY_OPTIMIZER[1:]
ADAMS = (fastnn.Adam, fastnn.AdamW)
WITH_MOMENTUM = (fastnn.SGD, fastnn.RMSprop)

BAD_OPTIMIZERS = (
    (EVERY_OPTIMIZER, {"learning_rate": 0}, ValueError, "learning_rate must be positive and finite, got 0"),
    (EVERY_OPTIMIZER, {"learning_rate": -0.1}, ValueError, "learning_rate must be positive and finite, got -0.1"),
    (EVERY_OPTIMIZER, {"learning_rate": np.nan}, ValueError, "learning_rate must be positive and finite, got nan"),
    (EVERY_OPTIMIZER, {"learning_rate": np.inf}, ValueError, "learning_rate must be positive and finite, got inf"),
    (EVERY_OPTIMIZER, {"learning_rate": "fast"}, TypeError, "learning_rate must be a number, got 'fast'"),
    (EVERY_OPTIMIZER, {"learning_rate": None}, TypeError, "learning_rate must be a number, got None"),
    (EVERY_OPTIMIZER, {"learning_rate": True}, TypeError, "learning_rate must be a number, got True"),
    (EVERY_OPTIMIZER, {"l1": -0.1}, ValueError, "l1 must be at least 0 and finite, got -0.1"),
    (EVERY_OPTIMIZER, {"l1": "some"}, TypeError, "l1 must be a number, got 'some'"),
    (EVERY_OPTIMIZER, {"l2": -1e-9}, ValueError, "l2 must be at least 0 and finite, got -1e-09"),
    (EVERY_OPTIMIZER, {"l2": np.nan}, ValueError, "l2 must be at least 0 and finite, got nan"),
    (EVERY_OPTIMIZER, {"l2": 10**400}, ValueError, "l2 must be at least 0 and finite, got 1000"),
    (EVERY_OPTIMIZER, {"weight_decay": -1}, ValueError, "weight_decay must be at least 0 and finite, got -1"),
    (EVERY_OPTIMIZER, {"weight_decay": None}, TypeError, "weight_decay must be a number, got None"),
    (EVERY_OPTIMIZER, {"penalize_biases": "no"}, TypeError, "penalize_biases must be True or False, got 'no'"),
    (EVERY_OPTIMIZER, {"max_grad_norm": 0}, ValueError, "max_grad_norm must be positive and finite, got 0"),
    (EVERY_OPTIMIZER, {"max_grad_norm": np.inf}, ValueError, "max_grad_norm must be positive.*got inf"),
    (EVERY_OPTIMIZER, {"max_grad_norm": "long"}, TypeError, "max_grad_norm must be a number, got 'long'"),
    ((fastnn.SGD,), {"momentum": 1.1}, ValueError, "momentum must be at most 1, or the velocity grows.*, got 1.1"),
    ((fastnn.RMSprop,), {"momentum": 1}, ValueError, "momentum must be below 1, got 1"),
    (WITH_MOMENTUM, {"momentum": -0.9}, ValueError, "momentum must be at least 0 and finite, got -0.9"),
    (WITH_MOMENTUM, {"momentum": "heavy"}, TypeError, "momentum must be a number, got 'heavy'"),
    ((fastnn.SGD,), {"nesterov": 1, "momentum": 0.9}, TypeError, "nesterov must be True or False, got 1"),
    ((fastnn.SGD,), {"nesterov": True}, ValueError, r"nesterov=True needs a momentum above 0, such as SGD\(momentum"),
    (ADAPTIVE, {"epsilon": 0}, ValueError, "epsilon must be positive and finite, got 0"),
    (ADAPTIVE, {"epsilon": None}, TypeError, "epsilon must be a number, got None"),
    ((fastnn.RMSprop,), {"rho": 1.0}, ValueError, "rho must be below 1, got 1.0"),
    ((fastnn.RMSprop,), {"rho": np.nan}, ValueError, "rho must be at least 0 and finite, got nan"),
    (ADAMS, {"beta_1": 1}, ValueError, "beta_1 must be below 1, got 1"),
    (ADAMS, {"beta_1": -0.1}, ValueError, "beta_1 must be at least 0 and finite, got -0.1"),
    (ADAMS, {"beta_2": 1.5}, ValueError, "beta_2 must be below 1, got 1.5"),
    (ADAMS, {"beta_2": "most"}, TypeError, "beta_2 must be a number, got 'most'"),
    (ADAMS, {"amsgrad": 1}, TypeError, "amsgrad must be True or False, got 1"),
)


@pytest.mark.parametrize(
    ("optimizer", "options", "error", "message"),
    [(optimizer, *rest) for optimizers, *rest in BAD_OPTIMIZERS for optimizer in optimizers],
)
def test_bad_optimizers_are_refused(optimizer, options, error, message):
    with pytest.raises(error, match=message):
        optimizer(**options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be a positive integer, got 0"),
        ({"batch_size": -32}, ValueError, "batch_size must be a positive integer, got -32"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be a positive integer, got 2.5"),
        ({"batch_size": True}, TypeError, "batch_size must be a positive integer, got True"),
        ({"epochs": 0}, ValueError, "epochs must be a positive integer, got 0"),
        ({"epochs": "ten"}, TypeError, "epochs must be a positive integer, got 'ten'"),
        (
            {"optimizer": "adm"},
            ValueError,
            r"Unknown optimizer 'adm'; known are sgd, .*, lbfgs\. Did you mean 'adam'\?",
        ),
        ({"optimizer": fastnn.Adam}, TypeError, r"optimizer is the class Adam; pass an instance: Adam\(\)\."),
        ({"optimizer": fastnn.LBFGS}, TypeError, r"optimizer is the class LBFGS; pass an instance: LBFGS\(\)\."),
        ({"shuffle": "no"}, TypeError, "shuffle must be True or False, got 'no'"),
        ({"shuffle": 0}, TypeError, "shuffle must be True or False, got 0"),
        (
            {"optimizer": 0},
            TypeError,
            r"optimizer must be a fastnn optimizer such as fastnn\.SGD\(\), or its name, got 0",
        ),
        (
            {"validation_data": X},
            ValueError,
            r"validation_data must be a pair \(X, y\), or \(X, y, sample_weight\), got ndarray",
        ),
        (
            {"validation_data": (X,)},
            ValueError,
            r"validation_data must be a pair \(X, y\), or \(X, y, sample_weight\), got tuple",
        ),
    ],
)
def test_bad_options_of_fit_are_refused(options, error, message):
    assert_refused(network_for(), lambda network: network.fit(X, LABELS, **options), error, message)


@every_backend
def test_backward_before_loss_is_refused(backend):
    network = network_for(backend=backend)
    with pytest.raises(ValueError, match=r"backward needs the loss of a batch first: call network\.loss\(X, y\)"):
        network.backward()
    network.loss(X, LABELS)
    network.backward()
    network.fit(X, LABELS, epochs=1)
    with pytest.raises(ValueError, match="backward needs the loss of a batch first"):
        network.backward()


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({"loss": "mse"}, "squared_error"),
        ({"loss": "Cross Entropy"}, "softmax_cross_entropy"),
        ({"activations": "Relu"}, "relu"),
        ({"activations": "swish"}, "silu"),
        ({"initializer": "xavier_uniform"}, "glorot_uniform"),
        ({"backend": "numbra"}, "numba"),
    ],
    ids=str,
)
def test_a_near_miss_is_answered_with_what_was_perhaps_meant(options, meant):
    with pytest.raises(ValueError, match=rf"Unknown .*\. Did you mean '{meant}'\?$"):
        fastnn.Network([2, 3, 2], **options)
    with pytest.raises(ValueError, match=r"Unknown .*[^?]$"):
        fastnn.Network([2, 3, 2], **dict.fromkeys(options, "qqq"))


def test_optimizers_go_by_name_as_losses_do():
    X, y = np.random.default_rng(0).standard_normal((40, 2)), np.arange(40) % 2
    parameters = []
    for optimizer in ("adam", fastnn.Adam()):
        network = fastnn.Network([2, 3, 2], seed=0, backend="numpy")
        network.fit(X, y, optimizer=optimizer, epochs=2, progress=False)
        parameters.append(network.parameters.tobytes())
    assert parameters[0] == parameters[1]
    with pytest.raises(TypeError, match="LBFGS needs the loss of all samples"):
        fastnn.Network([2, 3, 2], backend="numpy").fit_batches([(X, y)], optimizer="lbfgs")
