"""The table of workloads."""

import numpy as np
import pytest

from benchmarks.workloads import table
from benchmarks.workloads.training import relative_drifts
from tests.benchmarks.examples import TINY


def test_useful_operations_of_a_workload_counted_by_hand():
    forward_and_weights = 2 * 2 * (3 * 5 + 5 * 2)
    errors = 2 * 5 * 2  # dZ W^T of the second layer only
    assert TINY.useful_flops == (forward_and_weights + errors) * 23 * 3
    assert TINY.gflops(seconds=2.0) == pytest.approx(TINY.useful_flops / 2e9)


@pytest.mark.parametrize("workloads", [table.TRAININGS, table.CALLS])
def test_names_of_workloads_are_different(workloads):
    assert len({workload.name for workload in workloads}) == len(workloads)


def test_drift_is_relative_to_the_way_that_training_took():
    start, end = np.zeros(2), np.array([3.0, 4.0])
    assert relative_drifts(end, end, start) == 0
    assert relative_drifts(start, end, start) == 1
    assert relative_drifts(np.array([3.0, 4.5]), end, start) == pytest.approx(0.1)


def test_networks_drift_each_on_its_own():
    start, end = np.zeros((2, 2)), np.array([[3.0, 4.0], [0.0, 1.0]])
    assert relative_drifts(np.add(end, [[0, 0], [0, 1]]), end, start).tolist() == [0, 1]
