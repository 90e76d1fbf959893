"""The estimators within scikit-learn's tools: searches, pipelines, ensembles and copies."""

import copy
import os
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, learning_curve
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn.estimators import MLPClassifier
from fastnn.threads import available_cpus, team_size
from tests.cases import every_backend
from tests.estimators.small_estimators import (
    LABELS,
    X_OTHER,
    X,
    assert_same_parameters,
    both,
    new_classifier,
    new_regressor,
    parameters_of,
)

# Few iterations do not converge.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def without_times(results):
    return {name: values for name, values in results.items() if not name.endswith("_time")}


class Teams(fastnn.Callback):
    """Records how many threads each epoch may use."""

    def on_fit_begin(self, network, history):
        self.seen = []

    def on_epoch_end(self, network, history):
        self.seen.append(network._team)


def teams_of_fit():
    """Threads in training, those by `_threads`, and those that the environment allows, in whatever worker this is."""
    teams = Teams()
    estimator = new_classifier(max_iter=2, callbacks=[teams]).fit(X, LABELS)
    return set(teams.seen), estimator._threads(), team_size(None), int(os.environ.get("OMP_NUM_THREADS", "0"))


class TestSearches:
    @pytest.mark.parametrize("workers", ["loky", "threading"])
    def test_grid_search_finds_the_same_in_any_workers(self, workers):
        grid = {"hidden_layer_sizes": [(4,), (8, 4)], "learning_rate_init": [0.01, 0.1]}
        expected = GridSearchCV(new_classifier(), grid, cv=3, n_jobs=1).fit(X, LABELS)
        with joblib.parallel_config(workers):
            search = GridSearchCV(new_classifier(), grid, cv=3, n_jobs=2).fit(X, LABELS)
        results, expected_results = without_times(search.cv_results_), without_times(expected.cv_results_)
        assert results.keys() == expected_results.keys()
        for name, values in expected_results.items():
            np.testing.assert_array_equal(results[name], values, err_msg=name)
        assert_same_parameters(search.best_estimator_, expected.best_estimator_)

    def test_threads_do_not_multiply_in_threads_of_joblib(self):
        workers = joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(teams_of_fit)() for _ in range(4))
        for seen, threads, *_ in workers:
            assert seen == {1}
            assert threads == 1

    def test_processes_of_joblib_keep_to_their_share(self):
        workers = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(teams_of_fit)() for _ in range(2))
        for seen, threads, team, share in workers:
            assert threads is None
            assert seen == {team} == {min(share, available_cpus())}

    def test_cross_validation_is_a_loop_of_fits(self):
        folds = KFold(3)
        expected = [
            new_classifier().fit(X[train], LABELS[train]).score(X[test], LABELS[test]) for train, test in folds.split(X)
        ]
        np.testing.assert_array_equal(cross_val_score(new_classifier(), X, LABELS, cv=folds), expected)

    def test_learning_curve_trains_on_with_partial_fit(self):
        sizes, scores, _ = learning_curve(
            new_classifier(solver="sgd"),
            X,
            LABELS,
            train_sizes=[20, 40, 60],
            cv=KFold(2),
            exploit_incremental_learning=True,
        )
        estimator, (train, _) = new_classifier(solver="sgd"), next(KFold(2).split(X))
        for size, score in zip(sizes, scores[:, 0], strict=True):
            new, seen = train[size - 20 : size], train[:size]
            estimator.partial_fit(X[new], LABELS[new], classes=np.unique(LABELS))
            assert estimator.score(X[seen], LABELS[seen]) == score


