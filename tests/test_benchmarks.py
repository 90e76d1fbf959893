"""What the benchmarks compute, check and write, without measuring anything."""

import importlib.util
import json
import os
import subprocess
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
from click import ClickException
from click.testing import CliRunner
from sklearn.neural_network import MLPClassifier, MLPRegressor

import fastnn
from benchmarks import products, readme, scaling
from benchmarks.estimators import agreement, tasks
from benchmarks.estimators import libraries as estimator_libraries
from benchmarks.estimators import table as estimator_table
from benchmarks.estimators import turns as estimator_turns
from benchmarks.peers import machine, processors, table, turns
from benchmarks.peers.implementations.with_scikit_learn import ScikitLearn
from benchmarks.peers.libraries import LIBRARIES, REFERENCE, SUBJECT, missing
from benchmarks.peers.processors import CAN_PIN, ROOT
from benchmarks.workloads import WORKLOADS, Data, Workload


def tiny_data(n_samples):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, 3)).astype(np.float32)
    return Data(X, (X[:, 0] > 0).astype(np.int64), "tiny")


def tiny_numbers(n_samples):
    X = tiny_data(n_samples).X
    return Data(X, np.sin(X[:, :2]), "tiny numbers")


TINY = Workload(
    name="tiny",
    layer_sizes=(3, 5, 2),
    activations=("relu", "softmax"),
    loss="softmax_cross_entropy",
    n_samples=23,
    batch_size=5,
    learning_rate=0.1,
    make_data=tiny_data,
    epochs=3,
)

#: Each loss, each hidden activation that the table has, batches and no batches.
TINY_WORKLOADS = (
    TINY,
    replace(TINY, name="all at once", batch_size=None),
    replace(
        TINY,
        name="one output",
        layer_sizes=(3, 4, 4, 1),
        activations=("sigmoid", "sigmoid", "sigmoid"),
        loss="binary_cross_entropy",
        learning_rate=1.0,
    ),
    replace(
        TINY,
        name="numbers",
        layer_sizes=(3, 5, 2),
        activations=("tanh", "identity"),
        loss="squared_error",
        make_data=tiny_numbers,
    ),
)


class WrongRate(ScikitLearn):
    """Learns at twice the rate."""

    def __init__(self, workload):
        super().__init__(workload)
        self.estimator.learning_rate_init *= 2


def peer_result(milliseconds, gflops=1.0, network="3-5-2 relu"):
    return {"network": network, "milliseconds_per_epoch": milliseconds, "useful_gflops": gflops}


def workload_result(name="tiny", batch_size=5, momentum=0.0, **peers):
    return {
        "name": name,
        "network": "3-5-2 relu",
        "n_samples": 1797,
        "batch_size": batch_size,
        "momentum": momentum,
        "adam": False,
        "data": name,
        "peak_gflops": 100.0,
        "copy_gigabytes_per_second": 20.0,
        "peers": {"PyTorch": peer_result(30.0), SUBJECT: peer_result(12.0, 45.0), **peers},
    }


def saved_results(*workloads, missing=()):
    return {
        "machine": {"date": "2026-01-02", "processor": "cpu", "dtype": "float32", "python": "3", "fastnn": "0"},
        "versions": {"PyTorch": "2", SUBJECT: "1"},
        "missing": list(missing),
        "runs": [{"processors": n, "workloads": list(workloads)} for n in (1, 4)],
    }


# Workloads


def test_useful_operations_of_a_workload_counted_by_hand():
    forward_and_weights = 2 * 2 * (3 * 5 + 5 * 2)
    errors = 2 * 5 * 2  # dZ W^T of the second layer only
    assert TINY.useful_flops == (forward_and_weights + errors) * 23 * 3
    assert TINY.gflops(seconds=2.0) == pytest.approx(TINY.useful_flops / 2e9)


def test_names_of_workloads_are_different():
    assert len({workload.name for workload in WORKLOADS}) == len(WORKLOADS)


# Peers


@pytest.mark.parametrize("library", ["scikit-learn", "PyTorch", REFERENCE, SUBJECT])
@pytest.mark.parametrize("workload", TINY_WORKLOADS, ids=lambda workload: workload.name)
def test_libraries_learn_the_same(library, workload):
    if library in missing():
        pytest.skip(f"{library} is not installed")
    peer = LIBRARIES[library].prepare(workload)
    agreement = turns.assert_same_learning(workload, {library: peer})[library]
    assert agreement["drift"] < 1e-4


