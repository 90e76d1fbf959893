"""Every function of the compiled backend gives what its twin in the reference gives, called directly and on small arrays.

This file also runs with NUMBA_DISABLE_JIT=1 and with NUMBA_BOUNDSCHECK=1, and what is marked `tiles` on narrower vectors.
"""

import math
from importlib import import_module

import numpy as np
import pytest
from scipy.sparse import csr_array

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.architecture import Architecture
from fastnn.backends import get_backend
from fastnn.backends.numba_backend.layouts import is_narrow
from fastnn.backends.numba_backend.rows import rows_of
from fastnn.losses import LOSS_KERNELS
from fastnn.optimizers import Optimizer
from fastnn.training import read_only
from tests.cases import DTYPES, ELEMENTWISE, OUTPUTS, assert_agree, tolerance

pytestmark = pytest.mark.kernels

#: What does not compute on register tiles is the same machine code whatever FASTNN_VECTOR_BITS is.
on_tiles = pytest.mark.tiles
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_backend = pytest.mark.parametrize("backend", fastnn.backends())


@pytest.fixture(autouse=True)
def _numbers_of_64_bits_wrap():
    """Compiled, they do so silently; without the compiler NumPy would warn."""
    with np.errstate(over="ignore"):
        yield


#: Both sides of every kink and the kink itself, the flat parts and the straight ones.
Z_VALUES = np.array([-30, -9, -4.5, -1.5, -1, -0.25, -1e-3, -0.0, 0, 1e-3, 0.25, 1, 1.5, 4.5, 9, 30]).reshape(4, 4)

NETWORKS = (
    ((3, 5, 4, 3), ("tanh", "relu", "softmax"), "softmax_cross_entropy"),
    ((2, 4, 1), ("gelu", "sigmoid"), "binary_cross_entropy"),
    ((3, 2), ("softmax",), "squared_error"),
    ((3, 5, 4, 3), ("tanh", "sigmoid", "softmax"), "softmax_cross_entropy", ("batch", "layer"), (0.4, 0.3)),
    ((2, 4, 3, 1), ("tanh", "tanh", "sigmoid"), "binary_cross_entropy", None, (0.4, 0.3)),
)

#: Of a stream of dropout.
KEY = np.uint64(2**63 + 12345)

#: Too wide to train in columns.
WIDE_NETWORK = ((3, 40, 3), ("tanh", "softmax"), "softmax_cross_entropy")
WIDE_WITH_DROPOUT = ((3, 40, 1), ("tanh", "sigmoid"), "binary_cross_entropy", None, 0.3)
every_network = pytest.mark.parametrize("network", NETWORKS, ids=str)


def twins(module: str, function: str) -> list:
    """The function of that name in each backend."""
    return [getattr(import_module(f"fastnn.backends.{name}_backend.{module}"), function) for name in fastnn.backends()]


def bound(backend: str, network: tuple, dtype: str) -> np.ndarray:
    """The layer records of a network as the backend calls them."""
    return get_backend(backend).bind(Architecture.create(*network).layers, np.dtype(dtype), True)