class TestCombinations:
    def test_pipeline(self):
        pipeline = make_pipeline(StandardScaler(), new_classifier()).fit(X, LABELS)
        scaler = StandardScaler().fit(X)
        expected = new_classifier().fit(scaler.transform(X), LABELS)
        np.testing.assert_array_equal(
            pipeline.predict_proba(X_OTHER), expected.predict_proba(scaler.transform(X_OTHER))
        )

    @pytest.mark.parametrize("ensemble", [True, False])
    def test_calibration(self, ensemble):
        calibrated = CalibratedClassifierCV(new_classifier(), cv=2, ensemble=ensemble).fit(X, LABELS)
        np.testing.assert_allclose(calibrated.predict_proba(X_OTHER).sum(axis=1), 1)

    def test_calibration_of_a_fitted_classifier(self):
        fitted = new_classifier().fit(X, LABELS)
        parameters = parameters_of(fitted)
        calibrated = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(X, LABELS)
        np.testing.assert_allclose(calibrated.predict_proba(X_OTHER).sum(axis=1), 1)
        for array, expected in zip(parameters_of(fitted), parameters, strict=True):
            np.testing.assert_array_equal(array, expected)

    def test_permutation_importance(self):
        y = (X_OTHER[:, 2] > 0).astype(int)
        fitted = new_classifier(max_iter=200, learning_rate_init=0.05).fit(X_OTHER, y)
        importance = permutation_importance(fitted, X_OTHER, y, n_repeats=3, random_state=0)
        assert np.argmax(importance.importances_mean) == 2

    def test_stacking(self):
        stack = StackingClassifier(
            [("narrow", new_classifier()), ("wide", new_classifier(hidden_layer_sizes=(16,)))], new_classifier(), cv=2
        ).fit(X, LABELS)
        assert stack.predict_proba(X_OTHER).shape == (30, 3)
        assert set(stack.predict(X_OTHER)) <= set(LABELS)

    def test_several_targets(self):
        targets = np.column_stack([X[:, 0], X[:, 1] - X[:, 2], X @ np.ones(6)])
        together = new_regressor(max_iter=300, learning_rate_init=0.02).fit(X, targets)
        assert together.predict(X_OTHER).shape == (30, 3)
        assert together.score(X, targets) > 0.9
        apart = MultiOutputRegressor(new_regressor()).fit(X, targets)
        np.testing.assert_array_equal(
            apart.predict(X_OTHER)[:, 1], new_regressor().fit(X, targets[:, 1]).predict(X_OTHER)
        )

    def test_several_kinds_of_classes(self):
        y = np.column_stack([LABELS, X[:, 0] > 0])
        classifier = MultiOutputClassifier(new_classifier(solver="sgd"))
        classifier.partial_fit(X, y, classes=[[0, 1, 2], [0, 1]]).partial_fit(X, y)
        expected = new_classifier(solver="sgd").partial_fit(X, y[:, 0], classes=[0, 1, 2]).partial_fit(X, y[:, 0])
        np.testing.assert_array_equal(classifier.predict(X_OTHER)[:, 0], expected.predict(X_OTHER))


