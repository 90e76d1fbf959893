"""Activations a = f(z) and their derivatives f'(z), written in terms of z and a where that is shorter.

`FUNCTIONS` and `DERIVATIVES` hold the elementwise ones in the order of `fastnn.activations`; softmax, which couples the
units of a layer, follows them. Here they take one number, and the loops below fuse them with what stands around them.
Constants are written in the type of z, so that single precision stays single.
"""

import math

from numba import types

from fastnn.backends.numba_backend.compilation import caller, entry_point, inlined
from fastnn.backends.numba_backend.vector_math import exp, expm1, log1p
from fastnn.backends.numba_backend.vector_math import tanh as hyperbolic_tangent

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
INVERSE_SQRT_TWO_PI = 0.3989422804014326779399460599344
INVERSE_SQRT_TWO = 0.7071067811865475244008443621048


@inlined
def identity(z):
    """a = z."""
    return z


@inlined
def identity_derivative(z, a):
    """da/dz = 1."""
    return type(z)(1)


@inlined
def relu(z):
    """a = max(z, 0)."""
    return max(z, type(z)(0))


@inlined
def relu_derivative(z, a):
    """da/dz = 1 if z > 0 else 0."""
    return type(z)(1) if z > 0 else type(z)(0)


@inlined
def leaky_relu(z):
    """a = z if z > 0 else 0.01 z."""
    return z if z > 0 else type(z)(LEAKY_SLOPE) * z


@inlined
def leaky_relu_derivative(z, a):
    """da/dz = 1 if z > 0 else 0.01."""
    return type(z)(1) if z > 0 else type(z)(LEAKY_SLOPE)


@inlined
def elu(z):
    """a = z if z > 0 else exp(z) - 1."""
    negative = expm1(min(z, type(z)(0)))
    return z if z > 0 else negative


@inlined
def elu_derivative(z, a):
    """da/dz = 1 if z > 0 else a + 1."""
    return type(z)(1) if z > 0 else a + type(z)(1)


@inlined
def selu(z):
    """a = s z if z > 0 else s alpha (exp(z) - 1)."""
    negative = type(z)(SELU_ALPHA) * expm1(min(z, type(z)(0)))
    return type(z)(SELU_SCALE) * (z if z > 0 else negative)


@inlined
def selu_derivative(z, a):
    """da/dz = s if z > 0 else a + s alpha."""
    return type(z)(SELU_SCALE) if z > 0 else a + type(z)(SELU_SCALE * SELU_ALPHA)


@inlined
def sigmoid(z):
    """a = 1 / (1 + exp(-z))."""
    e = exp(-abs(z))  # never overflows
    return (type(z)(1) if z >= 0 else e) / (type(z)(1) + e)


@inlined
def sigmoid_derivative(z, a):
    """da/dz = a (1 - a)."""
    return a * (type(z)(1) - a)


@inlined
def tanh(z):
    """a = tanh(z)."""
    return hyperbolic_tangent(z)


@inlined
def tanh_derivative(z, a):
    """da/dz = 1 - a^2."""
    return type(z)(1) - a * a


@inlined
def softplus(z):
    """a = log(1 + exp(z))."""
    return max(z, type(z)(0)) + log1p(exp(-abs(z)))


@inlined
def softplus_derivative(z, a):
    """da/dz = 1 / (1 + exp(-z))."""
    return sigmoid(z)


@inlined
def silu(z):
    """a = z s, s = 1 / (1 + exp(-z))."""
    return z * sigmoid(z)


@inlined
def silu_derivative(z, a):
    """da/dz = s + a (1 - s), s = 1 / (1 + exp(-z))."""
    s = sigmoid(z)
    return s + a * (type(z)(1) - s)


@inlined
def gelu(z):
    """a = z Phi(z), Phi(z) = (1 + erf(z / sqrt(2))) / 2."""
    return z * _normal_distribution(z)


@inlined
def gelu_derivative(z, a):
    """da/dz = Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)."""
    return _normal_distribution(z) + z * exp(type(z)(-0.5) * z * z) * type(z)(INVERSE_SQRT_TWO_PI)


@inlined
def _normal_distribution(z):
    """Phi(z) = erfc(-z / sqrt(2)) / 2, which keeps its precision in the left tail."""
    return type(z)(0.5) * type(z)(math.erfc(-z * type(z)(INVERSE_SQRT_TWO)))


FUNCTIONS = (identity, relu, leaky_relu, elu, selu, sigmoid, tanh, softplus, silu, gelu)
DERIVATIVES = (
    identity_derivative,
    relu_derivative,
    leaky_relu_derivative,
    elu_derivative,
    selu_derivative,
    sigmoid_derivative,
    tanh_derivative,
    softplus_derivative,
    silu_derivative,
    gelu_derivative,
)
SOFTMAX = len(FUNCTIONS)


@entry_point
def softmax(A, Z):
    """a_ik = exp(z_ik - m_i) / sum_j exp(z_ij - m_i), m_i = max_j z_ij; Z (n, K) -> A (n, K)."""
    n, n_outputs = Z.shape
    for i in range(n):
        largest = _row_maximum(Z, i)
        total = Z.dtype.type(0)
        for k in range(n_outputs):
            A[i, k] = exp(Z[i, k] - largest)
        for k in range(n_outputs):
            total += A[i, k]
        for k in range(n_outputs):
            A[i, k] /= total


@inlined
def _row_maximum(Z, i):
    """m_i = max_k z_ik; Z (n, K)."""
    largest = Z[i, 0]
    for k in range(1, Z.shape[1]):
        largest = max(largest, Z[i, k])
    return largest


@entry_point
def softmax_backward(dZ, dA, A):
    """dz_ik = a_ik (da_ik - sum_j da_ij a_ij); dA, A (n, K) -> dZ (n, K)."""
    n, n_outputs = A.shape
    for i in range(n):
        mean = A.dtype.type(0)
        for k in range(n_outputs):
            mean += dA[i, k] * A[i, k]
        for k in range(n_outputs):
            dZ[i, k] = A[i, k] * (dA[i, k] - mean)


def _activation_pass(function):
    """The kernel A = f(Z) in one pass."""

    def apply(A, Z):
        n, width = Z.shape
        for i in range(n):
            for k in range(width):
                A[i, k] = function(Z[i, k])

    return entry_point(apply, name=function.__name__)


def _derivative_pass(derivative):
    """The kernel dZ = dA * f'(Z) in one pass."""

    def apply(dZ, dA, Z, A):
        n, width = Z.shape
        for i in range(n):
            for k in range(width):
                dZ[i, k] = dA[i, k] * derivative(Z[i, k], A[i, k])

    return entry_point(apply, name=derivative.__name__)


@entry_point
def _softmax_derivative_pass(dZ, dA, Z, A):
    softmax_backward(dZ, dA, A)


PASSES = (*map(_activation_pass, FUNCTIONS), softmax)
DERIVATIVE_PASSES = (*map(_derivative_pass, DERIVATIVES), _softmax_derivative_pass)

call = caller(types.void)


@inlined
def activate(A, Z, layer):
    """A = f(Z); Z (n, n_l) -> A (n, n_l)."""
    call(layer["activate"], A, Z)


@inlined
def activate_backward(dZ, dA, Z, A, layer):
    """dZ = dA * f'(Z); dA, Z, A (n, n_l) -> dZ (n, n_l)."""
    call(layer["activate_backward"], dZ, dA, Z, A)
