"""The optimizers that exist: formula, options and source. The updates are in the backends.

To add one: the name of its update in `UPDATES`, a dataclass here, one function in each backend's `optimizers.py`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from fastnn.names import check_keywords, unknown
from fastnn.quasi_newton import LBFGS
from fastnn.updates import SETTINGS, UPDATES, Rule
from fastnn.validation import check_count, check_flag, check_number


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """What all optimizers share: they follow g = dL/dtheta + lambda_1 sign(theta) + lambda_2 theta, and weights decay.

    The terms in lambda are the gradient of a penalty, lambda_1 sum |W| + (lambda_2 / 2) sum W^2, which the loss that
    `Network.fit` reports leaves out. Decay is decoupled from them: theta <- (1 - eta lambda) theta before each step of
    rate eta. Before anything else a gradient that is longer than c, `max_grad_norm`, is shortened:
    dL/dtheta <- min(1, c / (|dL/dtheta| + 10^-6)) dL/dtheta, its length that over all parameters.

    What an optimizer keeps for each parameter, and how many steps it has made, belongs to the network: it starts at 0,
    and stays for as long as equal optimizers train it. Copies, pickles and loaded networks come without.

    Parameters
    ----------
    l1, l2 : float, default 0.0
        Strengths lambda_1 and lambda_2 of the penalties on the weights, at least 0.
    weight_decay : float, default 0.0
        Strength lambda of the decay, at least 0.
    penalize_biases : bool, default False
        Whether penalties and decay cover the biases too, and the scales and shifts of normalised layers.
    max_grad_norm : float, optional
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
    max_grad_norm: float | None = None

    #: Whether its updates need the gradient of a whole matrix, and so cannot be made block by block within an epoch.
    needs_matrices: ClassVar[bool] = False

    #: Step size eta, which every optimizer has first among its own parameters.
    learning_rate: float

    def __new__(cls, *values: Any, **options: Any) -> Self:
        """An optimizer, unless an option is none of its own."""
        check_keywords(cls.__name__, options, [field.name for field in fields(cls)])
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check_number(self.learning_rate, "learning_rate", positive=True)
        for name in ("l1", "l2", "weight_decay"):
            check_number(getattr(self, name), name)
        check_flag(self.penalize_biases, "penalize_biases")
        if self.max_grad_norm is not None:
            check_number(self.max_grad_norm, "max_grad_norm", positive=True)

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
        """One `SETTINGS` record for each of `n_steps` steps, counted from 0.

        Parameters
        ----------
        first_step, n_steps : int
            The steps.
        rates, momenta : ndarray of shape (n_steps,), optional
            Learning rates and momenta of a schedule; by default the optimizer's own.
        """
        records = self._constants.repeat(n_steps)
        records["learning_rate"] = self.learning_rate if rates is None else rates
        self._fill(records, np.arange(first_step, first_step + n_steps), momenta)
        return records

    @cached_property
    def _constants(self) -> np.ndarray:
        """A record with what is the same for all optimizers and steps."""
        record = np.zeros(1, SETTINGS)
        for name in ("l1", "l2", "weight_decay", "penalize_biases"):
            record[name] = getattr(self, name)
        record["max_grad_norm"] = self.max_grad_norm or np.inf
        record["penalties_reported"] = 1
        return record

    @abstractmethod
    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        """Enter what is the optimizer's own; `steps` are counted from 0."""

    def rule(self, dtype: np.dtype, reports_penalty: bool = False) -> Rule:
        """How it moves parameters of that type; with `reports_penalty`, the losses of training include the penalty."""
        epsilon = getattr(self, "epsilon", 1.0)
        if dtype.type(epsilon) == 0:
            raise ValueError(f"epsilon={epsilon!r} is 0 in {dtype.name}, and would keep no quotient finite.")
        penalizes = any((self.l1, self.l2, self.weight_decay))
        return Rule(
            update=self.update,
            penalizes=penalizes,
            penalizes_biases=penalizes and self.penalize_biases,
            clips=self.max_grad_norm is not None,
            is_product=UPDATES[self.update] == "sgd" and not self.l1,
            reports_penalty=reports_penalty and any((self.l1, self.l2)),
            orthogonal=self if self.needs_matrices else None,
        )


