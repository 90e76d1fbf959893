"""Networks for tables: both backends agree with each other, with finite differences and with PyTorch."""

import numpy as np
import pytest
from scipy import sparse

import fastnn
from tests.backends.table_networks import (
    CASES,
    EMBEDDINGS,
    N_CODES,
    WITHOUT_DROPOUT,
    TableCase,
    table,
    torch_arrays,
    torch_logits,
)
from tests.cases import DTYPES, assert_agree, every_backend, import_torch

every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)

#: Momentum, a penalty that leaves out some groups, and factors for all of them.
OPTIMIZER = fastnn.SGD(
    0.02,
    0.9,
    l2=0.1,
    learning_rate_factors={"biases": 0.5, "activations": 0.3, "periodic": 0.2, "input_scales": 2.0, "scales": 0.7},
    weight_decay_factors={"embeddings": 0.5},
)

#: A single row; fewer rows than the program for few rows takes, and as many; one more; more than fit on the stack.
NUMBERS_OF_ROWS = (1, 5, 16, 17, 70)


def sizes_of(case):
    return [n for n in NUMBERS_OF_ROWS if n > 1 or not case.normalizes_batches]


def fitted(case, backend, dtype="float64", n_samples=37, batch_size=16, n_threads=None, **options):
    """A network after some epochs, and their losses."""
    network = case.network(backend, dtype, n_threads)
    X, y = table(n_samples, dtype)
    history = network.fit(
        X, y, **{"optimizer": OPTIMIZER, "epochs": 3, "batch_size": batch_size, "progress": False, **options}
    )
    return network, np.array(history.loss)


# The backends


@every_dtype
@every_case
def test_loss_and_gradient_agree_for_any_number_of_rows(case, dtype):
    for n in sizes_of(case):
        X, y = table(n, dtype)
        results = []
        for backend in fastnn.available_backends():
            network = case.network(backend, dtype)
            results.append((network.loss(X, y), network.backward(), network.logits(X)))
        for one, other in zip(*results, strict=True):
            assert_agree(one, other, case.tolerance(dtype, n))
        assert all(np.any(array.view(results[0][1])) for array in network.architecture.arrays_of("weights"))


@every_dtype
@every_case
def test_fits_agree(case, dtype):
    (one, losses), (other, expected) = (fitted(case, backend, dtype) for backend in fastnn.available_backends())
    relative = case.tolerance(dtype, 16, steps=9)
    assert_agree(losses, expected, relative)
    assert_agree(one.parameters, other.parameters, relative)
    before = case.network("numpy", dtype).parameters
    for array in one.architecture.arrays:
        layer = int(array.name[1:]) - 1 if array.group == "biases" else -1
        cancels = one.architecture.normalizations[layer] == "batch"
        assert np.any(array.view(one.parameters) != array.view(before)) != cancels, array.name


@every_backend
@every_case
def test_a_fit_makes_the_steps_that_a_loop_of_ones_own_makes(case, backend):
    found, _ = fitted(case, backend, shuffle=False, epochs=2)
    network, (X, y) = case.network(backend), table(37)
    for start in [0, 16, 32] * 2:
        network.loss(X[start : start + 16], y[start : start + 16])
        network.backward()
        network.step(OPTIMIZER)
    assert_agree(found.parameters, network.parameters, case.tolerance("float64", 16, steps=6))


@pytest.mark.usefixtures("large_teams")
@pytest.mark.parametrize("optimizer", [OPTIMIZER, fastnn.AdamW(0.01, max_grad_norm=0.1)], ids=["momentum", "clipped"])
@pytest.mark.parametrize("case", [case for case in CASES if "everything" in case.name], ids=str)
def test_results_are_the_same_to_the_last_bit_for_any_number_of_threads(case, optimizer):
    X, y = table(200, "float32")
    results = set()
    for n_threads in (1, 2, 3):
        network = case.network("numba", "float32", n_threads)
        loss, gradient = network.loss(X, y), network.backward().tobytes()
        logits = network.logits(X).tobytes()
        trained, losses = fitted(case, "numba", "float32", 203, 100, n_threads, optimizer=optimizer)
        results.add((loss, gradient, logits, trained.parameters.tobytes(), losses.tobytes()))
    assert len(results) == 1


@every_backend
@pytest.mark.parametrize("case", [CASES[4], CASES[8]], ids=str)
def test_what_the_work_buffers_held_before_makes_no_difference(case, backend):
    X, y = table(20)
    network = case.network(backend)
    loss, gradient = network.loss(X, y), network.backward().copy()
    layers = network._model.layers_of_loss
    for layer in layers:
        for buffer in (layer.Z, layer.A, layer.F, layer.dA, layer.dZ, layer.passed_on):
            buffer.fill(np.nan)
    for buffer in (layers[0].inputs.E, layers[0].inputs.dE, layers[0].inputs.A, layers[0].inputs.dA):
        buffer.fill(np.nan)
    network.gradient.fill(np.nan)
    again = case.network(backend)
    assert again.loss(X, y) == loss
    network.loss(X, y)
    if not case.drops:  # another call has other masks
        assert network.backward().tobytes() == gradient.tobytes()
    assert np.isfinite(network.backward()).all()


