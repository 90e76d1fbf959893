"""Epochs of training: both backends on every workload, grouped by workload."""

import functools

import pytest

import fastnn
from benchmarks.settings import QUICK
from benchmarks.workloads.table import TRAININGS
from benchmarks.workloads.training import Training
from benchmarks.workloads.workload import at_size

ROUNDS = 1 if QUICK else 5


@functools.cache
def _compiled_and_compared(workload: Training) -> None:
    workload.assert_backends_agree()


@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize("workload", at_size(TRAININGS), ids=lambda workload: workload.name)
def test_fit(benchmark, workload, backend):
    _compiled_and_compared(workload)
    benchmark.group = workload.name
    benchmark.pedantic(
        workload.fit, setup=lambda: ((workload.network(backend),), {}), rounds=ROUNDS, warmup_rounds=0 if QUICK else 1
    )
    benchmark.extra_info.update(
        data=workload.data().source, network=workload.network_shape, epochs=workload.epochs, quick=QUICK
    )
    if benchmark.stats is not None:  # None under --benchmark-disable
        seconds = benchmark.stats.stats.median
        benchmark.extra_info.update(
            samples_per_second=workload.samples_per_second(seconds), useful_gflops=workload.gflops(seconds)
        )