class TestCopies:
    @every_backend
    @both
    def test_dumped_estimators_predict_the_same(self, Estimator, backend, tmp_path):
        estimator = Estimator(max_iter=3, random_state=0, backend=backend, normalization="batch", standardize=True)
        estimator.fit(X, LABELS)
        joblib.dump(estimator, tmp_path / "estimator.joblib")
        loaded = joblib.load(tmp_path / "estimator.joblib")
        np.testing.assert_array_equal(loaded.predict(X_OTHER), estimator.predict(X_OTHER))
        assert_same_parameters(loaded, estimator)
        assert loaded.loss_curve_ == estimator.loss_curve_

    @pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
    @pytest.mark.parametrize("solver", ["adam", "sgd"])
    def test_training_a_copy_leaves_the_original_alone(self, make_copy, solver):
        def trained():
            estimator = new_classifier(solver=solver, standardize=True)
            return estimator.partial_fit(X, LABELS, classes=[0, 1, 2]).partial_fit(X, LABELS)

        original, undisturbed = trained(), trained()
        copied = make_copy(original)
        assert_same_parameters(copied, original)
        copied.partial_fit(X_OTHER, LABELS[:30]).partial_fit(X_OTHER, LABELS[:30])
        assert_same_parameters(original, undisturbed)
        assert original.loss_curve_ == undisturbed.loss_curve_
        assert len(original.history_) == 2
        for estimator in (original, undisturbed):
            estimator.partial_fit(X, LABELS)
        assert_same_parameters(original, undisturbed)
        np.testing.assert_array_equal(original.predict_proba(X_OTHER), undisturbed.predict_proba(X_OTHER))

    @pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
    def test_refitting_a_copy_leaves_the_original_alone(self, make_copy):
        original = new_classifier().fit(X, LABELS)
        parameters, curve = parameters_of(original), list(original.loss_curve_)
        make_copy(original).set_params(warm_start=True).fit(X_OTHER, LABELS[:30])
        for array, expected in zip(parameters_of(original), parameters, strict=True):
            np.testing.assert_array_equal(array, expected)
        assert original.loss_curve_ == curve
        assert not original.warm_start

    @pytest.mark.parametrize("early_stopping", [False, True])
    @pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
    def test_a_pickle_is_hardly_larger_than_the_parameters(self, solver, early_stopping):
        random = np.random.default_rng(0)
        images, digits = random.standard_normal((200, 784), dtype=np.float32), np.arange(200) % 10
        estimator = MLPClassifier((128,), max_iter=2, solver=solver, early_stopping=early_stopping).fit(images, digits)
        size = 4 * ((784 + 1) * 128 + (128 + 1) * 10)
        assert sum(array.nbytes for array in parameters_of(estimator)) == size
        assert len(pickle.dumps(estimator)) <= 1.1 * size

    @pytest.mark.parametrize("options", [{}, {"solver": "sgd"}, {"optimizer": fastnn.AdamW(), "dropout": 0.2}])
    @both
    def test_a_pickle_trains_on_as_if_nothing_had_happened(self, Estimator, options):
        estimator = Estimator(hidden_layer_sizes=(8,), random_state=0, batch_size=16, standardize=True, **options)
        y = LABELS > 0
        first = {"classes": [False, True]} if Estimator is MLPClassifier else {}
        estimator.partial_fit(X, y, **first).partial_fit(X, y)
        pickled = pickle.loads(pickle.dumps(estimator))
        for _ in range(3):
            estimator.partial_fit(X, y)
            pickled = pickle.loads(pickle.dumps(pickled.partial_fit(X, y)))
        assert_same_parameters(pickled, estimator)
        assert pickled.loss_curve_ == estimator.loss_curve_

    @both
    def test_clone_takes_the_parameters_and_no_training(self, Estimator):
        estimator = Estimator(
            hidden_layer_sizes=(8,), max_iter=2, random_state=0, optimizer=fastnn.Adam(0.01), dropout=[0.1]
        )
        cloned = clone(estimator.fit(X, LABELS))
        assert cloned.get_params().keys() == estimator.get_params().keys()
        assert cloned.optimizer == estimator.optimizer
        assert not hasattr(cloned, "coefs_")
        assert_same_parameters(cloned.fit(X, LABELS), estimator)

    def test_set_params_counts_from_the_next_fit(self):
        estimator = new_classifier().fit(X, LABELS)
        estimator.set_params(hidden_layer_sizes=(4, 4), solver="sgd", backend="numpy").fit(X, LABELS)
        expected = new_classifier(hidden_layer_sizes=(4, 4), solver="sgd", backend="numpy").fit(X, LABELS)
        assert_same_parameters(estimator, expected)
        with pytest.raises(ValueError, match="Invalid parameter 'layers'"):
            estimator.set_params(layers=2)