@every_backend
def test_sample_weights_count_in_the_gradients_of_the_input_stage(backend):
    case, (X, y) = WITHOUT_DROPOUT[8], table(30)
    weights = np.random.default_rng(3).exponential(size=30) * (np.arange(30) % 3 > 0)
    network = case.network(backend)
    network.loss(X, y, weights)
    weighted = network.backward().copy()
    expected = np.zeros_like(weighted)
    for row in range(30):
        network.loss(X[row : row + 1], y[row : row + 1])
        expected += weights[row] / weights.sum() * network.backward()
    assert_agree(weighted, expected, case.tolerance("float64", 30))


# Codes


@every_backend
@every_dtype
def test_a_code_that_is_not_valid_counts_as_code_0(dtype, backend):
    network = CASES[3].network(backend, dtype)
    X, _ = table(8, dtype)
    X[:, 4] = 0
    expected = network.logits(X)
    X[:, 4] = [-1, -0.5, N_CODES, 1e30, np.nan, np.inf, -np.inf, 0]
    assert network.logits(X).tobytes() == expected.tobytes()
    X[:, 4] = N_CODES - 1
    assert not np.any(network.logits(X) == expected)


@every_backend
def test_the_gradient_of_codes_that_are_not_valid_goes_to_code_0(backend):
    network, (X, y) = CASES[3].network(backend), table(6)
    X[:, 4] = [-1, N_CODES, 1e30, -1e30, N_CODES + 0.5, -0.5]
    network.loss(X, y)
    E = network.architecture.input_views(network.backward())[1][1]
    assert E[0].all()
    assert not E[1:].any()


# Finite differences


@every_backend
@every_dtype
@every_case
def test_gradients_are_those_of_finite_differences(case, dtype, backend):
    if case.hidden and case.hidden[0] > 20:
        case = TableCase(case.name, (6, 5), case.options, case.activation)
    X, y = table(5, dtype)
    report = fastnn.check_gradients(case.network(backend, dtype), X, y)
    report.raise_if_failed()
    assert [check.name for check in report.checks] == [
        array.name for array in case.network(backend).architecture.arrays
    ]


# PyTorch


@pytest.fixture(scope="module")
def torch():
    return import_torch()


@every_backend
@pytest.mark.parametrize("n", [5, 70])
@pytest.mark.parametrize("case", WITHOUT_DROPOUT, ids=str)
def test_loss_and_gradient_are_those_of_pytorch(case, n, backend, torch):
    network, (X, y) = case.network(backend), table(n)
    arrays = torch_arrays(torch, network)
    expected = torch.nn.functional.cross_entropy(torch_logits(torch, case, arrays, torch.tensor(X)), torch.tensor(y))
    expected.backward()
    assert network.loss(X, y) == pytest.approx(expected.item(), rel=1e-10)
    gradient = network.backward()
    for array in network.architecture.arrays:
        assert_agree(array.view(gradient), arrays[array.name].grad.numpy(), 1e-9)


@every_backend
def test_outputs_are_those_of_pytorch_in_single_precision_too(backend, torch):
    case, (X, _) = WITHOUT_DROPOUT[8], table(70, "float32")
    network = case.network(backend, "float32")
    arrays = torch_arrays(torch, case.network(backend, "float64"))
    expected = torch_logits(torch, case, arrays, torch.tensor(X.astype(np.float64))).detach().numpy()
    assert_agree(network.logits(X), expected, case.tolerance("float32", 70))


# What such networks are not for


@pytest.mark.parametrize("options", [{"embeddings": EMBEDDINGS}, {"input_scaling": True}], ids=["embeddings", "scales"])
def test_sparse_features_are_refused(options):
    network, (X, y) = fastnn.Network([5, 4, 3], backend="numpy", **options), table(6)
    X = sparse.csr_array(X)
    for use in (
        lambda: network.loss(X, y),
        lambda: network.evaluate(X, y),
        lambda: network.predict(X),
        lambda: network.fit(X, y, progress=False),
        lambda: network.fit(table(6)[0], y, validation_data=(X, y), progress=False),
    ):
        with pytest.raises(TypeError, match="needs a dense X, got a sparse one"):
            use()


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_parametric_and_ntk_networks_take_sparse_features(backend):
    options = {"parametric": True, "parametrization": "ntk"}
    X, y = table(40)
    X *= np.random.default_rng(0).random(X.shape) < 0.5
    results = []
    for features in (X, sparse.csr_array(X)):
        network = fastnn.Network([5, 8, 3], "tanh", backend=backend, dtype="float64", seed=0, **options)
        network.fit(features, y, optimizer=OPTIMIZER, epochs=2, batch_size=16, progress=False)
        results.append(network.parameters)
    assert_agree(*results, 1e-11)
