"""Losses with options: accepted values, meaning, saving and pickling."""

import pickle

import numpy as np
import pytest

import fastnn
from fastnn.losses import (
    LOSSES,
    MOST_OPTIONS,
    AbsoluteError,
    BinaryCrossEntropy,
    Huber,
    Quantile,
    SoftmaxCrossEntropy,
    SquaredError,
)
from tests.cases import DTYPES, every_backend

every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def identity_network(n_outputs, loss, backend="numpy", dtype="float64", **options):
    """A network whose outputs are its inputs, at first."""
    network = fastnn.Network([n_outputs] * 2, ["identity"], loss, backend=backend, dtype=dtype, **options)
    network.weights[0][:] = np.eye(n_outputs)
    return network


# Options


def test_a_name_stands_for_the_options_by_default():
    for name, loss in LOSSES.items():
        assert fastnn.Network([2, 2], loss=name).architecture == fastnn.Network([2, 2], loss=loss).architecture


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        ("huber", "'huber'"),
        (Huber(delta=1), "'huber'"),
        (SquaredError(scale=1), "'squared_error'"),
        (SquaredError(0.5), "SquaredError(scale=0.5)"),
        (Huber(delta=2.5), "Huber(delta=2.5)"),
        (Quantile([0.1, 0.9]), "Quantile(levels=(0.1, 0.9))"),
        (SoftmaxCrossEntropy(0.1), "SoftmaxCrossEntropy(label_smoothing=0.1)"),
    ],
)
def test_a_network_shows_its_loss(loss, text):
    assert f"loss={text}, backend" in repr(fastnn.Network([2, 2], loss=loss))


@pytest.mark.parametrize(
    ("loss", "options", "error", "message"),
    [
        (SquaredError, {"scale": 0.0}, ValueError, "scale must be positive and finite, got 0.0."),
        (SquaredError, {"scale": np.inf}, ValueError, "scale must be positive and finite, got inf."),
        (SquaredError, {"scale": None}, TypeError, "scale must be positive and finite, got None."),
        (Huber, {"delta": 0}, ValueError, "delta must be positive and finite, got 0."),
        (Huber, {"delta": np.inf}, ValueError, "delta must be positive and finite, got inf."),
        (Huber, {"delta": np.nan}, ValueError, "delta must be positive and finite, got nan."),
        (Huber, {"delta": "1"}, TypeError, "delta must be positive and finite, got '1'."),
        (Huber, {"delta": True}, TypeError, "delta must be positive and finite, got True."),
        (Quantile, {"levels": 1.0}, ValueError, "levels must be numbers above 0 and below 1, got 1.0."),
        (Quantile, {"levels": [0.5, 0]}, ValueError, "levels must be numbers above 0 and below 1, got 0."),
        (Quantile, {"levels": "0.5"}, TypeError, "levels must be numbers above 0 and below 1, got '0.5'."),
        (Quantile, {"levels": []}, ValueError, f"levels must be 1 to {MOST_OPTIONS} numbers, got 0."),
        (Quantile, {"levels": [0.5] * 129}, ValueError, f"levels must be 1 to {MOST_OPTIONS} numbers, got 129."),
        (SoftmaxCrossEntropy, {"label_smoothing": -0.1}, ValueError, "label_smoothing must be a number from 0 to 1"),
        (BinaryCrossEntropy, {"label_smoothing": 1.5}, ValueError, "label_smoothing must be a number from 0 to 1"),
    ],
)
def test_options_out_of_range_are_refused(loss, options, error, message):
    with pytest.raises(error) as caught:
        loss(**options)
    assert str(caught.value).startswith(message)


def test_outputs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="quantile with 3 levels needs that many outputs for each target, got 4"):
        fastnn.Network([2, 4], loss=Quantile([0.1, 0.5, 0.9]))
    with pytest.raises(ValueError, match="poisson needs outputs from exponential, got 'relu'"):
        fastnn.Network([2, 4], ["relu"], "poisson")
    with pytest.raises(ValueError, match="exponential belongs on the output layer"):
        fastnn.Network([2, 4, 1], "exponential", "poisson")


@every_backend
def test_targets_that_do_not_fit_are_refused(backend):
    with pytest.raises(ValueError, match=r"poisson needs targets of at least 0, got -1"):
        fastnn.Network([1, 1], loss="poisson", backend=backend).loss([[0.0], [1.0]], [0, -1])
    network = fastnn.Network([1, 6], loss=Quantile([0.1, 0.5, 0.9]), backend=backend)
    with pytest.raises(ValueError, match=r"y must have shape \(1, 2\) for this network, got \(1, 6\)"):
        network.loss([[0.0]], np.zeros((1, 6)))


@pytest.mark.parametrize(
    "loss", [*LOSSES.values(), SquaredError(0.5), Huber(0.5), Quantile([0.1, 0.9]), SoftmaxCrossEntropy(0.2)], ids=str
)
def test_losses_are_pickled_and_compared_by_name_and_options(loss):
    again = pickle.loads(pickle.dumps(loss))
    assert again == loss
    assert hash(again) == hash(loss)
    network = fastnn.Network([2, 2], loss=loss)
    assert pickle.loads(pickle.dumps(network)).architecture == network.architecture


