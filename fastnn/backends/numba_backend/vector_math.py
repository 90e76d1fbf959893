"""Exponential, logarithm and hyperbolic tangent for whole vectors: no branches and no calls, so that LLVM vectorises them.

Each function reduces its argument to a short interval, where a Taylor series converges to the last bit (Muller et al.,
Handbook of Floating-Point Arithmetic, 2nd edition, chapter 10). `exp`, `expm1`, `log1p` and `tanh` are NumPy's where
compilation is off.
"""

import numpy as np
from numba.core import types
from numba.extending import overload

from fastnn.backends.numba_backend.compilation import FLAGS, inlined


class Precision:
    """The constants of one floating-point type.

    `ln2_high + ln2_low` is log(2); `ln2_high` has trailing zeros enough that its product with any exponent is exact.
    """

    def __init__(self, scalar, integer, fraction_bits, ln2_high, ln2_low, smallest, largest, exp_terms, log_terms):
        self.scalar, self.integer = scalar, integer
        self.fraction_bits, self.bias = fraction_bits, -int(np.finfo(scalar).minexp) + 1
        self.log2_e = scalar(1.4426950408889634)
        self.ln2_high, self.ln2_low = scalar(ln2_high), scalar(ln2_low)
        self.smallest, self.largest = scalar(smallest), scalar(largest)
        self.tanh_limit = scalar(10.0 if scalar is np.float32 else 20.0)
        factorials = np.cumprod(np.arange(1, exp_terms + 1, dtype=np.float64))
        #: (e^r - 1 - r) / r^2 = 1/2! + r/3! + ...
        self.exp_series = tuple(scalar(1 / factorial) for factorial in factorials[1:])
        #: (atanh(s) - s) / s^3 = 1/3 + s^2/5 + ...
        self.atanh_series = tuple(scalar(1 / (2 * k + 1)) for k in range(1, log_terms + 1))


SINGLE = Precision(np.float32, np.int32, 23, 0.693359375, -2.12194440054690581e-4, -104, 89, 8, 7)
DOUBLE = Precision(np.float64, np.int64, 52, 0.693147180369123816490, 1.90821492927058770002e-10, -746, 710, 14, 16)
PRECISIONS = {types.float32: SINGLE, types.float64: DOUBLE}


def exp(x):
    """e^x; error below 2 ulp."""
    return np.exp(x)


def expm1(x):
    """e^x - 1, exact to the last bits near 0 as well; error below 3 ulp."""
    return np.expm1(x)


def tanh(x):
    """(e^2x - 1) / (e^2x + 1); error below 4 ulp."""
    return np.tanh(x)


def log1p(x):
    """log(1 + x) for 0 <= x <= 1; error below 2 ulp."""
    return np.log1p(x)


def lanewise(function):
    """Register the decorated factory, which takes a `Precision` and gives an implementation, as compiled `function`."""

    def register(factory):
        @overload(function, jit_options=FLAGS, inline="always")
        def implementation(x):
            return factory(PRECISIONS[x]) if x in PRECISIONS else None

        return factory

    return register


def power_of_two(precision):
    """The kernel 2^n, by writing n into the exponent field; |n| at most the bias."""
    integer, scalar = precision.integer, precision.scalar
    bias, fraction_bits = integer(precision.bias), integer(precision.fraction_bits)

    def power(n):
        return integer((n + bias) << fraction_bits).view(scalar)

    return inlined(power)


def series(coefficients):
    """The kernel c_0 + r (c_1 + r (c_2 + ...)), Horner's rule."""
    highest, lower = coefficients[-1], coefficients[-2::-1]

    def evaluate(r):
        total = highest
        for coefficient in lower:
            total = coefficient + r * total
        return total

    return inlined(evaluate)


def reduced_exponential(precision):
    """The kernel (q, n) with e^x = 2^n (1 + q), |q| < 1/2: x = n log(2) + r, q = r + r^2 (1/2! + r/3! + ...)."""
    log2_e, ln2_high, ln2_low = precision.log2_e, precision.ln2_high, precision.ln2_low
    smallest, largest, integer = precision.smallest, precision.largest, precision.integer
    zero = precision.scalar(0)
    tail = series(precision.exp_series)

    @inlined
    def reduce(x):
        x = x if x == x else zero  # NaN has no integer part; the callers put it back
        x = max(min(x, largest), smallest)
        n = np.rint(x * log2_e)
        r = (x - n * ln2_high) - n * ln2_low
        return r + r * r * tail(r), integer(n)

    return reduce


@lanewise(exp)
def _exp(precision):
    reduce, power = reduced_exponential(precision), power_of_two(precision)
    one = precision.scalar(1)

    def implementation(x):
        q, n = reduce(x)
        half = n >> 1  # two factors reach the subnormal and the largest results
        result = (one + q) * power(half) * power(n - half)
        return result if x == x else x

    return implementation


def expm1_kernel(precision):
    """The kernel e^x - 1 = (2^m q + 2^m - 2^-k) 2^k, m + k = n: exact near 0, where n = 0 leaves q alone."""
    reduce, power = reduced_exponential(precision), power_of_two(precision)
    zero = precision.scalar(0)

    @inlined
    def implementation(x):
        q, n = reduce(x)
        half = n >> 1
        scale, rest = power(half), n - half
        result = (scale * q + (scale - power(-rest))) * power(rest)
        return x if x == zero or x != x else result

    return implementation


@lanewise(expm1)
def _expm1(precision):
    difference = expm1_kernel(precision)

    def implementation(x):
        return difference(x)

    return implementation


@lanewise(tanh)
def _tanh(precision):
    difference = expm1_kernel(precision)
    limit, two, zero = precision.tanh_limit, precision.scalar(2), precision.scalar(0)

    def implementation(x):
        magnitude = min(abs(x), limit)  # beyond it tanh rounds to 1
        e = difference(two * magnitude)
        t = e / (e + two)
        t = -t if x < zero else t
        return x if x == zero or x != x else t

    return implementation


@lanewise(log1p)
def _log1p(precision):
    two, tail = precision.scalar(2), series(precision.atanh_series)

    def implementation(x):
        s = x / (two + x)  # log(1 + x) = 2 atanh(s)
        square = s * s
        return two * (s + s * square * tail(square))

    return implementation
