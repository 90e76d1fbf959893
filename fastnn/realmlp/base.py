"""What `RealMLPClassifier` and `RealMLPRegressor` share: parameters, encoding, training, and averaged outputs."""

from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, replace
from inspect import signature
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from fastnn.backends import BACKENDS
from fastnn.batches import UNWEIGHTED
from fastnn.losses import Loss
from fastnn.realmlp.best_epoch import Metric, Rows
from fastnn.realmlp.ensemble import Ensemble, TrainingPlan, train
from fastnn.realmlp.member import Design, Member
from fastnn.realmlp.presets import Preset
from fastnn.tabular import TableEncoder
from fastnn.training.samples import Samples
from fastnn.training.validation import Validation

#: The members of an ensemble for few rows, and the number of rows up to which they are few.
MEMBERS_FOR_FEW, FEW_ROWS = 4, 4000

_SHARE = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")


class RealMLP(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators: encodes tables, trains members, and averages their outputs."""

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's own way)
        "preset": [StrOptions({"td", "td-s"})],
        "n_members": [_COUNT, StrOptions({"auto"})],
        "refit": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 0.5, closed="both")],
        "scoring": [str, callable, None],
        "oob_score": ["boolean"],
        "categorical_features": "no_validation",
        "max_one_hot": [Interval(Integral, 0, None, closed="left"), None],
        "hidden_layer_sizes": ["array-like", _COUNT, None],
        "n_epochs": [_COUNT, None],
        "batch_size": [_COUNT, None],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "dropout": [_SHARE, None],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "backend": [StrOptions(set(BACKENDS))],
        "n_threads": [_COUNT, None],
        "progress": ["boolean", callable, None],
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):  # scikit-learn inspects its signature in every clone and fit
            cls.__init__.__signature__ = signature(cls.__init__)  # type: ignore[attr-defined]

    def _keep(self, parameters: dict[str, Any]) -> None:
        """Store the constructor's arguments, unchecked and unchanged, as scikit-learn requires."""
        for name, value in parameters.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @property
    @abstractmethod
    def _presets(self) -> dict[str, Preset]:
        """The presets for this task."""

    @property
    @abstractmethod
    def _default_metric(self) -> Metric:
        """The value of a network on held-out rows, without `scoring`."""

    @abstractmethod
    def _loss(self, preset: Preset) -> Loss:
        """The loss."""

    def _preset(self) -> Preset:
        """The preset with the parameters that were given."""
        preset = self._presets[self.preset]
        names = {field.name for field in fields(preset)} & set(self.get_params(deep=False))
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if "hidden_layer_sizes" in given:
            given["hidden_layer_sizes"] = _checked_sizes(given["hidden_layer_sizes"])
        return replace(preset, **given)

    def _train(self, X: Any, y: np.ndarray, sample_weight: Any, task: tuple[np.ndarray, np.ndarray, int]) -> None:
        """Encode the table and train the members; attributes change only if everything has succeeded.

        `task` is the targets as the networks take them, the class of each row, and the number of outputs.
        """
        targets, classes, n_outputs = task
        goes_on, preset = self.warm_start and hasattr(self, "members_"), self._preset()
        encoder = self.encoder_ if goes_on else TableEncoder(self.categorical_features, preset.max_one_hot)
        encoded = encoder.transform(X) if goes_on else encoder.fit_transform(X)
        check_consistent_length(encoded, y)
        rows = Rows(encoded, targets, self._weights(sample_weight, encoded, y))
        random = check_random_state(self.random_state)
        design = self._design(preset, encoder, n_outputs)
        members = deepcopy(self.members_) if goes_on else self._new_members(design, random, len(rows))
        generator = np.random.default_rng(random.randint(2**31))
        metric = self._default_metric if self.scoring is None else self._metric_of(self.scoring)
        plan = TrainingPlan(metric, self.validation_fraction, self.refit, self.n_threads, self.progress)
        ensemble = train(members, lambda: self._new_members(design, random, len(rows)), rows, classes, plan, generator)
        self._adopt(encoder, ensemble, rows)

    def _design(self, preset: Preset, encoder: TableEncoder, n_outputs: int) -> Design:
        n_columns = len(encoder.encoded_names_)
        sizes = n_columns, encoder.n_numbers_, n_outputs, encoder.n_levels_
        return Design(preset, self._loss(preset), *sizes, self.backend)

    def _new_members(self, design: Design, random: np.random.RandomState, n_rows: int) -> list[Member]:
        n_members = self.n_members
        if n_members == "auto":
            n_members = MEMBERS_FOR_FEW if n_rows <= FEW_ROWS else 1
        return [Member(design, int(random.randint(2**31))) for _ in range(n_members)]

    def _weights(self, sample_weight: Any, encoded: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The weight of each row; empty if all count equally."""
        if sample_weight is None:
            return UNWEIGHTED
        weights = _check_sample_weight(sample_weight, encoded, dtype=np.float64)
        if (weights < 0).any() or not weights.any():
            raise ValueError(
                "sample_weight must not be negative, and at least one weight must be above 0, "
                f"got weights from {weights.min():g} to {weights.max():g}."
            )
        return np.asarray(weights)

    def _metric_of(self, scoring: Any) -> Metric:
        """The value of a network by a scikit-learn scorer, or a function ``scorer(estimator, X, y)``."""
        from sklearn.metrics import check_scoring

        scorer = check_scoring(self, scoring=scoring)

        def measure(network: Any, rows: Rows) -> float:
            return Validation(network, Samples(rows.X, rows.y, rows.weights)).score(scorer)

        return measure

    def _adopt(self, encoder: TableEncoder, ensemble: Ensemble, rows: Rows) -> None:
        """Set the attributes of a fitted estimator."""
        self.encoder_, self.members_ = encoder, ensemble.members
        self.n_features_in_ = encoder.n_features_in_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        self.n_members_ = len(ensemble.members)
        self.best_epochs_ = [member.epoch for member in ensemble.members]

    def _mean_outputs(self, X: Any) -> np.ndarray:
        """Outputs for the rows of a table, averaged over the members: (n_rows, n_outputs)."""
        check_is_fitted(self)
        encoded = self.encoder_.transform(X)
        outputs = [member.outputs(encoded) for member in self.members_]
        return outputs[0] if len(outputs) == 1 else np.mean(outputs, axis=0)

    @property
    def columns_(self) -> Any:
        """What each column of the training table was taken for: its name, kind, and numbers of levels and missing cells."""
        check_is_fitted(self)
        return self.encoder_.columns_

    @property
    def networks_(self) -> list[Any]:
        """The `fastnn.Network` of each member; they expect encoded rows."""
        check_is_fitted(self)
        return [member.network for member in self.members_]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.categorical = True
        tags.non_deterministic = False
        return tags


def _checked_sizes(sizes: Any) -> tuple[int, ...]:
    listed = [sizes] if isinstance(sizes, Integral) else list(sizes)
    if not all(isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in listed):
        raise ValueError(f"hidden_layer_sizes must be positive integers, got {sizes!r}.")
    return tuple(int(size) for size in listed)


def rows_with_outputs(outputs: np.ndarray) -> np.ndarray:
    """The rows that at least one member held out."""
    return np.flatnonzero(~np.isnan(outputs[:, 0]))


Renew = Callable[[], list[Member]]