@pytest.mark.parametrize("library", ["scikit-learn", "PyTorch", "JAX", SUBJECT])
@pytest.mark.parametrize("options", [{"momentum": 0.9}, {"adam": True, "learning_rate": 0.01}], ids=str)
def test_libraries_mean_the_same_by_their_optimizers(options, library):
    if library in missing():
        pytest.skip(f"{library} is not installed")
    workload = replace(TINY, **options)
    peer = LIBRARIES[library].prepare(workload)
    agreement = turns.assert_same_learning(workload, {library: peer})[library]
    assert agreement["drift"] < 1e-4


def test_a_library_that_learns_otherwise_is_not_timed():
    with pytest.raises(AssertionError, match="Nothing was timed"):
        turns.assert_same_learning(TINY, {"wrong": WrongRate(TINY)})


def test_turns_start_from_the_same_parameters():
    peer = LIBRARIES["scikit-learn"].prepare(TINY)
    turns.peer_turn(peer)()
    assert (peer.parameters() != peer.start_parameters()).any()
    peer.reset()
    assert (peer.parameters() == peer.start_parameters()).all()


def test_scikit_learn_trains_one_output_for_two_classes():
    assert ScikitLearn.adapted(TINY).layer_sizes == (3, 5, 1)
    three_classes = replace(TINY, layer_sizes=(3, 5, 3))
    assert ScikitLearn.adapted(three_classes) is three_classes


def test_drift_is_relative_to_the_way_that_training_took():
    start, end = np.zeros(2), np.array([3.0, 4.0])
    assert turns.relative_drift(end, end, start) == 0
    assert turns.relative_drift(start, end, start) == 1
    assert turns.relative_drift(np.array([3.0, 4.5]), end, start) == pytest.approx(0.1)


def test_everyone_takes_turns_in_each_round(monkeypatch):
    monkeypatch.setattr(turns, "PAUSE_SECONDS", 0)
    order = []
    measured = turns.take_turns({name: lambda name=name: order.append(name) or len(order) for name in "ab"}, seconds=0)
    assert order == ["a", "b"] * turns.FEWEST_TURNS
    assert measured["b"] == list(range(2, 2 * turns.FEWEST_TURNS + 1, 2))


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_a_process_measures_one_workload_with_all_libraries(tmp_path):
    # JAX warns of every later fork of the process that imports it: it gets one of its own.
    output = tmp_path / "results.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.turns", str(output), "half_planes"],
        cwd=ROOT,
        env={**os.environ, "FASTNN_BENCHMARK_QUICK": "1", **processors.thread_settings(1)},
        check=True,
        capture_output=True,
    )
    (measured,) = json.loads(output.read_text())["workloads"]
    assert list(measured["peers"]) == [name for name in LIBRARIES if name not in missing()]
    assert all(peer["milliseconds_per_epoch"] > 0 for peer in measured["peers"].values())
    assert measured["peers"]["JAX"]["drift"] < 1e-4


# Estimators


def quick_task(name):
    return next(task for task in tasks.tasks(quick=True) if task.name == name)


@pytest.fixture
def stand_in(monkeypatch):
    """Estimators that take the place of fastnn's: scikit-learn's own, until a test replaces them."""
    module = types.ModuleType("stand_in")
    module.MLPClassifier, module.MLPRegressor = MLPClassifier, MLPRegressor
    monkeypatch.setitem(sys.modules, "stand_in", module)
    monkeypatch.setitem(estimator_libraries.MODULES, estimator_libraries.SUBJECT, "stand_in")
    monkeypatch.setattr(estimator_turns, "PAUSE_SECONDS", 0)
    return module


class FastLearner(MLPClassifier):
    """Learns at another rate."""

    def fit(self, X, y):
        self.learning_rate_init = 0.0011
        return super().fit(X, y)


class TwiceTheEpochs(MLPClassifier):
    """Does not stop where it should."""

    def fit(self, X, y):
        self.max_iter = 2 * self.max_iter
        return super().fit(X, y)


def test_names_of_tasks_are_different():
    assert len({task.name for task in tasks.TASKS}) == len(tasks.TASKS)


