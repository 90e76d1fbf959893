"""Activations a = f(z) and their derivatives f'(z), written in terms of z, a or both, whichever is shorter.

`FUNCTIONS` and `DERIVATIVES` hold the elementwise ones in the order of `fastnn.activations`; softmax, which couples the
units of a layer, comes after them.
"""

import numpy as np
from scipy.special import expit, ndtr

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
INVERSE_SQRT_TWO_PI = 0.3989422804014326779399460599344


def identity(z):
    """a = z."""
    return z


def identity_derivative(z, a):
    """da/dz = 1."""
    return np.ones_like(z)


def relu(z):
    """a = max(z, 0)."""
    return np.maximum(z, 0)


def relu_derivative(z, a):
    """da/dz = 1 if z > 0 else 0."""
    return (z > 0).astype(z.dtype)


def leaky_relu(z):
    """a = z if z > 0 else 0.01 z."""
    return np.where(z > 0, z, LEAKY_SLOPE * z)


def leaky_relu_derivative(z, a):
    """da/dz = 1 if z > 0 else 0.01."""
    return np.where(z > 0, 1, LEAKY_SLOPE).astype(z.dtype)


def elu(z):
    """a = z if z > 0 else exp(z) - 1."""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def elu_derivative(z, a):
    """da/dz = 1 if z > 0 else a + 1."""
    return np.where(z > 0, 1, a + 1)


def selu(z):
    """a = s z if z > 0 else s alpha (exp(z) - 1)."""
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


def selu_derivative(z, a):
    """da/dz = s if z > 0 else a + s alpha."""
    return np.where(z > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA).astype(z.dtype)


def sigmoid(z):
    """a = 1 / (1 + exp(-z))."""
    return expit(z)


def sigmoid_derivative(z, a):
    """da/dz = a (1 - a)."""
    return a * (1 - a)


def tanh(z):
    """a = tanh(z)."""
    return np.tanh(z)


def tanh_derivative(z, a):
    """da/dz = 1 - a^2."""
    return 1 - a * a


def softplus(z):
    """a = log(1 + exp(z))."""
    return np.logaddexp(z, 0)


def softplus_derivative(z, a):
    """da/dz = 1 / (1 + exp(-z))."""
    return expit(z)


def silu(z):
    """a = z s, s = 1 / (1 + exp(-z))."""
    return z * expit(z)


def silu_derivative(z, a):
    """da/dz = s + a (1 - s), s = 1 / (1 + exp(-z))."""
    s = expit(z)
    return s + a * (1 - s)


def gelu(z):
    """a = z Phi(z), Phi(z) = (1 + erf(z / sqrt(2))) / 2."""
    return z * ndtr(z)


def gelu_derivative(z, a):
    """da/dz = Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)."""
    return ndtr(z) + z * np.exp(-0.5 * z * z) * INVERSE_SQRT_TWO_PI


def mish(z):
    """a = z t, t = tanh(log(1 + exp(z)))."""
    return z * np.tanh(np.logaddexp(z, 0))


def mish_derivative(z, a):
    """da/dz = t + z s (1 - t^2), t = tanh(log(1 + exp(z))), s = 1 / (1 + exp(-z))."""
    t = np.tanh(np.logaddexp(z, 0))
    return t + z * expit(z) * (1 - t * t)


def exponential(z):
    """a = exp(z)."""
    return np.exp(z)


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
SOFTMAX = len(FUNCTIONS)

#: Registered activations and their derivatives, by code.
ADDED: dict[int, tuple] = {}


def add_activation(code, function, derivative):
    """Register a = f(z) and f'(z, a): functions of arrays, or scalar functions compiled by Numba."""
    ADDED[code] = (_over_arrays(function), _over_arrays(derivative))


def _over_arrays(function):
    """A function of arrays: the given one, or a scalar function applied to each element."""
    if not hasattr(function, "py_func"):
        return function
    return lambda *arrays: np.vectorize(function, otypes=[arrays[0].dtype])(*arrays)


def find_activation(code):
    """f(z) and f'(z, a) with that code, which must not be that of softmax."""
    return ADDED[code] if code in ADDED else (FUNCTIONS[code], DERIVATIVES[code])


def softmax(A, Z):
    """a_ik = exp(z_ik - m_i) / sum_j exp(z_ij - m_i), m_i = max_j z_ij; Z (n, K) -> A (n, K)."""
    exponentials = np.exp(Z - Z.max(axis=1, keepdims=True))
    A[:] = exponentials / exponentials.sum(axis=1, keepdims=True)


def softmax_backward(dZ, A):
    """dz_ik = a_ik (da_ik - sum_j da_ij a_ij); dZ holds dA on entry; A (n, K) -> dZ (n, K)."""
    dZ[:] = A * (dZ - (dZ * A).sum(axis=1, keepdims=True))


def activate(A, Z, activation):
    """A = f(Z), f given by its code; Z (n, n_l) -> A (n, n_l)."""
    if activation == SOFTMAX:
        softmax(A, Z)
    else:
        function, _ = find_activation(activation)
        A[:] = function(Z)


def activate_backward(dZ, Z, A, activation):
    """dZ = dA * f'(Z); dZ holds dA on entry; Z, A (n, n_l) -> dZ (n, n_l)."""
    if activation == SOFTMAX:
        softmax_backward(dZ, A)
    else:
        _, derivative = find_activation(activation)
        dZ *= derivative(Z, A)
