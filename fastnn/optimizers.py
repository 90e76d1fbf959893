"""The available optimizers: formula, options and source. Their updates are in the backends.

To add one, add the name of its update to `UPDATES`, a dataclass here, and one function to each backend's `optimizers.py`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from fastnn.names import check_keywords, unknown
from fastnn.parameter_factors import Factors, checked_factors
from fastnn.quasi_newton import LBFGS
from fastnn.updates import SETTINGS, UPDATES, Rule
from fastnn.validation import check_count, check_flag, check_number


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """Base class of optimizers: penalised gradient g = dL/dtheta + lambda_1 sign(theta) + lambda_2 theta, weight decay, clipping.

    The terms in lambda are the gradient of a penalty, lambda_1 sum |W| + (lambda_2 / 2) sum W^2, which is not included in
    the loss that `Network.fit` reports. Weight decay is decoupled from it: theta <- (1 - eta lambda) theta before each
    step with rate eta. First of all, a gradient whose norm over all parameters exceeds c, `max_grad_norm`, is clipped:
    dL/dtheta <- min(1, c / (|dL/dtheta| + 10^-6)) dL/dtheta.

    The optimizer state and the step count belong to the network. They start at 0, and are kept as long as equal optimizers
    train it. Copies, pickles and loaded networks do not include them.

    Parameters
    ----------
    l1, l2 : float, default 0.0
        Strengths lambda_1 and lambda_2 of the penalties on weights and embeddings of categories, non-negative.
    weight_decay : float, default 0.0
        Strength lambda of the weight decay, non-negative.
    penalize_biases : bool, default False
        Whether penalties and decay also apply to biases, and to the scales and shifts of normalised layers.
    max_grad_norm : float, optional
        Maximum gradient norm c; by default gradients are not clipped.
    learning_rate_factors, weight_decay_factors : mapping of str to float, optional
        Factors for groups of parameters, such as ``{"biases": 0.1}``: the parameters of a group with factors f and d move
        with the learning rate f eta, and decay as theta <- (1 - f eta d lambda) theta. Groups are "weights", "biases",
        "scales" and "shifts" (of normalisation), "activations" (alpha of parametric ones), "periodic", "embeddings" and
        "input_scales". By default f is 1, and d is 1 for all that penalties apply to, 0 for the rest.

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
    learning_rate_factors: Factors = ()
    weight_decay_factors: Factors = ()

    #: Whether the length of a step does not depend on the scale of the gradient.
    is_adaptive: ClassVar[bool] = True

    #: Whether its updates need the gradient of a whole matrix, and so cannot be made block by block.
    needs_matrices: ClassVar[bool] = False

    #: Step size eta, the first parameter of every optimizer.
    learning_rate: float

    def __new__(cls, *values: Any, **options: Any) -> Self:
        """Reject unknown options, with a suggestion."""
        check_keywords(cls.__name__, options, [field.name for field in fields(cls)])
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check_number(self.learning_rate, "learning_rate", positive=True)
        for name in ("l1", "l2", "weight_decay"):
            check_number(getattr(self, name), name)
        check_flag(self.penalize_biases, "penalize_biases")
        if self.max_grad_norm is not None:
            check_number(self.max_grad_norm, "max_grad_norm", positive=True)
        for name in ("learning_rate_factors", "weight_decay_factors"):
            object.__setattr__(self, name, checked_factors(getattr(self, name), name))

    @property
    @abstractmethod
    def update(self) -> int:
        """Position of its update in the backends' tables."""

    @property
    @abstractmethod
    def n_states(self) -> int:
        """Number of state values per parameter."""

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
            First step, and number of steps.
        rates, momenta : ndarray of shape (n_steps,), optional
            Learning rates and momenta from a schedule; by default the optimizer's own.
        """
        records = self._constants.repeat(n_steps)
        records["learning_rate"] = self.learning_rate if rates is None else rates
        self._fill(records, np.arange(first_step, first_step + n_steps), momenta)
        return records

    @cached_property
    def _constants(self) -> np.ndarray:
        """A record of the options that all optimizers share, which are the same in every step."""
        record = np.zeros(1, SETTINGS)
        for name in ("l1", "l2", "weight_decay", "penalize_biases"):
            record[name] = getattr(self, name)
        record["max_grad_norm"] = self.max_grad_norm or np.inf
        record["penalties_reported"] = 1
        return record

    @abstractmethod
    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        """Fill in the optimizer's own options; `steps` are counted from 0."""

    def rule(self, dtype: np.dtype, reports_penalty: bool = False) -> Rule:
        """The update rule for parameters of this dtype; with `reports_penalty`, training losses include the penalty."""
        epsilon = getattr(self, "epsilon", 1.0)
        if dtype.type(epsilon) == 0:
            raise ValueError(f"epsilon must not round to 0 in {dtype.name}, got {epsilon!r}.")
        penalizes = any((self.l1, self.l2, self.weight_decay))
        learning_rate_factors, weight_decay_factors = (
            tuple(dict(factors).items()) for factors in (self.learning_rate_factors, self.weight_decay_factors)
        )
        return Rule(
            update=self.update,
            penalizes=penalizes,
            penalizes_biases=penalizes and self.penalize_biases,
            clips=self.max_grad_norm is not None,
            is_product=UPDATES[self.update] == "sgd" and not self.l1,
            reports_penalty=reports_penalty and any((self.l1, self.l2)),
            orthogonal=self if self.needs_matrices else None,
            learning_rate_factors=learning_rate_factors,
            weight_decay_factors=weight_decay_factors,
            is_adaptive=self.is_adaptive,
        )


