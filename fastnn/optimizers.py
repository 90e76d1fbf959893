"""The optimizers that exist: formula, options and source. The updates are in the backends.

To add one: the name of its update in `UPDATES`, a dataclass here, one function in each backend's `optimizers.py`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.validation import check_flag, check_number

if TYPE_CHECKING:
    from fastnn.network import Network

#: Updates in the order of the backends' tables.
UPDATES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "rmsprop_momentum", "adam", "amsgrad")

#: One step, as the backends see it: what penalties, clipping and updates take. Each update reads what it knows.
SETTINGS = np.dtype(
    [("mask_key", np.int64)]  # of the units that are dropped
    + [
        (name, np.float64)
        for name in (
            "learning_rate",
            "l1",
            "l2",
            "weight_decay",
            "penalize_biases",
            "max_gradient_norm",
            "momentum",
            "squares_kept",
            "epsilon",
            "momentum_correction",
            "squares_correction",
        )
    ]
)


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """What all optimizers share: they follow g = dL/dtheta + lambda_1 sign(theta) + lambda_2 theta, and weights decay.

    The terms in lambda are the gradient of a penalty, lambda_1 sum |W| + (lambda_2 / 2) sum W^2, which the reported loss
    leaves out. Decay is decoupled from them: theta <- (1 - eta lambda) theta before each step of rate eta. Before
    anything else a gradient that is longer than c, `max_gradient_norm`, is shortened:
    dL/dtheta <- min(1, c / (|dL/dtheta| + 10^-6)) dL/dtheta, its length that over all parameters.

    What an optimizer keeps for each parameter, and how many steps it has made, belongs to the network: it starts at 0,
    and stays for as long as equal optimizers train it.

    Parameters
    ----------
    l1, l2 : float, default 0.0
        Strengths lambda_1 and lambda_2 of the penalties on the weights, at least 0.
    weight_decay : float, default 0.0
        Strength lambda of the decay, at least 0.
    penalize_biases : bool, default False
        Whether penalties and decay cover the biases too.
    max_gradient_norm : float, optional
        Longest gradient c that is followed; by default any.

    References
    ----------
    Goodfellow, Bengio, Courville, Deep Learning (2016), section 7.1; Loshchilov, Hutter (2019), Decoupled Weight Decay
    Regularization, algorithms 1 and 2; Pascanu, Mikolov, Bengio (2013), On the Difficulty of Training Recurrent Neural
    Networks, algorithm 1.
    """

    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    penalize_biases: bool = False
    max_gradient_norm: float | None = None

    #: Step size eta, which every optimizer has first among its own parameters.
    learning_rate: float

    def __post_init__(self) -> None:
        check_number(self.learning_rate, "learning_rate", positive=True)
        for name in ("l1", "l2", "weight_decay"):
            check_number(getattr(self, name), name)
        check_flag(self.penalize_biases, "penalize_biases")
        if self.max_gradient_norm is not None:
            check_number(self.max_gradient_norm, "max_gradient_norm", positive=True)

    @property
    @abstractmethod
    def update(self) -> int:
        """Position of its update in the backends' tables."""

    @property
    @abstractmethod
    def n_states(self) -> int:
        """Numbers that it keeps for each parameter."""

    @property
    def has_momentum(self) -> bool:
        """Whether it has a momentum that a schedule may change."""
        return False

    def settings(
        self, first_step: int, n_steps: int, rates: np.ndarray | None = None, momenta: np.ndarray | None = None
    ) -> np.ndarray:
        """One `SETTINGS` record for each of so many steps, counted from 0.

        Parameters
        ----------
        first_step, n_steps : int
            The steps.
        rates, momenta : ndarray of shape (n_steps,), optional
            Learning rates and momenta of a schedule; by default the optimizer's own.
        """
        records = np.zeros(n_steps, SETTINGS)
        for name in ("l1", "l2", "weight_decay", "penalize_biases"):
            records[name] = getattr(self, name)
        records["max_gradient_norm"] = self.max_gradient_norm or np.inf
        records["learning_rate"] = self.learning_rate if rates is None else rates
        self._fill(records, np.arange(first_step, first_step + n_steps), momenta)
        return records

    @abstractmethod
    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        """Enter what is the optimizer's own; `steps` are counted from 0."""

    def bind(self, backend: Any, dtype: np.dtype) -> Any:
        """Its update as a backend calls it, with penalties and clipping only where there are any."""
        penalizes = any((self.l1, self.l2, self.weight_decay))
        return backend.bind_update(self.update, dtype, SETTINGS, penalizes, self.max_gradient_norm is not None)

    def step(self, network: "Network") -> None:
        """Update the parameters of a network from its gradient, which `network.backward()` filled."""
        with network.computing() as backend:
            update = self.bind(backend, network.dtype)
            state = network.optimizer_state(self)
            settings = self.settings(state.n_steps, 1)[0]
            # A copy: penalties and clipping change it, and the user may look at his gradient again.
            gradient = network.gradient.copy()
            backend.step(network.parameters, state.vectors, gradient, network.bound_layers, update, settings)
            state.n_steps += 1
            network.n_updates += 1


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, theta <- theta - eta v, v <- mu v + g; g and other parameters are those of `Optimizer`.

    Without momentum, v is g. With Nesterov's, theta moves by g + mu v instead of v.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    momentum : float, default 0.0
        Share mu of the velocity that is kept from step to step, at least 0 and below 1.
    nesterov : bool, default False
        Whether to look ahead along the velocity; needs a momentum.

    References
    ----------
    Robbins, Monro (1951), A Stochastic Approximation Method; Goodfellow, Bengio, Courville, Deep Learning (2016),
    algorithm 8.1 and equation 7.5; Sutskever, Martens, Dahl, Hinton (2013), On the Importance of Initialization and
    Momentum in Deep Learning, section 2, there with the learning rate inside the velocity.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kept(self.momentum, "momentum")
        check_flag(self.nesterov, "nesterov")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov=True needs a momentum above 0, such as SGD(momentum=0.9, nesterov=True).")

    @property
    def update(self) -> int:
        """Position of its update in the backends' tables."""
        return UPDATES.index("nesterov" if self.nesterov else "momentum" if self.momentum else "sgd")

    @property
    def n_states(self) -> int:
        """The velocity v, with a momentum."""
        return 1 if self.momentum else 0

    @property
    def has_momentum(self) -> bool:
        """Whether it has a momentum that a schedule may change."""
        return self.momentum > 0

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        records["momentum"] = self.momentum if momenta is None else momenta


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad, s <- s + g^2, theta <- theta - eta g / (sqrt(s) + epsilon), number by number.

    The other parameters, and g, are those of `Optimizer`.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    epsilon : float, default 1e-10
        Keeps the quotient finite, positive.

    References
    ----------
    Duchi, Hazan, Singer (2011), Adaptive Subgradient Methods for Online Learning and Stochastic Optimization, figure 1.
    """

    learning_rate: float = 0.01
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.epsilon, "epsilon", positive=True)

    @property
    def update(self) -> int:
        """Position of its update in the backends' tables."""
        return UPDATES.index("adagrad")

    @property
    def n_states(self) -> int:
        """The sum of squares s."""
        return 1

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        records["epsilon"] = self.epsilon


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop, s <- rho s + (1 - rho) g^2, v <- mu v + g / (sqrt(s) + epsilon), theta <- theta - eta v, number by number.

    The other parameters, and g, are those of `Optimizer`.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    squares_kept : float, default 0.99
        Share rho of the mean square that is kept from step to step, at least 0 and below 1.
    epsilon : float, default 1e-8
        Keeps the quotient finite, positive.
    momentum : float, default 0.0
        Share mu of the velocity that is kept from step to step, at least 0 and below 1.

    References
    ----------
    Tieleman, Hinton (2012), Lecture 6.5 of Neural Networks for Machine Learning; the place of epsilon is PyTorch's.
    """

    learning_rate: float = 0.01
    squares_kept: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kept(self.squares_kept, "squares_kept")
        _check_kept(self.momentum, "momentum")
        check_number(self.epsilon, "epsilon", positive=True)

    @property
    def update(self) -> int:
        """Position of its update in the backends' tables."""
        return UPDATES.index("rmsprop_momentum" if self.momentum else "rmsprop")

    @property
    def n_states(self) -> int:
        """The mean square s, and with a momentum the velocity v."""
        return 2 if self.momentum else 1

    @property
    def has_momentum(self) -> bool:
        """Whether it has a momentum that a schedule may change."""
        return self.momentum > 0

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        records["squares_kept"], records["epsilon"] = self.squares_kept, self.epsilon
        records["momentum"] = self.momentum if momenta is None else momenta


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, theta <- theta - eta m' / (sqrt(s') + epsilon), number by number, from running means of g and g^2.

    m <- beta_1 m + (1 - beta_1) g and s <- beta_2 s + (1 - beta_2) g^2; in step t, m' = m / (1 - beta_1^t) and
    s' = s / (1 - beta_2^t) make up for their start at 0. With `amsgrad`, s' is the largest s so far, divided by the
    same. The other parameters, and g, are those of `Optimizer`.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Step size eta, positive.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Shares of the means that are kept from step to step, at least 0 and below 1. A schedule of momenta replaces beta_1.
    epsilon : float, default 1e-8
        Keeps the quotient finite, positive.
    amsgrad : bool, default False
        Whether a step may never become longer again.

    References
    ----------
    Kingma, Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1; Reddi, Kale, Kumar (2018), On the
    Convergence of Adam and Beyond, algorithm 2, with PyTorch's correction of the largest mean.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    amsgrad: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kept(self.beta_1, "beta_1")
        _check_kept(self.beta_2, "beta_2")
        check_number(self.epsilon, "epsilon", positive=True)
        check_flag(self.amsgrad, "amsgrad")

    @property
    def update(self) -> int:
        """Position of its update in the backends' tables."""
        return UPDATES.index("amsgrad" if self.amsgrad else "adam")

    @property
    def n_states(self) -> int:
        """The means m and s, and with `amsgrad` the largest s."""
        return 3 if self.amsgrad else 2

    @property
    def has_momentum(self) -> bool:
        """Whether it has a momentum that a schedule may change, which is beta_1."""
        return True

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        records["momentum"] = self.beta_1 if momenta is None else momenta
        records["squares_kept"], records["epsilon"] = self.beta_2, self.epsilon
        records["momentum_correction"] = 1 - records["momentum"] ** (steps + 1)
        records["squares_correction"] = 1 - self.beta_2 ** (steps + 1.0)


@dataclass(frozen=True)
class AdamW(Adam):
    """`Adam` with decoupled weight decay: theta <- (1 - eta lambda) theta - eta m' / (sqrt(s') + epsilon).

    The parameters are those of `Adam`, with a `weight_decay` lambda of 0.01 unless another is given.

    References
    ----------
    Loshchilov, Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2.
    """

    weight_decay: float = field(default=0.01, kw_only=True)


def _check_kept(share: float, name: str) -> None:
    """A share that is kept from step to step."""
    check_number(share, name)
    if share >= 1:
        raise ValueError(f"{name} must be below 1, or what is kept grows without end, got {share!r}.")


class OptimizerState:
    """What an optimizer keeps for a network between its steps.

    Attributes
    ----------
    vectors : ndarray of shape (n_states, n_parameters)
        Numbers for each parameter.
    n_steps : int
        Steps made so far.
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors, self.n_steps = vectors, 0
