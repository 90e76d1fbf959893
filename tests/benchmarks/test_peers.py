"""The comparison with other libraries: agreement checks, and reports of times."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks.harness import processors
from benchmarks.peers import table
from benchmarks.peers.agreement import assert_same_learning
from benchmarks.peers.implementations.with_scikit_learn import ScikitLearn
from benchmarks.peers.libraries import LIBRARIES, REFERENCE, SUBJECT, missing
from benchmarks.peers.measure import peer_turn
from tests.benchmarks.examples import TINY, TINY_WORKLOADS, peer_result, saved_results, workload_result


class WrongRate(ScikitLearn):
    """Uses twice the learning rate."""

    def __init__(self, workload):
        super().__init__(workload)
        self.estimator.learning_rate_init *= 2


@pytest.mark.parametrize("library", ["scikit-learn", "PyTorch", REFERENCE, SUBJECT])
@pytest.mark.parametrize("workload", TINY_WORKLOADS, ids=lambda workload: workload.name)
def test_libraries_learn_the_same(library, workload):
    if library in missing():
        pytest.skip(f"{library} is not installed")
    peer = LIBRARIES[library].prepare(workload)
    agreement = assert_same_learning(workload, {library: peer})[library]
    assert agreement["drift"] < 1e-4


@pytest.mark.parametrize("library", ["scikit-learn", "PyTorch", "JAX", SUBJECT])
@pytest.mark.parametrize("options", [{"momentum": 0.9}, {"adam": True, "learning_rate": 0.01}], ids=str)
def test_libraries_mean_the_same_by_their_optimizers(options, library):
    if library in missing():
        pytest.skip(f"{library} is not installed")
    workload = replace(TINY, **options)
    peer = LIBRARIES[library].prepare(workload)
    agreement = assert_same_learning(workload, {library: peer})[library]
    assert agreement["drift"] < 1e-4


def test_a_library_that_learns_otherwise_is_not_timed():
    with pytest.raises(AssertionError, match="Nothing was timed"):
        assert_same_learning(TINY, {"wrong": WrongRate(TINY)})


def test_turns_start_from_the_same_parameters():
    peer = LIBRARIES["scikit-learn"].prepare(TINY)
    peer_turn(peer)()
    assert (peer.parameters() != peer.start_parameters()).any()
    peer.reset()
    assert (peer.parameters() == peer.start_parameters()).all()


def test_scikit_learn_trains_one_output_for_two_classes():
    assert ScikitLearn.adapted(TINY).layer_sizes == (3, 5, 1)
    three_classes = replace(TINY, layer_sizes=(3, 5, 3))
    assert ScikitLearn.adapted(three_classes) is three_classes


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_a_process_measures_one_workload_with_all_libraries(tmp_path):
    # JAX warns about every later fork of the process that imports it, so it runs in its own process.
    output = tmp_path / "results.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", "--here", str(output), "--only", "half_planes"],
        cwd=processors.ROOT,
        env={**os.environ, "FASTNN_BENCHMARK_QUICK": "1", **processors.thread_settings(1)},
        check=True,
        capture_output=True,
    )
    (measured,) = json.loads(output.read_text())["workloads"]
    assert list(measured["peers"]) == [name for name in LIBRARIES if name not in missing()]
    assert all(peer["milliseconds_per_epoch"] > 0 for peer in measured["peers"].values())
    assert measured["peers"]["JAX"]["drift"] < 1e-4


def test_ratio_and_share_of_peak():
    workload = workload_result()
    assert table.ratio(workload, "PyTorch") == 2.5
    assert table.share_of_peak(workload) == 0.45


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