class TestData:
    def test_feature_names(self):
        frame = pd.DataFrame(X, columns=[*"abcdef"])
        estimator = new_classifier(early_stopping=True).fit(frame, pd.Series(LABELS))
        np.testing.assert_array_equal(estimator.feature_names_in_, [*"abcdef"])
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            predicted = estimator.predict(X)
        np.testing.assert_array_equal(estimator.predict(frame), predicted)
        with pytest.raises(ValueError, match="feature names should match"):
            estimator.predict(frame[[*"fedcba"]])

    def test_data_frames_within_a_pipeline(self):
        frame = pd.DataFrame(X, columns=[*"abcdef"])
        pipeline = make_pipeline(StandardScaler(), new_regressor()).set_output(transform="pandas")
        pipeline.fit(frame, pd.DataFrame({"first": X[:, 0], "second": X[:, 1]}))
        np.testing.assert_array_equal(pipeline[-1].feature_names_in_, [*"abcdef"])
        assert pipeline.predict(frame).shape == (120, 2)

    @pytest.mark.parametrize("n_classes", [2, 3])
    @pytest.mark.parametrize("dtype", [str, object])
    def test_string_labels(self, n_classes, dtype):
        numbers = np.minimum(LABELS, n_classes - 1)
        names = np.array(["ant", "bee", "cat"], dtype)[numbers]
        estimator = new_classifier(early_stopping=True).fit(X, names)
        expected = new_classifier(early_stopping=True).fit(X, numbers)
        np.testing.assert_array_equal(estimator.classes_, ["ant", "bee", "cat"][:n_classes])
        np.testing.assert_array_equal(estimator.predict(X), estimator.classes_[expected.predict(X)])
        assert estimator.validation_scores_ == expected.validation_scores_
        assert estimator.score(X, names) == expected.score(X, numbers)

    @pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, sparse.csr_array])
    @pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
    def test_several_labels_each(self, container, options):
        features, labels = make_multilabel_classification(80, n_classes=4, random_state=0)
        options = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0, **options}
        ours = MLPClassifier(**options).fit(features, container(labels))
        theirs = neural_network.MLPClassifier(**options).fit(features, container(labels))
        predicted, expected = ours.predict(features), theirs.predict(features)
        assert type(predicted) is type(expected)
        assert predicted.shape == labels.shape
        assert abs(predicted - expected).sum() == 0
        assert ours.score(features, labels) == theirs.score(features, labels)
        np.testing.assert_allclose(ours.predict_proba(features), theirs.predict_proba(features), rtol=1e-6)

    @pytest.mark.parametrize(
        "container", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array, sparse.coo_array]
    )
    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    @both
    def test_sparse_features_are_as_good_as_dense(self, Estimator, solver, container):
        features = np.where(np.abs(X) > 0.7, X, 0)
        options = {"solver": solver, "batch_size": 32, "max_iter": 5, "random_state": 0, "hidden_layer_sizes": (8,)}
        dense, scattered = Estimator(**options), Estimator(**options)
        dense.fit(features, LABELS)
        scattered.fit(container(features), LABELS)
        for found, expected in zip(parameters_of(scattered), parameters_of(dense), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)  # sums in another order
        np.testing.assert_allclose(scattered.predict(container(features)), dense.predict(features), rtol=1e-6)


