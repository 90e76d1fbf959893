"""The optimizers that exist: formula, options and source. The updates are in the backends."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastnn.validation import check_flag, check_number

if TYPE_CHECKING:
    from fastnn.network import Network

#: Updates in the order of the backends' tables.
UPDATES = ("sgd", "momentum", "nesterov")


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, theta <- theta - eta v, v <- mu v + g, g = dL/dtheta + lambda theta for weights.

    Without momentum, v is g. With Nesterov's, theta moves by g + mu v instead of v. The term in lambda is the gradient of
    the penalty (lambda / 2) sum W^2, which the reported loss leaves out.

    The velocity v belongs to the network: it starts at 0, and stays for as long as equal optimizers train it.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    momentum : float, default 0.0
        Share mu of the velocity that is kept from step to step, at least 0 and below 1.
    nesterov : bool, default False
        Whether to look ahead along the velocity; needs a momentum.
    l2 : float, default 0.0
        Strength lambda of the penalty on the weights, at least 0.
    penalize_biases : bool, default False
        Whether the penalty covers the biases too.

    References
    ----------
    Robbins, Monro (1951), A Stochastic Approximation Method; Goodfellow, Bengio, Courville, Deep Learning (2016),
    algorithm 8.1 and equation 7.5; Sutskever, Martens, Dahl, Hinton (2013), On the Importance of Initialization and
    Momentum in Deep Learning, section 2, there with the learning rate inside the velocity.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    l2: float = 0.0
    penalize_biases: bool = False

    def __post_init__(self) -> None:
        check_number(self.learning_rate, "learning_rate", positive=True)
        check_number(self.momentum, "momentum")
        if self.momentum >= 1:
            raise ValueError(f"momentum must be below 1, or the velocity grows without end, got {self.momentum!r}.")
        check_flag(self.nesterov, "nesterov")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov=True needs a momentum above 0, such as SGD(momentum=0.9, nesterov=True).")
        check_number(self.l2, "l2")
        check_flag(self.penalize_biases, "penalize_biases")

    @property
    def update(self) -> int:
        """Position of its update in the backends' tables."""
        return UPDATES.index("nesterov" if self.nesterov else "momentum" if self.momentum else "sgd")

    @property
    def n_states(self) -> int:
        """Numbers that it keeps for each parameter."""
        return 1 if self.momentum else 0

    @property
    def settings(self) -> np.ndarray:
        """What an update takes, in float64: learning rate, penalties of weights and of biases, momentum."""
        return np.array(
            [self.learning_rate, self.l2, self.l2 if self.penalize_biases else 0, self.momentum], np.float64
        )

    def step(self, network: "Network") -> None:
        """Update the parameters of a network from its gradient, which `network.backward()` filled."""
        with network.computing() as backend:
            update = backend.bind_update(self.update, network.dtype)
            state = network.optimizer_state(self)
            backend.step(network.parameters, state, network.gradient, network.bound_layers, update, self.settings)
