"""Factors for groups of parameters, and the parametrization "ntk": as PyTorch's groups, and as steps on V in NumPy."""

import pickle

import numpy as np
import pytest

import fastnn
from tests.backends.table_networks import EMBEDDINGS, TableCase, table, torch_arrays, torch_logits
from tests.cases import assert_agree, every_backend, import_torch
from tests.training.test_optimizers import OPTIMIZERS

RATES = {"biases": 0.5, "activations": 0.3, "periodic": 0.2, "embeddings": 3.0, "input_scales": 2.0, "weights": 0.9}
DECAYS = {"biases": 0.5, "embeddings": 0.0, "input_scales": 2.0, "weights": 0.9}

#: Groups that penalties and decay apply to by default.
PENALIZED = ("weights", "embeddings")

OPTIONS = {"parametric": True, "embeddings": EMBEDDINGS, "input_scaling": True}
CASES = {
    "standard": TableCase("standard", (9, 8), OPTIONS),
    "ntk": TableCase("ntk", (9, 8), OPTIONS | {"parametrization": "ntk"}),
    "plain": TableCase("plain", (9, 8)),
    "plain ntk": TableCase("plain ntk", (9, 8), {"parametrization": "ntk"}),
}

N_SAMPLES, BATCH_SIZE, EPOCHS = 37, 16, 5


def fit(network, optimizer, **options):
    defaults = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "shuffle": False, "progress": False}
    return network.fit(*table(N_SAMPLES), optimizer=optimizer, **{**defaults, **options})


def moved_by(network, optimizer, gradient):
    """The change of the parameters in a step along a gradient."""
    before = network.parameters.copy()
    network.gradient[:] = gradient
    network.step(optimizer)
    return network.parameters - before


# PyTorch


@pytest.fixture(scope="module")
def torch():
    return import_torch()


#: An optimizer, PyTorch's, its options, and how it calls the decay (or penalty) of a group, and its strength.
PAIRS = {
    "momentum": (fastnn.SGD(0.05, 0.9, l2=0.05, learning_rate_factors=RATES), "SGD", {"momentum": 0.9}),
    "clipped": (fastnn.SGD(0.3, l2=0.05, max_grad_norm=0.1, learning_rate_factors=RATES), "SGD", {}),
    "biases too": (
        fastnn.SGD(0.05, 0.9, True, l2=0.05, penalize_biases=True, learning_rate_factors=RATES),
        "SGD",
        {"momentum": 0.9, "nesterov": True},
    ),
    "adagrad": (fastnn.Adagrad(0.05, epsilon=1e-3, learning_rate_factors=RATES), "Adagrad", {"eps": 1e-3}),
    "rmsprop": (
        fastnn.RMSprop(0.01, 0.9, 1e-3, momentum=0.5, l2=0.05, learning_rate_factors=RATES),
        "RMSprop",
        {"alpha": 0.9, "eps": 1e-3, "momentum": 0.5},
    ),
    "amsgrad": (
        fastnn.Adam(0.02, epsilon=1e-3, amsgrad=True, l2=0.05, learning_rate_factors=RATES),
        "Adam",
        {"eps": 1e-3, "amsgrad": True},
    ),
    "adamw": (
        fastnn.AdamW(0.02, epsilon=1e-3, weight_decay=0.3, learning_rate_factors=RATES, weight_decay_factors=DECAYS),
        "AdamW",
        {"eps": 1e-3},
    ),
    "adamw, no factors": (fastnn.AdamW(0.02, epsilon=1e-3, weight_decay=0.3), "AdamW", {"eps": 1e-3}),
}


def decay_of(optimizer, group):
    """PyTorch's `weight_decay` of a group."""
    default = float(group in PENALIZED or optimizer.penalize_biases)
    factor = dict(optimizer.weight_decay_factors).get(group, default)
    return optimizer.weight_decay * factor + optimizer.l2 * default


