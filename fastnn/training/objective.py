"""What training minimises, and how it is reported: loss, penalties and weights of samples."""

import numpy as np

from fastnn.feed_forward import FeedForward
from fastnn.training.samples import Samples
from fastnn.training.sampling import Batches


class Objective:
    """L + (1/2) sum_p lambda_p theta_p^2, L = sum_i w_i L_i / sum_i w_i, of which L alone is reported.

    A subclass may scale and report the terms in another way, as scikit-learn does.

    Parameters
    ----------
    l2 : float, default 0.0
        Strength of the penalty, for L-BFGS; optimizers that descend batch by batch have theirs in their own options.
    penalizes_biases : bool, default False
        Whether it covers the biases too.
    """

    #: Whether the reported losses include the penalties.
    reports_penalty = False
    #: What reported losses are divided by.
    n_targets = 1

    def __init__(self, l2: float = 0.0, *, penalizes_biases: bool = False) -> None:
        self.l2, self.penalizes_biases = l2, penalizes_biases

    def set_penalties(self, steps: np.ndarray, batches: Batches) -> None:
        """Enter the penalty of each batch into its step; the optimizer's is there already."""

    def means(self, losses: np.ndarray, batches: Batches) -> np.ndarray:
        """The mean loss of each epoch, from those of its batches, (n_epochs, n_batches), which count by their weight."""
        return weighted_means(losses, batches.totals.reshape(losses.shape))

    def strength(self, samples: Samples) -> float:
        """The strength of the penalty for all samples at once."""
        return self.l2

    def minimized(self, loss: float, samples: Samples) -> float:
        """What L-BFGS minimises, without the penalty, from the mean loss of all samples."""
        return loss

    def reported(self, value: float, penalty: float) -> float:
        """What is reported of what L-BFGS minimises, which includes the penalty."""
        return value if self.reports_penalty else value - penalty


def weighted_means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_j w_ij v_ij / sum_j w_ij for each row i; a single value in a row keeps its bits."""
    shares = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray((values * shares).sum(axis=1))


class FullBatchLoss:
    """An objective of all samples at once, as a function of the parameters in double precision.

    Parameters
    ----------
    network : FeedForward
        Its parameters are set to those that are asked for.
    samples : Samples
        All samples.
    objective : Objective
        What is minimised.
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
        """Value and gradient, which are not finite where the loss is not."""
        self.network.parameters[:] = theta
        samples = self.samples
        loss = self.network._training_loss(samples.X, samples.y, samples.weights)
        value = self.objective.minimized(loss, samples) + self.penalty(theta)
        return value, self.network.backward() + self.strengths * theta
