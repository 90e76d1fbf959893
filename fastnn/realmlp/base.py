"""What `RealMLPClassifier` and `RealMLPRegressor` share: parameters, encoding, training, and averaged outputs."""

from abc import abstractmethod
from dataclasses import fields, replace
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from fastnn.backends import BACKENDS
from fastnn.kept_parameters import KeptParameters
from fastnn.losses import Loss
from fastnn.names import suggestion
from fastnn.portable import Portable
from fastnn.realmlp.best_epoch import Metric, Rows
from fastnn.realmlp.ensemble import Ensemble, TrainingPlan, train
from fastnn.realmlp.member import Design, Member
from fastnn.realmlp.presets import Preset
from fastnn.tabular import TableEncoder
from fastnn.training.validation import Validation

#: The number of networks by default, and of their epochs. On the tables of `benchmarks.tables`, their mean errs a tenth less
#: than one network trained for twice as many epochs; four that are each trained for as many do not err less still.
AUTO_MEMBERS, AUTO_EPOCHS = 4, 128

_SHARE = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")


class RealMLP(Portable, KeptParameters):
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

    @property
    @abstractmethod
    def _presets(self) -> dict[str, Preset]:
        """The presets for this task."""

    @abstractmethod
    def _default_metric(self, targets: np.ndarray) -> Metric:
        """The value of a network on held-out rows, without `scoring`, given the targets of all rows."""

    @abstractmethod
    def _loss(self, preset: Preset) -> Loss:
        """The loss."""

    def _preset(self) -> Preset:
        """The preset with the parameters that were given."""
        preset = self._presets[self.preset]
        names = {field.name for field in fields(preset)} & set(self.get_params(deep=False))
        given: dict[str, Any] = {"n_epochs": AUTO_EPOCHS} if self.n_members == "auto" else {}
        given |= {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if "hidden_layer_sizes" in given:
            given["hidden_layer_sizes"] = _checked_sizes(given["hidden_layer_sizes"])
        return replace(preset, **given)

    @property
    def _goes_on(self) -> bool:
        """Whether `fit` goes on from the last one."""
        return self.warm_start and hasattr(self, "members_")

    def _train(
        self, X: Any, weights: np.ndarray, task: tuple[np.ndarray, np.ndarray, int]
    ) -> tuple[TableEncoder, Ensemble]:
        """Encode the table and train the members, without changing the estimator.

        `task` is the targets as the networks take them, the class of each row, and the number of outputs. Rows of weight 0
        count only for the encoding.
        """
        targets, classes, n_outputs = task
        preset = self._preset()
        encoder = self.encoder_ if self._goes_on else TableEncoder(self.categorical_features, preset.max_one_hot)
        encoded = encoder.transform(X) if self._goes_on else encoder.fit_transform(X)
        check_consistent_length(encoded, targets)
        rows = Rows(encoded, targets, weights)
        counted = rows.counted()
        if len(counted) < len(rows):
            rows, classes = rows.take(counted), classes[counted]
        metric = self._default_metric(rows.y) if self.scoring is None else self._metric_of(self.scoring)
        random = check_random_state(self.random_state)
        design = self._design(preset, encoder, n_outputs)
        renew = partial(self._members_for, design, random)
        members, generator = renew(), np.random.default_rng(random.randint(2**31))
        plan = TrainingPlan(metric, self.validation_fraction, self.refit, self.n_threads, self.progress)
        return encoder, train(members, renew, rows, classes, plan, generator).among(counted, len(encoded))

    def _design(self, preset: Preset, encoder: TableEncoder, n_outputs: int) -> Design:
        n_columns = len(encoder.encoded_names_)
        sizes = n_columns, encoder.n_numbers_, n_outputs, encoder.n_levels_
        return Design(preset, self._loss(preset), *sizes, self.backend)

    def _members_for(self, design: Design, random: np.random.RandomState) -> list[Member]:
        """New members, or with `warm_start` copies of the fitted ones."""
        n_members = self.n_members
        if self._goes_on:
            fixed = design.fixed_in(self.members_[0].design)
            if n_members not in ("auto", len(self.members_)):
                fixed = ["n_members", *fixed]
            if fixed:
                raise ValueError(
                    f"warm_start goes on with the networks of the last fit, whose {' and '.join(fixed)} cannot change: "
                    "set warm_start=False to start again."
                )
            return [member.going_on(design) for member in self.members_]
        count = AUTO_MEMBERS if n_members == "auto" else n_members
        return [Member(design, int(random.randint(2**31))) for _ in range(count)]

    def _metric_of(self, scoring: Any) -> Metric:
        """The value of a network by a scikit-learn scorer, or a function ``scorer(network, X, y)``."""
        from sklearn.metrics import check_scoring, get_scorer_names

        if isinstance(scoring, str) and scoring not in (names := get_scorer_names()):
            raise ValueError(
                f"scoring must be one of sklearn.metrics.get_scorer_names(), got {scoring!r}.{suggestion(scoring, names)}"
            )
        scorer = check_scoring(self, scoring=scoring)

        def measure(network: Any, rows: Rows) -> float:
            try:
                return Validation(network, rows).score(scorer)
            except ValueError as error:
                raise ValueError(f"scoring={scoring!r} cannot measure a network on held-out rows: {error}") from error

        return measure

    def _adopt(self, encoder: TableEncoder, ensemble: Ensemble, **attributes: Any) -> None:
        """Set the attributes of a fitted estimator all at once, in place of those of the last fit."""
        found = {
            "encoder_": encoder,
            "members_": ensemble.members,
            "n_members_": len(ensemble.members),
            "best_epochs_": [member.epoch for member in ensemble.members],
            "n_features_in_": encoder.n_features_in_,
        }
        if hasattr(encoder, "feature_names_in_"):
            found["feature_names_in_"] = encoder.feature_names_in_
        others = {name: value for name, value in vars(self).items() if not name.endswith("_")}
        self.__dict__ = others | found | attributes

    def _mean_outputs(self, X: Any) -> np.ndarray:
        """Outputs for the rows of a table, averaged over the members: (n_rows, n_outputs)."""
        check_is_fitted(self)
        encoded = self.encoder_.transform(X)
        outputs = [member.outputs(encoded, self.n_threads) for member in self.members_]
        return outputs[0] if len(outputs) == 1 else np.asarray(sum(outputs) / len(outputs))

    @property
    def columns_(self) -> Any:
        """What each column of the training table was taken for: name, kind, and numbers of levels and of missing cells."""
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
        tags.input_tags.string = True
        tags.non_deterministic = False
        return tags


def _checked_sizes(sizes: Any) -> tuple[int, ...]:
    listed = [sizes] if isinstance(sizes, Integral) else list(sizes)
    if not all(isinstance(size, Integral) and not isinstance(size, bool) and int(size) > 0 for size in listed):
        raise ValueError(f"hidden_layer_sizes must be positive integers, got {sizes!r}.")
    return tuple(int(size) for size in listed)


def rows_with_outputs(outputs: np.ndarray) -> np.ndarray:
    """The rows that at least one member held out."""
    return np.flatnonzero(~np.isnan(outputs[:, 0]))
