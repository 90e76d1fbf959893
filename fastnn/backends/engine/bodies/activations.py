"""Activations A = f(Z) and the way back, dZ = dA * f'(Z), as operations.

The functions of one number are those of `numba_backend.activations`; each becomes two passes over contiguous numbers. Softmax
couples the units of a layer: its samples are in columns, so that lanes run along them.
"""

from typing import Any

from fastnn.activations import ELEMENTWISE
from fastnn.backends.engine.bodies.registry import body
from fastnn.backends.engine.bodies.scratch import SCRATCH, scratch
from fastnn.backends.numba_backend.activations import DERIVATIVES, FUNCTIONS
from fastnn.backends.numba_backend.vector_math import exp


@body()
def softmax(A, Z):
    """a_ik = exp(z_ik - m_i) / sum_j exp(z_ij - m_i), m_i = max_j z_ij; Z (n, K) -> A (n, K)."""
    n, n_outputs = Z.shape
    largest, totals = scratch(Z), scratch(Z)
    for start in range(0, n, SCRATCH):
        stop = min(start + SCRATCH, n)
        for i in range(start, stop):
            largest[i - start], totals[i - start] = Z[i, 0], 0
        for k in range(1, n_outputs):
            for i in range(start, stop):
                largest[i - start] = max(largest[i - start], Z[i, k])
        for k in range(n_outputs):
            for i in range(start, stop):
                A[i, k] = exp(Z[i, k] - largest[i - start])
                totals[i - start] += A[i, k]
        for k in range(n_outputs):
            for i in range(start, stop):
                A[i, k] /= totals[i - start]


@body()
def softmax_backward(dZ, A):
    """dz_ik = a_ik (da_ik - sum_j da_ij a_ij), dZ holding dA before; A (n, K) -> dZ (n, K)."""
    n, n_outputs = A.shape
    means = scratch(A)
    for start in range(0, n, SCRATCH):
        stop = min(start + SCRATCH, n)
        for i in range(start, stop):
            means[i - start] = 0
        for k in range(n_outputs):
            for i in range(start, stop):
                means[i - start] += dZ[i, k] * A[i, k]
        for k in range(n_outputs):
            for i in range(start, stop):
                dZ[i, k] = A[i, k] * (dZ[i, k] - means[i - start])


def enter_pass(function: Any, name: str) -> None:
    """Enter A = f(Z)."""

    @body(name)
    def activate(a, z):
        for i in range(len(z)):
            a[i] = function(z[i])


def enter_derivative_pass(derivative: Any, name: str) -> None:
    """Enter dZ = dA * f'(Z), dZ holding dA before.

    It works in place: LLVM gives up lanes where a result and an argument may be the same array, but not the same number.
    """

    @body(f"{name}_derivative")
    def activate_backward(dz, z, a):
        for i in range(len(z)):
            dz[i] *= derivative(z[i], a[i])


for _name, _function, _derivative in zip(ELEMENTWISE, FUNCTIONS, DERIVATIVES, strict=True):
    enter_pass(_function, _name)
    enter_derivative_pass(_derivative, _name)
