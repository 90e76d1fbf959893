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

#: Parameters of the estimators that are checked; scikit-learn too gives its own fewer iterations than by default.
SETTINGS = (
    {},
    {"solver": "lbfgs"},
    {"solver": "sgd"},
    {"backend": "numpy"},
    {"standardize": True},
    {"early_stopping": True},
    {"batch_norm": True, "dropout": 0.1},
)


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
