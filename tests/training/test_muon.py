"""Muon: orthogonalised updates of hidden weights, and AdamW for everything else."""

import numpy as np
import pytest

import fastnn
from fastnn import schedules
from fastnn.backends.numba_backend.programs import equations
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.backends.numpy_backend.optimizers import orthogonalize
from fastnn.optimizers import SETTINGS
from tests.cases import assert_agree, every_backend

random = np.random.default_rng(0)
X, LABELS = random.standard_normal((60, 4)), random.integers(2, size=60)


def new_network(sizes, backend, **options):
    return fastnn.Network(sizes, "tanh", backend=backend, dtype="float64", seed=0, **options)


def orthogonal_factor(G):
    """U p(S) V^T by a singular value decomposition, p the polynomial applied five times to S / |G|."""
    U, s, Vt = np.linalg.svd(G, full_matrices=False)
    s /= np.sqrt((s * s).sum()) + 1e-7
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return U @ np.diag(s) @ Vt


def orthogonalized(G, backend, n_threads):
    """O(G) after five steps: a function of the NumPy backend, and a program of the compiled one."""
    if backend == "numpy":
        O = np.full_like(G, np.nan)
        orthogonalize(O, G, 5)
        return O
    program, is_tall = Program(G.dtype), G.shape[0] > G.shape[1]
    result = equations.orthogonalize(program, G.T if is_tall else G, 5)
    program.run(np.zeros(1, SETTINGS), n_threads)
    return result.T if is_tall else result


@every_backend
@pytest.mark.parametrize("shape", [(5, 5), (40, 17), (17, 40), (1, 6), (300, 130)])
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_orthogonalize(shape, n_threads, backend):
    G = random.standard_normal(shape)
    O = orthogonalized(G, backend, n_threads)
    np.testing.assert_allclose(O, orthogonal_factor(G), atol=1e-9)
    if min(shape) > 1:
        assert 0.6 < np.linalg.svd(O, compute_uv=False).max() < 1.25


def test_results_of_orthogonalize_have_the_same_bits_for_any_number_of_threads():
    G, results = random.standard_normal((500, 300)).astype(np.float32), set()
    for n_threads in (1, 2, 3, 5):
        results.add(orthogonalized(G, "numba", n_threads).tobytes())
    assert len(results) == 1


@every_backend
@pytest.mark.parametrize("nesterov", [False, True])
def test_steps_of_muon(nesterov, backend):
    others = fastnn.AdamW(0.01)
    optimizer = fastnn.Muon(0.05, nesterov=nesterov, auxiliary=others, weight_decay=0.1, l2=0.01)
    network, twin = new_network((4, 6, 3, 2), backend), new_network((4, 6, 3, 2), backend)
    adam = fastnn.AdamW(0.01, weight_decay=0.1, l2=0.01)
    means = [np.zeros(W.shape) for W in network.weights]
    for _ in range(3):
        network.loss(X, LABELS)
        network.backward()
        hidden = [W.copy() for W in network.weights[:-1]]
        twin.parameters[:], twin.gradient[:] = network.parameters, network.gradient
        twin.step(adam)
        for W, dW, mean in zip(hidden, network.weight_gradients, means, strict=False):
            slope = dW + 0.01 * W
            mean[:] = 0.95 * mean + 0.05 * slope
            ahead = 0.05 * slope + 0.95 * mean if nesterov else mean
            scale = max(1, W.shape[1] / W.shape[0]) ** 0.5
            W[:] = (1 - 0.05 * 0.1) * W - 0.05 * scale * orthogonal_factor(ahead)
        network.step(optimizer)
        for W, expected in zip(network.weights, [*hidden, twin.weights[-1]], strict=True):
            np.testing.assert_allclose(W, expected, atol=1e-9)
        for b, expected in zip(network.biases, twin.biases, strict=True):
            np.testing.assert_allclose(b, expected, atol=1e-12)


@every_backend
@pytest.mark.parametrize("options", [{}, {"dropout": 0.3, "normalization": "batch"}], ids=str)
def test_a_fit_by_muon_is_the_loop_one_would_write_by_hand(options, backend):
    optimizer = fastnn.Muon(max_grad_norm=0.5)
    fitted, by_hand = (new_network((4, 6, 2), backend, **options) for _ in range(2))
    schedule = schedules.Cosine()
    history = fitted.fit(X, LABELS, optimizer=optimizer, epochs=2, batch_size=25, shuffle=False)
    losses = []
    for start in (0, 25, 50) * 2:
        losses.append(by_hand.loss(X[start : start + 25], LABELS[start : start + 25]))
        by_hand.backward()
        by_hand.step(optimizer)
    assert_agree(history.loss[0], np.average(losses[:3], weights=[25, 25, 10]), 1e-12)
    assert_agree(by_hand._learned, fitted._learned, 1e-12)
    assert fitted.fit(X, LABELS, optimizer=optimizer, schedule=schedule, epochs=3, batch_size=None).loss[-1] > 0


@every_backend
def test_weights_of_samples_count_like_repeated_samples(backend):
    weights, optimizer = np.repeat([1.0, 3.0], 30), fastnn.Muon()
    weighted, repeated = (new_network((4, 6, 2), backend) for _ in range(2))
    weighted.fit(X, LABELS, weights, optimizer=optimizer, epochs=2, batch_size=None)
    rows = np.repeat(np.arange(60), weights.astype(int))
    repeated.fit(X[rows], LABELS[rows], optimizer=optimizer, epochs=2, batch_size=None)
    assert_agree(weighted.parameters, repeated.parameters, 1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"momentum": 1.0}, ValueError, "momentum must be below 1"),
        ({"iterations": 0}, ValueError, "iterations must be a positive integer, got 0"),
        ({"auxiliary": fastnn.SGD()}, TypeError, "auxiliary must be an Adam or AdamW, got SGD"),
    ],
)
def test_bad_options_of_muon_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        fastnn.Muon(**options)
