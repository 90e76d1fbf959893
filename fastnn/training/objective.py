"""The objective of training, and the losses it reports: loss, penalties and sample weights."""

import numpy as np

from fastnn.feed_forward import FeedForward
from fastnn.training.samples import Samples
from fastnn.training.sampling import Batches


class Objective:
    """L + (1/2) sum_p lambda_p theta_p^2, with L = sum_i w_i L_i / sum_i w_i; only L is reported.

    A subclass may scale and report the terms differently, as scikit-learn does.

    Parameters
    ----------
    l2 : float, default 0.0
        Strength of the penalty for L-BFGS; mini-batch optimizers have their own option.
    penalizes_biases : bool, default False
        Whether the penalty also applies to the biases.
    """

    #: Whether the reported losses include the penalties.
    reports_penalty = False
    #: What reported losses are divided by.
    n_targets = 1

    def __init__(self, l2: float = 0.0, *, penalizes_biases: bool = False) -> None:
        self.l2, self.penalizes_biases = l2, penalizes_biases

    def set_penalties(self, steps: np.ndarray, batches: Batches) -> None:
        """Store the penalty of each batch in its step; here it is already set by the optimizer."""

    def means(self, losses: np.ndarray, batches: Batches) -> np.ndarray:
        """The mean loss of each epoch, weighted by batch, from the losses of batches (n_epochs, n_batches)."""
        return weighted_means(losses, batches.totals.reshape(losses.shape))

    def strength(self, samples: Samples) -> float:
        """The strength of the penalty for all samples at once."""
        return self.l2

    def minimized(self, loss: float, samples: Samples) -> float:
        """The objective of L-BFGS without its penalty, from the mean loss of all samples."""
        return loss

    def reported(self, value: float, penalty: float) -> float:
        """The loss to report, from the objective of L-BFGS and the penalty it includes."""
        return value if self.reports_penalty else value - penalty


def weighted_means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_j w_ij v_ij / sum_j w_ij for each row i; exact if a row has a single value."""
    shares = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray((values * shares).sum(axis=1))


class FullBatchLoss:
    """The objective over all samples, as a function of the parameters in double precision.

    Parameters
    ----------
    network : FeedForward
        The network; each call sets its parameters.
    samples : Samples
        All samples.
    objective : Objective
        The objective.
    """

    def __init__(self, network: FeedForward, samples: Samples, objective: Objective) -> None:
        self.network, self.samples, self.objective = network, samples, objective
        strength = objective.strength(samples)
        self.strengths = np.full(len(network.parameters), strength if objective.penalizes_biases else 0.0)
        for W in network.architecture.weight_views(self.strengths):
            W[:] = strength

    def penalty(self, theta: np.ndarray) -> float:
        """(1/2) sum_p lambda_p theta_p^2."""
        return 0.5 * float(self.strengths @ (theta * theta))

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient, which are not finite if the loss is not."""
        self.network.parameters[:] = theta
        samples = self.samples
        loss = self.network._training_loss(samples.X, samples.y, samples.weights)
        value = self.objective.minimized(loss, samples) + self.penalty(theta)
        return value, self.network.backward() + self.strengths * theta
