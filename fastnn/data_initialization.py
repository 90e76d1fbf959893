"""Initial weights and biases from the data: layer by layer, so that each pre-activation varies as widely as the next."""

from typing import Any

import numpy as np

from fastnn.backends.bound_layers import bind_layers
from fastnn.backends.numpy_backend.epoch import embed, pass_on
from fastnn.feed_forward import FeedForward
from fastnn.validation import check_features, is_sparse

#: Samples whose values are combined into a bias.
SAMPLES_PER_BIAS = 5

#: Largest number of samples that are looked at.
MOST_SAMPLES = 4096


def initialize_from_data(network: FeedForward, X: Any, *, weights: bool = True, biases: bool = True) -> None:
    """Draw weights and biases anew, layer by layer, from the distribution of each layer's inputs on X.

    With V standard normal and z_k = (A_{l-1} V)_k, W_k = V_k / std(z_k): every pre-activation without its bias has standard
    deviation 1 over the samples; where it does not vary, W_k = V_k / sqrt(n_in). Then b_k = -sum_i u_i (A_{l-1} W)_ik, for
    five random samples i and random weights u_i that are uniform among those with sum 1: the hyperplanes z_k = 0 pass among
    the samples.

    Parameters
    ----------
    network : FeedForward
        Its weights and biases are replaced; random numbers come from its generator.
    X : array-like of shape (n_samples, n_features)
        Samples, as in `Network.fit`; of more than 4,096, as many at random are used.
    weights, biases : bool, default True
        Whether to draw weights and biases; otherwise they stay as they are.

    Raises
    ------
    ValueError, TypeError
        If X does not fit the network, is sparse, or is not finite.

    References
    ----------
    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, section 3 (data-driven initialisation); Steinwart (2019),
    A Sober Look at Neural Network Initializations, for the biases (there "he+5").
    """
    if is_sparse(X):
        raise TypeError(
            "initialize_from_data needs a dense X, got a sparse one: pass some rows of it, X[:1000].toarray()."
        )
    X = check_features(X, network.architecture.n_inputs, network.dtype)
    random = network.random
    if len(X) > MOST_SAMPLES:
        X = X[random.choice(len(X), MOST_SAMPLES, replace=False)]
    vectors = network.parameters, network.gradient, network.statistics
    layers, step = bind_layers(network.architecture, *vectors, len(X), trains=False), np.zeros((), np.float64)
    with network._computing():
        A = embed(layers[0].inputs, X.astype(network.dtype))  # type: ignore[no-untyped-call]
        for layer in layers:
            if weights:
                V = random.standard_normal(layer.W.shape)
                deviations = _deviations(A, V)
                layer.W[:] = V / np.where(deviations > 0, deviations, np.sqrt(len(V)))
            Z = A @ layer.W
            if biases:
                layer.b[:] = -_convex_combinations(Z, random)
            layer.normalized[:] = Z + layer.b
            A = pass_on(layer, step) if layer is not layers[-1] else A  # type: ignore[no-untyped-call]
    network._forget_batch()


def _deviations(A: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Standard deviations of the columns of A V; 0 where all that varies is rounding."""
    deviations = (A @ V).std(axis=0, dtype=np.float64)
    roundings = 4 * np.finfo(A.dtype).eps + len(A) * np.finfo(np.float64).eps
    magnitudes = np.abs(A).mean(axis=0, dtype=np.float64) @ np.abs(V)
    return np.where(deviations > roundings * magnitudes, deviations, 0.0)


def _convex_combinations(Z: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A random convex combination of some entries of each column."""
    shape = SAMPLES_PER_BIAS, Z.shape[1]
    rows, shares = random.integers(0, len(Z), shape), random.standard_exponential(shape)
    chosen = np.take_along_axis(Z, rows, axis=0)
    return np.asarray((chosen * shares).sum(axis=0) / shares.sum(axis=0))
