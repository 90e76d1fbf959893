"""Short fits with callbacks that record them."""

import numpy as np

import fastnn
from fastnn.training.callbacks import Callback

random = np.random.default_rng(0)
X = random.standard_normal((60, 3))
LABELS = (X[:, 0] + 0.8 * random.standard_normal(60) > 0).astype(int)
OTHERS = (random.standard_normal((40, 3)), random.integers(2, size=40))
OPTIMIZER = fastnn.SGD(learning_rate=0.3, momentum=0.9)


def targets_of_losses(X, labels):
    """A loss, the outputs of a network for it, and targets, for these samples of two classes."""
    return (
        ("softmax_cross_entropy", 2, labels),
        ("softmax_cross_entropy", 2, np.eye(2)[labels]),
        ("binary_cross_entropy", 1, labels),
        ("binary_cross_entropy", 2, np.eye(2)[labels]),
        ("squared_error", 2, X[:, :2]),
    )


def new_network(backend="numpy", loss="softmax_cross_entropy", n_outputs=2, seed=0):
    return fastnn.Network([3, 8, n_outputs], "tanh", loss, backend=backend, dtype="float64", seed=seed)


def fit(network, X=X, y=LABELS, **options):
    return network.fit(X, y, **{"optimizer": OPTIMIZER, "epochs": 6, "batch_size": 16, "progress": False, **options})


class Recorder(Callback):
    """Records the parameters after each epoch, and the calls; raises or stops on request."""

    def __init__(self, stop_at=None, answer=True, error=None, every=1):
        self.stop_at, self.answer, self.error, self.every = stop_at, answer, error, every
        self.called, self.learned = [], []

    def on_fit_begin(self, network, history):
        self.called.append(("begin", len(history)))

    def on_epoch_end(self, network, history):
        self.called.append(("epoch", len(history)))
        self.learned.append(network._learned.copy())
        if len(history) == self.stop_at:
            if self.error is not None:
                raise self.error
            return self.answer
        return None

    def on_fit_end(self, network, history):
        self.called.append(("end", len(history)))


def watched(best):
    """A monitored value that rises until the epoch `best` and then falls."""
    seen = []

    def score(network, X, y):
        seen.append(1)
        return -abs(len(seen) - best)

    return score