class TestAssignedParameters:
    @staticmethod
    def partners(**options):
        """An estimator of each library, trained equally."""
        options = {"hidden_layer_sizes": (8,), "random_state": 0, "batch_size": 40, **options}
        ours, theirs = MLPClassifier(**options), neural_network.MLPClassifier(**options)
        for estimator in (ours, theirs):
            estimator.partial_fit(X, LABELS, classes=[0, 1, 2])
        return ours, theirs

    @pytest.mark.parametrize("way", ["an element", "the list", "in place"])
    @pytest.mark.parametrize("solver", ["adam", "sgd"])
    def test_parameters_that_are_assigned_count_as_in_scikit_learn(self, solver, way):
        pair = self.partners(solver=solver)
        before = pair[0].predict_proba(X_OTHER)
        W = np.random.default_rng(1).standard_normal((6, 8))
        for estimator in pair:
            if way == "an element":
                estimator.coefs_[0] = W
            elif way == "the list":
                estimator.coefs_ = [W.copy(), np.asfortranarray(estimator.coefs_[1] * 2)]
                estimator.intercepts_ = [b + 1 for b in estimator.intercepts_]
            else:
                estimator.coefs_[0][:] = W
        ours, theirs = pair
        assert not np.allclose(ours.predict_proba(X_OTHER), before)
        np.testing.assert_allclose(ours.predict_proba(X_OTHER), theirs.predict_proba(X_OTHER), rtol=1e-10)
        for estimator in pair:
            estimator.partial_fit(X, LABELS).partial_fit(X, LABELS)
        for array, expected in zip(parameters_of(ours), parameters_of(theirs), strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours.predict_proba(X_OTHER), theirs.predict_proba(X_OTHER), rtol=1e-9)

    def test_what_is_assigned_is_pickled(self):
        ours, _ = self.partners()
        ours.coefs_[0] = np.ones((6, 8))
        loaded = pickle.loads(pickle.dumps(ours))
        np.testing.assert_array_equal(loaded.coefs_[0], np.ones((6, 8)))
        np.testing.assert_array_equal(loaded.predict_proba(X_OTHER), ours.predict_proba(X_OTHER))


class TestChangedParameters:
    """Training that continues, by `warm_start` or `partial_fit`, after `set_params`."""

    @pytest.mark.parametrize("solver", ["adam", "sgd"])
    def test_another_activation_counts_as_in_scikit_learn(self, solver):
        options = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 3, "warm_start": True, "solver": solver}
        pair = MLPClassifier(**options), neural_network.MLPClassifier(**options)
        for estimator in pair:
            estimator.fit(X, LABELS).set_params(activation="tanh").fit(X, LABELS)
            estimator.set_params(activation="logistic").partial_fit(X, LABELS).partial_fit(X, LABELS)
        ours, theirs = pair
        for array, expected in zip(parameters_of(ours), parameters_of(theirs), strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)

    def test_dropout_keeps_what_batch_normalisation_has_learned(self):
        estimator = new_classifier(normalization="batch", warm_start=True, learning_rate_init=1e-12).fit(X, LABELS)
        before = estimator.predict_proba(X_OTHER)
        estimator.set_params(dropout=0.2, max_iter=1).fit(X, LABELS)
        assert not np.array_equal(estimator.predict_proba(X_OTHER), before)  # means and variances have moved
        np.testing.assert_allclose(estimator.predict_proba(X_OTHER), before, atol=0.05)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({"early_stopping": True}, {"early_stopping": False}),
            ({"early_stopping": False}, {"early_stopping": True}),
            ({"solver": "lbfgs"}, {"solver": "adam"}),
            ({"solver": "adam"}, {"solver": "lbfgs"}),
        ],
    )
    def test_another_rule_of_stopping_begins_anew(self, before, after):
        estimator = new_classifier(warm_start=True, **before).fit(X, LABELS)
        estimator.set_params(**after).fit(X, LABELS)
        assert np.isfinite(estimator.loss_)
        assert len(estimator.history_) == estimator.n_iter_

    def test_another_number_of_targets_is_refused_before_anything_has_changed(self):
        estimator = new_regressor(warm_start=True).fit(X, X[:, 0])
        parameters = parameters_of(estimator)
        for train in (estimator.fit, estimator.partial_fit):
            with pytest.raises(
                ValueError, match="Training continues with 6 inputs and 1 outputs, got X and y for 6 and 2"
            ):
                train(X, X[:, :2])
        assert estimator.n_outputs_ == 1
        for array, expected in zip(parameters_of(estimator), parameters, strict=True):
            np.testing.assert_array_equal(array, expected)
