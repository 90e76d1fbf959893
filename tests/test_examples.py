"""The example programs: every number they claim, on every backend and for several seeds."""

import dataclasses
import functools
import importlib.util
import os
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastnn
from fastnn import datasets

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = sorted(path.stem for path in EXAMPLES.glob("*.py"))


def load_example(name):
    specification = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


logistic_to_moons = load_example("logistic_to_moons")
customers = load_example("customers")
half_planes = load_example("half_planes")
moons_circles_blobs = load_example("moons_circles_blobs")
mnist_in_a_second = load_example("mnist_in_a_second")
best_plain_network = load_example("best_plain_network")

both_backends = pytest.mark.parametrize("backend", fastnn.available_backends())


# From logistic regression to moons.


@both_backends
def test_two_outputs_are_the_sigmoid(backend):
    z = np.concatenate([np.linspace(-30, 30, 121), [-700, 700]])
    expected = 1 / (1 + np.exp(-z))
    # softmax divides two exponentials, each right to a few units in the last place.
    np.testing.assert_allclose(logistic_to_moons.sigmoid_from_softmax(z, backend), expected, rtol=1e-14)


@both_backends
def test_deep_probabilities_sum_to_one(backend):
    probabilities = logistic_to_moons.deep_probabilities(backend, seed=0)
    assert probabilities.shape == (200, 10)
    assert (probabilities > 0).all()
    # Ten terms, each rounded, and their sum: ten half units in the last place of one.
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=10 * np.finfo(float).eps)


@pytest.mark.parametrize(("backend", "sizes"), [("numba", [100, 100, 50, 40, 10]), ("numpy", [30, 20, 15, 10, 10])])
def test_every_derivative_of_the_deep_network(backend, sizes, monkeypatch):
    """With fewer weights, as every one takes two losses; on the reference with fewest, as NumPy's products know no sizes."""
    monkeypatch.setattr(logistic_to_moons, "DEEP", sizes)
    errors = logistic_to_moons.gradient_errors(backend, seed=0)
    assert sorted(errors) == ["W1", "W2", "W3", "W4", "b1", "b2", "b3", "b4"]
    assert all(error < 1e-5 for error in errors.values()), errors


@both_backends
def test_checking_derivatives_finds_a_wrong_one(backend, monkeypatch):
    """An error of one percent in one layer must show in that layer only."""
    monkeypatch.setattr(logistic_to_moons, "DEEP", [50, 40, 10])
    right = fastnn.Network.backward

    def wrong(network):
        gradient = right(network)
        network.weight_gradients[1][:] *= 1.01
        return gradient

    monkeypatch.setattr(fastnn.Network, "backward", wrong)
    errors = logistic_to_moons.gradient_errors(backend, seed=0)
    assert [name for name, error in errors.items() if error >= 1e-5] == ["W2"]


@both_backends
@pytest.mark.parametrize("seed", range(3))
def test_moons_are_overfitted_with_a_falling_loss(backend, seed):
    moons = logistic_to_moons.learn_moons(backend, seed)
    assert len(moons.losses) == 301
    assert (np.diff(moons.losses) < 0).all()
    assert moons.losses[-1] < 0.1
    assert moons.training_accuracy >= 0.99
    assert moons.fresh_accuracy > 0.95


# Half-planes.


@pytest.fixture(scope="module")
def half_planes_data():
    return half_planes.load(seed=0)


def test_half_planes_are_what_they_say(half_planes_data):
    X, y = half_planes.half_planes(1000, seed=3)
    assert X.shape == (1000, 2)
    assert set(y) == {0, 1}
    assert (len(half_planes_data.X_train), len(half_planes_data.X_test)) == (80_000, 20_000)


@pytest.mark.parametrize("l2", [0.01, 0.0])
def test_half_planes_are_learned(l2, half_planes_data):
    result = half_planes.train(half_planes_data, "numba", l2, seed=0)
    assert result.test_accuracy >= 0.975
    assert result.seconds > 0


@pytest.mark.parametrize("l2", [0.01, 0.0])
def test_half_planes_are_learned_by_the_reference_as_by_its_twin(l2):
    """On a fifth of the points: the same parameters, and so the same accuracy, up to rounding in single precision."""
    data = half_planes.load(seed=0, n_points=20_000)
    results = [half_planes.train(data, backend, l2, seed=0) for backend in fastnn.available_backends()]
    np.testing.assert_allclose(results[0].network.parameters, results[1].network.parameters, atol=1e-4)
    assert results[0].test_accuracy == pytest.approx(results[1].test_accuracy, abs=1e-3)
    assert results[0].test_accuracy >= 0.975


@pytest.mark.parametrize("seed", [1, 2])
def test_half_planes_are_learned_whatever_the_seed(seed):
    data = half_planes.load(seed)
    penalised, free = (half_planes.train(data, "numba", l2, seed) for l2 in (0.01, 0.0))
    assert penalised.test_accuracy >= 0.975
    assert free.test_accuracy >= 0.99


