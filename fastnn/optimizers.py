"""The optimizers that exist: formula, options and source. The updates are in the backends."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastnn.validation import check_flag, check_number

if TYPE_CHECKING:
    from fastnn.network import Network


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, W <- W - eta (dW + lambda W), b <- b - eta db.

    The term in lambda is the gradient of the penalty (lambda / 2) sum W^2, which the reported loss leaves out.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    l2 : float, default 0.0
        Strength lambda of the penalty on the weights, at least 0.
    penalize_biases : bool, default False
        Whether the penalty covers the biases too.

    References
    ----------
    Robbins, Monro (1951), A Stochastic Approximation Method; Goodfellow, Bengio, Courville, Deep Learning (2016),
    algorithm 8.1 and equation 7.5.
    """

    learning_rate: float = 0.01
    l2: float = 0.0
    penalize_biases: bool = False

    def __post_init__(self) -> None:
        check_number(self.learning_rate, "learning_rate", positive=True)
        check_number(self.l2, "l2")
        check_flag(self.penalize_biases, "penalize_biases")

    def step(self, network: "Network") -> None:
        """Update the parameters of a network from its gradient, which `network.backward()` filled."""
        with network.computing() as backend:
            backend.sgd(network.parameters, network.gradient, network.bound_layers, *self.settings)

    @property
    def settings(self) -> tuple[float, float, bool]:
        """What the backends take: learning rate, l2, whether biases are penalized."""
        return float(self.learning_rate), float(self.l2), bool(self.penalize_biases)