def torch_parameters(torch, case, pair):
    """The parameters after a fit in PyTorch: leaves are V where W = V / sqrt(n_in)."""
    optimizer, kind, options = pair
    network, (X, y) = case.network("numpy"), map(torch.tensor, table(N_SAMPLES))
    leaves, scales = torch_arrays(torch, network), {}
    for array in network.architecture.arrays:
        is_ntk = case.options.get("parametrization") == "ntk" and array.group == "weights"
        scales[array.name] = array.shape[0] ** -0.5 if is_ntk else 1.0
        leaves[array.name] = (leaves[array.name] / scales[array.name]).detach().requires_grad_()
    groups = [
        {
            "params": [leaves[array.name]],
            "lr": optimizer.learning_rate * dict(optimizer.learning_rate_factors).get(array.group, 1.0),
            "weight_decay": decay_of(optimizer, array.group),
        }
        for array in network.architecture.arrays
    ]
    theirs = getattr(torch.optim, kind)(groups, **options)
    for start in [*range(0, N_SAMPLES, BATCH_SIZE)] * EPOCHS:
        theirs.zero_grad()
        arrays = {name: leaf * scales[name] for name, leaf in leaves.items()}
        rows = slice(start, start + BATCH_SIZE)
        torch.nn.functional.cross_entropy(torch_logits(torch, case, arrays, X[rows]), y[rows]).backward()
        if optimizer.max_grad_norm is not None:
            # The gradient with respect to W, not V.
            norm = np.sqrt(sum(float((leaf.grad / scales[name]).square().sum()) for name, leaf in leaves.items()))
            for leaf in leaves.values():
                leaf.grad *= min(1.0, optimizer.max_grad_norm / (norm + 1e-6))
        theirs.step()
    return np.concatenate([(leaf * scales[name]).detach().numpy().ravel() for name, leaf in leaves.items()])


@pytest.mark.parametrize("case", CASES.values(), ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_groups_of_parameters_go_the_way_of_pytorchs_groups(name, case, torch):
    expected = torch_parameters(torch, case, PAIRS[name])
    for backend in fastnn.available_backends():
        network = case.network(backend)
        before = network.parameters.copy()
        fit(network, PAIRS[name][0])
        assert_agree(network.parameters, expected, 1e-8)
        assert np.abs(network.parameters - before).max() > 0.02


# NTK


@every_backend
@pytest.mark.parametrize("case", ["plain ntk", "ntk"])
def test_ntk_trains_v_in_place_of_w(case, backend):
    """Adam, written out, on V = sqrt(n_in) W and all other parameters, with factors of the rate and of the decay."""
    case, eta, decay, epsilon = CASES[case], 0.02, 0.3, 1e-3
    optimizer = fastnn.AdamW(
        eta, epsilon=epsilon, weight_decay=decay, learning_rate_factors=RATES, weight_decay_factors=DECAYS
    )
    found, network, (X, y) = case.network(backend), case.network("numpy"), table(N_SAMPLES)
    fit(found, optimizer)
    arrays = network.architecture.arrays
    scale, rate, decays = (np.ones(len(network.parameters)) for _ in range(3))
    for array in arrays:
        if array.group == "weights":
            array.view(scale)[:] = 1 / np.sqrt(array.shape[0])
        array.view(rate)[:] = RATES.get(array.group, 1.0)
        array.view(decays)[:] = DECAYS.get(array.group, 0.0)
    V = network.parameters / scale
    m, s = np.zeros_like(V), np.zeros_like(V)
    for t, start in enumerate([*range(0, N_SAMPLES, BATCH_SIZE)] * EPOCHS, start=1):
        network.parameters[:] = scale * V
        network.loss(X[start : start + BATCH_SIZE], y[start : start + BATCH_SIZE])
        g = scale * network.backward()
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
        V *= 1 - rate * eta * decays * decay
        V -= rate * eta * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + epsilon)
    assert_agree(found.parameters, scale * V, 1e-9)


