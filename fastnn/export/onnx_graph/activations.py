"""Activations a = f(z), composed of operators that ONNX Runtime has in single and in double precision.

In double precision it lacks Elu, Erf, LeakyRelu, Selu and Softplus. In single precision, its Sigmoid errs by 1e-7 however
small the result is, and its Elu and Selu lose digits close to 0. So these are written by means of others. The constants are
those of `fastnn.backends.numpy_backend.activations`.
"""

import math
from collections.abc import Callable

import numpy as np

from fastnn.backends.numpy_backend.activations import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from fastnn.export.onnx_graph.graph import Tensor, where

#: Above this z, tanh(log(1 + exp(z))) is 1 in double precision, and below it exp(2 z) does not overflow.
SATURATED = 20.0

#: Distance of the nodes and their number in `_normal_distribution`, and the largest |z|, where Phi(z) is 0 or 1.
STEP, N_NODES, FARTHEST = 0.185, 50, 8.4


def identity(z: Tensor) -> Tensor:
    """a = z."""
    return z


def relu(z: Tensor) -> Tensor:
    """a = max(z, 0)."""
    return z.apply("Relu")


def leaky_relu(z: Tensor) -> Tensor:
    """a = max(z, 0.01 z)."""
    return z.apply("Max", z * LEAKY_SLOPE)


def elu(z: Tensor) -> Tensor:
    """a = max(z, 0) + expm1(min(z, 0))."""
    return z.apply("Relu") + _expm1_of_negative(z)


def selu(z: Tensor) -> Tensor:
    """a = s max(z, 0) + s alpha expm1(min(z, 0))."""
    return SELU_SCALE * z.apply("Relu") + (SELU_SCALE * SELU_ALPHA) * _expm1_of_negative(z)


def _expm1_of_negative(z: Tensor) -> Tensor:
    """exp(x) - 1 for x = min(z, 0), as 2 t / (1 - t) with t = tanh(x / 2): no digits are lost close to 0."""
    t = (z.apply("Min", 0.0) * 0.5).apply("Tanh")
    return (2.0 * t) / (1.0 - t)


def sigmoid(z: Tensor) -> Tensor:
    """a = 1 / (1 + exp(-z))."""
    return 1.0 / ((-z).apply("Exp") + 1.0)


def tanh(z: Tensor) -> Tensor:
    """a = tanh(z)."""
    return z.apply("Tanh")


def softplus(z: Tensor) -> Tensor:
    """a = max(z, 0) + log1p(exp(-|z|))."""
    return z.apply("Relu") + _log1p((-z.apply("Abs")).apply("Exp"))


def _log1p(e: Tensor) -> Tensor:
    """log(1 + e) as e log(u) / (u - 1), where u is 1 + e rounded; e where u is 1.

    Source: Goldberg (1991), What Every Computer Scientist Should Know About Floating-Point Arithmetic, theorem 4.
    """
    u = e + 1.0
    return where(u.test("Equal", 1.0), e, e * u.apply("Log") / (u - 1.0))


def silu(z: Tensor) -> Tensor:
    """a = z / (1 + exp(-z))."""
    return z * sigmoid(z)


def gelu(z: Tensor) -> Tensor:
    """a = z Phi(z), Phi(z) = (1 + erf(z / sqrt(2))) / 2."""
    if z.dtype == np.float64:
        return z * _normal_distribution(z)
    return z * (((z * math.sqrt(0.5)).apply("Erf") + 1.0) * 0.5)


def _normal_distribution(z: Tensor) -> Tensor:
    """Phi(z) = 1/2 + 1/pi sum_k exp(-t_k^2 / 2) sin(t_k z) h / t_k with t_k = (k + 1/2) h, in double precision.

    This is the midpoint rule for the integral of the characteristic function (Gil-Pelaez (1951), Note on the Inversion
    Theorem). It yields a function of period 4 pi / h, whose error is below 1e-15 for |z| up to `FARTHEST`.
    """
    t = (np.arange(N_NODES) + 0.5) * STEP
    weights = np.exp(-t * t / 2) * STEP / (t * np.pi)
    near = z.apply("Clip", -FARTHEST, FARTHEST).apply("Unsqueeze", np.array([-1]))
    sum_of_sines = (near * t).apply("Sin").apply("MatMul", weights[:, np.newaxis])
    return sum_of_sines.apply("Squeeze", np.array([-1])) + 0.5


def mish(z: Tensor) -> Tensor:
    """a = z n / (n + 2), n = w (w + 2), w = exp(z): the tanh of the logarithm of 1 + w is n / (n + 2)."""
    w = z.apply("Min", SATURATED).apply("Exp")
    n = w * (w + 2.0)
    return z * (n / (n + 2.0))


def exponential(z: Tensor) -> Tensor:
    """a = exp(z)."""
    return z.apply("Exp")


def softmax(z: Tensor) -> Tensor:
    """a_k = exp(z_k) / sum_j exp(z_j)."""
    return z.apply("Softmax", axis=1)


def cosine(x: Tensor) -> Tensor:
    """cos(x), in double precision as sin(x + pi / 2): ONNX Runtime before 1.20 lacks Cos there."""
    return (x + math.pi / 2).apply("Sin") if x.dtype == np.float64 else x.apply("Cos")


#: All activations by name.
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    function.__name__: function
    for function in (
        identity,
        relu,
        leaky_relu,
        elu,
        selu,
        sigmoid,
        tanh,
        softplus,
        silu,
        gelu,
        mish,
        exponential,
        softmax,
    )
}
