"""The parameters of the estimators, and the methods in which `MLPClassifier` and `MLPRegressor` differ."""

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from fastnn.activations import ACTIVATIONS
from fastnn.backends import BACKENDS
from fastnn.batches import UNWEIGHTED
from fastnn.estimators.samples import LabelledSamples
from fastnn.kept_parameters import KeptParameters
from fastnn.losses import Loss
from fastnn.optimizers import OPTIMIZERS, Optimizer, find_optimizer
from fastnn.quasi_newton import LBFGS

HIDDEN = {"logistic"} | {name for name, activation in ACTIVATIONS.items() if activation.hidden}

_SHARE = Interval(Real, 0, 1, closed="left")


class Parameters(KeptParameters):
    """The constructor parameters, and abstract methods that depend on the kind of targets."""

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's own way)
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(HIDDEN), list, tuple],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [_SHARE],
        "beta_1": [_SHARE],
        "beta_2": [_SHARE],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "backend": [StrOptions(set(BACKENDS))],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "dtype": [StrOptions({"float32", "float64"}), np.dtype, type, None],
        "dropout": [_SHARE, list, tuple, np.ndarray],
        "normalization": [StrOptions({"batch", "layer"}), None],
        "optimizer": [Optimizer, LBFGS, StrOptions(set(OPTIMIZERS)), None],
        "schedule": "no_validation",
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "scoring": [str, callable, None],
        "standardize": ["boolean", StrOptions({"features", "target"})],
        "callbacks": "no_validation",
        "progress": ["boolean", callable, None],
    }

    @abstractmethod
    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        """X and y after scikit-learn's validation."""

    @abstractmethod
    def _encode(self, y: Any, name: str) -> np.ndarray:
        """Validated targets as the kernels take them: class indices, or rows."""

    @abstractmethod
    def _n_outputs(self, targets: np.ndarray) -> int:
        """Number of network outputs for such targets."""

    @abstractmethod
    def _output(self) -> str:
        """scikit-learn's name of the output activation."""

    @abstractmethod
    def _make_loss(self, dtype: np.dtype) -> Loss:
        """The loss for that activation."""

    @abstractmethod
    def _weigh(self, weights: np.ndarray, y: Any, incremental: bool) -> np.ndarray:
        """Sample weights multiplied by class weights."""

    @abstractmethod
    def _score_outputs(self, outputs: np.ndarray, samples: LabelledSamples) -> float:
        """The score that early stopping monitors by default."""

    @property
    def _stratifies(self) -> bool:
        """Whether the validation split is stratified by class."""
        return False

    @property
    def _n_loss_targets(self) -> int:
        """Number of targets over which scikit-learn averages the loss, where fastnn sums it."""
        return 1

    def _loss_offsets(self, targets: np.ndarray) -> np.ndarray:
        """Additional terms in scikit-learn's losses, one per sample; (0,) for none."""
        return UNWEIGHTED

    @property
    def _descends(self) -> bool:
        """Whether training uses mini-batches, not L-BFGS."""
        if self.optimizer is None:
            return bool(self.solver != "lbfgs")
        return not isinstance(find_optimizer(self.optimizer), LBFGS)
