"""In pipelines, searches and other tools of scikit-learn; copies and pickles."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.realmlp.small import LABELS, N_ROWS, X, both, classifier, outputs, regressor


@both
def test_cross_validation_and_grid_search(make, y):
    search = GridSearchCV(make(), {"learning_rate": [1e-6, 0.04], "n_epochs": [8]}, cv=2).fit(X, y)
    assert search.best_params_["learning_rate"] == 0.04
    np.testing.assert_array_equal(search.predict(X), search.best_estimator_.predict(X))
    assert len(cross_val_score(make(), X, y, cv=3)) == 3


@both
@pytest.mark.parametrize("container", ["default", "pandas", "polars"])
def test_pipelines_pass_the_columns_of_transformers_on(make, y, container):
    transformer = ColumnTransformer([("scaled", StandardScaler(), ["size", "age"])], remainder="passthrough")
    if container == "default":
        transformer.set_params(remainder="drop")  # an array of objects would mix numbers and text
    pipeline = make_pipeline(transformer, make()).set_output(transform=container).fit(X, y)
    assert outputs(pipeline).shape[0] == N_ROWS
    if container != "default":
        assert pipeline[-1].feature_names_in_[2] == "remainder__city"


def test_probabilities_can_be_calibrated_by_scikit_learn():
    calibrated = CalibratedClassifierCV(classifier(), cv=2).fit(X, LABELS)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_the_column_that_decides_is_the_most_important_one():
    fitted = classifier(n_epochs=40).fit(X, LABELS)
    importances = permutation_importance(fitted, X, LABELS, n_repeats=2, random_state=0).importances_mean
    assert X.columns[importances.argmax()] == "size"


@both
def test_sample_weights_are_routed(make, y):
    weights = np.random.default_rng(0).uniform(0.1, 2, N_ROWS)
    expected = make().fit(X, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = make().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        pipeline = make_pipeline(estimator).fit(X, y, sample_weight=weights)
        found = cross_validate(estimator, X, y, cv=2, params={"sample_weight": weights}, return_estimator=True)
    np.testing.assert_array_equal(outputs(pipeline), outputs(expected))
    assert len(found["estimator"]) == 2


@both
def test_parameters_are_kept_as_given_and_cloned(make, y):
    estimator = make(hidden_layer_sizes=[5, 4], learning_rate=0.01)
    parameters = estimator.get_params()
    assert parameters["hidden_layer_sizes"] == [5, 4]
    assert clone(estimator.fit(X, y)).get_params() == parameters
    assert not hasattr(clone(estimator), "members_")
    assert estimator.set_params(n_epochs=7).n_epochs == 7
    assert "learning_rate=0.01" in repr(estimator)
    assert "n_epochs=7" in repr(estimator)
    assert type(estimator).__name__ in estimator._repr_html_()


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": through_joblib,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@both
@pytest.mark.parametrize("how", COPIES)
def test_copies_predict_the_same_bits(make, y, how):
    estimator = make(n_members=2, oob_score=True).fit(X, y)
    other = COPIES[how](estimator)
    np.testing.assert_array_equal(outputs(other), outputs(estimator))
    assert other.oob_score_ == estimator.oob_score_
    assert other.set_params(warm_start=True, oob_score=False).fit(X, y).n_members_ == 2
    assert not hasattr(other, "oob_score_")
    assert hasattr(estimator, "oob_score_")


def arrays_in(value, seen):
    """All arrays that can be reached from an object."""
    if id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, np.ndarray):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
    for each in (*inner, *vars(value).values()) if hasattr(value, "__dict__") else inner:
        yield from arrays_in(each, seen)


@both
def test_pickles_hold_no_training_data(make, y):
    n_rows = 3000
    random = np.random.default_rng(0)
    features = random.normal(size=(n_rows, 4))
    targets = random.normal(size=n_rows) if make is regressor else np.repeat([12345.5, 54321.5], n_rows // 2) // 1
    pickled = pickle.dumps(make(n_members=2).fit(features, targets, sample_weight=random.uniform(1, 2, n_rows)))
    estimator = pickle.loads(pickled)
    n_parameters = sum(network.parameters.size for network in estimator.networks_)
    assert len(pickled) < 8 * n_parameters + 16_000
    cells = set(features.ravel().tolist()) | (set(targets.tolist()) if make is regressor else set())
    # The least and the greatest target limit predictions.
    allowed = {targets.min(), targets.max()}
    arrays = list(arrays_in(estimator, {}))
    assert max(len(array) for array in arrays if array.ndim) < n_rows
    assert not [
        array for array in arrays if array.dtype == np.float64 and (set(array.ravel().tolist()) - allowed) & cells
    ]


@both
def test_pickles_do_not_grow_with_the_table(make, y):
    sizes = [len(pickle.dumps(make().fit(X.loc[np.arange(n) % N_ROWS], np.resize(y, n)))) for n in (60, 600)]
    assert abs(sizes[1] - sizes[0]) < 300


@both
def test_names_of_columns_are_kept(make, y):
    estimator = make().fit(X, y)
    assert estimator.feature_names_in_.tolist() == X.columns.tolist()
    assert estimator.n_features_in_ == X.shape[1]
    assert not hasattr(estimator.fit(X.to_numpy(), y), "feature_names_in_")
