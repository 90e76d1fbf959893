"""Fresh processes: import, first fit on a machine (compiles), first fit of a later process (loads).

Rounds are whole processes, including interpreter start-up and the imports of NumPy and Numba; `extra_info` has the seconds of
the step itself.
"""

import statistics

import pytest

from benchmarks.processes import first_fit_seconds, import_seconds
from benchmarks.settings import QUICK

pytestmark = pytest.mark.benchmark(group="fresh process")


def test_import(benchmark):
    seconds = []
    benchmark.pedantic(lambda: seconds.append(import_seconds()), rounds=1 if QUICK else 10)
    benchmark.extra_info["seconds"] = statistics.median(seconds)


def test_first_fit_compiles(benchmark, tmp_path_factory):
    seconds = []
    benchmark.pedantic(
        lambda cache: seconds.append(first_fit_seconds(cache)),
        setup=lambda: ((tmp_path_factory.mktemp("empty_cache"),), {}),
        rounds=1 if QUICK else 3,
    )
    benchmark.extra_info["seconds"] = statistics.median(seconds)


def test_first_fit_loads(benchmark, tmp_path):
    first_fit_seconds(tmp_path)
    seconds = []
    benchmark.pedantic(lambda: seconds.append(first_fit_seconds(tmp_path)), rounds=1 if QUICK else 10)
    benchmark.extra_info["seconds"] = statistics.median(seconds)