# Moons, circles, blobs.


def test_moons_end_below_a_cost_of_a_tenth():
    result = moons_circles_blobs.train(*moons_circles_blobs.load("moons"), "numba", seed=0)
    assert list(result.costs) == list(range(0, 2001, 100))
    assert list(result.checks) == list(range(0, 2001, 199))
    assert result.costs[2000] < 0.10
    assert result.accuracy >= 0.97
    assert (np.diff(list(result.costs.values())) < 0).all()
    for report in result.checks.values():
        report.raise_if_failed()


@pytest.mark.parametrize(("backend", "seed"), [("numpy", 0), ("numba", 1)])
def test_moons_are_learned_whatever_the_seed_of_the_network(backend, seed, monkeypatch):
    monkeypatch.setattr(fastnn, "check_gradients", lambda network, X, y: None)  # they are checked above
    result = moons_circles_blobs.train(*moons_circles_blobs.load("moons"), backend, seed)
    assert result.costs[2000] < 0.10
    assert result.accuracy >= 0.97


@pytest.mark.parametrize("shape", moons_circles_blobs.SHAPES)
def test_the_backends_take_the_same_way_down(shape):
    """Three hundred epochs, before the long steps make the circles' path sensitive to rounding."""
    X, y = moons_circles_blobs.load(shape)
    results = [
        moons_circles_blobs.train(X, y, backend, seed=0, n_epochs=300) for backend in fastnn.available_backends()
    ]
    reference = list(results[0].costs.values())
    for result in results:
        np.testing.assert_allclose(list(result.costs.values()), reference, rtol=1e-9)
        for report in result.checks.values():
            report.raise_if_failed()


# MNIST, replaced by the digits that ship with scikit-learn.


@pytest.fixture(scope="module")
def digits():
    data = datasets.load_named("digits")
    X, X_test, y, y_test = datasets.split(data)
    return dataclasses.replace(data, X=X, y=y, X_test=X_test, y_test=y_test)


@both_backends
def test_one_cycle_learns_digits_in_a_few_epochs(backend, digits):
    result = mnist_in_a_second.train(digits, backend, seed=0, epochs=15)
    assert result.test_accuracy >= 0.95
    assert result.seconds > 0


@both_backends
def test_a_regularised_network_learns_digits(backend, digits):
    result = best_plain_network.train(digits, backend, seed=0, epochs=20, hidden=[96, 64])
    assert result.network.architecture.layer_sizes == (64, 96, 64, 10)
    assert result.test_accuracy >= 0.95
    assert result.seconds > 0


def test_missing_pixels_are_others_in_each_epoch_and_keep_the_mean(digits):
    missing = best_plain_network.MissingPixels(digits.X, share=0.2, seed=0)
    epochs = []
    for _ in range(2):
        missing.on_epoch_end(None, None)
        epochs.append(missing.seen.copy())
    ink = digits.X > 0
    for seen in epochs:
        assert seen.dtype == np.float32
        assert np.mean(seen[ink] == 0) == pytest.approx(0.2, abs=0.01)
        np.testing.assert_allclose(seen[seen > 0], digits.X[seen > 0] / 0.8, rtol=1e-6)
    assert np.mean((epochs[0] == 0)[ink] & (epochs[1] == 0)[ink]) == pytest.approx(0.04, abs=0.01)


def test_fit_sees_which_pixels_are_missing_in_each_epoch(digits):
    """Two trainings start with the same images, and differ once different pixels are dropped in one of them."""
    losses = []
    for changes in (True, False):
        missing, network = (
            best_plain_network.MissingPixels(digits.X, share=0.2, seed=0),
            fastnn.Network([64, 10], seed=0),
        )
        missing.on_fit_begin(network, None)
        missing.random = np.random.default_rng(0)
        callbacks = [missing] if changes else []
        losses.append(network.fit(missing.seen, digits.y, epochs=2, batch_size=128, callbacks=callbacks).loss)
    assert losses[0][0] == losses[1][0]
    assert losses[0][1] != losses[1][1]


def test_held_out_images_are_the_last_training_images(digits):
    held_out = best_plain_network.hold_out(digits)
    assert (len(held_out.y), len(held_out.y_test)) == (1198, 240)
    np.testing.assert_array_equal(np.concatenate([held_out.X, held_out.X_test]), digits.X)
    np.testing.assert_array_equal(np.concatenate([held_out.y, held_out.y_test]), digits.y)


@pytest.mark.skipif("FASTNN_DATA" not in os.environ, reason="FASTNN_DATA does not say where MNIST is")
def test_three_epochs_read_ninety_eight_percent_of_mnist():
    assert mnist_in_a_second.train(datasets.load_mnist(), "numba", seed=0).test_accuracy >= 0.98


