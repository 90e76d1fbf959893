"""L-BFGS through `fit`: it finds the minimum, behaves like other fits, and rejects what it does not support."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import fastnn
from fastnn import LBFGS, Callback, Checkpoint, EarlyStopping, schedules
from tests.cases import assert_agree, every_backend

random = np.random.default_rng(0)
X = random.standard_normal((60, 4))
LABELS = (X @ [1.0, -2.0, 0.5, 0.0] + 0.5 * random.standard_normal(60) > 0).astype(int)


def new_network(sizes=(4, 6, 2), backend="numpy", activations="tanh", loss="softmax_cross_entropy", **options):
    return fastnn.Network(sizes, activations, loss, backend=backend, dtype="float64", seed=0, **options)


@every_backend
def test_it_finds_what_logistic_regression_finds(backend):
    l2 = 0.1
    network = new_network((4, 1), backend, "relu", "binary_cross_entropy")
    network.fit(X, LABELS, optimizer=LBFGS(l2=l2, gradient_tolerance=1e-9, loss_tolerance=0.0), epochs=500)
    expected = LogisticRegression(C=1 / (l2 * len(X)), tol=1e-10).fit(X, LABELS)
    np.testing.assert_allclose(network.weights[0][:, 0], expected.coef_[0], rtol=1e-5)
    np.testing.assert_allclose(network.biases[0], expected.intercept_, rtol=1e-4, atol=1e-6)


@every_backend
@pytest.mark.parametrize("penalize_biases", [False, True])
def test_it_ends_where_the_gradient_of_loss_and_penalty_vanishes(penalize_biases, backend):
    network, l2 = new_network(backend=backend), 0.05
    optimizer = LBFGS(l2=l2, penalize_biases=penalize_biases, gradient_tolerance=1e-6, loss_tolerance=0.0)
    history = network.fit(X, LABELS, optimizer=optimizer, epochs=2000)
    assert len(history) < 2000
    assert network.loss(X, LABELS) == pytest.approx(history.loss[-1], rel=1e-12)
    slope = network.backward().copy()
    for views in (network.architecture.weight_views, *[network.architecture.bias_views] * penalize_biases):
        for dtheta, theta in zip(views(slope), views(network.parameters), strict=True):
            dtheta += l2 * theta
    assert np.abs(slope).max() <= 1e-6


def test_both_backends_take_the_same_way():
    networks = [new_network(backend=backend) for backend in fastnn.available_backends()]
    losses = [network.fit(X, LABELS, optimizer=LBFGS(), epochs=15).loss for network in networks]
    assert_agree(losses[1], losses[0], 1e-8)
    assert all(after < before for before, after in zip(losses[0], losses[0][1:], strict=False))


@every_backend
def test_weights_of_samples_count(backend):
    weights = np.repeat([1.0, 3.0], 30)
    weighted, repeated = new_network(backend=backend), new_network(backend=backend)
    loss = weighted.fit(X, LABELS, weights, optimizer=LBFGS(), epochs=10).loss
    rows = np.repeat(np.arange(60), weights.astype(int))
    assert_agree(repeated.fit(X[rows], LABELS[rows], optimizer=LBFGS(), epochs=10).loss, loss, 1e-7)


def test_early_stopping_keeps_the_best_iteration():
    network = new_network((4, 30, 2))
    noise = random.integers(2, size=60)
    history = network.fit(
        X, noise, optimizer=LBFGS(), epochs=500, validation_fraction=0.3, callbacks=[EarlyStopping(patience=5)]
    )
    assert len(history) < 500
    assert len(history.validation_loss) == len(history)
    assert "has not improved for 5 epochs" in history.stop_reason


@every_backend
def test_a_callback_ends_it_and_an_interrupt_keeps_the_last_iteration(backend):
    class Interrupt(Callback):
        def on_epoch_end(self, network, history):
            self.parameters = network.parameters.copy()
            if len(history) == 4:
                raise KeyboardInterrupt

    network, callback = new_network(backend=backend), Interrupt()
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, LABELS, optimizer=LBFGS(), epochs=50, callbacks=[callback])
    assert network.parameters.tobytes() == callback.parameters.tobytes()
    assert network.n_updates == 4


def test_an_interrupt_between_iterations_leaves_the_last_of_them(monkeypatch):
    network, seen = new_network(normalization="batch"), []

    def interrupt(*arguments, **options):
        seen.append(network.parameters.copy())
        if len(seen) == 12:
            raise KeyboardInterrupt
        return backward(*arguments, **options)

    backward = network.backward
    monkeypatch.setattr(network, "backward", interrupt)
    iterations = []

    class Remember(Callback):
        def on_epoch_end(self, network, history):
            iterations.append(network._learned.copy())

    with pytest.raises(KeyboardInterrupt):
        network.fit(X, LABELS, optimizer=LBFGS(), epochs=50, callbacks=[Remember()])
    assert network._learned.tobytes() == iterations[-1].tobytes()
    assert network.n_updates == len(iterations)


def test_where_there_is_nothing_left_to_do_the_history_has_one_epoch():
    network, optimizer = new_network((4, 2)), LBFGS(l2=0.1)
    network.fit(X, LABELS, optimizer=optimizer, epochs=1000)
    history = network.fit(X, LABELS, optimizer=optimizer, epochs=10, validation_data=(X, LABELS))
    assert len(history.loss) == len(history.validation_loss) == 1
    assert history.loss[0] == pytest.approx(network.evaluate(X, LABELS))


@every_backend
def test_quantiles_of_several_levels_are_found_with_and_without_validation(backend):
    loss = fastnn.losses.Quantile((0.1, 0.5, 0.9))
    for options in ({}, {"validation_fraction": 0.2}):
        network = new_network((4, 5, 3), backend, loss=loss)
        history = network.fit(X, X[:, 0] + X[:, 1] ** 2, optimizer=LBFGS(), epochs=20, **options)
        assert history.loss[-1] < history.loss[0]


def test_what_it_cannot_do_is_refused_before_anything_changes(tmp_path):
    for network, options, message in (
        (new_network(dropout=0.1), {}, "LBFGS needs a deterministic loss"),
        (new_network(), {"callbacks": [Checkpoint(tmp_path / "file")]}, "A Checkpoint cannot resume LBFGS"),
        (new_network(), {"schedule": schedules.Cosine()}, "LBFGS chooses its own step sizes"),
        (new_network(), {"resume_from": tmp_path / "file"}, "LBFGS chooses its own step sizes"),
    ):
        before = network.parameters.copy()
        with pytest.raises(ValueError, match=message):
            network.fit(X, LABELS, optimizer=LBFGS(), **options)
        assert network.parameters.tobytes() == before.tobytes()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"history_size": 0}, ValueError, "history_size must be a positive integer, got 0"),
        ({"l2": -1}, ValueError, "l2 must be at least 0 and finite, got -1"),
        ({"max_evaluations": 1.5}, TypeError, r"max_evaluations must be a positive integer, got 1\.5"),
        ({"penalize_biases": 1}, TypeError, "penalize_biases must be True or False, got 1"),
    ],
)
def test_bad_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        LBFGS(**options)


@pytest.mark.parametrize(
    "use",
    [
        lambda network: network.fit_batches([(X, LABELS)], optimizer=LBFGS()),
        lambda network: fastnn.find_learning_rate(network, X, LABELS, LBFGS()),
    ],
)
def test_only_fit_takes_it(use):
    with pytest.raises(TypeError, match=r"can be used only with Network\.fit"):
        use(new_network())