@every_backend
def test_the_parametrization_changes_steps_but_neither_outputs_nor_gradients(backend):
    X, y = table(20)
    one, other = (CASES[name].network(backend) for name in ("plain", "plain ntk"))
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert one.loss(X, y) == other.loss(X, y)
    assert one.backward().tobytes() == other.backward().tobytes()
    gradient = np.random.default_rng(0).standard_normal(len(one.parameters))
    steps = [moved_by(network, fastnn.SGD(0.1), gradient) for network in (one, other)]
    for array in one.architecture.arrays:
        factor = array.shape[0] if array.group == "weights" else 1
        assert_agree(factor * array.view(steps[1]), array.view(steps[0]), 1e-13)


# Factors of 1, and one group at a time

PENALTIES = ({}, {"l1": 0.1}, {"l2": 0.1}, {"weight_decay": 0.1})


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("biases_too", [False, True])
@pytest.mark.parametrize("place", range(len(OPTIMIZERS)))
def test_factors_of_1_change_nothing(place, biases_too, penalty):
    kind = type(OPTIMIZERS[place])
    options = (
        {
            name: getattr(OPTIMIZERS[place], name)
            for name in ("momentum", "nesterov", "amsgrad")
            if hasattr(OPTIMIZERS[place], name)
        }
        | {"penalize_biases": biases_too}
        | penalty
    )
    gradient = np.random.default_rng(0).standard_normal(len(CASES["standard"].network("numpy").parameters))
    for backend in fastnn.available_backends():
        steps = [
            moved_by(CASES["standard"].network(backend), kind(0.1, **options, **factors), gradient)
            for factors in ({}, {"learning_rate_factors": {"weights": 1.0}})
        ]
        assert_agree(*steps, 1e-14)
        assert np.all(steps[0] != 0)


@every_backend
@pytest.mark.parametrize("group", ["weights", "biases", "activations", "periodic", "embeddings", "input_scales"])
def test_a_group_is_all_that_its_factors_apply_to(group, backend):
    network = CASES["standard"].network(backend)
    theta, gradient = network.parameters.copy(), np.random.default_rng(0).standard_normal(len(network.parameters))
    still = fastnn.SGD(0.1, learning_rate_factors={group: 0.0})
    moved = moved_by(network, still, gradient)
    for array in network.architecture.arrays:
        expected = np.zeros(array.shape) if array.group == group else -0.1 * array.view(gradient)
        assert_agree(array.view(moved), expected, 1e-14)
    network = CASES["standard"].network(backend)
    decays = dict.fromkeys(PENALIZED, 0.0) | {group: 0.5}
    optimizer = fastnn.SGD(0.1, weight_decay=0.2, weight_decay_factors=decays, learning_rate_factors={group: 3.0})
    moved = moved_by(network, optimizer, 0)
    for array in network.architecture.arrays:
        expected = -0.3 * 0.5 * 0.2 * array.view(theta) if array.group == group else np.zeros(array.shape)
        assert_agree(array.view(moved), expected, 1e-14)


@every_backend
@pytest.mark.parametrize("penalty", PENALTIES[1:], ids=str)
def test_penalties_apply_to_weights_and_categories_unless_biases_are_penalized_too(penalty, backend):
    for biases_too in (False, True):
        for factors in ({}, {"learning_rate_factors": {"biases": 0.5}}):
            network = CASES["standard"].network(backend)
            moved = moved_by(network, fastnn.SGD(0.1, **penalty, penalize_biases=biases_too, **factors), 0)
            for array in network.architecture.arrays:
                assert np.all((array.view(moved) != 0) == (biases_too or array.group in PENALIZED)), array.name


