"""`RealMLPRegressor`."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score

from fastnn.losses import Loss, SquaredError
from fastnn.realmlp.base import RealMLP, rows_with_outputs
from fastnn.realmlp.best_epoch import Metric, negative_squared_error
from fastnn.realmlp.ensemble import Ensemble
from fastnn.realmlp.given import checked_targets, checked_weights
from fastnn.realmlp.member import Member
from fastnn.realmlp.presets import REGRESSION, Preset
from fastnn.realmlp.targets import TargetScale


class RealMLPRegressor(RegressorMixin, RealMLP):
    """RealMLP for numbers: a network for tables that needs no tuning and no preprocessing.

    Tables may hold numbers of any scale, categories, strings, booleans and missing values, in a pandas or Polars data frame,
    an Arrow table, or an array. Numbers are robustly scaled and embedded, categories one-hot encoded or embedded, targets
    standardised; a network with three hidden layers of 256 units is trained on the squared error, and the
    best epoch on held-out rows is kept.

    Parameters
    ----------
    preset : {'td', 'td-s'}, default='td'
        The hyperparameters: RealMLP-TD, the tuned defaults of the paper, or the simplified RealMLP-TD-S, which trains
        faster. `fastnn.realmlp.presets` lists them with their sources. The parameters below whose default is None override
        those of the preset.
    n_members : int or 'auto', default='auto'
        Number of networks whose predictions are averaged, trained in parallel, each on other rows. 'auto' trains 4, for
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
        ``scorer(network, X, y)`` of encoded held-out rows and standardised targets. By default minus the mean squared
        error; of several epochs with the best value, the last one is kept.
    oob_score : bool, default=False
        Whether to keep the predictions of held-out rows, and their R^2.
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
    dropout, weight_decay : float, default=None
        Initial dropout rate and weight decay.
    random_state : int, RandomState instance or None, default=None
        Seed of held-out rows, initial parameters, order of the rows, and dropout.
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last call, on a table with the same columns and number of
        targets. Of the networks' hyperparameters, only `n_epochs`, `batch_size`, `learning_rate` and `weight_decay` may
        then change.
    backend : {'numba', 'numpy'}, default='numba'
        Compiled kernels, or the NumPy reference.
    n_threads : int, default=None
        Maximum number of threads; by default all processors available to the process. Results do not depend on it.
    progress : bool, callable or None, default=False
        Whether to show a progress bar, with None only in a terminal; or a function, which is called with the fraction of the
        work done and a history, as in `Network.fit`.

    Attributes
    ----------
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
    target_means_, target_deviations_ : ndarray of shape (n_targets,)
        Mean and standard deviation by which targets are standardised.
    target_minima_, target_maxima_ : ndarray of shape (n_targets,)
        Range of the targets, to which predictions are limited with the preset 'td'.
    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        With `oob_score`, the prediction for each row from the networks that had held it out; NaN if none had.
    oob_score_ : float
        With `oob_score`, R^2 on these rows.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of str
        Their names, if they are strings.

    References
    ----------
    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data,
    NeurIPS, arXiv 2407.04491.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import RealMLPRegressor
    >>> X = np.linspace(0, 3, 200).reshape(-1, 1)
    >>> regressor = RealMLPRegressor(n_members=1, random_state=0).fit(X, np.sin(X[:, 0]))
    >>> bool(abs(regressor.predict([[1.0]])[0] - np.sin(1.0)) < 0.1)
    True
    """

    _presets = REGRESSION

    def __init__(
        self,
        preset: str = "td",
        *,
        n_members: int | str = "auto",
        refit: bool = False,
        validation_fraction: float = 0.2,
        scoring: Any = None,
        oob_score: bool = False,
        categorical_features: Any = "from_dtype",
        max_one_hot: int | None = None,
        hidden_layer_sizes: Any = None,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        backend: str = "numba",
        n_threads: int | None = None,
        progress: Any = False,
    ) -> None:
        self._keep(locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the networks to a table and its targets.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table. Missing cells are None, NaN or the container's own missing value.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, at least 0. Rows of weight 0 are neither trained on nor held out.

        Returns
        -------
        self : RealMLPRegressor
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If table, targets, weights or parameters are unusable.
        DivergenceError
            If training diverges before any epoch could be kept. After any error, the estimator is as it was before.
        """
        given = checked_targets(y, self)
        rows, weights = given.reshape(len(given), -1), checked_weights(sample_weight, given)
        scale = self._scale_of(rows[weights > 0] if len(weights) else rows)
        task = scale.standardized(rows), np.zeros(len(rows), np.int64), rows.shape[1]
        encoder, ensemble = self._train(X, weights, task)
        self._adopt(
            encoder,
            ensemble,
            target_means_=scale.means,
            target_deviations_=scale.deviations,
            target_minima_=scale.minima,
            target_maxima_=scale.maxima,
            _is_single=given.ndim == 1,
            **self._held_out(ensemble, scale, given, weights),
        )
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets of each row.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            A table with the columns of the training table; named columns may be in another order.

        Returns
        -------
        ndarray of float64, of shape (n_samples,) or (n_samples, n_targets)
            The predictions.
        """
        predictions = self._in_units(self._mean_outputs(X), self._scale, self.members_)
        return predictions[:, 0] if self._is_single else predictions

    @property
    def _scale(self) -> TargetScale:
        """The scale of the targets in training."""
        return TargetScale(self.target_means_, self.target_deviations_, self.target_minima_, self.target_maxima_)

    def _scale_of(self, y: np.ndarray) -> TargetScale:
        """The scale of targets, which with `warm_start` is that of the last fit."""
        if not self._goes_on:
            return TargetScale.of(y)
        if y.shape[1] != len(self.target_means_):
            raise ValueError(
                f"warm_start goes on with {len(self.target_means_)} target(s), got {y.shape[1]}: "
                "set warm_start=False to start again."
            )
        return self._scale.extended_to(y)

    @staticmethod
    def _in_units(outputs: np.ndarray, scale: TargetScale, members: Sequence[Member]) -> np.ndarray:
        """Predictions in the units of y; the preset of the members says whether they are limited to its range."""
        return scale.in_units(outputs, clips=members[0].design.preset.clips_targets)

    def _held_out(self, ensemble: Ensemble, scale: TargetScale, y: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
        """The attributes with `oob_score`: predictions for held-out rows, and their R^2."""
        if not self.oob_score:
            return {}
        known = rows_with_outputs(ensemble.held_out_outputs)
        predictions = self._in_units(ensemble.held_out_outputs, scale, ensemble.members).reshape(y.shape)
        held_out = weights[known] if len(weights) else None
        score = float(r2_score(y[known], predictions[known], sample_weight=held_out)) if len(known) > 1 else np.nan
        return {"oob_prediction_": predictions, "oob_score_": score}

    def _default_metric(self, targets: np.ndarray) -> Metric:
        if not self._preset().clips_targets:
            return negative_squared_error
        return partial(negative_squared_error, limits=(targets.min(axis=0), targets.max(axis=0)))

    def _loss(self, preset: Preset) -> Loss:
        return SquaredError()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
