"""Sample weights: losses, gradients and epochs are weighted means."""

import numpy as np
import pytest

import fastnn
from tests.cases import DTYPES, assert_agree, every_backend, import_torch, tolerance

every_dtype = pytest.mark.parametrize("dtype", DTYPES)

#: Networks that train in columns, in one tile or several, and in rows.
SIZES = {"narrow": [5, 6, 3], "wide": [5, 40, 3]}
every_width = pytest.mark.parametrize("width", SIZES)
every_loss = pytest.mark.parametrize("loss", ["softmax_cross_entropy", "binary_cross_entropy", "absolute_error"])


def new_network(width="narrow", backend="numpy", dtype="float64", loss="softmax_cross_entropy"):
    return fastnn.Network(SIZES[width], "tanh", loss, backend=backend, dtype=dtype, seed=0)


def new_data(n=41, loss="softmax_cross_entropy"):
    """Features, targets, and whole numbers as weights, some of them 0."""
    random = np.random.default_rng(1)
    X, labels = random.standard_normal((n, 5)), random.integers(3, size=n)
    y = labels if loss == "softmax_cross_entropy" else np.eye(3)[labels]
    return X, y, random.integers(4, size=n)


# Loss and gradient


@every_backend
@every_width
@every_dtype
@every_loss
def test_a_weight_counts_a_sample_that_often(loss, dtype, width, backend):
    X, y, weights = new_data(loss=loss)
    weighted, repeated = new_network(width, backend, dtype, loss), new_network(width, backend, dtype, loss)
    again = np.repeat(X, weights, axis=0), np.repeat(y, weights, axis=0)
    relative = tolerance(dtype, *SIZES[width], len(again[0]))
    assert_agree(weighted.loss(X, y, weights), repeated.loss(*again), relative)
    assert_agree(weighted.backward(), repeated.backward(), relative)
    assert_agree(weighted.evaluate(X, y, weights), repeated.evaluate(*again), relative)
    histories = [
        network.fit(*data, epochs=3, batch_size=None)
        for network, data in ((weighted, (X, y, weights)), (repeated, again))
    ]
    assert_agree(histories[0].loss, histories[1].loss, 3 * relative)
    assert_agree(weighted.parameters, repeated.parameters, 3 * relative)


@every_backend
@every_loss
def test_gradients_are_those_of_finite_differences(loss, backend):
    X, y, weights = new_data(9, loss)
    network = new_network(backend=backend, loss=loss)
    fastnn.check_gradients(network, X, y, sample_weight=weights / 3).raise_if_failed()


@every_backend
@every_width
def test_loss_and_gradient_are_those_of_pytorch(width, backend):
    torch = import_torch()
    X, y, weights = new_data()
    network = new_network(width, backend)
    W1, b1, W2, b2 = (
        torch.tensor(block, requires_grad=True)
        for pair in zip(network.weights, network.biases, strict=True)
        for block in pair
    )
    Z = torch.tanh(torch.tensor(X) @ W1 + b1) @ W2 + b2
    losses = torch.nn.functional.cross_entropy(Z, torch.tensor(y), reduction="none")
    expected = (torch.tensor(weights) * losses).sum() / weights.sum()
    expected.backward()
    assert network.loss(X, y, weights) == pytest.approx(expected.item(), rel=1e-13)
    network.backward()
    for found, block in zip(network.weight_gradients + network.bias_gradients, (W1, W2, b1, b2), strict=True):
        assert_agree(found, block.grad.numpy(), 1e-13)


@every_backend
@every_width
@every_dtype
@pytest.mark.parametrize("weight", [1, 0.3, 1e-300, 1e300])
def test_equal_weights_are_none(weight, dtype, width, backend):
    X, y, _ = new_data()
    weights, networks = np.full(len(X), weight), [new_network(width, backend, dtype) for _ in range(2)]
    losses = networks[0].loss(X, y, weights), networks[1].loss(X, y)
    gradients = [network.backward().copy() for network in networks]
    histories = [
        networks[0].fit(X, y, weights, epochs=2, batch_size=16, validation_data=(X, y, weights)),
        networks[1].fit(X, y, epochs=2, batch_size=16, validation_data=(X, y)),
    ]
    relative = tolerance(dtype, *SIZES[width], len(X))
    assert_agree(*losses, relative)
    assert_agree(*gradients, relative)
    assert_agree(histories[0].loss, histories[1].loss, relative)
    assert_agree(histories[0].validation_loss, histories[1].validation_loss, relative)
    assert_agree(networks[0].parameters, networks[1].parameters, 6 * relative)
    if weight == 1:
        assert networks[0].parameters.tobytes() == networks[1].parameters.tobytes()
        assert losses[0] == losses[1]


# Epochs


