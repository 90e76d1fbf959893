"""Activations a = f(z) and their derivatives f'(z), written in terms of z and a where that is shorter.

`FUNCTIONS` and `DERIVATIVES` hold the elementwise ones in the order of `fastnn.activations`; softmax, which couples the
units of a layer, follows them. Here they take one number, and the loops below fuse them with what stands around them.
The loops run along the samples of a unit, which are neighbours in a block in columns: softmax wants one, and for the
others a block in rows is one, seen transposed. Constants are written in the type of z, so that single precision stays
single.
"""

import numpy as np
from numba import types

from fastnn.backends.numba_backend.callbacks import python_activation, python_derivative
from fastnn.backends.numba_backend.compilation import caller, entry_point, inlined, kernel
from fastnn.backends.numba_backend.layouts import along_lanes, flat
from fastnn.backends.numba_backend.vector_math import exp, expm1, log1p, normal_density, normal_distribution
from fastnn.backends.numba_backend.vector_math import sigmoid as logistic
from fastnn.backends.numba_backend.vector_math import tanh as hyperbolic_tangent

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


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
    return logistic(z)


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
    return z * normal_distribution(z)


@inlined
def gelu_derivative(z, a):
    """da/dz = Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)."""
    return normal_distribution(z) + z * normal_density(z)


@inlined
def exponential(z):
    """a = exp(z)."""
    return exp(z)


@inlined
def exponential_derivative(z, a):
    """da/dz = a."""
    return a


FUNCTIONS = (identity, relu, leaky_relu, elu, selu, sigmoid, tanh, softplus, silu, gelu, exponential)
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
    exponential_derivative,
)
SOFTMAX = len(FUNCTIONS)

#: Pairs of passes for functions of the user's, by their codes.
ADDED: dict[int, tuple] = {}


def add_activation(code, function, derivative):
    """a = f(z) and f'(z, a), functions of the user's: of arrays, or compiled by Numba and of numbers."""
    ADDED[code] = (
        kernel(_activation_pass(function)) if hasattr(function, "py_func") else python_activation(function),
        kernel(_derivative_pass(derivative)) if hasattr(derivative, "py_func") else python_derivative(derivative),
    )


def find_activation(code):
    """f(z) and f'(z, a) of that code, which is not that of softmax.

    Here the passes that apply them, also those of softmax.
    """
    return ADDED[code] if code in ADDED else (PASSES[code], DERIVATIVE_PASSES[code])


@kernel
def _row_maxima(Z):
    """m_i = max_k z_ik; Z (n, K) -> (n,)."""
    n, n_outputs = Z.shape
    largest = Z[:, 0].copy()
    for k in range(1, n_outputs):
        for i in range(n):
            largest[i] = max(largest[i], Z[i, k])
    return largest


@entry_point
def softmax(A, Z):
    """a_ik = exp(z_ik - m_i) / sum_j exp(z_ij - m_i), m_i = max_j z_ij; Z (n, K) -> A (n, K)."""
    n, n_outputs = Z.shape
    largest, totals = _row_maxima(Z), np.zeros(n, Z.dtype)
    for k in range(n_outputs):
        for i in range(n):
            A[i, k] = exp(Z[i, k] - largest[i])
            totals[i] += A[i, k]
    for k in range(n_outputs):
        for i in range(n):
            A[i, k] /= totals[i]


@entry_point
def softmax_backward(dZ, A):
    """dz_ik = a_ik (da_ik - sum_j da_ij a_ij), dZ holding dA before; A (n, K) -> dZ (n, K)."""
    n, n_outputs = A.shape
    means = np.zeros(n, A.dtype)
    for k in range(n_outputs):
        for i in range(n):
            means[i] += dZ[i, k] * A[i, k]
    for k in range(n_outputs):
        for i in range(n):
            dZ[i, k] = A[i, k] * (dZ[i, k] - means[i])


def _activation_pass(function):
    """A = f(Z) in one pass."""

    def apply(A, Z):
        a, z = flat(A), flat(Z)
        for i in range(len(z)):
            a[i] = function(z[i])

    return apply


def _derivative_pass(derivative):
    """dZ = dA * f'(Z) in one pass.

    It works in place: LLVM gives up lanes where a result and an argument may be the same array, but not the same number.
    """

    def apply(dZ, Z, A):
        dz, z, a = flat(dZ), flat(Z), flat(A)
        for i in range(len(z)):
            dz[i] *= derivative(z[i], a[i])

    return apply


@entry_point
def _softmax_derivative_pass(dZ, Z, A):
    softmax_backward(dZ, A)


PASSES = (*(entry_point(_activation_pass(f), name=f.__name__) for f in FUNCTIONS), softmax)
DERIVATIVE_PASSES = (
    *(entry_point(_derivative_pass(f), name=f.__name__) for f in DERIVATIVES),
    _softmax_derivative_pass,
)

call = caller(types.void)


@inlined
def activate(A, Z, layer):
    """A = f(Z); Z (n, n_l) -> A (n, n_l)."""
    call(layer["activate"], along_lanes(A), along_lanes(Z))


@inlined
def activate_backward(dZ, Z, A, layer):
    """dZ = dA * f'(Z), dZ holding dA before; Z, A (n, n_l) -> dZ (n, n_l)."""
    call(layer["activate_backward"], along_lanes(dZ), along_lanes(Z), along_lanes(A))
