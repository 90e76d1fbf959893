"""The benchmarks of estimators: agreement checks, and reports of times."""

import json
import sys
import types

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

import fastnn
from benchmarks.estimators import demands, table
from benchmarks.estimators.measure import measure
from benchmarks.workloads import libraries, same_learning
from benchmarks.workloads.prediction import pickled_ratio
from benchmarks.workloads.table import CALLS
from benchmarks.workloads.workload import at_size


def quick_call(name):
    return next(call for call in at_size(CALLS, quick=True) if call.name == name)


@pytest.fixture
def stand_in(monkeypatch):
    """Substitutes for fastnn's estimators: scikit-learn's own, until a test replaces them."""
    module = types.ModuleType("stand_in")
    module.MLPClassifier, module.MLPRegressor = MLPClassifier, MLPRegressor
    monkeypatch.setitem(sys.modules, "stand_in", module)
    monkeypatch.setitem(libraries.MODULES, libraries.SUBJECT, "stand_in")
    return module


class FastLearner(MLPClassifier):
    """Uses another learning rate."""

    def fit(self, X, y):
        self.learning_rate_init = 0.0011
        return super().fit(X, y)


class TwiceTheEpochs(MLPClassifier):
    """Does not stop where it should."""

    def fit(self, X, y):
        self.max_iter = 2 * self.max_iter
        return super().fit(X, y)


@pytest.mark.parametrize(
    "name", ["digits", "half_planes", "regression_early_stopping", "search", "predict", "tfidf", "tfidf_predict"]
)
def test_both_libraries_are_held_to_the_same_and_timed(name):
    measured = measure(quick_call(name), n_turns=1)
    assert all(seconds > 0 for seconds in measured["seconds"].values())
    assert measured["deviations"]["parameters"] <= same_learning.PARAMETER_TOLERANCE


@pytest.mark.parametrize("name", ["digits", "regression", "search", "predict"])
def test_an_estimator_agrees_with_itself(name, stand_in):
    measured = measure(quick_call(name), n_turns=1)
    assert measured["deviations"]["parameters"] < 1e-12
    assert set(measured["seconds"]) == {"scikit-learn", "fastnn"}
    json.dumps(measured)


@pytest.mark.parametrize("wrong", [FastLearner, TwiceTheEpochs])
def test_an_estimator_that_learns_otherwise_is_not_timed(wrong, stand_in):
    stand_in.MLPClassifier = wrong
    with pytest.raises(AssertionError, match=r"^digits: parameters of fastnn .* Nothing was timed"):
        measure(quick_call("digits"), n_turns=1)


def model(**attributes):
    return types.SimpleNamespace(**attributes)


@pytest.mark.parametrize(
    ("check", "ours", "theirs", "message"),
    [
        (
            same_learning.assert_same_parameters,
            model(coefs_=[np.ones((2, 3))], intercepts_=[np.ones(3)]),
            model(coefs_=[np.ones((2, 1))], intercepts_=[np.ones(1)]),
            "has arrays of shapes",
        ),
        (
            same_learning.assert_same_parameters,
            model(coefs_=[np.full((2, 3), np.nan)], intercepts_=[np.ones(3)]),
            model(coefs_=[np.ones((2, 3))], intercepts_=[np.ones(3)]),
            "nan apart",
        ),
        (same_learning.assert_same_predictions, np.array([0, 1]), np.array([1, 1]), "classes for 1 of 2 samples"),
        (same_learning.assert_same_predictions, np.array([1.0, 1.1]), np.ones(2), "predictions .* apart"),
        (same_learning.assert_same_predictions, np.ones(2), np.ones((2, 1)), "has arrays of shapes"),
        (same_learning.assert_as_many_epochs, model(n_iter_=3), model(n_iter_=4), "3 epochs and scikit-learn for 4"),
        (
            same_learning.assert_same_losses,
            model(n_iter_=2, loss_curve_=[1.0, 0.501]),
            model(n_iter_=2, loss_curve_=[1.0, 0.5]),
            "losses .* 0.002 apart",
        ),
        (same_learning.assert_same_scores, 0.9, 0.91, "scores .* 0.01 apart"),
    ],
)
def test_what_libraries_must_agree_on(check, ours, theirs, message):
    check("task", {"scikit-learn": theirs, "fastnn": theirs})
    with pytest.raises(AssertionError, match=message):
        check("task", {"scikit-learn": theirs, "fastnn": ours})


def fit_one_after_another(models, data, *, n_threads=None, **options):
    """The results of networks are their histories, those of estimators themselves."""
    return [model.fit(*data, **options) for model in models]


def fit_with_another_order(models, data, *, n_threads=None, **options):
    """The last model sees its samples in another order."""
    *others, last = models
    X, y = data
    return [*fit_one_after_another(others, data, **options), last.fit(X[::-1], y[::-1], **options)]


@pytest.fixture(params=["fit_many", "fit_many_networks"])
def many_fits(request):
    call = quick_call(request.param)
    if request.param == "fit_many_networks":
        pytest.importorskip("jax")
    return call


