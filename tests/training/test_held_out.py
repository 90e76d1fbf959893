"""Held-out validation sets."""

import math

import numpy as np
import pytest

import fastnn
from fastnn.training import splits
from fastnn.training.callbacks import EarlyStopping
from tests.cases import every_backend
from tests.training.fits import LABELS, OTHERS, X, fit, new_network, targets_of_losses


@every_backend
@pytest.mark.parametrize(("loss", "n_outputs", "y"), targets_of_losses(X, LABELS))
@pytest.mark.parametrize("batch_size", [16, None])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_fraction_is_held_out_and_the_rest_trained_on(loss, n_outputs, y, batch_size, shuffle, backend):
    network, twin = (new_network(backend, loss, n_outputs) for _ in range(2))
    rows, others = splits.split(y, twin.architecture, 0.25, twin.random)
    assert sorted([*rows, *others]) == list(range(60))
    assert len(others) == 15
    history = fit(network, y=y, validation_fraction=0.25, batch_size=batch_size, shuffle=shuffle)
    expected = fit(
        twin, X[rows], y[rows], validation_data=(X[others], y[others]), batch_size=batch_size, shuffle=shuffle
    )
    assert history.loss == expected.loss
    assert history.validation_loss == expected.validation_loss
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    assert network.random.bit_generator.state == twin.random.bit_generator.state


def test_both_backends_hold_out_the_same():
    first, second = (
        fit(new_network(backend), validation_fraction=0.2, epochs=1) for backend in fastnn.available_backends()
    )
    np.testing.assert_allclose(first.validation_loss, second.validation_loss, rtol=1e-12)


@pytest.mark.parametrize("as_rows", [False, True])
@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.25, 0.5, 0.9])
def test_each_class_is_held_out_in_proportion(fraction, as_rows):
    sizes = np.array([1, 2, 30, 67, 0, 100])
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(6), sizes))
    network = fastnn.Network([3, 6], backend="numpy")
    rows, others = splits.split(np.eye(6)[y] if as_rows else y, network.architecture, fraction, network.random)
    counts = np.bincount(y[others], minlength=6)
    assert counts.sum() == math.ceil(200 * fraction)
    assert (abs(counts - sizes * fraction) <= 1).all()
    assert (np.bincount(y[rows], minlength=6)[sizes > 0] > 0).all()
    _, again = splits.split(y, network.architecture, fraction, network.random)
    assert fraction == 0.001 or (others != again).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_fraction": 0}, "validation_fraction must be positive and finite, got 0"),
        ({"validation_fraction": 1}, "validation_fraction must be above 0 and below 1, got 1"),
        ({"validation_fraction": 0.99}, r"validation_fraction=0\.99 of 60 samples leaves none for training"),
        ({"validation_fraction": 0.1, "validation_data": OTHERS}, "are mutually exclusive"),
        ({"callbacks": [EarlyStopping()]}, "validation_loss needs validation_data or validation_fraction"),
        ({"callbacks": [EarlyStopping("f1")]}, "f1 needs validation_data or validation_fraction"),
        (
            {"callbacks": [EarlyStopping("charm")], "validation_fraction": 0.1},
            "the name of a scikit-learn scorer .* or a function, got 'charm'",
        ),
    ],
)
def test_what_cannot_be_held_out_or_monitored_is_refused_before_anything_changes(options, message):
    network, twin = new_network(), new_network()
    with pytest.raises(ValueError, match=message):
        fit(network, **options)
    assert network.random.bit_generator.state == twin.random.bit_generator.state
    assert network.parameters.tobytes() == twin.parameters.tobytes()


def test_held_out_samples_that_are_not_finite_are_refused_before_anything_changes():
    network, twin, holes = new_network(), new_network(), X.copy()
    holes[:] = np.nan
    with pytest.raises(ValueError, match="X must be finite"):
        fit(network, holes, validation_fraction=0.1)
    assert network.random.bit_generator.state == twin.random.bit_generator.state


def test_classes_of_a_single_sample_cannot_be_held_out():
    network = fastnn.Network([3, 4], backend="numpy")
    with pytest.raises(ValueError, match="needs a class with at least two samples, got one sample per class"):
        network.fit(X[:4], np.arange(4), validation_fraction=0.25)


def test_either_part_of_a_split_needs_some_weight():
    weights = np.zeros(len(X))
    weights[3] = 1
    network = new_network()
    before = network.parameters.tobytes(), network.random.bit_generator.state
    with pytest.raises(ValueError, match=r"leaves only samples of weight 0 for (training|validation)"):
        network.fit(X, LABELS, weights, validation_fraction=0.3)
    assert (network.parameters.tobytes(), network.random.bit_generator.state) == before