def _check_decay(rate: float, name: str) -> None:
    """Raise unless a decay rate is at least 0 and below 1."""
    check_number(rate, name)
    if rate >= 1:
        raise ValueError(f"{name} must be below 1, got {rate!r}.")


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, theta <- theta - eta v, v <- mu v + g; see `Optimizer` for g and the other parameters.

    Without momentum, v is g. With Nesterov momentum, theta moves by g + mu v instead of v.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    momentum : float, default 0.0
        Momentum mu, from 0 to 1.
    nesterov : bool, default False
        Whether to use Nesterov momentum; needs a momentum above 0.

    References
    ----------
    Robbins, Monro (1951), A Stochastic Approximation Method; Goodfellow, Bengio, Courville, Deep Learning (2016),
    algorithm 8.1 and equation 7.5; Sutskever, Martens, Dahl, Hinton (2013), On the Importance of Initialization and
    Momentum in Deep Learning, section 2, there with the learning rate inside the velocity.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    is_adaptive = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.momentum, "momentum")
        if self.momentum > 1:
            raise ValueError(f"momentum must be at most 1, or the velocity grows without bound, got {self.momentum!r}.")
        check_flag(self.nesterov, "nesterov")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov=True needs a momentum above 0, such as SGD(momentum=0.9, nesterov=True).")

    @property
    def update(self) -> int:
        """Position of its update in the backends' tables."""
        return UPDATES.index("nesterov" if self.nesterov else "momentum" if self.momentum else "sgd")

    @property
    def n_states(self) -> int:
        """The velocity v, if there is momentum."""
        return 1 if self.momentum else 0

    @property
    def has_momentum(self) -> bool:
        """Whether it has a momentum that a schedule may change."""
        return self.momentum > 0

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        records["momentum"] = self.momentum if momenta is None else momenta


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad, s <- s + g^2, theta <- theta - eta g / (sqrt(s) + epsilon), element-wise.

    See `Optimizer` for g and the other parameters.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    epsilon : float, default 1e-10
        Prevents division by zero, positive.

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
    """RMSprop, s <- rho s + (1 - rho) g^2, v <- mu v + g / (sqrt(s) + epsilon), theta <- theta - eta v, element-wise.

    See `Optimizer` for g and the other parameters.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Step size eta, positive.
    rho : float, default 0.99
        Decay rate of the mean square, at least 0 and below 1.
    epsilon : float, default 1e-8
        Prevents division by zero, positive.
    momentum : float, default 0.0
        Momentum mu, at least 0 and below 1.

    References
    ----------
    Tieleman, Hinton (2012), Lecture 6.5 of Neural Networks for Machine Learning; epsilon is outside the root as in PyTorch.
    """

    learning_rate: float = 0.01
    rho: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_decay(self.rho, "rho")
        _check_decay(self.momentum, "momentum")
        check_number(self.epsilon, "epsilon", positive=True)

    @property
    def update(self) -> int:
        """Position of its update in the backends' tables."""
        return UPDATES.index("rmsprop_momentum" if self.momentum else "rmsprop")

    @property
    def n_states(self) -> int:
        """The mean square s, and the velocity v if there is momentum."""
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
    """Adam, theta <- theta - eta m' / (sqrt(s') + epsilon), element-wise, from running means of g and g^2.

    m <- beta_1 m + (1 - beta_1) g and s <- beta_2 s + (1 - beta_2) g^2; in step t, m' = m / (1 - beta_1^t) and
    s' = s / (1 - beta_2^t) correct the bias of starting at 0. With `amsgrad`, s' is computed from the largest s so far.
    See `Optimizer` for g and the other parameters.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Step size eta, positive.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Decay rates of the means, at least 0 and below 1. A schedule that changes the momentum replaces beta_1.
    epsilon : float, default 1e-8
        Prevents division by zero, positive.
    amsgrad : bool, default False
        Whether to divide by the largest mean square so far, so that the step size never increases.

    References
    ----------
    Kingma, Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1; Reddi, Kale, Kumar (2018), On the
    Convergence of Adam and Beyond, algorithm 2, with PyTorch's bias correction of the largest mean.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    amsgrad: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_decay(self.beta_1, "beta_1")
        _check_decay(self.beta_2, "beta_2")
        check_number(self.epsilon, "epsilon", positive=True)
        check_flag(self.amsgrad, "amsgrad")

    @property
    def update(self) -> int:
        """Position of its update in the backends' tables."""
        return UPDATES.index("amsgrad" if self.amsgrad else "adam")

    @property
    def n_states(self) -> int:
        """The means m and s, and the largest s with `amsgrad`."""
        return 3 if self.amsgrad else 2

    @property
    def has_momentum(self) -> bool:
        """Whether it has a momentum that a schedule may change: beta_1."""
        return True

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        records["momentum"] = self.beta_1 if momenta is None else momenta
        records["squares_kept"], records["epsilon"] = self.beta_2, self.epsilon
        records["momentum_correction"] = 1 - records["momentum"] ** (steps + 1)
        records["squares_correction"] = 1 - self.beta_2 ** (steps + 1.0)


