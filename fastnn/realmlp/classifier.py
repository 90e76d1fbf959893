"""`RealMLPClassifier`."""

from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y

from fastnn.batches import weighted_mean
from fastnn.losses import Loss, SoftmaxCrossEntropy
from fastnn.realmlp.base import RealMLP, rows_with_outputs
from fastnn.realmlp.best_epoch import Metric, Rows, accuracy
from fastnn.realmlp.calibration import best_temperature, rescaled
from fastnn.realmlp.ensemble import Ensemble
from fastnn.realmlp.presets import CLASSIFICATION, Preset
from fastnn.tabular import TableEncoder


class RealMLPClassifier(ClassifierMixin, RealMLP):
    """RealMLP for classes: a network for tables that needs no tuning and no preprocessing.

    Tables may hold numbers of any scale, categories, strings, booleans and missing values, in a pandas or Polars data frame,
    an Arrow table, or an array. Numbers are robustly scaled and embedded, categories one-hot encoded or embedded; a network
    with three hidden layers of 256 units is trained for 256 epochs on the smoothed cross-entropy, and the best epoch on
    held-out rows is kept.

    Parameters
    ----------
    preset : {'td', 'td-s'}, default='td'
        The hyperparameters: RealMLP-TD, the tuned defaults of the paper, or the simplified RealMLP-TD-S, which trains
        faster. `fastnn.realmlp.presets` lists them with their sources. The parameters below whose default is None override
        those of the preset.
    n_members : int or 'auto', default='auto'
        Number of networks whose probabilities are averaged, trained in parallel, each on other rows; 'auto' trains 4 on up
        to 4,000 rows, and a single one on more.
    refit : bool, default=False
        Whether to train all networks again on all rows, for as many epochs as were best on average. This takes twice the
        time.
    validation_fraction : float, default=0.2
        Fraction of the rows, at most 1/2, that each network holds out, different ones as far as possible, to choose its best
        epoch by. With 0, and with fewer than 10 rows, none are held out, and the last epoch is kept.
    scoring : str or callable, default=None
        The value by which the best epoch is chosen: the name of a scikit-learn scorer, or a function
        ``scorer(estimator, X, y)`` of encoded held-out rows and class numbers. By default the accuracy; of several epochs
        with the best value, the last one is kept.
    calibrate : bool, default=True
        Whether to scale the probabilities by a temperature, fitted on held-out rows. This changes no predicted class.
    oob_score : bool, default=False
        Whether to keep the probabilities of held-out rows, and their accuracy.
    class_weight : dict, 'balanced' or None, default=None
        Weights of the classes, as in scikit-learn.
    categorical_features : 'from_dtype', None or array-like, default='from_dtype'
        Which columns are categories: those whose dtype is a category, enum, string or boolean; none; or exactly those given
        by name, by position or by a boolean mask.
    max_one_hot : int, default=None
        The most levels of a category that is one-hot encoded; categories with more have embeddings.
    hidden_layer_sizes : int or array-like of int, default=None
        Units of each hidden layer.
    n_epochs, batch_size : int, default=None
        Epochs, and rows per batch.
    learning_rate : float, default=None
        The largest learning rate.
    dropout, weight_decay, label_smoothing : float, default=None
        Initial dropout rate and weight decay, and label smoothing.
    random_state : int, RandomState instance or None, default=None
        Seed of held-out rows, initial parameters, order of the rows, and dropout.
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last call, on a table with the same columns and classes.
    backend : {'numba', 'numpy'}, default='numba'
        Compiled kernels, or the NumPy reference.
    n_threads : int, default=None
        Maximum number of threads; by default all processors available to the process. Results do not depend on it.
    progress : bool or callable, default=False
        Whether to show a progress bar; or a function, as in `Network.fit`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    columns_ : tuple of fastnn.tabular.Column
        What each column of the table was taken for: its name, kind, and numbers of levels and missing cells.
    encoder_ : fastnn.tabular.TableEncoder
        The fitted encoder.
    networks_ : list of fastnn.Network
        The networks; they expect encoded rows.
    best_epochs_ : list of int
        The epoch whose parameters each network has.
    temperature_ : float
        The temperature T of the probabilities, p_k^(1/T) normalised.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        With `oob_score`, the probabilities of each row from the networks that had held it out; NaN if none had.
    oob_score_ : float
        With `oob_score`, the accuracy on these rows.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of str
        Their names, if they are strings.

    References
    ----------
    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data,
    NeurIPS, arXiv 2407.04491; Guo, Pleiss, Sun, Weinberger (2017), On Calibration of Modern Neural Networks.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastnn import RealMLPClassifier
    >>> X = pd.DataFrame({"size": [1.0, 2.0, 8.0, 9.0] * 8, "colour": ["red", "blue", "red", None] * 8})
    >>> y = ["small", "small", "large", "large"] * 8
    >>> classifier = RealMLPClassifier(n_members=1, random_state=0).fit(X, y)
    >>> classifier.predict(X[:4]).tolist()
    ['small', 'small', 'large', 'large']
    """

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's own way)
        **RealMLP._parameter_constraints,
        "calibrate": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="both"), None],
    }

    _presets = CLASSIFICATION

    def __init__(
        self,
        preset: str = "td",
        *,
        n_members: int | str = "auto",
        refit: bool = False,
        validation_fraction: float = 0.2,
        scoring: Any = None,
        calibrate: bool = True,
        oob_score: bool = False,
        class_weight: Any = None,
        categorical_features: Any = "from_dtype",
        max_one_hot: int | None = None,
        hidden_layer_sizes: Any = None,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        label_smoothing: float | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        backend: str = "numba",
        n_threads: int | None = None,
        progress: Any = False,
    ) -> None:
        self._keep(locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the networks to a table and its classes.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table. Missing cells are None, NaN or the container's own missing value.
        y : array-like of shape (n_samples,)
            The classes: numbers, strings or booleans.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        self : RealMLPClassifier
            The fitted estimator.
        """
        labels = self._checked_labels(y)
        classes, numbers = np.unique(labels, return_inverse=True)
        if self.warm_start and hasattr(self, "members_"):
            classes, numbers = self._known_classes(classes, labels)
        if len(classes) == 1:
            raise ValueError(
                f"y must have at least 2 classes, got only {classes[0]!r}: there is nothing to tell apart."
            )
        self._train(X, labels, sample_weight, (numbers, numbers, len(classes)))
        self.classes_ = classes
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            A table with the columns of the training table; named columns may be in another order.

        Returns
        -------
        ndarray of shape (n_samples,)
            The classes.
        """
        outputs = self._mean_outputs(X)
        return np.asarray(self.classes_[outputs.argmax(axis=1)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, in the order of `classes_`: (n_samples, n_classes).

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            As in `predict`.
        """
        outputs = self._mean_outputs(X)
        return rescaled(outputs, self.temperature_)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of `predict_proba`."""
        return np.asarray(np.log(self.predict_proba(X)))

    def _checked_labels(self, y: Any) -> np.ndarray:
        """Labels as a vector."""
        labels = _check_y(column_or_1d(y, warn=True), estimator=self)
        check_classification_targets(labels)
        return np.asarray(labels)

    def _known_classes(self, classes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The classes of the last fit, and the position of each label among them."""
        unknown = np.setdiff1d(classes, self.classes_)
        if len(unknown):
            raise ValueError(
                f"warm_start goes on with the classes {list(self.classes_)}, got also {list(unknown)}: "
                "set warm_start=False to start again."
            )
        return self.classes_, np.searchsorted(self.classes_, labels)

    @property
    def _default_metric(self) -> Metric:
        return accuracy

    def _loss(self, preset: Preset) -> Loss:
        return SoftmaxCrossEntropy(label_smoothing=preset.label_smoothing)

    def _weights(self, sample_weight: Any, encoded: np.ndarray, y: np.ndarray) -> np.ndarray:
        weights = super()._weights(sample_weight, encoded, y)
        if self.class_weight is None:
            return weights
        factors = np.asarray(compute_sample_weight(self.class_weight, y))
        return factors * weights if len(weights) else factors

    def _adopt(self, encoder: TableEncoder, ensemble: Ensemble, rows: Rows) -> None:
        super()._adopt(encoder, ensemble, rows)
        outputs, known = ensemble.held_out_outputs, rows_with_outputs(ensemble.held_out_outputs)
        held_out, self.temperature_ = rows.take(known), 1.0
        if self.calibrate and len(known):
            self.temperature_ = best_temperature(outputs[known], held_out.y, held_out.weights)
        if self.oob_score:
            self.oob_decision_function_ = rescaled(outputs, self.temperature_)
            right = outputs[known].argmax(axis=1) == held_out.y
            self.oob_score_ = weighted_mean(right, held_out.weights) if len(known) else np.nan