def _check_kept(share: float, name: str) -> None:
    """A share that is kept from step to step."""
    check_number(share, name)
    if share >= 1:
        raise ValueError(f"{name} must be below 1, or what is kept grows without end, got {share!r}.")


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, theta <- theta - eta v, v <- mu v + g; g and other parameters are those of `Optimizer`.

    Without momentum, v is g. With Nesterov's, theta moves by g + mu v instead of v.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    momentum : float, default 0.0
        Share mu of the velocity that is kept from step to step, from 0 to 1.
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
        check_number(self.momentum, "momentum")
        if self.momentum > 1:
            raise ValueError(f"momentum must be at most 1, or what is kept grows without end, got {self.momentum!r}.")
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
    rho : float, default 0.99
        Share of the mean square that is kept from step to step, at least 0 and below 1.
    epsilon : float, default 1e-8
        Keeps the quotient finite, positive.
    momentum : float, default 0.0
        Share mu of the velocity that is kept from step to step, at least 0 and below 1.

    References
    ----------
    Tieleman, Hinton (2012), Lecture 6.5 of Neural Networks for Machine Learning; the place of epsilon is PyTorch's.
    """

    learning_rate: float = 0.01
    rho: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kept(self.rho, "rho")
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
        records["squares_kept"], records["epsilon"] = self.rho, self.epsilon
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


@dataclass(frozen=True)
class Muon(Optimizer):
    """Muon: the weights of hidden layers move along orthogonal matrices, W <- (1 - eta lambda) W - eta s O(u).

    v <- mu v + (1 - mu) g, u is (1 - mu) g + mu v with Nesterov's look ahead, else v; O(u) is u with all its singular
    values near 1, by the polynomial iteration of the backends' `orthogonalize`; s = sqrt(max(1, n_out / n_in)). The weights
    of the output layer, biases, scales and shifts follow another optimizer, at a rate in step with this one's.
    PyTorch's `Muon` does the same, but iterates in half precision; here that has the type of the network. `g` and other
    parameters are those of `Optimizer`.

    Parameters
    ----------
    learning_rate : float, default 0.02
        Step size eta of hidden weights, positive: how far singular values move in a step.
    momentum : float, default 0.95
        Share mu of the mean v that is kept from step to step, at least 0 and below 1.
    nesterov : bool, default True
        Whether to look ahead along the mean.
    iterations : int, default 5
        Of the polynomial, positive.
    auxiliary : Adam, default AdamW()
        The optimizer of all other parameters; its own penalties, decay and clipping are not used, those given here are.

    References
    ----------
    Jordan, Jin, Boza, You, Cesista, Newhouse, Bernstein (2024), Muon: An optimizer for hidden layers in neural networks.
    """

    learning_rate: float = 0.02
    momentum: float = 0.95
    nesterov: bool = True
    iterations: int = 5
    auxiliary: Adam = AdamW()

    needs_matrices = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kept(self.momentum, "momentum")
        check_flag(self.nesterov, "nesterov")
        check_count(self.iterations, "iterations")
        if not isinstance(self.auxiliary, Adam):
            raise TypeError(f"auxiliary must be an Adam or AdamW, got {self.auxiliary!r}.")

    @property
    def update(self) -> int:
        """Position of the update of other parameters in the backends' tables."""
        return self.auxiliary.update

    @property
    def n_states(self) -> int:
        """The mean v, and what the other optimizer keeps."""
        return 1 + self.auxiliary.n_states

    @property
    def epsilon(self) -> float:
        """What keeps the other optimizer's quotient finite."""
        return self.auxiliary.epsilon

    @property
    def has_momentum(self) -> bool:
        """Whether it has a momentum that a schedule may change: the other optimizer's is left alone."""
        return False

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        self.auxiliary._fill(records, steps, None)
        records["orthogonal_rate"] = records["learning_rate"]
        records["learning_rate"] *= self.auxiliary.learning_rate / self.learning_rate


#: Optimizers by name, with their options by default.
OPTIMIZERS: dict[str, Optimizer | LBFGS] = {
    "sgd": SGD(),
    "adagrad": Adagrad(),
    "rmsprop": RMSprop(),
    "adam": Adam(),
    "adamw": AdamW(),
    "muon": Muon(),
    "lbfgs": LBFGS(),
}


def find_optimizer(optimizer: Any) -> Optimizer | LBFGS:
    """The optimizer of that name, or for None `Adam`; an optimizer is itself.

    Raises
    ------
    ValueError, TypeError
        If there is none of that name; the message lists the known ones. If it is no optimizer.
    """
    if optimizer is None:
        return OPTIMIZERS["adam"]
    if isinstance(optimizer, Optimizer | LBFGS):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer | LBFGS):
        raise TypeError(f"optimizer is the class {optimizer.__name__}; pass an instance: {optimizer.__name__}().")
    if not isinstance(optimizer, str):
        raise TypeError(f"optimizer must be a fastnn optimizer such as fastnn.SGD(), or its name, got {optimizer!r}.")
    if optimizer not in OPTIMIZERS:
        raise ValueError(unknown("optimizer", optimizer, OPTIMIZERS))
    return OPTIMIZERS[optimizer]


def find_descent(optimizer: Any) -> Optimizer:
    """The same for training by batches, which L-BFGS cannot do."""
    found = find_optimizer(optimizer)
    if isinstance(found, LBFGS):
        raise TypeError("LBFGS asks for the loss of all samples where it likes, which only Network.fit can give it.")
    return found
