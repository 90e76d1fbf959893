"""Validation data and scores of the estimators."""

import numpy as np
import pytest
from sklearn.metrics import get_scorer

from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.losses import Quantile
from tests.estimators.data import N_SAMPLES, weights
from tests.estimators.fits import (
    CLASSES,
    DEFAULTS,
    HELD_OUT,
    LABELS,
    NUMBERS,
    POINTS,
    TRAINED,
    X,
    assert_same_fit,
    both,
    fitted,
    small,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


VALIDATION = {"X_val": X[HELD_OUT], "y_val": CLASSES[HELD_OUT]}


def test_validation_data_that_are_given_are_what_is_scored():
    found = fitted(MLPClassifier, CLASSES[TRAINED], X[TRAINED], early_stopping=True, fit=VALIDATION)
    assert found.best_validation_score_ == found.score(X[HELD_OUT], CLASSES[HELD_OUT]) == max(found.validation_scores_)
    assert len(found.validation_scores_) == len(found.validation_loss_curve_) == found.n_iter_
    assert found.t_ == 40 * found.n_iter_


@both
def test_validation_data_without_early_stopping_are_measured_and_change_nothing(make, y):
    own = weights("random")[HELD_OUT]
    fit = {"X_val": X[HELD_OUT], "y_val": y[HELD_OUT], "sample_weight_val": own}
    found = fitted(make, y[TRAINED], X[TRAINED], fit=fit)
    assert_same_fit(found, fitted(make, y[TRAINED], X[TRAINED]))
    np.testing.assert_allclose(found.validation_scores_[-1], found.score(X[HELD_OUT], y[HELD_OUT], own))
    np.testing.assert_allclose(found.history_.validation_loss, found.validation_loss_curve_)


def test_the_validation_loss_is_the_weighted_cross_entropy():
    own = weights("random")[HELD_OUT]
    found = fitted(MLPClassifier, CLASSES[TRAINED], X[TRAINED], fit=VALIDATION | {"sample_weight_val": own})
    rows = found.predict_log_proba(X[HELD_OUT])[np.arange(20), CLASSES[HELD_OUT] // 2]
    np.testing.assert_allclose(found.validation_loss_curve_[-1], np.average(-rows, weights=own))


@pytest.mark.parametrize("held_out", [{}, VALIDATION], ids=["a share", "given"])
@pytest.mark.parametrize(
    "scoring", ["neg_log_loss", "f1_macro", get_scorer("balanced_accuracy"), lambda one, X, y: -one.score(X, y)]
)
def test_scoring_is_what_early_stopping_watches(scoring, held_out):
    found = fitted(MLPClassifier, CLASSES, early_stopping=True, scoring=scoring, validation_fraction=0.3, fit=held_out)
    assert found.best_validation_score_ == max(found.validation_scores_)
    if held_out:
        scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
        np.testing.assert_allclose(found.best_validation_score_, scorer(found, X[HELD_OUT], CLASSES[HELD_OUT]))


@both
@pytest.mark.parametrize("standardize", [False, True])
def test_scoring_by_loss_keeps_the_parameters_of_the_smallest(standardize, make, y):
    parameters = {"early_stopping": True, "scoring": "loss", "standardize": standardize}
    found = fitted(make, y, **parameters, fit={"X_val": X[HELD_OUT], "y_val": y[HELD_OUT]})
    np.testing.assert_allclose(np.negative(found.validation_scores_), found.validation_loss_curve_)
    assert -found.best_validation_score_ == min(found.validation_loss_curve_)


@pytest.mark.parametrize("scoring", ["r2", "neg_mean_absolute_error"])
@pytest.mark.parametrize("standardize", [False, True])
def test_scores_of_a_regressor_are_in_the_unit_of_its_targets(standardize, scoring):
    fit = {"X_val": X[HELD_OUT], "y_val": NUMBERS[HELD_OUT]}
    parameters = {"early_stopping": True, "standardize": standardize}
    found = fitted(MLPRegressor, NUMBERS, **parameters, scoring=scoring, fit=fit)
    expected = get_scorer(scoring)(found, X[HELD_OUT], NUMBERS[HELD_OUT])
    np.testing.assert_allclose(found.best_validation_score_, expected)
    if scoring == "r2":
        by_default = fitted(MLPRegressor, NUMBERS, **parameters, fit=fit)
        np.testing.assert_allclose(found.validation_scores_, by_default.validation_scores_)


@both
def test_partial_fit_stops_early_with_validation_data_and_has_the_best_parameters(make, y):
    found = make(**DEFAULTS, early_stopping=True, n_iter_no_change=2, tol=10.0)
    classes = {"classes": np.unique(y)} if make is MLPClassifier else {}
    for _ in range(20):
        found.partial_fit(X[TRAINED], y[TRAINED], X_val=X[HELD_OUT], y_val=y[HELD_OUT], **classes)
        if found.stopped_early_:
            break
    assert len(found.validation_scores_) == 4
    np.testing.assert_allclose(found.score(X[HELD_OUT], y[HELD_OUT]), max(found.validation_scores_))
    with pytest.raises(ValueError, match="early_stopping=True without validation data: pass X_val and y_val"):
        found.partial_fit(X, y)


def test_weights_of_the_validation_samples_may_not_all_be_0():
    sample_weight = (np.arange(N_SAMPLES) == 1).astype(float)
    with pytest.raises(ValueError, match="Sample weights of the validation set must contain at least one non-zero"):
        fitted(MLPClassifier, CLASSES, sample_weight=sample_weight, early_stopping=True)


def test_a_scorer_may_predict_other_samples_than_those_it_is_given():
    X, seen = POINTS * 1000 + 500, []

    def scorer(model, X_val, y_val):
        seen.append(model.predict(X)[:3].tolist() == model.predict(X.tolist())[:3].tolist())
        seen.append(abs(model.predict(X).mean()) < 10)
        return 1.0

    small(MLPRegressor, standardize=True, early_stopping=True, scoring=scorer, max_iter=1).fit(X, POINTS[:, 0])
    assert seen == [True, True]


def test_early_stopping_watches_the_loss_of_several_quantiles():
    model = small(MLPRegressor, loss=Quantile(levels=(0.1, 0.5, 0.9)), early_stopping=True).fit(POINTS, POINTS[:, 0])
    assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]


def test_stopping_early_is_forgotten_by_the_next_training():
    model = small(MLPClassifier, tol=10.0, n_iter_no_change=1, max_iter=30).fit(POINTS, LABELS)
    assert model.stopped_early_
    assert not model.set_params(solver="lbfgs").fit(POINTS, LABELS).stopped_early_
