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
    """Multi-layer perceptron classifier, in place of scikit-learn's and several times faster.

    It minimises the cross-entropy of softmax outputs, of one logistic output for two classes, or of a logistic output for
    each of several labels, -sum_k y_k log(a_k), by the same steps as `sklearn.neural_network.MLPClassifier`.

    Parameters
    ----------
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
    label_smoothing : float, default=0.0
        Share of each target that is spread evenly over all classes, in [0, 1].
    class_weight : dict, 'balanced' or None, default=None
        Weights of the classes, by which those of the samples are multiplied; 'balanced' is n_samples / (n_classes * count).
    optimizer : Optimizer or LBFGS, default=None
        A `fastnn` optimizer such as ``fastnn.AdamW(learning_rate=1e-3)``, in place of `solver` and of its parameters.
    schedule : Schedule or callable, default=None
        A member of `fastnn.schedules`, or a function from the number of a step to its learning rate, in place of
        `learning_rate`.
    max_grad_norm : float, default=None
        Length to which longer gradients are shortened.
    scoring : str, callable or None, default=None
        What early stopping watches: a scikit-learn scorer, or 'loss' for the loss of the validation data; by default
        accuracy, as in scikit-learn.
    standardize : bool or 'features', default=False
        Whether to bring each feature to mean 0 and variance 1 over the samples that are trained on, all calls of
        `partial_fit` included; a warm start keeps the scale it has. Columns in which nothing but 0 and 1 has been seen, in
        any call, are left alone: those of a one-hot encoding. `coefs_` are those of the scaled numbers.
    callbacks : list of fastnn.Callback, default=None
        Called after each iteration with the network and the history; they can end the training.
    progress : bool or callable, default=False
        Whether to show a progress bar, or a function of the share that is done and the history.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        Class labels for each output.
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
    feature_scaler_ : StandardScaler
        With `standardize`.

    Notes
    -----
    In float64 a training is scikit-learn's but for rounding: initial weights, order of the samples, penalties, losses,
    learning rates and stopping are the same. Differences: predictions have the type of the network, whatever that of X;
    a warm start with early stopping ends with the best parameters even if they are those it began with; batches whose
    weights add up to 0 only follow the penalty; a training whose parameters become NaN ends at once rather than after
    `max_iter` iterations, with the same error, and the parameters are then the best of early stopping, or else those of the
    last iteration in which all were finite; and the optimizer's means are pickled while `partial_fit` trains, but not after
    `fit`, so that a fitted model is as large as its parameters.

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

    #: What scikit-learn's says that it minimises.
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
            The class labels, or indicators of several labels each.
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
            As in `fit`. With early stopping, `stopped_early_` says that the score has not improved for
            `n_iter_no_change` calls; the parameters are then those of the best.

        Returns
        -------
        self : object
            Trained MLP model.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all samples at once, and partial_fit sees some: give it a dictionary, such as "
                "compute_class_weight('balanced', classes=classes, y=y_all) gives."
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
            raise ValueError("standardize='target' needs targets that are numbers: a classifier scales features only.")
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
        """Whether each sample has one of several classes, and so an output for each."""
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
        """The most probable class, by number, or which of the outputs are above one half; none where there is one class."""
        if self._has_classes:
            return np.argmax(outputs, axis=1)
        return (outputs > 0.5) & (len(self.classes_) > 1)

    def _labels(self, outputs: np.ndarray) -> np.ndarray:
        """What `predict` gives."""
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
    """A fitted `LabelBinarizer`; labels of plain types are looked through once, and not six times as by its `fit`."""
    binarizer = LabelBinarizer()
    if y.ndim != 1 or y.dtype.kind not in "biuU":
        return binarizer.fit(y)
    binarizer.classes_ = np.unique(y)
    binarizer.y_type_ = "multiclass" if len(binarizer.classes_) > 2 else "binary"
    binarizer.sparse_input_ = False
    return binarizer