@pytest.mark.skipif(not hasattr(fastnn, "MLPClassifier"), reason="fastnn has no estimators yet")
@pytest.mark.parametrize(
    "name", ["digits", "half_planes", "regression_early_stopping", "search", "predict", "tfidf", "tfidf_predict"]
)
def test_both_libraries_are_held_to_the_same_and_timed(name, monkeypatch):
    monkeypatch.setattr(estimator_turns, "PAUSE_SECONDS", 0)
    measured = estimator_turns.measure(quick_task(name), n_turns=1)
    assert all(seconds > 0 for seconds in measured["seconds"].values())
    assert measured["deviations"]["parameters"] <= agreement.PARAMETER_TOLERANCE


@pytest.mark.parametrize("name", ["digits", "regression", "search", "predict"])
def test_an_estimator_agrees_with_itself(name, stand_in):
    measured = estimator_turns.measure(quick_task(name), n_turns=1)
    assert measured["deviations"]["parameters"] < 1e-12
    assert set(measured["seconds"]) == {"scikit-learn", "fastnn"}
    json.dumps(measured)


@pytest.mark.parametrize("wrong", [FastLearner, TwiceTheEpochs])
def test_an_estimator_that_learns_otherwise_is_not_timed(wrong, stand_in):
    stand_in.MLPClassifier = wrong
    with pytest.raises(AssertionError, match=r"^digits: parameters of fastnn .* Nothing was timed"):
        estimator_turns.measure(quick_task("digits"), n_turns=1)


def model(**attributes):
    return types.SimpleNamespace(**attributes)


@pytest.mark.parametrize(
    ("check", "ours", "theirs", "message"),
    [
        (
            agreement.assert_same_parameters,
            model(coefs_=[np.ones((2, 3))], intercepts_=[np.ones(3)]),
            model(coefs_=[np.ones((2, 1))], intercepts_=[np.ones(1)]),
            "has parameters of shapes",
        ),
        (
            agreement.assert_same_parameters,
            model(coefs_=[np.full((2, 3), np.nan)], intercepts_=[np.ones(3)]),
            model(coefs_=[np.ones((2, 3))], intercepts_=[np.ones(3)]),
            "nan apart",
        ),
        (agreement.assert_same_predictions, np.array([0, 1]), np.array([1, 1]), "classes for 1 of 2 samples"),
        (agreement.assert_same_predictions, np.array([1.0, 1.1]), np.ones(2), "predictions .* apart"),
        (agreement.assert_same_predictions, np.ones(2), np.ones((2, 1)), "an array of shape"),
        (agreement.assert_as_many_epochs, model(n_iter_=3), model(n_iter_=4), "3 epochs and scikit-learn for 4"),
        (
            agreement.assert_same_losses,
            model(n_iter_=2, loss_curve_=[1.0, 0.501]),
            model(n_iter_=2, loss_curve_=[1.0, 0.5]),
            "losses .* 0.002 apart",
        ),
        (agreement.assert_same_scores, 0.9, 0.91, "scores .* 0.01 apart"),
    ],
)
def test_what_libraries_must_agree_on(check, ours, theirs, message):
    check("task", {"fastnn": theirs, "scikit-learn": theirs})
    with pytest.raises(AssertionError, match=message):
        check("task", {"fastnn": ours, "scikit-learn": theirs})


def test_who_went_first_goes_last_in_the_next_round(monkeypatch):
    monkeypatch.setattr(estimator_turns, "PAUSE_SECONDS", 0)
    order = []
    estimator_turns.take_turns({name: lambda name=name: order.append(name) or 1.0 for name in "ab"}, n_turns=3)
    assert "".join(order) == "abbaab"


def test_size_of_a_pickled_estimator(stand_in):
    trained = quick_task("predict").trained_shortly("scikit-learn", quick_task("predict").data)
    assert tasks.pickled_ratio(trained) > 3  # weights, gradients' two moments and more


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
    text = estimator_table.markdown(estimator_results(estimator_result(), prediction))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[2] == ("| digits, 1,797 × 64, float64 | MLPClassifier: fit | 1 | 2.00 s | **200 ms** | 10.0× |")
    assert lines[3] == lines[2].replace("| 1 |", "| 2 |")
    assert lines[4].endswith("| 2 | 122 µs | **48.0 µs** | 2.5× |")
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert "Medians of 7 turns" in text
    assert "takes 1.01 times the bytes" in text
    text = estimator_table.markdown(estimator_results(estimator_result(memory=(404 * 2**20, 395 * 2**20))))
    assert "takes 395 MiB at most; with scikit-learn it takes 404." in text


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
    assert estimator_table.shortfalls(results) == ([] if sentence is None else [sentence])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.34, "12.3 s"), (0.9996, "1.00 s"), (0.0123, "12.3 ms"), (9.996e-4, "1.00 ms"), (48.26e-6, "48.3 µs")],
)
def test_durations(seconds, text):
    assert estimator_table.duration(seconds) == text


