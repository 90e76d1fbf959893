"""scikit-learn's checks of estimators, on several settings and without expected failures."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_sample_weight_equivalence_on_dense_data,
    parametrize_with_checks,
)

from fastnn.estimators import MLPClassifier, MLPRegressor

# Few iterations do not converge.
pytestmark = pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")

both = pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])

#: Parameters of the estimators that are checked. Early stopping is not among them: what it holds out depends on the number
#: of samples, partial_fit cannot hold out any, and scikit-learn's own fails the same checks with it.
SETTINGS = ({}, {"solver": "lbfgs", "backend": "numpy"}, {"solver": "sgd", "standardize": True})


# scikit-learn too gives its own fewer iterations than by default.
@parametrize_with_checks(
    [Estimator(max_iter=100, **setting) for Estimator in (MLPClassifier, MLPRegressor) for setting in SETTINGS]
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@both
def test_data_frames_are_validated_once_with_early_stopping(Estimator):
    # scikit-learn expects its own to fail this one: it validates again, without names, what it has held out.
    estimator = Estimator(early_stopping=True, n_iter_no_change=1)
    with warnings.catch_warnings(record=True) as caught:
        check_dataframe_column_names_consistency(Estimator.__name__, estimator)
    assert not [warning for warning in caught if "feature names" in str(warning.message)]


@both
@pytest.mark.parametrize(
    "setting",
    [{"solver": "lbfgs"}, {"solver": "sgd", "tol": 1e-2, "random_state": 42}, {"solver": "sgd"}, {}],
    ids=["lbfgs", "sgd until 0.01", "sgd", "adam"],
)
def test_weights_count_as_repetitions_do(Estimator, setting):
    estimator = Estimator(**{"max_iter": 100, **setting})
    check_sample_weight_equivalence_on_dense_data(Estimator.__name__, estimator)


@both
def test_pipelines_transform_the_validation_data_that_are_routed_to_fit(Estimator):
    random = np.random.default_rng(0)
    X, X_val = 5 + 3 * random.standard_normal((2, 60, 4))
    y, y_val = (np.asarray(features[:, 0] > 5, float) for features in (X, X_val))
    weights = random.uniform(0.5, 1.5, 60)
    options = {"early_stopping": True, "max_iter": 8, "random_state": 0, "n_iter_no_change": 100}
    scaler = StandardScaler().fit(X)
    expected = Estimator(**options)
    expected.fit(scaler.transform(X), y, sample_weight=weights, X_val=scaler.transform(X_val), y_val=y_val)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = Estimator(**options).set_fit_request(sample_weight=True, X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), estimator)
        pipeline.set_params(transform_input=["X_val"])
        pipeline.fit(X, y, sample_weight=weights, X_val=X_val, y_val=y_val)
    assert pipeline[-1].validation_scores_ == expected.validation_scores_
    np.testing.assert_array_equal(pipeline.predict(X_val), expected.predict(scaler.transform(X_val)))
