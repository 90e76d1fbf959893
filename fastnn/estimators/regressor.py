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

from fastnn.batches import UNWEIGHTED
from fastnn.estimators.base import MultilayerPerceptron
from fastnn.estimators.protocol import with_callbacks
from fastnn.estimators.samples import LabelledSamples
from fastnn.estimators.training import check_trains_in_steps
from fastnn.losses import AbsoluteError, Huber, Loss, Poisson, Quantile, SquaredError

#: Losses by name. scikit-learn's squared error is half of fastnn's.
LOSSES: dict[str, Loss] = {
    "squared_error": SquaredError(scale=0.5),
    "poisson": Poisson(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "quantile": Quantile(),
}


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Multi-layer perceptron regressor: a drop-in replacement for scikit-learn's, and several times faster.

    It minimises half the squared error, (1/2) sum_k (a_k - y_k)^2, or another loss, by the same steps as
    `sklearn.neural_network.MLPRegressor`.

    Parameters
    ----------
    loss : str or fastnn.losses.Loss, default='squared_error'
        {'squared_error', 'poisson'} as in scikit-learn, {'absolute_error', 'huber', 'quantile'}, or a fastnn loss with
        options, such as ``fastnn.losses.Quantile(levels=(0.1, 0.5, 0.9))``, which has one output per level. 'poisson' has
        exponential outputs and non-negative targets.
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer.
    activation : str or list of str, default='relu'
        Activation of all hidden layers, or one per layer: {'identity', 'logistic', 'tanh', 'relu'} as in scikit-learn, or
        any other hidden-layer activation in `fastnn.activations.ACTIVATIONS`, such as 'gelu'.
    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        L-BFGS on all samples at once, stochastic gradient descent, or Adam.
    alpha : float, default=0.0001
        Strength of the L2 penalty, for any optimizer: alpha / (2 n) sum W^2 is added to the mean loss of a batch, where n
        is its number of samples or total sample weight.
    batch_size : int or 'auto', default='auto'
        Samples per mini-batch; 'auto' is ``min(200, n_samples)``. Not used by 'lbfgs'.
    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        Learning-rate schedule of 'sgd': constant; eta / (t + 1)^power_t after t samples, updated after each iteration; or
        divided by 5 each time training stops improving (see `tol`).
    learning_rate_init : float, default=0.001
        The initial learning rate eta of 'sgd' and 'adam'.
    power_t : float, default=0.5
        Exponent of 'invscaling'.
    max_iter : int, default=200
        Maximum number of iterations: epochs, or steps of L-BFGS.
    shuffle : bool, default=True
        Whether each iteration visits the samples in a new order.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, order of the samples, validation split for early stopping, and dropout. The same seed
        reproduces the training of scikit-learn's class.
    tol : float, default=1e-4
        The training loss, or the validation score with early stopping, must improve by more than this. Training ends after
        more than `n_iter_no_change` iterations without such an improvement. For 'lbfgs', the largest gradient entry at
        which it stops.
    verbose : bool, default=False
        Whether to print the loss of each iteration.
    warm_start : bool, default=False
        Whether `fit` starts from the parameters of the last call.
    momentum : float, default=0.9
        Momentum of 'sgd', from 0 to 1.
    nesterovs_momentum : bool, default=True
        Whether 'sgd' uses Nesterov momentum.
    early_stopping : bool, default=False
        Whether to hold out some of the samples (stratified for two classes), stop training when their score no longer
        improves, and keep the parameters with the best score.
    validation_fraction : float, default=0.1
        Fraction of samples to hold out.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay rates of the mean gradient and the mean square in 'adam', in [0, 1).
    epsilon : float, default=1e-8
        Prevents division by zero in 'adam'; it is added before the bias correction, as in scikit-learn.
    n_iter_no_change : int or numpy.inf, default=10
        See `tol`.
    max_fun : int, default=15000
        Maximum number of evaluations of loss and gradient in 'lbfgs'.
    backend : {'numba', 'numpy'}, default='numba'
        Compiled kernels, or the NumPy reference. This and all following parameters are not in scikit-learn.
    n_threads : int, default=None
        Maximum number of threads; by default ``OMP_NUM_THREADS``, which joblib sets in its worker processes, or all
        processors, and one in joblib's worker threads. Results do not depend on it.
    dtype : {'float32', 'float64'}, default=None
        Data type of the parameters and all arithmetic; by default that of X, and float64 for integers, as in scikit-learn.
        'float32' is about twice as fast.
    dropout : float or list of float, default=0.0
        Fraction of a hidden layer's outputs to drop in training, in [0, 1); one value for all layers, or one per layer.
    normalization : {'batch', 'layer'} or None, default=None
        Normalisation of hidden layers before their activation: each unit over the batch, or the units of each sample. With
        'batch', a single left-over sample joins the previous batch, because it would equal its own mean.
    optimizer : Optimizer, LBFGS or str, default=None
        A `fastnn` optimizer such as ``fastnn.AdamW(learning_rate=1e-3)``, or its name, such as 'adamw', instead of
        `solver` and its parameters.
    schedule : Schedule or callable, default=None
        A schedule from `fastnn.schedules`, or a function from the number of a step to its learning rate, instead of
        `learning_rate`.
    max_grad_norm : float, default=None
        Maximum gradient norm; longer gradients are clipped.
    scoring : str, callable or None, default=None
        The score monitored by early stopping: a scikit-learn scorer, or 'loss' for the validation loss; by default R^2, as
        in scikit-learn.
    standardize : bool, 'features' or 'target', default=False
        Whether to standardise features, and targets except counts, to mean 0 and variance 1 over the training samples,
        including all calls of `partial_fit`; a warm start keeps its scale. Columns of X with only 0 and 1 in all calls,
        such as those of a one-hot encoding, are not scaled. `coefs_` and losses refer to scaled values; predictions are in
        the units of the targets, and in float64 if these are scaled.
    callbacks : list of fastnn.Callback, default=None
        Called after each iteration with the network and the history; they can stop training.
    progress : bool or callable, default=False
        Whether to show a progress bar, or a function of the fraction done and the history.

    Attributes
    ----------
    loss_ : float
        Loss of the last iteration, including the penalty.
    best_loss_ : float or None
        The smallest loss; None with early stopping.
    loss_curve_ : list of float
        Loss of each iteration.
    validation_scores_, validation_loss_curve_ : list of float or None
        Score and loss on the validation data after each iteration; None without such data.
    best_validation_score_ : float or None
        The best score, with early stopping.
    stopped_early_ : bool
        Whether training ended because it no longer improved.
    t_ : int
        Number of samples seen in training.
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases (n_out,) of each layer, views of one vector. Arrays that replace them are used
        from the next call on.
    network_ : fastnn.Network
        The underlying network, which `fastnn.save` can write to a file.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has feature names that are all strings.
    n_iter_ : int
        Number of iterations in the last call.
    n_layers_, n_outputs_ : int
        Number of layers, including the input layer, and number of outputs.
    out_activation_ : str
        Activation of the output layer.
    history_ : fastnn.History
        All results of each iteration; see also the curves above.
    feature_scaler_, target_scaler_ : StandardScaler
        The fitted scalers, with `standardize`.

    Notes
    -----
    In float64, training is identical to scikit-learn's up to rounding: initial weights, order of the samples, penalties,
    losses, learning rates and stopping are the same. Differences: predictions have the dtype of the network, not that of X,
    or float64 if targets are standardised; a warm start with early stopping ends with the best parameters even if they are
    those it started from; batches whose weights sum to 0 follow only the penalty; if parameters become NaN, training ends
    at once rather than after `max_iter` iterations, with the same error, and the parameters are then the best of early
    stopping, or else those of the last iteration in which all were finite; and the optimizer state is pickled after
    `partial_fit` but not after `fit`, so that a fitted model is only as large as its parameters.

    References
    ----------
    Glorot, Bengio (2010), Understanding the Difficulty of Training Deep Networks, for the initial weights; Kingma, Ba
    (2015), Adam: A Method for Stochastic Optimization; and those of `fastnn.optimizers`.

    Examples
    --------
    >>> from fastnn import MLPRegressor
    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(n_samples=200, n_features=20, random_state=1)
    >>> regressor = MLPRegressor(random_state=1, max_iter=2000, tol=0.1).fit(X, y)
    >>> regressor.score(X, y) > 0.9
    True
    """

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
        normalization: str | None = None,
        optimizer: Any = None,
        schedule: Any = None,
        max_grad_norm: float | None = None,
        scoring: Any = None,
        standardize: bool | str = False,
        callbacks: Any = None,
        progress: Any = False,
    ) -> None:
        self._keep(locals())

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
            Validation data, instead of a fraction of X; see `early_stopping`.
        sample_weight_val : array-like, default=None
            Sample weights of the validation data.

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
            As in `fit`. With early stopping, `stopped_early_` is set when the score has not improved for
            `n_iter_no_change` calls; the parameters are then those with the best score.

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
            The predicted values, with the dtype of the network, or float64 if targets are standardised.
        """
        return self._values(self._outputs(X))

    def _values(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs in the units of the targets."""
        if "target_scaler_" in self.__dict__:
            scaler = self.target_scaler_
            outputs = outputs * scaler.scale_ + scaler.mean_  # in single precision, large targets would lose digits
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        if self.standardize == "target" and self._loss.targets == "counts":
            raise ValueError(f"standardize='target' would scale counts, which loss={self.loss!r} needs unscaled.")
        X, y = self._validated(X, y, reset, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _encode(self, y: Any, name: str) -> np.ndarray:
        if y.dtype.kind not in "fiub":
            raise ValueError(f"{name} must be numbers, got elements of type {y.dtype}.")
        if self._loss.classifies:
            raise ValueError(f"MLPRegressor needs a regression loss, got {self.loss!r}: use MLPClassifier for classes.")
        rows = np.asarray(y, np.float64).reshape(len(y), -1)
        if self._loss.targets == "counts" and rows.min() < 0:
            raise ValueError(f"loss='poisson' needs targets of at least 0, got {rows.min():g} in {name}.")
        return np.repeat(rows, self._n_levels, axis=1)

    @property
    def _loss(self) -> Loss:
        return LOSSES[self.loss] if isinstance(self.loss, str) else self.loss

    def _n_outputs(self, targets: np.ndarray) -> int:
        return int(targets.shape[1])

    @property
    def _n_levels(self) -> int:
        """Number of outputs for each target: one for each level of quantiles."""
        return len(self._loss.options) if isinstance(self._loss, Quantile) else 1

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
        return self._standardizes("target") and self._loss.targets == "numbers"

    def _fit_scalers(self, samples: LabelledSamples, incremental: bool) -> None:
        super()._fit_scalers(samples, incremental)
        if self._scales_targets:
            self._fit_scaler("target_scaler_", StandardScaler(), samples.y, samples.sample_weight, incremental)

    def _scaled(self, samples: LabelledSamples) -> LabelledSamples:
        y = self.target_scaler_.transform(samples.y) if self._scales_targets else samples.y
        return samples.standardized(self._scaled_features(samples.X), y)

    def _score_outputs(self, outputs: np.ndarray, samples: LabelledSamples) -> float:
        if self._n_levels > 1:
            return -self._reported_loss(samples)
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(samples.labels, self._values(outputs), sample_weight=samples.sample_weight))