# The machine


@pytest.mark.parametrize("samples", [1, 5])
def test_products_are_compared_with_numpys_before_they_are_timed(samples):
    for product in products.products(samples, 6, 3):
        product.check()
        product.take_turn()
        assert product.gflops > 0
        product.expected = product.expected + 1
        with pytest.raises(AssertionError, match="differs by"):
            product.check()


def test_multiply_adds_are_done_as_often_as_they_are_counted():
    totals = np.arange(machine._chains(8)) / 2
    for _ in range(3):
        totals = totals / 2 + 0.5
    assert machine._compiled(8)(3, np.float32(0.5)) == pytest.approx(totals.sum())


def test_peak_and_copies_are_measured(monkeypatch):
    monkeypatch.setattr(machine, "STEPS", 1000)
    monkeypatch.setattr(machine, "COPIED_BYTES", 2**12)
    assert 0 < machine.peak_gflops() < np.inf
    assert 0 < machine.peak_gflops(lanes=4, n_threads=1) < np.inf
    assert 0 < machine.copy_gigabytes_per_second() < np.inf


def test_parts_cover_the_whole():
    assert machine._bounds(10, 3) == [(0, 3), (3, 6), (6, 10)]


@pytest.mark.skipif(not CAN_PIN, reason="this system cannot pin processes")
def test_a_pinned_process_gets_its_processors_back():
    before = os.sched_getaffinity(0)
    with processors.pinned(1):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_every_library_gets_one_thread_a_processor():
    settings = processors.thread_settings(3)
    assert settings["OMP_NUM_THREADS"] == settings["OPENBLAS_NUM_THREADS"] == settings["MKL_NUM_THREADS"] == "3"


# The table


def test_ratio_and_share_of_peak():
    workload = workload_result()
    assert table.ratio(workload, "PyTorch") == 2.5
    assert table.share_of_peak(workload) == 0.45


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.14, "0.140"), (1.185, "1.19"), (12.34, "12.3"), (999.4, "999"), (999.6, "1,000"), (12345.6, "12,346")],
)
def test_three_digits(number, text):
    assert table.three_digits(number) == text


def test_rows_of_one_workload_stand_below_each_other():
    rows = table.rows(saved_results(workload_result("first"), workload_result("second", None, 0.9)))
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| first, 1,797 samples, 3-5-2 relu", "5", "1"],
        ["| first, 1,797 samples, 3-5-2 relu", "5", "4"],
        ["| second, 1,797 samples, 3-5-2 relu", "all, momentum 0.9", "1"],
        ["| second, 1,797 samples, 3-5-2 relu", "all, momentum 0.9", "4"],
    ]
    assert rows[0].endswith("| 30.0 (2.5×) | **12.0** | 45.0 | 45% |")


def test_every_row_has_the_cells_of_the_header():
    text = table.markdown(saved_results(workload_result()))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {lines[0].count("|")}


def test_the_table_says_what_is_missing_and_what_is_different():
    other = workload_result(PyTorch=peer_result(24.0, network="3-5-1 relu"))
    text = table.markdown(saved_results(other, missing=["JAX"]))
    assert "24.0* (2.0×)" in text
    assert "* PyTorch trains 3-5-1 relu in place of 3-5-2 relu." in text
    assert "Left out, not being installed: JAX." in text
    complete = table.markdown(saved_results(workload_result()))
    assert "*" not in complete.replace("**", "")
    assert "Left out" not in complete


# The README


def test_a_table_replaces_what_stood_between_its_markers():
    text = "a\n<!-- peers:begin -->\nold\n<!-- peers:end -->\nb"
    assert readme.with_table(text, "peers", "new\n") == "a\n<!-- peers:begin -->\nnew\n<!-- peers:end -->\nb"
    assert readme.with_table(text, "peers", "") == "a\n<!-- peers:begin -->\n<!-- peers:end -->\nb"


