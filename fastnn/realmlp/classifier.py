"""`RealMLPClassifier`."""

from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions

from fastnn.batches import weighted_mean
from fastnn.losses import Loss, SoftmaxCrossEntropy
from fastnn.realmlp.base import RealMLP, rows_with_outputs
from fastnn.realmlp.best_epoch import Metric, accuracy
from fastnn.realmlp.calibration import best_temperature, rescaled
from fastnn.realmlp.given import check_class_weight, checked_labels, checked_weights
from fastnn.realmlp.presets import CLASSIFICATION, Preset
from fastnn.tabular.labels import listing, quoted


class RealMLPClassifier(ClassifierMixin, RealMLP):
    """RealMLP for classes: a network for tables that needs no tuning and no preprocessing.

    Tables may hold numbers of any scale, categories, strings, booleans and missing values, in a pandas or Polars data frame,
    an Arrow table, or an array. Numbers are robustly scaled and embedded, categories one-hot encoded or embedded; a network
    with three hidden layers of 256 units is trained on the smoothed cross-entropy, and the best epoch on
    held-out rows is kept.

    Parameters
    ----------
    preset : {'td', 'td-s'}, default='td'
        The hyperparameters: RealMLP-TD, the tuned defaults of the paper, or the simplified RealMLP-TD-S, which trains
        faster. `fastnn.realmlp.presets` lists them with their sources. The parameters below whose default is None override
        those of the preset.
    n_members : int or 'auto', default='auto'
        Number of networks whose probabilities are averaged, trained in parallel, each on other rows. 'auto' trains 4, for
        half as many epochs as the preset has unless `n_epochs` is given: they take twice the time of one, and err less.
    refit : bool, default=False
        Whether to train all networks again on all rows, for as many epochs as were best on average. This takes twice the
        time.
    validation_fraction : float, default=0.2
        Fraction of the rows, rounded to 1/2, 1/3, 1/4, ..., that each network holds out to choose its best epoch by; up to
        1 / fraction networks hold out different rows. With 0, and with fewer than 10 rows, none are held out, and the last
        epoch is kept.
    scoring : str or callable, default=None
        The value by which the best epoch is chosen: the name of a scikit-learn scorer, or a function
        ``scorer(network, X, y)`` of encoded held-out rows and class numbers. By default the accuracy; of several epochs
        with the best value, the last one is kept.
    calibrate : bool, default=True
        Whether to scale the probabilities by a temperature, fitted on held-out rows. This changes no predicted class.
    oob_score : bool, default=False
        Whether to keep the probabilities of held-out rows, and their accuracy.
    class_weight : dict, 'balanced' or None, default=None
        Weights of the classes, by which those of their rows are multiplied: a dictionary, where the default is 1; or
        'balanced' for weights inversely proportional to the number of rows.
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
        Whether `fit` goes on from the networks of the last call, on a table with the same columns and classes. Of the
        networks' hyperparameters, only `n_epochs`, `batch_size`, `learning_rate` and `weight_decay` may then change.
    backend : {'numba', 'numpy'}, default='numba'
        Compiled kernels, or the NumPy reference.
    n_threads : int, default=None
        Maximum number of threads; by default all processors available to the process. Results do not depend on it.
    progress : bool, callable or None, default=False
        Whether to show a progress bar, with None only in a terminal; or a function, which is called with the fraction of the
        work done and a history, as in `Network.fit`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    columns_ : tuple of fastnn.tabular.Column
        What each column of the table was taken for: its name, its kind, and its numbers of levels and of missing cells.
    encoder_ : fastnn.tabular.TableEncoder
        The fitted encoder.
    networks_ : list of fastnn.Network
        The networks; they expect encoded rows, ``encoder_.transform(X)``.
    n_members_ : int
        Number of networks.
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
            Weight of each row, at least 0. Rows of weight 0 are neither trained on nor held out.

        Returns
        -------
        self : RealMLPClassifier
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If table, classes, weights or parameters are unusable.
        DivergenceError
            If training diverges before any epoch could be kept. After any error, the estimator is as it was before.
        """
        labels = checked_labels(y, self)
        classes, numbers = self._numbered(labels)
        weights = self._weights(checked_weights(sample_weight, labels), labels)
        encoder, ensemble = self._train(X, weights, (numbers, numbers, len(classes)))
        self._adopt(encoder, ensemble, classes_=classes, **self._held_out(ensemble.held_out_outputs, numbers, weights))
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
        return rescaled(self._mean_outputs(X), self.temperature_)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of `predict_proba`."""
        return np.asarray(np.log(self.predict_proba(X)))

    def _numbered(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The classes, and the position of each label among them; with `warm_start`, the classes of the last fit."""
        classes, numbers = np.unique(labels, return_inverse=True)
        if self._goes_on:
            known = {label: number for number, label in enumerate(self.classes_.tolist())}
            unknown = [label for label in classes.tolist() if label not in known]
            if unknown:
                raise ValueError(
                    f"warm_start goes on with the classes {listing(known)}, got also {listing(unknown)}: "
                    "set warm_start=False to start again."
                )
            return self.classes_, np.array([known[label] for label in classes.tolist()])[numbers]
        if len(classes) == 1:
            raise ValueError(
                f"y must have at least 2 classes, got only 1 class, {quoted(classes[0])}: there is nothing to tell apart."
            )
        return classes, numbers

    def _default_metric(self, targets: np.ndarray) -> Metric:
        return accuracy

    def _loss(self, preset: Preset) -> Loss:
        return SoftmaxCrossEntropy(label_smoothing=preset.label_smoothing)

    def _weights(self, weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Sample weights times class weights; empty if all rows count equally."""
        if self.class_weight is None:
            return weights
        if isinstance(self.class_weight, dict):
            check_class_weight(self.class_weight, np.unique(labels).tolist())
        factors = np.asarray(compute_sample_weight(self.class_weight, labels), np.float64)
        weights = factors * weights if len(weights) else factors
        if not weights.any():
            raise ValueError(f"class_weight must leave a weight above 0 to some row, got {self.class_weight!r}.")
        return weights

    def _held_out(self, outputs: np.ndarray, numbers: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
        """The attributes that come from held-out rows: the temperature, and those with `oob_score`."""
        known = rows_with_outputs(outputs)
        held_out = weights[known] if len(weights) else weights
        temperature = 1.0
        if self.calibrate and len(known):
            temperature = best_temperature(outputs[known], numbers[known], held_out)
        if not self.oob_score:
            return {"temperature_": temperature}
        right = outputs[known].argmax(axis=1) == numbers[known]
        return {
            "temperature_": temperature,
            "oob_decision_function_": rescaled(outputs, temperature),
            "oob_score_": weighted_mean(right, held_out) if len(known) else np.nan,
        }