@dataclass(frozen=True)
class AdamW(Adam):
    """`Adam` with decoupled weight decay: theta <- (1 - eta lambda) theta - eta m' / (sqrt(s') + epsilon).

    The parameters are those of `Adam`, but the default of `weight_decay`, lambda, is 0.01.

    References
    ----------
    Loshchilov, Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2.
    """

    weight_decay: float = field(default=0.01, kw_only=True)


@dataclass(frozen=True)
class Muon(Optimizer):
    """Muon: orthogonalised updates of hidden weights, W <- (1 - eta lambda) W - eta s O(u).

    v <- mu v + (1 - mu) g; u is (1 - mu) g + mu v with Nesterov momentum, else v; O(u) is u with all its singular values
    near 1, by the polynomial iteration of the backends' `orthogonalize`; s = sqrt(max(1, n_out / n_in)). The weights of the
    output layer, biases, scales and shifts are updated by an auxiliary optimizer, whose rate follows the same schedule.
    PyTorch's `Muon` does the same, but iterates in half precision, here in the dtype of the network. See `Optimizer` for g
    and the other parameters.

    Parameters
    ----------
    learning_rate : float, default 0.02
        Step size eta of hidden weights, positive: how far singular values move in a step.
    momentum : float, default 0.95
        Momentum mu of the mean v, at least 0 and below 1.
    nesterov : bool, default True
        Whether to use Nesterov momentum.
    iterations : int, default 5
        Iterations of the polynomial, positive.
    auxiliary : Adam, default AdamW()
        The optimizer of all other parameters; its penalties, decay and clipping are ignored in favour of those given here.

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
        _check_decay(self.momentum, "momentum")
        check_flag(self.nesterov, "nesterov")
        check_count(self.iterations, "iterations")
        if not isinstance(self.auxiliary, Adam):
            raise TypeError(f"auxiliary must be an Adam or AdamW, got {self.auxiliary!r}.")

    @property
    def update(self) -> int:
        """Position of the auxiliary optimizer's update in the backends' tables."""
        return self.auxiliary.update

    @property
    def n_states(self) -> int:
        """The mean v, and the state of the auxiliary optimizer."""
        return 1 + self.auxiliary.n_states

    @property
    def epsilon(self) -> float:
        """That of the auxiliary optimizer."""
        return self.auxiliary.epsilon

    @property
    def has_momentum(self) -> bool:
        """Whether it has a momentum that a schedule may change; that of the auxiliary optimizer is constant."""
        return False

    def _fill(self, records: np.ndarray, steps: np.ndarray, momenta: np.ndarray | None) -> None:
        self.auxiliary._fill(records, steps, None)
        records["orthogonal_rate"] = records["learning_rate"]
        records["learning_rate"] *= self.auxiliary.learning_rate / self.learning_rate


#: Optimizers by name, with their default options.
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
    """The optimizer with this name, or `Adam` for None; optimizers are returned as they are.

    Raises
    ------
    ValueError, TypeError
        If the name is unknown (the message lists the known ones), or it is not an optimizer.
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
    """The same for mini-batch training, which L-BFGS does not support."""
    found = find_optimizer(optimizer)
    if isinstance(found, LBFGS):
        raise TypeError("LBFGS needs the loss of all samples and can be used only with Network.fit: pass an Optimizer.")
    return found
