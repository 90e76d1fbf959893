"""The matrix products of a layer, checked and then timed on one processor: ``python -m benchmarks.products``.

Each is first checked against NumPy's. The results are the best of many short, interleaved turns, in GFLOP/s and as a fraction
of the processor's peak in fused multiply-adds, measured in the same run. ``FASTNN_VECTOR_BITS`` selects narrower vectors.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from benchmarks.harness.agreement import assert_close
from benchmarks.harness.peak import peak_gflops
from benchmarks.harness.turns import exactly, seconds_of, take_turns
from benchmarks.settings import DTYPE, QUICK, SEED
from fastnn.architecture import aligned_empty
from fastnn.backends.numba_backend.kernels.compilation import kernel
from fastnn.backends.numba_backend.kernels.products import accumulate, inner_products, multiply, multiply_add_row
from fastnn.backends.numba_backend.levels import level

#: Samples, inputs and outputs of layers: common ones, power-of-two strides, narrow ones, and few rows.
LAYERS = ((4, 8, 4),) if QUICK else (
    (128, 784, 128), (128, 512, 512), (100, 784, 500), (128, 1500, 1500), (128, 2048, 2048), (64, 54, 100), (128, 128, 10),
    (8, 512, 512), (1, 512, 512), (64, 16, 32), (64, 8, 4),
)  # fmt: skip
FLOPS_PER_TURN = 1e5 if QUICK else 5e8
TOLERANCE = 1e-5  # of the largest number


@kernel
def affine(n_calls, Z, A, W, b):
    """Z = A W + b, repeatedly."""
    for _ in range(n_calls):
        multiply_add_row(Z, A, W, b)


@kernel
def previous_error(n_calls, dA, dZ, W, b):
    """dA = dZ W^T, repeatedly."""
    for _ in range(n_calls):
        multiply(dA, dZ, W.T)


@kernel
def update(n_calls, W, A, dZ, b):
    """W = 0 W + A^T dZ / 2, which reads W, repeatedly."""
    for _ in range(n_calls):
        accumulate(W, A.T, dZ, 0.5, 1e-30)


@kernel
def gradient(n_calls, dW, A, dZ, b):
    """dW = A^T dZ / 2, vectorised over the samples, repeatedly."""
    for _ in range(n_calls):
        inner_products(dW, A.T, dZ, 0.5)


@dataclass
class Product:
    """A product of a layer: the function that computes it repeatedly, its arguments, and NumPy's result."""

    name: str
    run: Callable[..., None]
    arguments: tuple[Any, ...]
    expected: Any
    flops: int

    def check(self) -> None:
        """Compile, and compare with NumPy."""
        self.arguments[0][:] = 0
        self.run(1, *self.arguments)
        assert_close(self.name, self.arguments[0], self.expected, TOLERANCE)

    def gflops(self) -> float:
        """Billions of operations per second, measured over some milliseconds."""
        n_calls = max(1, int(FLOPS_PER_TURN / self.flops))
        return n_calls * self.flops / seconds_of(lambda: self.run(n_calls, *self.arguments)) / 1e9


def peak() -> float:
    """The peak of one processor, in billions of operations per second."""
    return peak_gflops(n_threads=1)


def products(n: int, n_in: int, n_out: int) -> Iterator[Product]:
    """The products of one layer, with samples in rows, and in columns as in narrow networks."""
    random = np.random.default_rng(SEED)

    def block(*shape: int) -> Any:
        numbers = aligned_empty(int(np.prod(shape)), np.dtype(DTYPE))
        numbers[:] = random.standard_normal(len(numbers))
        return numbers.reshape(shape)

    A, W, dZ, b = block(n, n_in), block(n_in, n_out), block(n, n_out), block(n_out)
    flops, size = 2 * n * n_in * n_out, f"{n}x{n_in}x{n_out}"
    yield Product(f"A W + b, {size}", affine, (block(n, n_out), A, W, b), A @ W + b, flops)
    yield Product(f"dZ W^T, {size}", previous_error, (block(n, n_in), dZ, W, b), dZ @ W.T, flops)
    yield Product(f"W + A^T dZ, {size}", update, (block(n_in, n_out), A, dZ, b), A.T @ dZ / 2, flops)
    if n_in <= 64:
        A, dZ = block(n_in, n).T, block(n_out, n).T
        yield Product(f"A W + b, {size} in columns", affine, (block(n_out, n).T, A, W, b), A @ W + b, flops)
        yield Product(f"A^T dZ, {size} in columns", gradient, (block(n_in, n_out), A, dZ, b), A.T @ dZ / 2, flops)


@click.command(help=__doc__)
@click.option("--turns", default=1 if QUICK else 20, show_default=True, help="How often each product is timed.")
@click.option("--only", default="", metavar="TEXT", help="Only products whose names contain this.")
def main(turns: int, only: str) -> None:
    """Time the products."""
    chosen = [product for layer in LAYERS for product in products(*layer) if only in product.name]
    for product in chosen:
        product.check()
    measured = take_turns(
        {"peak": peak, **{product.name: product.gflops for product in chosen}}, exactly(turns, pause=0)
    )
    best = {name: max(gflops) for name, gflops in measured.items()}
    click.echo(f"{level().vector_bits}-bit vectors; peak {best['peak']:.0f} GFLOP/s")
    for product in chosen:
        gflops = best[product.name]
        click.echo(f"{product.name:32} {gflops:7.1f} GFLOP/s {gflops / best['peak']:5.0%} of peak")


if __name__ == "__main__":
    main()
