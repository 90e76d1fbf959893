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

#: The losses by name. scikit-learn's squared error is half of fastnn's.
LOSSES: dict[str, Loss] = {
    "squared_error": SquaredError(scale=0.5),
    "poisson": Poisson(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "quantile": Quantile(),
}


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Multi-layer perceptron regressor, in place of scikit-learn's and several times faster.

    It minimises half the squared error, (1/2) sum_k (a_k - y_k)^2, or another loss, by the same steps as
    `sklearn.neural_network.MLPRegressor`.

    Parameters
    ----------
    loss : str or fastnn.losses.Loss, default='squared_error'
        {'squared_error', 'poisson'} as in scikit-learn, {'absolute_error', 'huber', 'quantile'}, or a loss of fastnn with
        its options, such as ``fastnn.losses.Quantile(levels=(0.1, 0.5, 0.9))``, which has an output for each level.
        'poisson' has exponential outputs, and targets of at least 0.
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer.
    activation : str or list of str, default='relu'
        Activation of the hidden layers, or one for each: {'identity', 'logistic', 'tanh', 'relu'} as in scikit-learn, or
        any other of `fastnn.activations.ACTIVATIONS` that may stand on a hidden layer, such as 'gelu'.
    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        L-BFGS on all samples at once, stochastic gradient descent, or Adam.
    alpha : float, default=0.0001
        Strength of the L2 penalty: a batch of n samples, or of that total weight, adds alpha / (2 n) sum W^2 to its mean
        loss, whatever the optimizer.
    batch_size : int or 'auto', default='auto'
        LabelledSamples of a batch; 'auto' is ``min(200, n_samples)``. Without meaning for 'lbfgs'.
    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        What becomes of the learning rate, for 'sgd': nothing; eta / (t + 1)^power_t after t samples, changed once an
        iteration; or a fifth of it each time that training no longer improves (see `tol`).
    learning_rate_init : float, default=0.001
        The rate eta, for 'sgd' and 'adam'.
    power_t : float, default=0.5
        Exponent of 'invscaling'.
    max_iter : int, default=200
        Iterations at most: passes over the data, or steps of L-BFGS.
    shuffle : bool, default=True
        Whether each iteration visits the samples in a new order.
    random_state : int, RandomState instance or None, default=None
        Of initial weights, order of the samples, what is held out for early stopping, and units that are dropped. The same
        number gives the same training as scikit-learn's class.
    tol : float, default=1e-4
        An improvement is more than this, of the training loss, or of the validation score with early stopping. Without
        one for more than `n_iter_no_change` iterations, training ends. For 'lbfgs', the largest entry of the gradient at
        which it ends.
    verbose : bool, default=False
        Whether to print the loss of each iteration.
    warm_start : bool, default=False
        Whether `fit` begins with the parameters of the last call.
    momentum : float, default=0.9
        Share of the velocity that 'sgd' keeps from step to step, from 0 to 1.
    nesterovs_momentum : bool, default=True
        Whether 'sgd' looks ahead along the velocity.
    early_stopping : bool, default=False
        Whether to hold out a share of the samples, of both classes alike where there are two, to end training when their
        score no longer improves, and to keep the parameters with the best.
    validation_fraction : float, default=0.1
        That share.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Shares of the mean gradient and of the mean square that 'adam' keeps, in [0, 1).
    epsilon : float, default=1e-8
        Keeps Adam's quotient finite; it stands beside the uncorrected root, as in scikit-learn.
    n_iter_no_change : int or numpy.inf, default=10
        See `tol`.
    max_fun : int, default=15000
        Losses and gradients that 'lbfgs' asks for at most.
    backend : {'numba', 'numpy'}, default='numba'
        Compiled kernels, or the reference. This and what follows, scikit-learn does not have.
    n_threads : int, default=None
        Threads to compute with at most; by default ``OMP_NUM_THREADS``, which joblib sets in its worker processes, or all
        processors, and one in joblib's worker threads. Results are the same for any number.
    dtype : {'float32', 'float64'}, default=None
        Type of the parameters and all arithmetic; by default that of X, and float64 for whole numbers, as in scikit-learn.
        'float32' is about twice as fast.
    dropout : float or list of float, default=0.0
        Share of the outputs of a hidden layer that training drops at random, in [0, 1); one for all layers, or one each.
    normalization : {'batch', 'layer'} or None, default=None
        What the hidden layers normalise before their activation: each unit over the batch, or the units of each sample. A
        last batch of a single sample, which would be its own mean, joins the batch before under 'batch'.
    optimizer : Optimizer or LBFGS, default=None
        A `fastnn` optimizer such as ``fastnn.AdamW(learning_rate=1e-3)``, in place of `solver` and of its parameters.
    schedule : Schedule or callable, default=None
        A member of `fastnn.schedules`, or a function from the number of a step to its learning rate, in place of
        `learning_rate`.
    max_grad_norm : float, default=None
        Length to which longer gradients are shortened.
    scoring : str, callable or None, default=None
        What early stopping watches: a scikit-learn scorer, or 'loss' for the loss of the validation data; by default
        R^2, as in scikit-learn.
    standardize : bool, 'features' or 'target', default=False
        Whether to bring each feature, and each target but counts, to mean 0 and variance 1 over the samples that are
        trained on, all calls of `partial_fit` included; a warm start keeps the scale it has. Columns of X in which nothing
        but 0 and 1 has been seen, in any call, are left alone: those of a one-hot encoding. `coefs_` and losses are those
        of the scaled numbers; predictions are in the unit of the targets, and in float64 where these are scaled.
    callbacks : list of fastnn.Callback, default=None
        Called after each iteration with the network and the history; they can end the training.
    progress : bool or callable, default=False
        Whether to show a progress bar, or a function of the share that is done and the history.

    Attributes
    ----------
    loss_ : float
        Loss of the last iteration, with the penalty.
    best_loss_ : float or None
        The smallest; None with early stopping.
    loss_curve_ : list of float
        One for each iteration.
    validation_scores_, validation_loss_curve_ : list of float or None
        Score and loss of the validation data after each iteration; None without any.
    best_validation_score_ : float or None
        The best, with early stopping.
    stopped_early_ : bool
        Whether training ended because it no longer improved.
    t_ : int
        LabelledSamples seen in training.
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases (n_out,) of each layer, views of one vector. Arrays that are put in their place
        are taken up at the next call.
    network_ : fastnn.Network
        The network that these belong to, which `fastnn.save` writes to a file.
    n_features_in_ : int
        Features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.
    n_iter_ : int
        Iterations of the last call.
    n_layers_, n_outputs_ : int
        Layers, inputs included; outputs.
    out_activation_ : str
        Activation of the output layer.
    history_ : fastnn.History
        What was measured in each iteration; see also the curves above.
    feature_scaler_, target_scaler_ : StandardScaler
        With `standardize`.

    Notes
    -----
    In float64 a training is scikit-learn's but for rounding: initial weights, order of the samples, penalties, losses,
    learning rates and stopping are the same. Differences: predictions have the type of the network, whatever that of X,
    or float64 where targets are standardised; a warm start with early stopping ends with the best parameters even if they
    are those it began with; batches whose weights add up to 0 only follow the penalty; a training whose parameters become
    NaN ends at once rather than after `max_iter` iterations, with the same error, and the parameters are then the best of
    early stopping, or else those of the last iteration in which all were finite; and the optimizer's means are pickled
    while `partial_fit` trains, but not after `fit`, so that a fitted model is as large as its parameters.

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
            The predicted values, in the type of the network, or float64 where targets are standardised.
        """
        return self._values(self._outputs(X))

    def _values(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs in the unit of the targets."""
        if "target_scaler_" in self.__dict__:
            scaler = self.target_scaler_
            levels = outputs.shape[1] // len(scaler.scale_)
            mean, scale = (np.repeat(numbers, levels) for numbers in (scaler.mean_, scaler.scale_))
            outputs = outputs * scale + mean  # in double precision: single has few digits left of large targets
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        if self.standardize == "target" and self._loss.targets == "counts":
            raise ValueError(f"standardize='target' would scale counts, which loss={self.loss!r} takes as they are.")
        X, y = self._validated(X, y, reset, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _encode(self, y: Any, name: str) -> np.ndarray:
        if y.dtype.kind not in "fiub":
            raise ValueError(f"{name} must be numbers, got elements of type {y.dtype}.")
        if self._loss.classifies:
            raise ValueError(
                f"MLPRegressor needs a loss of numbers, got {self.loss!r}: for classes take MLPClassifier."
            )
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
        return self._standardizes("target") and self._loss.targets == "numbers"

    def _fit_scalers(self, samples: LabelledSamples, incremental: bool) -> None:
        super()._fit_scalers(samples, incremental)
        if self._scales_targets:
            self._fit_scaler("target_scaler_", StandardScaler(), samples.y, samples.sample_weight, incremental)

    def _scaled(self, samples: LabelledSamples) -> LabelledSamples:
        y = self.target_scaler_.transform(samples.y) if self._scales_targets else samples.y
        return samples.standardized(self._scaled_features(samples.X), y)

    def _score_outputs(self, outputs: np.ndarray, samples: LabelledSamples) -> float:
        if outputs.shape[1] != samples.y.shape[1]:  # several quantiles of each target
            return -self._reported_loss(samples)
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(samples.labels, self._values(outputs), sample_weight=samples.sample_weight))