def normal(*shape: int, dtype: str, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def probabilities(*shape: int, dtype: str, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape).astype(dtype)


def rubbish(*shape: int, dtype: str) -> np.ndarray:
    return np.full(shape, np.nan, dtype)


def in_columns(block: np.ndarray) -> np.ndarray:
    """A copy in which the samples of a unit are neighbours, as the output layer has them."""
    return np.array(block, order="F")


def parameters_of(network: tuple, dtype: str) -> np.ndarray:
    return normal(Architecture.create(*network).n_parameters, dtype=dtype, seed=1)


def together(vector: np.ndarray, statistics: np.ndarray | None) -> np.ndarray:
    return vector if statistics is None else np.concatenate([vector, statistics])


def statistics_of(network: tuple, dtype: str) -> np.ndarray | None:
    architecture = Architecture.create(*network)
    if not architecture.is_regularized:
        return None
    statistics = np.empty(architecture.n_statistics, dtype)
    architecture.initialize(statistics)
    return statistics


def with_masks(settings: np.ndarray) -> np.ndarray:
    settings["mask_key"] = np.arange(len(settings)) - 2**40
    return settings


def targets_of(network: tuple, n: int, dtype: str) -> np.ndarray:
    """Rows (n, K) in the domain of every loss."""
    n_outputs = network[0][-1]
    return np.eye(max(n_outputs, 2), n_outputs, dtype=dtype)[np.arange(n) % max(n_outputs, 2)]


# Views


@every_backend
@every_network
def test_views_of_a_vector_are_its_parameters(backend, network):
    views = import_module(f"fastnn.backends.{backend}_backend.views")
    architecture, vector = Architecture.create(*network), parameters_of(network, "float64")
    copy, layers = vector.copy(), bound(backend, network, "float64")
    for view, family in (
        (views.weights, architecture.weight_views),
        (views.biases, architecture.bias_views),
        (views.scales, architecture.scale_views),
        (views.shifts, architecture.shift_views),
    ):
        for layer, expected in zip(layers, family(copy), strict=True):
            found = view(vector, layer)
            assert found.shape == expected.shape
            assert found.tobytes() == expected.tobytes()
            found[...] = 0
    assert not vector.any()


@every_backend
@every_network
def test_views_of_the_workspace_do_not_overlap(backend, network):
    views = import_module(f"fastnn.backends.{backend}_backend.views")
    layers, n = bound(backend, network, "float64"), 3
    workspace = np.zeros(views.workspace_size(layers, n))
    blocks = []
    for layer in layers:
        blocks += [view(workspace, layer, n) for view in (views.pre_activations, views.activations, views.errors)]
        if layer["normalization"]:
            blocks += [views.normalized(workspace, layer, n), views.sample_precisions(workspace, layer, n)]
        if layer["dropout"]:
            blocks.append(views.passed_on(workspace, layer, n))
    assert {block.shape for block in blocks} <= {(n, size) for size in network[0][1:]} | {(n,)}
    for number, block in enumerate(blocks, 1):
        assert not block.any()
        block[...] = number
    assert [np.unique(block).tolist() for block in blocks] == [[number] for number in range(1, len(blocks) + 1)]
    assert np.count_nonzero(workspace) == sum(block.size for block in blocks)


@every_backend
@every_network
def test_binding_keeps_what_the_records_say(backend, network):
    layers, records = bound(backend, network, "float32"), Architecture.create(*network).layers
    for name in records.dtype.names:
        assert layers[name].tolist() == records[name].tolist()


# Activations


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_activations_of_a_number(name):
    code = ACTIVATIONS[name].code
    (expected_f, f), (expected_slope, slope) = twins("activations", "FUNCTIONS"), twins("activations", "DERIVATIVES")
    Z = Z_VALUES
    A = np.array(expected_f[code](Z))
    assert_agree([f[code](z) for z in Z.flat], A.ravel(), tolerance("float64", 1))
    derivatives = [slope[code](z, a) for z, a in zip(Z.flat, A.flat, strict=True)]
    assert_agree(derivatives, expected_slope[code](Z, A).ravel(), tolerance("float64", 1))


@every_dtype
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activate_and_activate_backward(name, dtype):
    Z, dA = in_columns(Z_VALUES.astype(dtype)), normal(4, 4, dtype=dtype)
    results = []
    for backend, activate, activate_backward in zip(
        fastnn.backends(), twins("activations", "activate"), twins("activations", "activate_backward"), strict=True
    ):
        layer = bound(backend, ((4, 4), (name,), "squared_error"), dtype)[0]
        A, dZ = in_columns(rubbish(4, 4, dtype=dtype)), in_columns(dA)
        activate(A, Z, layer)
        activate_backward(dZ, Z, A, layer)
        results.append((A, dZ))
        if name != "softmax":
            A_in_rows, dZ_in_rows = rubbish(4, 4, dtype=dtype), dA.copy()
            activate(A_in_rows, np.ascontiguousarray(Z), layer)
            activate_backward(dZ_in_rows, np.ascontiguousarray(Z), A_in_rows, layer)
            assert A_in_rows.tolist() == A.tolist()
            assert dZ_in_rows.tolist() == dZ.tolist()
    (A_reference, dZ_reference), (A, dZ) = results
    assert_agree(A, A_reference, tolerance(dtype, 4))
    assert_agree(dZ, dZ_reference, tolerance(dtype, 4, 4))


@every_dtype
def test_softmax_and_its_gradient(dtype):
    Z, dA = in_columns(5 * normal(6, 5, dtype=dtype)), normal(6, 5, dtype=dtype, seed=1)
    results = []
    for softmax, softmax_backward in zip(
        twins("activations", "softmax"), twins("activations", "softmax_backward"), strict=True
    ):
        A, dZ = in_columns(rubbish(6, 5, dtype=dtype)), in_columns(dA)
        softmax(A, Z)
        softmax_backward(dZ, A)
        results.append((A, dZ))
    assert_agree(results[1][0], results[0][0], tolerance(dtype, 5))
    assert_agree(results[1][1], results[0][1], tolerance(dtype, 5, 5))


# Losses


@every_dtype
@pytest.mark.parametrize("name", LOSS_KERNELS)
def test_losses_and_their_gradients(name, dtype):
    values, Y = in_columns(probabilities(6, 3, dtype=dtype)), in_columns(targets_of(((3,), (), ""), 6, dtype))
    results = []
    for loss in twins("losses", name):
        losses, gradient = rubbish(6, dtype="float64"), in_columns(rubbish(6, 3, dtype=dtype))
        loss(losses, gradient, values, Y, np.array([0.3, 0.6]))
        results.append((losses, gradient))
    assert_agree(results[1][0], results[0][0], tolerance(dtype, 3))
    assert_agree(results[1][1], results[0][1], tolerance(dtype, 3))


# Layers


@on_tiles
@every_dtype
def test_affine(dtype):
    A_previous, W, b = normal(5, 4, dtype=dtype), normal(4, 3, dtype=dtype, seed=1), normal(3, dtype=dtype, seed=2)
    results = []
    for affine in twins("layers", "affine"):
        Z = rubbish(5, 3, dtype=dtype)
        affine(Z, A_previous, W, b)
        results.append(Z)
    assert_agree(results[1], results[0], tolerance(dtype, 5))


def sparse_inputs(dtype, index_dtype):
    """X (7, 5) of SciPy's and as the compiled kernels take it: entries twice, in any order, zeros, and rows of none to nine."""
    random, sizes = np.random.default_rng(0), [0, 1, 4, 9, 3, 0, 7]
    columns, data = random.integers(0, 5, sum(sizes)).astype(index_dtype), normal(sum(sizes), dtype=dtype)
    data[::6] = 0
    X = csr_array((7, 5), dtype=dtype)
    X.data, X.indices, X.indptr = data, columns, np.cumsum([0, *sizes]).astype(index_dtype)
    return X, rows_of(X)


@every_dtype
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("n_outputs", [1, 3, 17])
def test_products_with_a_sparse_matrix(n_outputs, index_dtype, dtype):
    W, b, dZ = (normal(*shape, dtype=dtype) for shape in ((5, n_outputs), (n_outputs,), (7, n_outputs)))
    inputs, found = sparse_inputs(dtype, index_dtype), []
    for X, affine, gradient in zip(
        inputs, twins("sparse", "affine_sparse"), twins("sparse", "weight_gradient_sparse"), strict=True
    ):
        Z, dW = rubbish(7, n_outputs, dtype=dtype), rubbish(5, n_outputs, dtype=dtype)
        affine(Z, X, W, b)
        gradient(dW, dZ, X)
        found.append((Z, dW))
    dense = inputs[0].toarray()
    for Z, dW in found:
        assert_agree(Z, dense @ W + b, tolerance(dtype, 9))
        assert_agree(dW, dense.T @ dZ / 7, tolerance(dtype, 24))


@every_dtype
@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_an_epoch_on_a_sparse_matrix(l2, name, dtype):
    network, (X, _) = ((5, 40, 3), ("tanh", "softmax"), "softmax_cross_entropy"), sparse_inputs(dtype, np.int32)
    optimizer = fastnn.Adam(l2=l2) if name == "adam" else fastnn.SGD(l2=l2)
    X, order, Y, found = csr_array(X.toarray()), np.array([6, 2, 2, 0, 4]), np.arange(7) % 3, []
    for backend in map(get_backend, fastnn.backends()):
        layers = backend.bind(Architecture.create(*network).layers, np.dtype(dtype), False)
        parameters, losses = parameters_of(network, dtype), rubbish(3, dtype="float64")
        size = len(parameters)
        backend.train_epoch(
            losses,
            rubbish(2, dtype="float64"),
            parameters,
            None,
            np.zeros((optimizer.n_states, size), dtype),
            rubbish(size, dtype=dtype),
            rubbish(backend.training_workspace_size(layers, 2), dtype=dtype),
            rubbish(0, 5, dtype=dtype),
            rubbish(2, 3, dtype=dtype),
            layers,
            X,
            read_only(Y),
            read_only(np.empty(0)),
            order,
            2,
            optimizer.bind(backend, np.dtype(dtype)),
            optimizer.settings(0, 3),
            1,
        )
        found.append((parameters, losses))
    for one, other in zip(*found, strict=True):
        assert_agree(one, other, 3 * tolerance(dtype, 5, 40, 40, 7))


@every_dtype
@pytest.mark.parametrize(("loss", "output"), OUTPUTS)
def test_output_error(loss, output, dtype):
    Z, Y = in_columns(normal(6, 3, dtype=dtype)), in_columns(targets_of(((3,), (), ""), 6, dtype))
    results = []
    for backend, output_error in zip(fastnn.backends(), twins("layers", "output_error"), strict=True):
        layer = bound(backend, ((2, 3), (output,), loss), dtype)[-1]
        losses, dZ, A = rubbish(6, dtype="float64"), *(in_columns(rubbish(6, 3, dtype=dtype)) for _ in range(2))
        output_error(losses, dZ, A, Z, Y, layer)
        results.append((losses, dZ))
    assert_agree(results[1][0], results[0][0], tolerance(dtype, 3))
    assert_agree(results[1][1], results[0][1], tolerance(dtype, 3, 3))


@on_tiles
@every_dtype
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_previous_error(dropout, dtype):
    dZ, W = normal(5, 3, dtype=dtype), normal(4, 3, dtype=dtype, seed=1)
    Z_previous = normal(5, 4, dtype=dtype, seed=2)
    A_previous = np.tanh(Z_previous)
    results = []
    for backend, previous_error in zip(fastnn.backends(), twins("layers", "previous_error"), strict=True):
        network = (2, 4, 3), ("tanh", "identity"), "squared_error", None, dropout
        dZ_previous, layer = rubbish(5, 4, dtype=dtype), bound(backend, network, dtype)[0]
        previous_error(dZ_previous, dZ, W, Z_previous, A_previous, layer, KEY, 2)
        results.append(dZ_previous)
    assert_agree(results[1], results[0], tolerance(dtype, 3))


@on_tiles
@every_dtype
def test_weight_and_bias_gradient(dtype):
    dZ, A_previous = normal(7, 3, dtype=dtype), normal(7, 4, dtype=dtype, seed=1)
    results = []
    for backend, weight_gradient, bias_gradient in zip(
        fastnn.backends(), twins("layers", "weight_gradient"), twins("layers", "bias_gradient"), strict=True
    ):
        dW, db = rubbish(4, 3, dtype=dtype), rubbish(3, dtype=dtype)
        weight_gradient(dW, dZ, A_previous)
        bias_gradient(db, dZ, bound(backend, ((4, 3, 1), "tanh", "squared_error"), dtype)[0])
        results.append(np.vstack([dW, db]))
    assert_agree(results[1], results[0], tolerance(dtype, 7))


# Optimizers

OPTIMIZERS = {
    "sgd": (fastnn.SGD, {}),
    "momentum": (fastnn.SGD, {"momentum": 0.9}),
    "nesterov": (fastnn.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (fastnn.Adagrad, {"epsilon": 0.01}),
    "rmsprop": (fastnn.RMSprop, {"squares_kept": 0.8, "epsilon": 0.01}),
    "rmsprop, momentum": (fastnn.RMSprop, {"squares_kept": 0.8, "epsilon": 0.01, "momentum": 0.7}),
    "adam": (fastnn.Adam, {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 0.01}),
    "amsgrad": (fastnn.Adam, {"beta_1": 0.8, "beta_2": 0.5, "epsilon": 0.01, "amsgrad": True}),
    "adamw": (fastnn.AdamW, {"epsilon": 0.01, "weight_decay": 0.5}),
}
PENALTIES = {
    "plain": {},
    "l1": {"l1": 0.3},
    "l2": {"l2": 0.5},
    "decay": {"weight_decay": 0.4},
    "clipped": {"max_gradient_norm": 2.0},
    "all": {"l1": 0.3, "l2": 0.5, "weight_decay": 0.4, "max_gradient_norm": 2.0},
    "all, biases too": {"l1": 0.3, "l2": 0.5, "weight_decay": 0.4, "max_gradient_norm": 2.0, "penalize_biases": True},
}


@on_tiles  # that adds up the squares of a gradient to be clipped
@every_dtype
@pytest.mark.parametrize("penalties", PENALTIES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps(name, penalties, dtype):
    kind, options = OPTIMIZERS[name]
    network, optimizer, n_steps = NETWORKS[0], kind(learning_rate=0.1, **options | PENALTIES[penalties]), 3
    start = parameters_of(network, dtype)
    start[::7] = 0  # where the sign is 0
    # Falling, so that the largest mean square is not the last.
    gradients = [normal(len(start), dtype=dtype, seed=t) / (t + 1) for t in range(n_steps)]
    results = []
    for backend_name, step in zip(fastnn.backends(), twins("optimizers", "step"), strict=True):
        backend, parameters, layers = get_backend(backend_name), start.copy(), bound(backend_name, network, dtype)
        update, state = optimizer.bind(backend, np.dtype(dtype)), np.zeros((optimizer.n_states, len(start)), dtype)
        for gradient, settings in zip(gradients, optimizer.settings(0, n_steps), strict=True):
            step(parameters, state, gradient.copy(), layers, update, settings)
        results.append(np.vstack([parameters, state]))
    relative = n_steps * tolerance(dtype, 2)
    assert_agree(results[1], results[0], relative)
    assert_agree(results[1][0], defined_steps(optimizer, network, start, gradients), relative)


def defined_steps(optimizer: Optimizer, network: tuple, start: np.ndarray, gradients: list) -> list[float]:
    """The parameters after these steps from the definitions, number by number."""
    is_weight = np.zeros(len(start), bool)
    for W in Architecture.create(*network).weight_views(is_weight):
        W[:] = True
    longest = optimizer.max_gradient_norm or np.inf
    norms = [math.sqrt(sum(float(g) ** 2 for g in gradient)) for gradient in gradients]
    factors = [min(1, longest / (norm + 1e-6)) for norm in norms]
    assert optimizer.max_gradient_norm is None or max(factors[:2]) < 1
    return [
        defined_way(
            optimizer,
            float(theta),
            [factor * float(gradient[p]) for factor, gradient in zip(factors, gradients, strict=True)],
            is_weight[p] or optimizer.penalize_biases,
        )
        for p, theta in enumerate(start)
    ]


def defined_way(optimizer: Optimizer, theta: float, gradients: list[float], penalized: bool) -> float:
    """Where a number is after the steps along these gradients of its own."""
    kept: dict[str, float] = {}
    for t, g in enumerate(gradients, 1):
        if penalized:
            g += optimizer.l1 * np.sign(theta) + optimizer.l2 * theta
            theta *= 1 - 0.1 * optimizer.weight_decay
        theta -= 0.1 * DEFINITIONS[type(optimizer)](optimizer, kept, g, t)
    return theta


def sgd_direction(optimizer: fastnn.SGD, kept: dict[str, float], g: float, t: int) -> float:
    kept["v"] = optimizer.momentum * kept.get("v", 0) + g
    return g + optimizer.momentum * kept["v"] if optimizer.nesterov else kept["v"]


def adagrad_direction(optimizer: fastnn.Adagrad, kept: dict[str, float], g: float, t: int) -> float:
    kept["s"] = kept.get("s", 0) + g**2
    return g / (math.sqrt(kept["s"]) + optimizer.epsilon)


def rmsprop_direction(optimizer: fastnn.RMSprop, kept: dict[str, float], g: float, t: int) -> float:
    rho = optimizer.squares_kept
    kept["s"] = rho * kept.get("s", 0) + (1 - rho) * g**2
    kept["v"] = optimizer.momentum * kept.get("v", 0) + g / (math.sqrt(kept["s"]) + optimizer.epsilon)
    return kept["v"]


def adam_direction(optimizer: fastnn.Adam, kept: dict[str, float], g: float, t: int) -> float:
    b1, b2 = optimizer.beta_1, optimizer.beta_2
    kept["m"] = b1 * kept.get("m", 0) + (1 - b1) * g
    kept["s"] = b2 * kept.get("s", 0) + (1 - b2) * g**2
    kept["largest"] = max(kept.get("largest", 0), kept["s"])
    m = kept["m"] / (1 - b1**t)
    s = kept["largest" if optimizer.amsgrad else "s"] / (1 - b2**t)
    return m / (math.sqrt(s) + optimizer.epsilon)


DEFINITIONS = {
    fastnn.SGD: sgd_direction,
    fastnn.Adagrad: adagrad_direction,
    fastnn.RMSprop: rmsprop_direction,
    fastnn.Adam: adam_direction,
    fastnn.AdamW: adam_direction,
}


# The whole network


@on_tiles
@every_dtype
@every_network
@pytest.mark.parametrize("function", ["pre_output", "output"])
def test_forward(function, network, dtype):
    X, parameters = normal(6, network[0][0], dtype=dtype), parameters_of(network, dtype)
    results = []
    for backend, compute in zip(fastnn.backends(), twins("epoch", function), strict=True):
        layers = get_backend(backend).bind(Architecture.create(*network).inference_layers, np.dtype(dtype), True)
        size = get_backend(backend).workspace_size(layers, len(X))
        found = [np.full((6, network[0][-1]), filling, dtype) for filling in (0.0, np.nan)]
        for result, filling in zip(found, (0.0, np.nan), strict=True):
            workspace, statistics = np.full(size, filling, dtype), statistics_of(network, dtype)
            compute(result, workspace, parameters, statistics, layers, read_only(X), 1)
        assert found[0].tobytes() == found[1].tobytes()
        results.append(found[0])
    assert results[0].shape == (6, network[0][-1])
    assert_agree(results[1], results[0], tolerance(dtype, *network[0]))


@on_tiles
@every_dtype
@every_network
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_backward(weighted, network, dtype):
    weights = read_only(np.array([0.5, 2.0, 0.0, 1.0, 1.0, 3.0][: 6 * weighted]))
    X, parameters = normal(6, network[0][0], dtype=dtype), parameters_of(network, dtype)
    Y, results = targets_of(network, 6, dtype), []
    for backend, loss, backward in zip(
        fastnn.backends(), twins("epoch", "loss"), twins("epoch", "backward"), strict=True
    ):
        layers = bound(backend, network, dtype)
        size = get_backend(backend).workspace_size(layers, len(X))
        found = []
        for filling in (0.0, np.nan):
            workspace, gradient = np.full(size, filling, dtype), np.full_like(parameters, filling)
            losses, rows = np.full(len(X), filling), np.full(Y.shape, filling, dtype)
            statistics = statistics_of(network, dtype)
            model = parameters, statistics, layers
            value = loss(losses, workspace, rows, *model, read_only(X), read_only(Y), weights, KEY, 1)
            backward(gradient, workspace, *model, read_only(X), KEY, 1)
            found.append((value, together(gradient, statistics)))
        assert found[0][0] == found[1][0]
        assert found[0][1].tobytes() == found[1][1].tobytes()
        results.append(found[0])
    relative = tolerance(dtype, *network[0], *network[0][1:], len(X))
    assert_agree(results[1][0], results[0][0], relative)
    assert_agree(results[1][1], results[0][1], relative)


CLASSES_NARROW, ROWS_NARROW, _, NORMALISED, DROPOUT_NARROW = NETWORKS

#: Types of data and of network, whether there is an order, and networks: each row is machine code of its own. That depends on
#: whether the network trains in rows or in columns, on whether targets are classes or rows, and on whether there are
#: statistics (something is normalised or dropped): each kind of data meets either of each. Each network meets both types
#: of it, data in place and in order, weights and none, and both updates.
TRAININGS = {
    ("float32", "float32", False): (CLASSES_NARROW, ROWS_NARROW, WIDE_WITH_DROPOUT),
    ("float64", "float64", False): (DROPOUT_NARROW, NORMALISED, WIDE_NETWORK),
    ("float32", "float32", True): (ROWS_NARROW, NORMALISED),
    ("float64", "float64", True): (CLASSES_NARROW, ROWS_NARROW, WIDE_WITH_DROPOUT),
    ("float64", "float32", True): (DROPOUT_NARROW, WIDE_NETWORK),
    ("uint8", "float32", True): (CLASSES_NARROW, WIDE_WITH_DROPOUT),
}


def test_the_table_of_trainings_pairs_what_decides_about_their_machine_code():
    for data, networks in TRAININGS.items():
        layers = [Architecture.create(*network) for network in networks]
        for kinds in (
            [is_narrow(architecture.layers) for architecture in layers],
            [architecture.is_regularized for architecture in layers],
            [network[2] == "softmax_cross_entropy" for network in networks],
        ):
            assert set(kinds) == {False, True}, data
    for network in set(sum(TRAININGS.values(), ())):
        met = [data for data, networks in TRAININGS.items() if network in networks]
        assert {dtype for _, dtype, _ in met} == set(DTYPES)
        assert {ordered for _, _, ordered in met} == {False, True}


@pytest.mark.parametrize(
    ("source", "dtype", "ordered", "network"),
    # Batches are gathered without tiles: on narrower vectors, data in place are enough, where each network stands once.
    [
        pytest.param(*data, network, marks=() if data[2] else on_tiles)
        for data, networks in TRAININGS.items()
        for network in networks
    ],
    ids=lambda value: f"{value[0]}" if isinstance(value, tuple) else str(value),
)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_train_epoch(weighted, network, momentum, source, dtype, ordered):
    optimizer = fastnn.SGD(0.01, momentum=momentum, l2=0.1)
    batch_size, n = 3, 8
    X = (40 * probabilities(n, network[0][0], dtype="float64")).astype(source)
    weights = read_only(np.array([0.5, 2.0, 0.0, 1.0, 1.0, 3.0, 0.0, 0.0][: n * weighted]))
    rows = targets_of(network, n, dtype)
    Y = rows.argmax(axis=1) if network[2] == "softmax_cross_entropy" else rows
    order = np.array([6, 1, 7, 0, 2, 5, 3]) if ordered else None
    start, results = parameters_of(network, dtype), []
    for backend, train_epoch in zip(fastnn.backends(), twins("epoch", "train_epoch"), strict=True):
        layers, backend_functions = bound(backend, network, dtype), get_backend(backend)
        size = get_backend(backend).training_workspace_size(layers, batch_size)
        found = []
        for filling in (0.0, np.nan):
            parameters, statistics, losses = start.copy(), statistics_of(network, dtype), np.full(3, filling)
            train_epoch(
                losses,
                np.full(batch_size, filling),
                parameters,
                statistics,
                np.zeros((optimizer.n_states, len(start)), dtype),
                np.full_like(start, filling),
                np.full(size, filling, dtype),
                np.full((batch_size if ordered else 0, network[0][0]), filling, dtype),
                np.full((batch_size, network[0][-1]), filling, dtype),
                layers,
                read_only(X),
                read_only(Y),
                weights,
                order,
                batch_size,
                optimizer.bind(backend_functions, np.dtype(dtype)),
                with_masks(optimizer.settings(0, 3)),
                1,
            )
            found.append((losses, together(parameters, statistics)))
        assert found[0][0].tobytes() == found[1][0].tobytes()
        assert found[0][1].tobytes() == found[1][1].tobytes()
        results.append(found[0])
    relative = 3 * tolerance(dtype, *network[0], *network[0][1:], batch_size)
    assert_agree(results[1][0], results[0][0], relative)
    assert_agree(results[1][1], results[0][1], relative)
    assert not np.array_equal(results[0][1][: len(start)], start)


@every_backend
def test_select_rows(backend):
    select_rows = import_module(f"fastnn.backends.{backend}_backend.batches").select_rows
    source, order = np.arange(12, dtype=np.uint8).reshape(6, 2), np.array([5, 0, 3, 1])
    chosen = select_rows(rubbish(3, 2, dtype="float32"), source, order, 1, 4)
    assert chosen.dtype == np.float32
    assert chosen.tolist() == source[[0, 3, 1]].tolist()
    assert select_rows(rubbish(0, 2, dtype="float32"), source, None, 1, 3).tolist() == source[1:3].tolist()


@every_dtype
def test_weigh(dtype):
    losses, dZ, factors = np.arange(1.0, 5.0), normal(4, 3, dtype=dtype), np.array([0.5, 2.0, 0.0, 1.5])
    for weigh in twins("losses", "weigh"):
        for block in (dZ.copy(), in_columns(dZ)):
            own_losses = losses.copy()
            weigh(own_losses, block, factors)
            assert own_losses.tolist() == (losses * factors).tolist()
            assert block.tolist() == (dZ * factors[:, np.newaxis].astype(dtype)).tolist()
            weigh(own_losses, block, np.empty(0))
            assert own_losses.tolist() == (losses * factors).tolist()


@every_backend
@pytest.mark.parametrize("order", [None, np.array([5, 0, 3, 1])], ids=["in place", "by order"])
@pytest.mark.parametrize("classes", [False, True], ids=["rows", "classes"])
def test_select_targets(backend, order, classes):
    select_targets = import_module(f"fastnn.backends.{backend}_backend.batches").select_targets
    labels = np.array([2, 0, 1, 1, 0, 2])
    rows = np.eye(3)[labels]
    chosen = select_targets(rubbish(3, 3, dtype="float64"), labels if classes else rows, order, 2, 4)
    assert chosen.tolist() == rows[[2, 3] if order is None else [3, 1]].tolist()