def test_models_that_are_fitted_together_are_held_to_what_they_learn_alone(many_fits, monkeypatch):
    monkeypatch.setattr(fastnn, "fit_many", fit_one_after_another, raising=False)
    measured = measure(many_fits, n_turns=1)
    assert measured["reference"] == many_fits.reference
    assert all(seconds > 0 for seconds in measured["seconds"].values())


def test_models_that_learn_otherwise_together_are_not_timed(many_fits, monkeypatch):
    monkeypatch.setattr(fastnn, "fit_many", fit_with_another_order, raising=False)
    with pytest.raises(AssertionError, match=r"fit_many and fit differ in their bits\. Nothing was timed"):
        measure(many_fits, n_turns=1)


def test_a_function_that_fastnn_does_not_have_is_missed(monkeypatch):
    monkeypatch.delattr(fastnn, "fit_many", raising=False)
    assert quick_call("fit_many").missing() == "fastnn.fit_many"
    assert quick_call("digits").missing() is None


def test_a_search_by_threads_finds_what_one_job_finds():
    measured = measure(quick_call("search_threads"), n_turns=1)
    assert set(measured["seconds"]) == {"fastnn, n_jobs=1", "fastnn"}


def test_size_of_a_pickled_estimator(stand_in):
    trained = quick_call("predict").trained_shortly("scikit-learn", quick_call("predict").data())
    assert pickled_ratio(trained) > 3  # weights, gradients' two moments and more


def estimator_result(name="digits", floor=8, seconds=(2.0, 0.2), most_seconds=None, pickled=(), memory=()):
    return {
        "name": name,
        "estimator": "MLPClassifier",
        "work": "fit",
        "data": "digits",
        "shape": [1797, 64],
        "dtype": "float64",
        "floor": floor,
        "most_seconds": most_seconds,
        "seconds": dict(zip(("scikit-learn", "fastnn"), seconds, strict=True)),
        "pickled": dict(zip(("scikit-learn", "fastnn"), pickled, strict=False)),
        "memory": dict(zip(("scikit-learn", "fastnn"), memory, strict=False)),
        "most_memory": 1.2 if memory else None,
    }


def estimator_results(*results):
    return {
        "machine": {"date": "2026-01-02", "processor": "cpu", "processors": 2, "versions": {"Python": "3"}},
        "turns": 7,
        "runs": [{"processors": 1, "tasks": list(results[:1])}, {"processors": 2, "tasks": list(results)}],
    }


def test_table_of_estimators():
    prediction = estimator_result("predict", None, (122e-6, 48e-6), 60e-6, (4.02, 1.01))
    text = table.markdown(estimator_results(estimator_result(), prediction))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[2] == ("| digits, 1,797 × 64, float64 | MLPClassifier: fit | 1 | 2.00 s | **200 ms** | 10.0× |")
    assert lines[3] == lines[2].replace("| 1 |", "| 2 |")
    assert lines[4].endswith("| 2 | 122 µs | **48.0 µs** | 2.5× |")
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert "Medians of 7 turns" in text
    assert "takes 1.01 times the bytes" in text
    text = table.markdown(estimator_results(estimator_result(memory=(404 * 2**20, 395 * 2**20))))
    assert "takes 395 MiB at most; with scikit-learn it takes 404." in text


def test_calls_beside_others_than_scikit_learn_have_a_table_of_their_own():
    other = estimator_result("fit_many_networks") | {
        "reference": "JAX, vmap",
        "seconds": {"JAX, vmap": 3.0, "fastnn": 1.0},
        "turns": 3,
    }
    results = estimator_results(estimator_result(), other)
    lines = [line for line in table.markdown(results).splitlines() if line.startswith("|")]
    assert lines[-3:] == [
        "| data | work | beside | cores | its time | fastnn | times as fast |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
        "| digits, 1,797 × 64, float64 | MLPClassifier: fit | JAX, vmap | 2 | 3.00 s | **1.00 s** | 3.0× |",
    ]
    assert "Medians of 7 turns (3 where a turn is long), " in table.markdown(results)
    assert demands.shortfalls(results) == [
        "fit_many_networks on 2 cores: 3 times as fast as JAX, vmap; at least 8 are demanded."
    ]


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (estimator_result(), None),
        (estimator_result(floor=None, seconds=(1.0, 2.0)), None),
        (estimator_result(floor=11), "digits on 2 cores: 10 times as fast as scikit-learn; at least 11 are demanded."),
        (estimator_result(most_seconds=0.1), "digits on 2 cores: 200 ms; at most 100 ms are allowed."),
        (
            estimator_result(pickled=(4.0, 1.2)),
            "digits on 2 cores: 1.2 times its parameters' bytes when pickled; at most 1.1 are allowed.",
        ),
        (estimator_result(memory=(2**20, 2**20)), None),
        (
            estimator_result(memory=(2**20, 2**21)),
            "digits on 2 cores: 2 times the memory of scikit-learn; at most 1.2 are allowed.",
        ),
    ],
)
def test_demands_that_are_not_met_are_told(result, sentence):
    results = estimator_results(result)
    del results["runs"][0]
    assert demands.shortfalls(results) == ([] if sentence is None else [sentence])
