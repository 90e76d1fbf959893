"""`MLPClassifier`."""

import math
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from fastnn.estimators.base import MultilayerPerceptron
from fastnn.estimators.protocol import with_callbacks
from fastnn.estimators.samples import LabelledSamples
from fastnn.estimators.training import check_trains_in_steps
from fastnn.losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """Multi-layer perceptron classifier: a drop-in replacement for scikit-learn's, and several times faster.

    It minimises the cross-entropy -sum_k y_k log(a_k) of softmax outputs, of one logistic output for two classes, or of one
    logistic output per label for multilabel targets, by the same steps as `sklearn.neural_network.MLPClassifier`.

    Parameters
    ----------
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
    label_smoothing : float, default=0.0
        Fraction of each target that is spread evenly over all classes, in [0, 1].
    class_weight : dict, 'balanced' or None, default=None
        Class weights, which multiply the sample weights; 'balanced' is n_samples / (n_classes * count).
    optimizer : Optimizer, LBFGS or str, default=None
        A `fastnn` optimizer such as ``fastnn.AdamW(learning_rate=1e-3)``, or its name, such as 'adamw', instead of
        `solver` and its parameters.
    schedule : Schedule or callable, default=None
        A schedule from `fastnn.schedules`, or a function from the number of a step to its learning rate, instead of
        `learning_rate`.
    max_grad_norm : float, default=None
        Maximum gradient norm; longer gradients are clipped.
    scoring : str, callable or None, default=None
        The score monitored by early stopping: a scikit-learn scorer, or 'loss' for the validation loss; by default
        accuracy, as in scikit-learn.
    standardize : bool or 'features', default=False
        Whether to standardise each feature to mean 0 and variance 1 over the training samples, including all calls of
        `partial_fit`; a warm start keeps its scale. Columns with only 0 and 1 in all calls, such as those of a one-hot
        encoding, are not scaled. `coefs_` apply to scaled features.
    callbacks : list of fastnn.Callback, default=None
        Called after each iteration with the network and the history; they can stop training.
    progress : bool or callable, default=False
        Whether to show a progress bar, or a function of the fraction done and the history.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        Class labels for each output.
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
    feature_scaler_ : StandardScaler
        The fitted scaler, with `standardize`.

    Notes
    -----
    In float64, training is identical to scikit-learn's up to rounding: initial weights, order of the samples, penalties,
    losses, learning rates and stopping are the same. Differences: predictions have the dtype of the network, not that of X;
    a warm start with early stopping ends with the best parameters even if they are those it started from; batches whose
    weights sum to 0 follow only the penalty; if parameters become NaN, training ends at once rather than after `max_iter`
    iterations, with the same error, and the parameters are then the best of early stopping, or else those of the last
    iteration in which all were finite; and the optimizer state is pickled after `partial_fit` but not after `fit`, so that
    a fitted model is only as large as its parameters.

    References
    ----------
    Glorot, Bengio (2010), Understanding the Difficulty of Training Deep Networks, for the initial weights; Kingma, Ba
    (2015), Adam: A Method for Stochastic Optimization; and those of `fastnn.optimizers`.

    Examples
    --------
    >>> from fastnn import MLPClassifier
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(n_samples=100, random_state=1)
    >>> classifier = MLPClassifier(random_state=1, max_iter=300).fit(X, y)
    >>> classifier.predict(X[:5]).tolist() == y[:5].tolist()
    True
    """

    #: The name of the loss in scikit-learn's class.
    loss = "log_loss"

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's own way)
        **MultilayerPerceptron._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="both")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
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
        label_smoothing: float = 0.0,
        class_weight: Any = None,
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
    ) -> "MLPClassifier":
        """Fit the model to data matrix X and target(s) y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The class labels, or a multilabel indicator matrix.
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
        classes: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "MLPClassifier":
        """Update the model with a single iteration over the given data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,)
            The target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.
        classes : array of shape (n_classes,), default=None
            Classes across all calls to partial_fit; required for the first call, and can be omitted in the others. y need
            not contain all of them.
        X_val, y_val, sample_weight_val : array-like, default=None
            As in `fit`. With early stopping, `stopped_early_` is set when the score has not improved for
            `n_iter_no_change` calls; the parameters are then those with the best score.

        Returns
        -------
        self : object
            Trained MLP model.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all samples, and partial_fit sees only some: pass a dictionary of weights, "
                "computed with compute_class_weight('balanced', classes=classes, y=y_all)."
            )
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
        self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=True)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict using the multi-layer perceptron classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray, shape (n_samples,) or (n_samples, n_classes)
            The predicted classes.
        """
        return self._labels(self._outputs(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability estimates.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y_prob : ndarray of shape (n_samples, n_classes)
            The predicted probability of the sample for each class in the model, where classes are ordered as they are in
            `self.classes_`.
        """
        A = self._outputs(X)
        return np.hstack([1 - A, A]) if self.n_outputs_ == 1 else A

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the log of probability estimates.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        log_y_prob : ndarray of shape (n_samples, n_classes)
            The predicted log-probability of the sample for each class in the model, where classes are ordered as they are
            in `self.classes_`. Equivalent to `log(predict_proba(X))`.
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        if isinstance(self.standardize, str) and self.standardize == "target":
            raise ValueError("standardize='target' needs numeric targets: a classifier scales only features.")
        X, y = self._validated(X, y, reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = _binarizer(y)
            self.classes_ = self._label_binarizer.classes_
            return X, y
        classes = unique_labels(y)
        if self.warm_start and not incremental:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously"
                    f" got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )
        return X, y

    @property
    def _has_classes(self) -> bool:
        """Whether there are more than two classes, with one output each."""
        return bool(self._label_binarizer.y_type_ == "multiclass")

    def _encode(self, y: Any, name: str) -> np.ndarray:
        if self._has_classes and y.ndim == 1:
            return np.searchsorted(self.classes_, y).astype(np.int64, copy=False)
        if self._label_binarizer.y_type_ == "binary" and len(self.classes_) == 2 and y.ndim == 1:
            return np.asarray(y == self.classes_[1], np.float32)[:, np.newaxis]
        return np.asarray(self._label_binarizer.transform(y), np.float32)

    def _n_outputs(self, targets: np.ndarray) -> int:
        return len(self.classes_) if self._has_classes else targets.shape[1]

    def _output(self) -> str:
        return "softmax" if self._has_classes else "logistic"

    def _make_loss(self, dtype: np.dtype) -> Loss:
        kind = SoftmaxCrossEntropy if self.out_activation_ == "softmax" else BinaryCrossEntropy
        return kind(label_smoothing=float(self.label_smoothing), ceiling=-math.log(np.finfo(dtype).eps))

    def _weigh(self, weights: np.ndarray, y: Any, incremental: bool) -> np.ndarray:
        if self.class_weight is None:
            return weights
        factors = compute_sample_weight(self.class_weight, y)
        return factors * weights if len(weights) else factors

    @property
    def _stratifies(self) -> bool:
        return bool(self.n_outputs_ == 1)

    def _decisions(self, outputs: np.ndarray) -> np.ndarray:
        """The index of the most probable class, or which outputs are above one half; none if there is only one class."""
        if self._has_classes:
            return np.argmax(outputs, axis=1)
        return (outputs > 0.5) & (len(self.classes_) > 1)

    def _labels(self, outputs: np.ndarray) -> np.ndarray:
        """Labels from outputs, as returned by `predict`."""
        if self._has_classes:
            return np.asarray(self.classes_[np.argmax(outputs, axis=1)])
        binarizer = self._label_binarizer
        if binarizer.y_type_ == "binary" and len(self.classes_) == 2:
            return np.asarray(self.classes_[(outputs[:, 0] > 0.5).astype(np.intp)])
        return binarizer.inverse_transform(outputs.ravel() if self.n_outputs_ == 1 else outputs)

    def _score_outputs(self, outputs: np.ndarray, samples: LabelledSamples) -> float:
        right = self._decisions(outputs) == samples.y
        return float(np.average(right if right.ndim == 1 else right.all(axis=1), weights=samples.sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _binarizer(y: np.ndarray) -> LabelBinarizer:
    """A fitted `LabelBinarizer`; labels of plain types are scanned only once, not six times as by its `fit`."""
    binarizer = LabelBinarizer()
    if y.ndim != 1 or y.dtype.kind not in "biuU":
        return binarizer.fit(y)
    binarizer.classes_ = np.unique(y)
    binarizer.y_type_ = "multiclass" if len(binarizer.classes_) > 2 else "binary"
    binarizer.sparse_input_ = False
    return binarizer