@every_backend
def test_muon_multiplies_orthogonal_steps_by_factors_and_by_the_scale_of_ntk(backend):
    gradient = np.random.default_rng(0).standard_normal(len(CASES["standard"].network("numpy").parameters))
    plain, scaled = (
        moved_by(CASES["standard"].network(backend), fastnn.Muon(learning_rate_factors=factors), gradient)
        for factors in ({}, {"weights": 0.5, "periodic": 0.25})
    )
    ntk = moved_by(CASES["ntk"].network(backend), fastnn.Muon(), gradient)
    n_layers = 3
    for array in CASES["standard"].network(backend).architecture.arrays:
        factor = {"weights": 0.5, "periodic": 0.25}.get(array.group, 1.0)
        assert_agree(array.view(scaled), factor * array.view(plain), 1e-13)
        if array.group == "weights" and array.name != f"W{n_layers}":
            assert_agree(array.view(ntk), array.view(plain) / np.sqrt(array.shape[0]), 1e-13)
            assert np.abs(array.view(plain)).max() > 1e-4


@every_backend
@pytest.mark.parametrize("optimizer", [fastnn.SGD(1.0), fastnn.Muon()], ids=["sgd", "muon"])
def test_a_gradient_is_clipped_before_factors_apply(optimizer, backend):
    case = CASES["standard"]
    gradient = np.random.default_rng(0).standard_normal(len(case.network("numpy").parameters))
    options = {"max_grad_norm": 0.3, "learning_rate_factors": {"embeddings": 7.0}}
    moved = moved_by(case.network(backend), type(optimizer)(1.0, **options), gradient)
    expected = moved_by(
        case.network(backend),
        type(optimizer)(1.0, learning_rate_factors={"embeddings": 7.0}),
        0.3 * gradient / (np.linalg.norm(gradient) + 1e-6),
    )
    assert_agree(moved, expected, 1e-12)


# As values


@pytest.mark.parametrize("kind", [fastnn.SGD, fastnn.Adagrad, fastnn.RMSprop, fastnn.Adam, fastnn.AdamW, fastnn.Muon])
def test_an_optimizer_with_factors_is_equal_to_its_copies(kind):
    optimizer = kind(0.1, learning_rate_factors={"weights": 2, "biases": 0.5}, weight_decay_factors={"scales": 1})
    names = {each.__name__: each for each in (kind, fastnn.Adam, fastnn.AdamW)}
    in_another_order = kind(
        0.1, learning_rate_factors={"biases": 0.5, "weights": 2.0}, weight_decay_factors={"scales": 1.0}
    )
    for copy in (pickle.loads(pickle.dumps(optimizer)), eval(repr(optimizer), names), in_another_order):
        assert copy == optimizer
        assert hash(copy) == hash(optimizer)
    assert kind(0.1, learning_rate_factors={"weights": 3}) != kind(0.1, learning_rate_factors={"weights": 2})
    assert kind(0.1, learning_rate_factors={}) == kind(0.1)


@pytest.mark.parametrize("name", ["learning_rate_factors", "weight_decay_factors"])
@pytest.mark.parametrize(
    ("factors", "error", "message"),
    [
        ({"weigths": 1}, ValueError, "weigths.*Did you mean 'weights'"),
        ({"bias": 1}, ValueError, "bias"),
        ({1: 1}, ValueError, "1"),
        ({"biases": -1}, ValueError, r"\['biases'\] must be at least 0"),
        ({"biases": np.nan}, ValueError, r"\['biases'\] must be at least 0"),
        ({"biases": True}, TypeError, r"\['biases'\] must be a number"),
        ({"biases": "1"}, TypeError, r"\['biases'\] must be a number"),
        (0.5, TypeError, "must be a dictionary such as"),
        ("biases", TypeError, "must be a dictionary such as"),
        ([1, 2], TypeError, "must be a dictionary such as"),
    ],
    ids=str,
)
def test_factors_that_are_none_are_refused(factors, error, message, name):
    with pytest.raises(error, match=message):
        fastnn.AdamW(0.1, **{name: factors})
