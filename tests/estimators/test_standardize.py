"""Estimators that standardise are pipelines with scalers."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnn.estimators import MLPClassifier, MLPRegressor
from tests.estimators.data import N_SAMPLES, TARGETS, weights
from tests.estimators.fits import CLASSES, DEFAULTS, HELD_OUT, TRAINED, X, assert_same_fit, both, fitted

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


SCALED = 100 * X + 1000


@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
@pytest.mark.parametrize("given", ["none", "random"])
def test_a_standardising_classifier_is_a_pipeline_with_a_scaler(given, container):
    features, own = container(SCALED), weights(given)
    found = fitted(MLPClassifier, CLASSES, features, own, standardize=True)
    pipeline = make_pipeline(StandardScaler(with_mean=container is np.asarray), MLPClassifier(**DEFAULTS))
    pipeline.fit(features, CLASSES, standardscaler__sample_weight=own, mlpclassifier__sample_weight=own)
    assert_same_fit(found, pipeline[-1])
    np.testing.assert_allclose(found.predict_proba(features), pipeline.predict_proba(features))
    np.testing.assert_allclose(found.predict_proba(SCALED[3:4]), pipeline.predict_proba(SCALED[3:4]))


@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
@pytest.mark.parametrize("targets", ["one target", "two targets"])
def test_a_standardising_regressor_scales_its_targets_too(targets, container):
    features, y = container(SCALED), 50 + 1000 * TARGETS[targets]
    found = fitted(MLPRegressor, y, features, standardize=True)
    pipeline = make_pipeline(StandardScaler(with_mean=container is np.asarray), MLPRegressor(**DEFAULTS))
    expected = TransformedTargetRegressor(pipeline, transformer=StandardScaler()).fit(features, y)
    assert_same_fit(found, expected.regressor_[-1])
    np.testing.assert_allclose(found.predict(features), expected.predict(features))
    assert found.predict(features).shape == y.shape


def test_counts_stay_as_they_are():
    found = fitted(MLPRegressor, TARGETS["counts"], SCALED, loss="poisson", standardize=True)
    scaled = StandardScaler().fit_transform(SCALED)
    assert_same_fit(found, fitted(MLPRegressor, TARGETS["counts"], scaled, loss="poisson"))
    assert not hasattr(found, "target_scaler_")


@both
@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
def test_partial_fit_standardises_by_all_samples_so_far(container, make, y):
    found, expected = make(**DEFAULTS, standardize=True), make(**DEFAULTS)
    of_features, of_targets = StandardScaler(with_mean=container is np.asarray), StandardScaler()
    classes = {"classes": np.unique(y)} if make is MLPClassifier else {}
    for rows in (TRAINED, HELD_OUT):
        features, own = container(SCALED[rows]), weights("random")[rows]
        of_features.partial_fit(features, sample_weight=own)
        of_targets.partial_fit(y[rows, np.newaxis], sample_weight=own)
        labels = y[rows] if classes else of_targets.transform(y[rows, np.newaxis]).ravel()
        found.partial_fit(features, y[rows], own, **classes)
        expected.partial_fit(of_features.transform(features), labels, own, **classes)
    assert_same_fit(found, expected)


@both
def test_what_is_held_out_does_not_count_for_the_scale(make, y):
    found = fitted(make, y, SCALED, standardize=True, early_stopping=True, validation_fraction=0.5)
    assert found.feature_scaler_.n_samples_seen_ == N_SAMPLES // 2


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_whole_numbers_are_standardised_as_fractions_are(kind):
    X = np.random.default_rng(0).integers(0, 9, (60, 3))
    model = kind(hidden_layer_sizes=(4,), standardize=True, max_iter=3, random_state=0).fit(X, X[:, 0] > 4)
    np.testing.assert_array_equal(model.predict(X), model.predict(X.astype(np.float64)))


def test_what_was_trained_on_scaled_features_scales_them_until_it_is_trained_on_others():
    X, y = np.random.default_rng(0).normal(5, 3, (60, 3)), np.arange(60) % 2
    model = MLPRegressor(hidden_layer_sizes=(4,), standardize=True, max_iter=3, random_state=0).fit(X, y)
    before = model.predict(X)
    np.testing.assert_array_equal(model.set_params(standardize=False).predict(X), before)
    plain = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.fit(X, y).predict(X), plain.predict(X))