@pytest.mark.parametrize(
    "loss", [SquaredError(0.5), Huber(0.5), Quantile([0.1, 0.9]), SoftmaxCrossEntropy(0.2)], ids=str
)
def test_another_value_of_an_option_compiles_nothing(loss):
    from numba.core import event

    def compute(loss):
        network = fastnn.Network([2, 2], loss=loss, dtype="float32", seed=0)
        return network.loss(np.ones((3, 2)), np.zeros(3) if loss.classifies else np.zeros((3, loss.n_targets(2))))

    before = compute(type(loss)())
    with event.install_recorder("numba:compile") as recorder:
        assert compute(loss) != before
    assert not recorder.buffer


# Meaning


@every_backend
@every_dtype
@pytest.mark.parametrize("loss", [AbsoluteError(), Quantile(0.25), Huber(0.5), SquaredError()], ids=str)
def test_the_derivative_where_an_output_meets_its_target_is_0(loss, dtype, backend):
    network = identity_network(3, loss, backend, dtype)
    assert network.loss(np.eye(3), np.eye(3)) == 0
    assert not network.backward().any()


@every_backend
@every_dtype
@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_scale_of_the_squared_error_multiplies_loss_and_gradient(scale, dtype, backend):
    outputs, y = np.array([[1.0, -2.0], [0.5, 4.0]]), np.array([[0.0, 1.0], [0.5, 2.0]])
    network = identity_network(2, SquaredError(scale), backend, dtype)
    assert network.loss(outputs, y) == network.evaluate(outputs, y) == scale * 7  # (1 + 9 + 0 + 4) / 2
    network.backward()
    assert network.bias_gradients[0].tolist() == [scale, -scale]


@every_backend
@every_dtype
def test_beyond_its_threshold_hubers_loss_is_a_straight_line(dtype, backend):
    network = identity_network(1, Huber(delta=2), backend, dtype)
    losses = [network.loss([[r]], [0.0]) for r in (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)]
    assert losses == [6.0, 2.0, 0.5, 0.0, 0.5, 2.0, 4.0]


@every_backend
def test_several_levels_are_outputs_of_each_target_one_after_the_other(backend):
    levels, random = np.array([0.1, 0.5, 0.8]), np.random.default_rng(0)
    outputs, y = random.standard_normal((5, 6)), random.standard_normal((5, 2))
    network = identity_network(6, Quantile(levels), backend)
    difference = y[:, :, np.newaxis] - outputs.reshape(5, 2, 3)
    expected = np.maximum(levels * difference, (levels - 1) * difference).sum(axis=(1, 2)).mean()
    assert network.loss(outputs, y) == pytest.approx(expected, rel=1e-14)
    fastnn.check_gradients(network, outputs, y).raise_if_failed()
    assert network.evaluate(outputs, y) == pytest.approx(expected, rel=1e-14)
    assert network.predict(outputs).tolist() == outputs.tolist()


@every_backend
@pytest.mark.parametrize("n_hidden", [8, 40], ids=["narrow", "wide"])
def test_a_fit_finds_the_quantiles(n_hidden, backend):
    random = np.random.default_rng(0)
    X, y = np.zeros((1000, 1)), random.exponential(size=1000)
    network = fastnn.Network([1, n_hidden, 3], "tanh", Quantile([0.1, 0.5, 0.9]), backend=backend, seed=0)
    history = network.fit(X, y, optimizer=fastnn.SGD(0.05), epochs=60, validation_data=(X, y))
    assert network.predict(X[:1])[0] == pytest.approx(np.quantile(y, [0.1, 0.5, 0.9]), abs=0.15)
    assert history.validation_loss[-1] < history.validation_loss[0]


@every_backend
def test_a_fit_finds_rates(backend):
    X = np.repeat(np.eye(3), 200, axis=0)
    y = np.random.default_rng(0).poisson(X @ [0.5, 2.0, 7.0])
    network = fastnn.Network([3, 1], loss="poisson", backend=backend, seed=0)
    network.fit(X, y, optimizer=fastnn.SGD(0.1), epochs=300, batch_size=None)
    means = y.reshape(3, 200).mean(axis=1)
    assert network.predict(np.eye(3))[:, 0] == pytest.approx(means, rel=0.05)


@every_backend
def test_smoothing_belongs_to_the_loss_wherever_it_is_computed(backend):
    X, y = np.eye(3), np.array([2, 0, 1])
    network = fastnn.Network([3, 3], loss=SoftmaxCrossEntropy(0.3), backend=backend, dtype="float64", seed=0)
    plain = fastnn.Network([3, 3], backend=backend, dtype="float64", seed=0)
    smoothed = 0.7 * np.eye(3)[y] + 0.1
    assert network.loss(X, y) == pytest.approx(plain.loss(X, smoothed), rel=1e-14)
    assert network.evaluate(X, y) == network.loss(X, y)
    assert network.backward() == pytest.approx(plain.backward(), rel=1e-12)
    history = network.fit(X, y, epochs=2, batch_size=None, validation_data=(X, y))
    assert history.loss[1] == pytest.approx(history.validation_loss[0], rel=1e-14)
