"""Interleaved timing, processes, the machine's peak, and numbers in tables."""

import itertools
import os
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import products
from benchmarks.harness import agreement, markdown, peak, processors, runs
from benchmarks.harness.processors import CAN_PIN
from benchmarks.harness.turns import Rounds, exactly, medians, take_turns


def test_who_went_first_goes_last_in_the_next_round():
    order = []
    turns = {name: lambda name=name: order.append(name) or float(len(order)) for name in "ab"}
    measured = take_turns(turns, exactly(3, pause=0))
    assert "".join(order) == "abbaab"
    assert measured == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert medians(measured) == {"a": 4, "b": 3}


@pytest.mark.parametrize(("seconds", "n_rounds"), [(0, 2), (1.5, 3), (100, 5)])
def test_rounds_end_when_the_time_is_used_up(seconds, n_rounds, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: float(next(ticks)))
    assert len(list(Rounds(2, 5, seconds))) == n_rounds


def test_bits_and_shapes_that_differ_are_refused():
    pair = {"fit": [np.zeros(2), np.ones(1)], "fit_many": [np.zeros(2), np.ones(1)]}
    agreement.assert_same_bits("task", pair)
    pair["fit_many"][0][1] = -0.0
    with pytest.raises(AssertionError, match=r"task: fit_many and fit differ in their bits\. Nothing was timed"):
        agreement.assert_same_bits("task", pair)
    with pytest.raises(AssertionError, match="arrays of shapes"):
        agreement.assert_same_bits("task", {**pair, "fit_many": [np.zeros(2)]})


def test_workloads_are_chosen_by_name():
    first, second = workloads = [SimpleNamespace(name=name) for name in "ab"]
    assert runs.chosen(workloads, ()) == [first, second]
    assert runs.chosen(workloads, ("b",)) == [second]
    assert runs.only(("a", "b")) == ["--only", "a", "--only", "b"]


def test_products_are_compared_with_numpys_before_they_are_timed():
    for product in products.products(5, 6, 3):
        product.check()
        assert product.gflops() > 0
        product.expected = product.expected + 1
        with pytest.raises(AssertionError, match="differs by"):
            product.check()


def test_multiply_adds_are_done_as_often_as_they_are_counted():
    totals = np.arange(peak._chains(8)) / 2
    for _ in range(3):
        totals = totals / 2 + 0.5
    assert peak._compiled(8)(3, np.float32(0.5)) == pytest.approx(totals.sum())


def test_peak_and_copies_are_measured(monkeypatch):
    monkeypatch.setattr(peak, "STEPS", 1000)
    monkeypatch.setattr(peak, "COPIED_BYTES", 2**12)
    assert 0 < peak.peak_gflops() < np.inf
    assert 0 < peak.peak_gflops(lanes=4, n_threads=1) < np.inf
    assert 0 < peak.copy_gigabytes_per_second() < np.inf


def test_parts_cover_the_whole():
    assert peak._bounds(10, 3) == [(0, 3), (3, 6), (6, 10)]


@pytest.mark.skipif(not CAN_PIN, reason="this system cannot pin processes")
def test_a_pinned_process_gets_its_processors_back():
    before = os.sched_getaffinity(0)
    with processors.pinned(1):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_every_library_gets_one_thread_a_processor():
    settings = processors.thread_settings(3)
    assert settings["OMP_NUM_THREADS"] == settings["OPENBLAS_NUM_THREADS"] == settings["MKL_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.14, "0.140"), (1.185, "1.19"), (12.34, "12.3"), (999.4, "999"), (999.6, "1,000"), (12345.6, "12,346")],
)
def test_three_digits(number, text):
    assert markdown.three_digits(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.34, "12.3 s"), (0.9996, "1.00 s"), (0.0123, "12.3 ms"), (9.996e-4, "1.00 ms"), (48.26e-6, "48.3 µs")],
)
def test_durations(seconds, text):
    assert markdown.duration(seconds) == text
