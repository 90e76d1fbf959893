"""Operations of both backends, and inference, each checked against its twin before it is timed."""

import pytest

import fastnn
from benchmarks.kernels import INFERENCE_ROWS, KERNELS, inference

every_backend = pytest.mark.parametrize("backend", fastnn.available_backends())


@every_backend
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_kernel(benchmark, kernel, backend):
    benchmark.group = kernel.name
    benchmark(kernel.call(backend))


@every_backend
@pytest.mark.parametrize("n_rows", INFERENCE_ROWS)
def test_inference(benchmark, n_rows, backend):
    benchmark.group = f"forward, {n_rows} x 784-128-10"
    benchmark(inference(n_rows, backend))
