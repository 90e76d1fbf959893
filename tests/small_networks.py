"""Small whole numbers, exact in every dtype, and networks for them."""

import numpy as np
import pytest

import fastnn

#: Small whole numbers, exact in every dtype.
X = np.random.default_rng(0).integers(0, 2, (8, 3)).astype("float64")
LABELS = np.arange(8) % 2


def network_for(loss="softmax_cross_entropy", n_outputs=2, backend="numpy", dtype="float64", **options):
    return fastnn.Network([3, 4, n_outputs], "tanh", loss, backend=backend, dtype=dtype, seed=0, **options)


def put(value, at=(2, 1), array=X):
    changed = np.array(array, np.float64)
    changed[at] = value
    return changed


def state_of(network: fastnn.Network) -> tuple:
    return network.parameters.tobytes(), network.gradient.tobytes(), str(network.random.bit_generator.state)


def assert_refused(network, use, error, message):
    """It raises, changes nothing, and the gradient of the previous loss is still available."""
    network.loss(X, LABELS if network.architecture.loss.name == "softmax_cross_entropy" else np.zeros((8, 2)))
    before = state_of(network)
    with pytest.raises(error, match=message):
        use(network)
    assert state_of(network) == before
    network.backward()