@every_width
@every_dtype
@pytest.mark.parametrize(("n", "batch_size"), [(41, 16), (1700, 900)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_both_backends_follow_the_same_trajectory(shuffle, n, batch_size, dtype, width):
    X, y, weights = new_data(n)
    networks = [new_network(width, backend, dtype) for backend in fastnn.available_backends()]
    histories = [
        network.fit(
            X, y, weights, epochs=2, batch_size=batch_size, shuffle=shuffle, optimizer=fastnn.SGD(0.1, momentum=0.5)
        )
        for network in networks
    ]
    relative = 6 * tolerance(dtype, *SIZES[width], batch_size)
    assert_agree(histories[1].loss, histories[0].loss, relative)
    assert_agree(networks[1].parameters, networks[0].parameters, relative)


@every_backend
@every_width
@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_is_the_loop_one_would_write_by_hand(shuffle, width, backend):
    X, y, weights = new_data()
    fitted, stepped, optimizer = new_network(width, backend), new_network(width, backend), fastnn.SGD(0.1)
    history = fitted.fit(X, y, weights, optimizer=optimizer, epochs=1, batch_size=16, shuffle=shuffle)
    order, total = stepped.random.permutation(len(X)) if shuffle else np.arange(len(X)), 0.0
    for start in range(0, len(X), 16):
        rows = order[start : start + 16]
        total += weights[rows].sum() * stepped.loss(X[rows], y[rows], weights[rows])
        stepped.backward()
        stepped.step(optimizer)
    assert history.loss[0] == pytest.approx(total / weights.sum(), rel=1e-13)
    assert_agree(fitted.parameters, stepped.parameters, 1e-13)


@every_backend
@every_width
def test_a_batch_without_weight_moves_nothing_but_by_penalties(width, backend):
    X, y, _ = new_data(8)
    weights = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    half, whole, decayed = (new_network(width, backend) for _ in range(3))
    first = half.fit(X[:4], y[:4], optimizer="sgd", epochs=1, batch_size=4, shuffle=False)
    history = whole.fit(X, y, weights, optimizer="sgd", epochs=1, batch_size=4, shuffle=False)
    assert history.loss == pytest.approx(first.loss, rel=1e-13)
    assert_agree(whole.parameters, half.parameters, 1e-13)
    W = decayed.weights[0].copy()
    decayed.fit(X, y, weights[::-1], optimizer=fastnn.SGD(0.1, l2=0.5), epochs=1, batch_size=4, shuffle=False)
    stepped = new_network(width, backend)
    for block in stepped.weights:
        block *= 1 - 0.1 * 0.5
    assert_agree(stepped.weights[0], 0.95 * W, 1e-13)
    stepped.fit(X[4:], y[4:], optimizer=fastnn.SGD(0.1, l2=0.5), epochs=1, batch_size=4, shuffle=False)
    assert_agree(decayed.parameters, stepped.parameters, 1e-13)


@every_backend
def test_validation_is_weighted_too(backend):
    X, y, weights = new_data()
    network = new_network(backend=backend)
    history = network.fit(X, y, epochs=2, validation_data=(X, y, weights))
    assert history.validation_loss[-1] == network.evaluate(X, y, weights)
    expected = np.average(network.predict(X) == y, weights=weights)
    assert history.validation_accuracy[-1] == pytest.approx(expected, rel=1e-14)


@every_backend
def test_many_samples_are_evaluated_some_at_a_time(backend):
    X, y, weights = new_data(2500)
    network = new_network(backend=backend)
    assert network.evaluate(X, y, weights) == pytest.approx(network.loss(X, y, weights), rel=1e-13)


def test_weights_compile_nothing():
    from numba.core import event

    X, y, weights = new_data()
    for width in SIZES:
        new_network(width, "numba").fit(X, y, epochs=1)
        new_network(width, "numba").loss(X, y)
        with event.install_recorder("numba:compile") as recorder:
            new_network(width, "numba").fit(X, y, weights, epochs=1)
            new_network(width, "numba").loss(X, y, weights)
        assert not recorder.buffer


# Invalid weights


@every_backend
@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.ones(7), ValueError, r"sample_weight must have shape \(8,\), one weight per sample, got \(7,\)"),
        (np.ones((8, 1)), ValueError, r"sample_weight must have shape \(8,\), one weight per sample, got \(8, 1\)"),
        (2.0, ValueError, r"sample_weight must have shape \(8,\), one weight per sample, got \(\)"),
        ([1, 1, -2, 1, 1, 1, 1, 1], ValueError, r"must be finite and at least 0, got -2\.0 for sample 2"),
        ([1, 1, 1, np.nan, 1, 1, 1, 1], ValueError, "must be finite and at least 0, got nan for sample 3"),
        ([np.inf] * 8, ValueError, "must be finite and at least 0, got inf for sample 0"),
        (np.zeros(8), ValueError, "must have a positive and finite sum, got 0"),
        (np.full(8, 1e308), ValueError, "must have a positive and finite sum, got inf"),
        (["heavy"] * 8, TypeError, "sample_weight must be an array of real numbers"),
    ],
)
def test_weights_that_are_none_are_refused_and_nothing_changes(weights, error, message, backend):
    X, y, _ = new_data(8)
    network = new_network(backend=backend)
    before = network.parameters.tobytes()
    for call in (network.loss, network.evaluate, network.fit):
        with pytest.raises(error, match=message):
            call(X, y, weights)
    with pytest.raises(error, match=message):
        network.fit(X, y, validation_data=(X, y, weights))
    assert network.parameters.tobytes() == before


def test_validation_data_of_another_length_are_refused():
    X, y, weights = new_data(8)
    with pytest.raises(ValueError, match=r"must be a pair \(X, y\), or \(X, y, sample_weight\), got tuple"):
        new_network().fit(X, y, validation_data=(X, y, weights, weights))
