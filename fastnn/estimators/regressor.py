"""`MLPRegressor`."""

from typing import Any

import numpy as np
from scipy.special import xlogy
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from fastnn.estimators.base import MultilayerPerceptron
from fastnn.estimators.protocol import with_callbacks
from fastnn.estimators.samples import UNWEIGHTED, Samples
from fastnn.estimators.stochastic import check_trains_in_steps
from fastnn.losses import AbsoluteError, Huber, Loss, Poisson, Quantile, SquaredError

#: The losses by name. scikit-learn's squared error is half of fastnn's.
LOSSES: dict[str, Loss] = {
    "squared_error": SquaredError(scale=0.5),
    "poisson": Poisson(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "quantile": Quantile(),
}


class MLPRegressor(RegressorMixin, MultilayerPerceptron):  # type: ignore[misc]
    """DOC"""

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's own way)
        **MultilayerPerceptron._parameter_constraints,
        "loss": [StrOptions(set(LOSSES)), Loss],
    }

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        backend: str = "numba",
        n_threads: int | None = None,
        dtype: Any = None,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        optimizer: Any = None,
        schedule: Any = None,
        max_grad_norm: float | None = None,
        scoring: Any = None,
        standardize: bool = False,
        callbacks: Any = None,
        progress: Any = False,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.backend = backend
        self.n_threads = n_threads
        self.dtype = dtype
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.optimizer = optimizer
        self.schedule = schedule
        self.max_grad_norm = max_grad_norm
        self.scoring = scoring
        self.standardize = standardize
        self.callbacks = callbacks
        self.progress = progress

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "MLPRegressor":
        """Fit the model to data matrix X and target(s) y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            The target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights: each batch follows the gradient of its weighted mean.
        X_val, y_val : array-like, default=None
            Data to validate on in place of a share of X; see `early_stopping`.
        sample_weight_val : array-like, default=None
            Weights of these.

        Returns
        -------
        self : object
            Returns a trained MLP model.
        """
        self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)
        return self

    @available_if(check_trains_in_steps)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "MLPRegressor":
        """Update the model with a single iteration over the given data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            The target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.
        X_val, y_val, sample_weight_val : array-like, default=None
            As in `fit`. With early stopping, `stopped_early_` says that the score has not improved for
            `n_iter_no_change` calls; the parameters are then those of the best.

        Returns
        -------
        self : object
            Trained MLP model.
        """
        self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=True)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict using the multi-layer perceptron model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predicted values.
        """
        return self._values(self._outputs(X))

    def _values(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs in the unit of the targets."""
        if self._scales_targets:
            scaler = self.target_scaler_
            levels = outputs.shape[1] // len(scaler.scale_)
            mean, scale = (np.repeat(numbers, levels) for numbers in (scaler.mean_, scaler.scale_))
            outputs = (outputs * scale + mean).astype(outputs.dtype)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = self._validated(X, y, reset, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _encode(self, y: Any, name: str) -> np.ndarray:
        rows = np.asarray(y, np.float64).reshape(len(y), -1)
        if self._loss.targets == "counts" and rows.min() < 0:
            raise ValueError(f"loss='poisson' needs targets of at least 0, got {rows.min():g} in {name}.")
        return rows

    @property
    def _loss(self) -> Loss:
        return LOSSES[self.loss] if isinstance(self.loss, str) else self.loss

    def _n_outputs(self, targets: np.ndarray) -> int:
        levels = len(self._loss.options) if isinstance(self._loss, Quantile) else 1
        return int(targets.shape[1] * levels)

    def _output(self) -> str:
        return "exp" if self._loss.matched_activation == "exponential" else self._loss.matched_activation

    def _make_loss(self, dtype: np.dtype) -> Loss:
        return self._loss

    def _weigh(self, weights: np.ndarray, y: Any, incremental: bool) -> np.ndarray:
        return weights

    @property
    def _n_loss_targets(self) -> int:
        return int(self.n_outputs_) if isinstance(self._loss, SquaredError) else 1

    def _loss_offsets(self, targets: np.ndarray) -> np.ndarray:
        if not isinstance(self._loss, Poisson):
            return UNWEIGHTED
        targets = targets.astype(np.float64)
        return np.asarray((xlogy(targets, targets) - targets).sum(axis=1))

    @property
    def _scales_targets(self) -> bool:
        return bool(self.standardize and self._loss.targets == "numbers")

    def _fit_scalers(self, samples: Samples, incremental: bool) -> None:
        super()._fit_scalers(samples, incremental)
        if self._scales_targets:
            if not (incremental and hasattr(self, "target_scaler_")):
                self.target_scaler_ = StandardScaler()
            self.target_scaler_.partial_fit(samples.y, sample_weight=samples.sample_weight)

    def _scaled(self, samples: Samples) -> Samples:
        y = self.target_scaler_.transform(samples.y) if self._scales_targets else samples.y
        return samples.standardized(self._scaled_features(samples.X), y)

    def _score_outputs(self, outputs: np.ndarray, samples: Samples) -> float:
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(samples.labels, self._values(outputs), sample_weight=samples.sample_weight))
