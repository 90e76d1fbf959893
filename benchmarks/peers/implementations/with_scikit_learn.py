"""scikit-learn: ``MLPClassifier`` and ``MLPRegressor``, one ``fit`` from the current weights (`warm_start`)."""

import warnings
from dataclasses import replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.peers.peer import Layers, Peer
from benchmarks.workloads.training import Training

_ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}


class ScikitLearn(Peer):
    """A multi-layer perceptron with SGD or Adam: no penalty, a constant learning rate, no early stopping."""

    def __init__(self, workload: Training) -> None:
        super().__init__(workload)
        workload, data = self.workload, self.workload.data()
        regresses = workload.loss == "squared_error"
        self.estimator = (MLPRegressor if regresses else MLPClassifier)(
            hidden_layer_sizes=workload.layer_sizes[1:-1],
            activation=_ACTIVATIONS[workload.activations[0]],
            solver="adam" if workload.adam else "sgd",
            alpha=0.0,
            batch_size=workload.batch_size or workload.n_samples,
            # Its squared error has a factor 1/2, which makes no difference to Adam.
            learning_rate_init=workload.learning_rate * (2 if regresses and not workload.adam else 1),
            momentum=workload.momentum,
            nesterovs_momentum=False,
            n_iter_no_change=np.inf,
            warm_start=True,
            random_state=0,
        )
        rows = slice(workload.batch_size)
        classes = {} if regresses else {"classes": np.unique(data.y)}
        self.estimator.partial_fit(data.X[rows], data.y[rows], **classes)  # creates the arrays that `reset` replaces

    @staticmethod
    def adapted(workload: Training) -> Training:
        """For two classes, one sigmoid output: the difference of the two softmax logits."""
        if workload.activations[-1] != "softmax" or workload.layer_sizes[-1] != 2:
            return workload
        return replace(
            workload,
            layer_sizes=(*workload.layer_sizes[:-1], 1),
            activations=(*workload.activations[:-1], "sigmoid"),
            loss="binary_cross_entropy",
        )

    def reset(self) -> None:
        """Restore the initial parameters."""
        self.estimator.coefs_ = [W.copy() for W, _ in self.start]
        self.estimator.intercepts_ = [b.copy() for _, b in self.start]

    def train(self, epochs: int, shuffle: bool) -> None:
        """One ``fit``, starting from the current weights."""
        shuffle = shuffle and self.workload.batch_size is not None
        self.estimator.set_params(max_iter=epochs, shuffle=shuffle)
        data = self.workload.data()
        # BLAS may compute on what lies beside a short vector, and discard the result.
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are few on purpose
            self.estimator.fit(data.X, data.y)

    def layers(self) -> Layers:
        """The estimator's weights and biases."""
        return list(zip(self.estimator.coefs_, self.estimator.intercepts_, strict=True))
