"""Ctrl-C and scikit-learn's callbacks stop the training of an estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import fastnn
from tests.cases import every_backend
from tests.estimators.small_estimators import (
    LABELS,
    X_OTHER,
    X,
    assert_same_parameters,
    both,
    new_classifier,
)

# Few iterations do not converge.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Interrupt(fastnn.Callback):
    """Simulates Ctrl-C after some epochs."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, network, history):
        if len(history) == self.epoch:
            raise KeyboardInterrupt


class TestInterruption:
    @every_backend
    @both
    def test_what_has_been_trained_stays(self, Estimator, backend):
        options = {"hidden_layer_sizes": (8,), "random_state": 0, "backend": backend}
        estimator = Estimator(**options, callbacks=[Interrupt(3)])
        with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
            estimator.fit(X, LABELS)
        assert estimator.n_iter_ == 3
        expected = Estimator(**options, max_iter=3).fit(X, LABELS)
        assert_same_parameters(estimator, expected)
        np.testing.assert_array_equal(estimator.predict(X_OTHER), expected.predict(X_OTHER))
        estimator.set_params(callbacks=None).partial_fit(X, LABELS)

    def test_early_stopping_gives_the_best_so_far(self):
        estimator = new_classifier(max_iter=50, learning_rate_init=0.5, early_stopping=True, callbacks=[Interrupt(6)])
        with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
            estimator.fit(X, LABELS)
        best = int(np.argmax(estimator.validation_scores_)) + 1
        assert best < 6
        with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
            expected = clone(estimator).set_params(callbacks=[Interrupt(best)]).fit(X, LABELS)
        assert_same_parameters(estimator, expected)


class Recording:
    """A callback of scikit-learn's protocol that records its calls."""

    def __init__(self):
        self.calls = []

    def names(self):
        return [name for name, _ in self.calls]

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        assert fitted_estimator.score(X, y) <= 1
        self.calls.append(("end", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))


class RecordingEverywhere(Recording):
    """The same for a search, which passes it on to the estimators it fits."""

    max_propagation_depth = None

    def on_fit_task_end(self, estimator, context):
        self.calls.append(("end", context.task_name))


class Stopping(Recording):
    """Requests to stop after some iterations."""

    def __init__(self, n_iterations):
        super().__init__()
        self.n_iterations = n_iterations

    def on_fit_task_end(self, estimator, context):
        self.calls.append(("end", context.task_name))
        return self.calls.count(("end", "iteration")) == self.n_iterations


class TestCallbacksOfScikitLearn:
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

    @both
    @pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"standardize": True, "normalization": "batch"}])
    def test_iterations_are_tasks_of_the_fit(self, Estimator, options):
        recording = Recording()
        estimator = (
            Estimator(hidden_layer_sizes=(8,), max_iter=3, random_state=0, **options)
            .set_callbacks(recording)
            .fit(X, LABELS)
        )
        iteration = [("begin", "iteration"), ("end", "iteration")]
        assert recording.calls == [
            ("setup", "fit"),
            ("begin", "fit"),
            *iteration * 3,
            ("end", "fit"),
            ("teardown", "fit"),
        ]
        assert_same_parameters(estimator, clone(estimator).set_callbacks().fit(X, LABELS))

    @pytest.mark.parametrize("options", [{"max_iter": 5}, {"max_iter": 500, "tol": 0.1}])
    def test_iterations_of_lbfgs_are_tasks_too(self, options):
        recording = Recording()
        estimator = new_classifier(solver="lbfgs", **options).set_callbacks(recording).fit(X, LABELS)
        iteration = [("begin", "iteration"), ("end", "iteration")]
        tasks = [("begin", "fit"), *iteration * estimator.n_iter_, ("end", "fit")]
        assert recording.calls == [("setup", "fit"), *tasks, ("teardown", "fit")]

    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_a_callback_may_stop_the_training(self, solver):
        estimator = new_classifier(max_iter=20, solver=solver).set_callbacks(Stopping(2)).fit(X, LABELS)
        assert estimator.n_iter_ == 2
        assert estimator.history_.stop_reason == "stopped by a scikit-learn callback"
        assert_same_parameters(estimator, new_classifier(max_iter=2, solver=solver).fit(X, LABELS))

    def test_a_monitor_sees_the_model_of_each_iteration(self):
        monitor = self.callback.ScoringMonitor(scoring="neg_log_loss")
        new_classifier(max_iter=4).set_callbacks(monitor).fit(X, LABELS)
        scores = [row["neg_log_loss"] for row in monitor.get_logs().data if row["task_name"] == "iteration"]
        probabilities = [new_classifier(max_iter=n).fit(X, LABELS).predict_proba(X) for n in (1, 2, 3, 4)]
        expected = [np.log(p[np.arange(len(X)), LABELS]).mean() for p in probabilities]
        np.testing.assert_allclose(scores, expected, rtol=1e-12)

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_a_monitor_sees_every_fit_of_a_search(self, n_jobs):
        monitor = self.callback.ScoringMonitor(scoring="accuracy")
        estimator = new_classifier(max_iter=3).set_callbacks(monitor)
        GridSearchCV(estimator, {"alpha": [0.0, 0.1]}, cv=2, n_jobs=n_jobs).fit(X, LABELS)
        names = [row["task_name"] for row in monitor.get_logs().data]
        assert names.count("iteration") == 3 * (2 * 2 + 1)

    def test_a_search_hands_its_callbacks_on(self):
        recording = RecordingEverywhere()
        search = GridSearchCV(new_classifier(max_iter=3), {"alpha": [0.0, 0.1]}, cv=2)
        search.set_callbacks(recording).fit(X, LABELS)
        assert recording.calls.count(("end", "iteration")) == 3 * (2 * 2 + 1)
        assert not hasattr(search.best_estimator_, "_parent_callback_ctx")

    def test_progress_bar(self):
        pytest.importorskip("rich", reason="scikit-learn's progress bar needs rich")
        new_classifier(max_iter=3).set_callbacks(self.callback.ProgressBar()).fit(X, LABELS)
        search = GridSearchCV(new_classifier(max_iter=3), {"alpha": [0.0, 0.1]}, cv=2)
        search.set_callbacks(self.callback.ProgressBar()).fit(X, LABELS)
