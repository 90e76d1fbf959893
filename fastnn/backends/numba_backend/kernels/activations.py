"""Activations a = f(z) and their derivatives f'(z), written in terms of z, a or both, whichever is shorter, as operations.

`FUNCTIONS` and `DERIVATIVES` hold the elementwise ones in the order of `fastnn.activations`. Here they are scalar functions,
and each becomes a pass over contiguous numbers: A = f(Z), and dZ = dA * f'(Z). Softmax couples the units of a layer: its
samples are in columns, so that it is vectorised over samples. Constants have the type of z, so that single precision stays
single.
"""

from typing import Any

from fastnn.activations import ELEMENTWISE
from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.scratch import SCRATCH, scratch
from fastnn.backends.numba_backend.kernels.vector_math import exp, expm1, log1p, normal_density, normal_distribution
from fastnn.backends.numba_backend.kernels.vector_math import sigmoid as logistic
from fastnn.backends.numba_backend.kernels.vector_math import tanh as hyperbolic_tangent
from fastnn.backends.numba_backend.kernels.views import column

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
MISH_LIMIT = 40


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
def _mish_parts(z):
    """e = exp(z) and n = e (e + 2), so that t = tanh(log(1 + e)) = n / (n + 2); t is 1 where z is large, and e is limited."""
    e = exp(min(z, type(z)(MISH_LIMIT)))
    return e, e * (e + type(z)(2))


@inlined
def mish(z):
    """a = z t, t = tanh(log(1 + exp(z)))."""
    _, n = _mish_parts(z)
    return z * (n / (n + type(z)(2)))


@inlined
def mish_derivative(z, a):
    """da/dz = t + z s (1 - t^2), t = tanh(log(1 + exp(z))), s = 1 / (1 + exp(-z))."""
    e, n = _mish_parts(z)
    m = n + type(z)(2)  # s (1 - t^2) is 4 e (e + 1) / m^2
    return n / m + type(z)(4) * min(z, type(z)(MISH_LIMIT)) * (e / m) * ((e + type(z)(1)) / m)


@inlined
def exponential(z):
    """a = exp(z)."""
    return exp(z)


@inlined
def exponential_derivative(z, a):
    """da/dz = a."""
    return a


FUNCTIONS = (identity, relu, leaky_relu, elu, selu, sigmoid, tanh, softplus, silu, gelu, mish, exponential)
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
    mish_derivative,
    exponential_derivative,
)


@inlined
def exponentials(E, largest, totals, Z, start, stop):
    """e_ik = exp(z_ik - m_i), m_i = max_j z_ij, and sum_k e_ik, for samples from start to stop; Z (n, K) -> E (n, K)."""
    n, n_outputs = stop - start, Z.shape[1]
    z = column(Z, 0, start, stop)
    for i in range(n):
        largest[i], totals[i] = z[i], 0
    for k in range(1, n_outputs):
        z = column(Z, k, start, stop)
        for i in range(n):
            largest[i] = max(largest[i], z[i])
    for k in range(n_outputs):
        z, e = column(Z, k, start, stop), column(E, k, start, stop)
        for i in range(n):
            e[i] = exp(z[i] - largest[i])
        for i in range(n):
            totals[i] += e[i]


@body()
def softmax(A, Z):
    """a_ik = exp(z_ik - m_i) / sum_j exp(z_ij - m_i), m_i = max_j z_ij; Z (n, K) -> A (n, K)."""
    n, n_outputs = Z.shape
    largest, totals = scratch(Z), scratch(Z)
    for start in range(0, n, SCRATCH):
        stop = min(start + SCRATCH, n)
        exponentials(A, largest, totals, Z, start, stop)
        for k in range(n_outputs):
            a = column(A, k, start, stop)
            for i in range(stop - start):
                a[i] /= totals[i]


@body()
def softmax_backward(dZ, A):
    """dz_ik = a_ik (da_ik - sum_j da_ij a_ij); dZ holds dA on entry; A (n, K) -> dZ (n, K)."""
    n, n_outputs = A.shape
    means = scratch(A)
    for start in range(0, n, SCRATCH):
        stop = min(start + SCRATCH, n)
        for i in range(stop - start):
            means[i] = 0
        for k in range(n_outputs):
            dz, a = column(dZ, k, start, stop), column(A, k, start, stop)
            for i in range(stop - start):
                means[i] += dz[i] * a[i]
        for k in range(n_outputs):
            dz, a = column(dZ, k, start, stop), column(A, k, start, stop)
            for i in range(stop - start):
                dz[i] = a[i] * (dz[i] - means[i])


def enter_pass(function: Any, name: str) -> None:
    """Register A = f(Z)."""

    @body(name)
    def activate(a, z):
        for i in range(len(z)):
            a[i] = function(z[i])


def enter_derivative_pass(derivative: Any, name: str) -> None:
    """Register dZ = dA * f'(Z); dZ holds dA on entry.

    It works in place, because LLVM does not vectorise if a result may partially overlap an argument.
    """

    @body(f"{name}_derivative")
    def activate_backward(dz, z, a):
        for i in range(len(z)):
            dz[i] *= derivative(z[i], a[i])


for _name, _function, _derivative in zip(ELEMENTWISE, FUNCTIONS, DERIVATIVES, strict=True):
    enter_pass(_function, _name)
    enter_derivative_pass(_derivative, _name)