# The programs.


def test_every_example_is_tested_and_described():
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert PROGRAMS == [
        "best_plain_network",
        "customers",
        "half_planes",
        "logistic_to_moons",
        "mnist_in_a_second",
        "moons_circles_blobs",
    ]
    assert all(f"{name}.py" in readme for name in PROGRAMS)


def run(program, monkeypatch, capsys, *options):
    """The output of `python examples/program.py options`."""
    monkeypatch.setattr(sys, "argv", [program.__file__, *options])
    program.main()
    return capsys.readouterr().out


def test_logistic_to_moons_prints_and_draws(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(logistic_to_moons, "DEEP", [20, 10, 5])
    output = run(logistic_to_moons, monkeypatch, capsys, "--seed", "1", "--output-dir", str(tmp_path / "plots"))
    for backend in fastnn.available_backends():
        assert f"{backend} backend" in output
    assert "layer 2: W" in output
    assert "in 300 steps" in output
    assert_pictures(tmp_path / "plots", ["activations", "moons_boundary", "moons_loss"])


def test_half_planes_prints_and_draws(monkeypatch, capsys, tmp_path):
    output = run(half_planes, monkeypatch, capsys, "--backend", "numba", "--output-dir", str(tmp_path))
    assert "80,000 training points and 20,000 test points" in output
    assert re.findall(r"numba backend, l2 = (0\.01|0) *: test accuracy \d\d\.\d\d% in \d+\.\d\d s", output) == [
        "0.01",
        "0",
    ]
    assert "numpy backend" not in output
    assert_pictures(tmp_path, ["half_planes"])


def test_moons_circles_blobs_prints_and_draws(monkeypatch, capsys, tmp_path):
    report = fastnn.check_gradients(fastnn.Network([1, 2], backend="numpy"), [[1.0]], [0])
    monkeypatch.setattr(fastnn, "check_gradients", lambda network, X, y: report)
    output = run(moons_circles_blobs, monkeypatch, capsys, "--backend", "numba", "--output-dir", str(tmp_path))
    assert len(re.findall(r"^ +\d+00 ", output, flags=re.MULTILINE)) == 20
    moons, circles, blobs = map(
        float, re.search(r"accuracy +(0\.\d+) +(0\.\d+) +(0\.\d+)$", output, re.MULTILINE).groups()
    )
    assert (moons >= 0.97, circles >= 0.95, blobs >= 0.98) == (True, True, True)
    assert output.count("11 gradient checks passed") == 3
    assert_pictures(tmp_path, ["blobs", "circles", "moons"])


def test_mnist_in_a_second_prints_each_seed_and_the_median(monkeypatch, capsys, digits):
    monkeypatch.setattr(mnist_in_a_second, "load_mnist", lambda folder: digits)
    output = run(mnist_in_a_second, monkeypatch, capsys, "--seeds", "3", "4", "7", "--epochs", "2")
    assert "1,438 training images and 359 test images, 2 epochs" in output
    found = re.findall(r"numba backend, (seed \d|median): test accuracy (\d\d\.\d\d)% in \d+\.\d\d s", output)
    assert [name for name, _ in found] == ["seed 3", "seed 4", "seed 7", "median"]
    accuracies = [float(accuracy) for _, accuracy in found]
    assert sorted(accuracies[:3])[1] == accuracies[3]


@pytest.mark.parametrize(("options", "tested_on"), [([], "test"), (["--validate"], "held-out")])
def test_best_plain_network_prints_what_it_tested_on(options, tested_on, monkeypatch, capsys, digits):
    monkeypatch.setattr(best_plain_network, "load_mnist", lambda folder: digits)
    output = run(best_plain_network, monkeypatch, capsys, "--hidden", "16", "8", "--epochs", "2", *options)
    line = rf"numba backend, 64-16-8-10, 2 epochs: {tested_on} accuracy \d\d\.\d\d% in \d+\.\d s\n"
    assert re.fullmatch(line, output.lstrip())


def assert_pictures(folder, names):
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.png" for name in names]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())


def test_examples_need_no_matplotlib_unless_they_draw(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr(half_planes, "load", functools.partial(half_planes.load, n_points=1000))
    assert "numba backend" in run(half_planes, monkeypatch, capsys, "--backend", "numba")


def test_customers_writes_the_same_table_again(monkeypatch, capsys, tmp_path):
    path = tmp_path / "customers.csv"
    output = run(customers, monkeypatch, capsys, str(path))
    table = pd.read_csv(path)
    pd.testing.assert_frame_equal(table, customers.customers(), check_dtype=False)
    assert output == f"customers saved to {path}\n"
    assert table["age"].isna().mean() == pytest.approx(0.1, abs=0.03)
    assert set(table["kind"]) == {"yes", "no"}
