"""A network in the NumPy backend: the interface of the backends, in terms of `epoch`.

`n_threads` is for the compiled backend and ignored here; NumPy's BLAS has its own threads.
"""

import numpy as np

from fastnn.backends.bound_layers import Descent, bind_layers
from fastnn.backends.numpy_backend.activations import activate
from fastnn.backends.numpy_backend.batches import one_hot, select
from fastnn.backends.numpy_backend.epoch import backward, descend, forward, loss, report_penalty
from fastnn.backends.numpy_backend.shuffling import SHUFFLES
from fastnn.backends.numpy_backend.stopping import watch_epoch
from fastnn.backends.whole_epochs import PAUSED, WholeEpochs
from fastnn.updates import SETTINGS

#: Samples per inference pass, so that memory does not grow with the data.
ROWS_PER_PASS = 1024


class Model:
    """A network, bound to its flat vectors.

    Parameters
    ----------
    architecture : Architecture
        The network.
    parameters, gradient, statistics : ndarray
        Its flat vectors, of which the layers hold views.
    """

    def __init__(self, architecture, parameters, gradient, statistics):
        self.architecture, self.vectors = architecture, (parameters, gradient, statistics)
        self._last: tuple = ()

    def bind(self, n_samples, *, trains=True, gradient=None):
        """Its layers, bound to a batch of that size and, optionally, to another gradient."""
        parameters, own, statistics = self.vectors
        vectors = parameters, own if gradient is None else gradient, statistics
        return bind_layers(self.architecture, *vectors, n_samples, trains=trains)

    def infer(self, out, X, n_threads, *, activates):
        """A_L, or Z_L unless `activates`; X (n, n_0) -> (n, n_L). Returns whether Z_1 is finite."""
        is_finite, step = True, np.zeros((), SETTINGS)
        for start in range(0, X.shape[0], ROWS_PER_PASS):
            rows, own = X[start : start + ROWS_PER_PASS], out[start : start + ROWS_PER_PASS]
            network = self.bind(rows.shape[0], trains=False)
            forward(network, rows, step)
            is_finite &= bool(np.isfinite(network[0].normalized).all())
            if activates:
                activate(own, network[-1].Z, network[-1].activation)
            else:
                own[:] = network[-1].Z
        return is_finite

    def loss(self, sample_losses, X, Y, relative_weights, step, n_threads):
        """L = mean_i c_i L_i of a training batch, and dZ_L for `backward`; c (n,) or (0,) -> L_i (n,)."""
        network = self.bind(X.shape[0])
        self._last = network, X, step[0]
        step["loss"] = self._loss(network, sample_losses, X, Y, relative_weights, step[0])
        return float(step["loss"][0])

    def _loss(self, network, sample_losses, X, Y, relative_weights, step):
        forward(network, X, step)
        Y = one_hot(Y, self.architecture.n_outputs) if Y.ndim == 1 else Y
        return loss(network, sample_losses, Y.astype(X.dtype), relative_weights)

    def evaluate(self, sample_losses, X, Y, n_threads):
        """L_i of any number of samples, in inference mode."""
        step = np.zeros((), SETTINGS)
        for start in range(0, X.shape[0], ROWS_PER_PASS):
            rows = slice(start, start + ROWS_PER_PASS)
            network = self.bind(len(Y[rows]), trains=False)
            self._loss(network, sample_losses[rows], X[rows], Y[rows], np.empty(0), step)

    @property
    def layers_of_loss(self):
        """The layers after the last call of `loss`."""
        return self._last[0] if self._last else []

    def backward(self, n_threads):
        """dW_l, db_l for l = L ... 1, from the dZ_L computed by `loss`."""
        backward(*self._last)

    def step(self, rule, states, step, n_threads):
        """One update of all parameters from the gradient, which penalties and clipping do not change."""
        gradient = self.vectors[1].copy()
        network = self.bind(0, gradient=gradient)
        descend(Descent(rule, states, network, self.architecture, self.vectors[0], gradient), step[0])

    def training(self, rule, states, batch_size, data, max_threads):
        """An object that trains on batches of at most `batch_size` samples."""
        return Training(self, rule, states, data.shuffled_by)


class Training:
    """A network with an optimizer, ready to train on batches."""

    def __init__(self, model, rule, states, shuffled_by):
        self.model, self.rule, self.states = model, rule, states
        self.shuffled_by = shuffled_by
        self.networks = {}  # by batch size: one for full batches, and one for the last batch

    def compile(self):
        """Do nothing: there is nothing to compile."""

    def run(self, steps, X, Y, relative_weights, order, n_threads):
        """Make one update per record, on the batch given by its `start` and `n_samples`, and store the loss in it."""
        epochs = order if isinstance(order, WholeEpochs) else None
        for step in steps:
            if epochs is not None:
                SHUFFLES[self.shuffled_by](epochs.order, epochs.random, step)
                order = epochs.order
            weights = select(relative_weights, None, step) if len(relative_weights) > 0 else relative_weights
            self._step(step, select(X, order, step), select(Y, order, step), weights)
            if epochs is not None:
                watch_epoch(epochs.progress, step)
                if epochs.progress[PAUSED]:
                    break

    def _step(self, step, X, Y, weights):
        model, (parameters, gradient, _) = self.model, self.model.vectors
        if len(Y) not in self.networks:
            self.networks[len(Y)] = model.bind(len(Y))
        network = self.networks[len(Y)]
        descent = Descent(self.rule, self.states, network, model.architecture, parameters, gradient)
        X = X.astype(parameters.dtype, copy=False)
        step["loss"] = model._loss(network, np.empty(len(Y)), X, Y, weights, step)
        if self.rule.reports_penalty:
            report_penalty(descent, step)
        backward(network, X, step)
        descend(descent, step)