@pytest.mark.parametrize(
    "text", ["", "<!-- peers:begin -->", "<!-- peers:end --><!-- peers:begin -->", "<!-- peers:begin -->" * 2]
)
def test_a_readme_without_proper_markers_is_refused(text):
    with pytest.raises(ClickException, match="must hold <!-- peers:begin --> once"):
        readme.with_table(text, "peers", "table")


@pytest.fixture
def saved_files(tmp_path, monkeypatch):
    """A README with empty markers, and no results yet."""
    path = tmp_path / "README.md"
    path.write_text("<!-- peers:begin -->\n<!-- peers:end -->\n")
    monkeypatch.setattr(readme, "README", path)
    monkeypatch.setattr(readme, "TABLES", {"peers": table})
    monkeypatch.setattr(table, "JSON_FILE", tmp_path / "peers.json")
    monkeypatch.setattr(table, "MARKDOWN_FILE", tmp_path / "peers.md")
    return tmp_path


def check():
    return CliRunner().invoke(readme.main, ["--check"])


def test_results_that_were_not_saved_leave_the_markers_empty(saved_files):
    assert check().exit_code == 0
    assert CliRunner().invoke(readme.main).exit_code == 0
    assert (saved_files / "README.md").read_text() == "<!-- peers:begin -->\n<!-- peers:end -->\n"


def test_the_readme_is_brought_up_to_date_and_checked(saved_files):
    (saved_files / "peers.json").write_text(json.dumps(saved_results(workload_result())))
    stale = check()
    assert stale.exit_code == 1
    assert "differs from the saved results" in stale.output
    assert CliRunner().invoke(readme.main).exit_code == 0
    assert "30.0 (2.5×)" in (saved_files / "README.md").read_text(encoding="utf-8")
    assert check().exit_code == 0
    (saved_files / "peers.md").write_text("something else")
    assert check().exit_code == 1


def test_the_readme_shows_the_saved_results():
    result = check()
    assert result.exit_code == 0, result.output


# Scaling


@pytest.mark.parametrize("width", [8, 2048])
@pytest.mark.parametrize("batch_size", [1, 128, 4096])
def test_a_point_has_whole_batches(width, batch_size):
    workload = scaling.point_workload(width, batch_size)
    assert workload.layer_sizes == (784, width, width, 10)
    assert workload.n_samples % batch_size == 0
    assert 2 * batch_size <= workload.n_samples <= max(scaling.MOST_SAMPLES, 2 * batch_size)


def test_processors_are_doubled_up_to_all():
    assert scaling.processor_counts(1) == [1]
    if CAN_PIN:
        assert scaling.processor_counts(6) == [1, 2, 4, 6]
        assert scaling.processor_counts(8) == [1, 2, 4, 8]


def test_widths_and_batches_are_swept_on_one_processor_and_on_all(monkeypatch):
    monkeypatch.setattr(scaling, "available_cpus", lambda: 4)
    assert scaling.sweep(2) == [scaling.CENTRE]
    assert scaling.sweep(1) == scaling.sweep(4)
    assert {width for width, _ in scaling.sweep(1)} == {*scaling.WIDTHS, scaling.CENTRE[0]}
    assert {batch_size for _, batch_size in scaling.sweep(1)} == {*scaling.BATCH_SIZES, scaling.CENTRE[1]}


def scaling_points():
    return [
        {"processors": n, "width": width, "batch_size": 128, "peak_gflops": 100.0 * n, "gflops": {SUBJECT: 50.0 * n}}
        for n in (1, 2)
        for width in (512, 8)
    ]


def test_points_along_an_axis_are_in_order():
    points = scaling.along(scaling_points(), "width", batch_size=128, processors=2)
    assert [(point["width"], point["processors"]) for point in points] == [(8, 2), (512, 2)]


def test_scaling_is_told_as_a_table():
    lines = scaling.markdown(scaling_points()).splitlines()
    assert lines[2] == "| 512 | 128 | 1 | 50.0 | 100 |"
    assert {line.count("|") for line in lines} == {6}


def test_scaling_is_drawn(tmp_path):
    scaling.plot(scaling_points(), tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")
