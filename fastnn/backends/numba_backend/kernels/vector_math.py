"""Vectorisable exponentials, logarithms and related functions: no branches, no calls, no tables.

LLVM vectorises loops over these functions. Each reduces its argument to an interval on which it is approximated by a
polynomial or a rational function with the smallest worst-case relative error (minimax, by Remez's exchange algorithm;
Muller, Elementary Functions, 3rd edition, chapter 3). The coefficients were computed with 50 digits and rounded to the type.
The error bounds in the docstrings, in units in the last place, include all rounding and hold over the whole range, including
subnormal numbers; NaN gives NaN. Without compilation, the functions are NumPy's and SciPy's.
"""

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic, overload
from scipy import special

from fastnn.backends.numba_backend.kernels.compilation import FLAGS, inlined
from fastnn.backends.numba_backend.kernels.precision import INVERSE_SQRT_TWO_PI, PRECISIONS


def exp(x):
    """e^x; error below 2 ulp."""
    return np.exp(x)


def expm1(x):
    """e^x - 1, accurate near 0 too; error below 3 ulp."""
    return np.expm1(x)


def log(x):
    """log(x), -infinity at 0 and NaN below; error below 2 ulp."""
    return np.log(x)


def sqrt(x):
    """The correctly rounded square root: a processor instruction, whereas `np.sqrt` may become a call of the C library."""
    return np.sqrt(x)


def log1p(x):
    """log(1 + x) for 0 <= x <= 1; error below 2 ulp."""
    return np.log1p(x)


def sigmoid(x):
    """1 / (1 + e^-x), accurate for small results too; error below 3 ulp."""
    return special.expit(x)


def tanh(x):
    """(e^2x - 1) / (e^2x + 1), never beyond 1; error below 4 ulp."""
    return np.tanh(x)


def erf(x):
    """2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x, never beyond 1; error below 3 ulp."""
    return special.erf(x)


def normal_distribution(x):
    """Phi(x) = (1 + erf(x / sqrt(2))) / 2, accurate for small results too; error below 4 ulp."""
    return special.ndtr(x)


def normal_density(x):
    """Phi'(x) = e^(-x^2 / 2) / sqrt(2 pi); error below 3 ulp."""
    return np.exp(-0.5 * x * x) * INVERSE_SQRT_TWO_PI


def cos_turns(x):
    """cos(2 pi x); absolute error below 2 units of the last place of 1. Beyond `largest_turns`, x counts as a whole number."""
    return np.cos(2 * np.pi * x)


def sin_turns(x):
    """sin(2 pi x); absolute error below 2 units of the last place of 1. Beyond `largest_turns`, x counts as a whole number."""
    return np.sin(2 * np.pi * x)


def lanewise(function):
    """Register the decorated factory, which returns an implementation for a `Precision`, as compiled `function`."""

    def register(factory):
        @overload(function, jit_options=FLAGS | {"forceinline": True})  # inlined by LLVM, which is faster than Numba
        def implementation(x):
            return factory(PRECISIONS[x]) if x in PRECISIONS else None

        return factory

    return register


def polynomial(coefficients):
    """The kernel c_0 + x (c_1 + x (c_2 + ...)), by Horner's rule, with fused multiply-adds where available."""

    @intrinsic
    def evaluate(typing_context, x):
        def generate(context, builder, signature, values):
            (x,), kind = values, context.get_value_type(signature.return_type)
            total = kind(float(coefficients[-1]))
            for coefficient in coefficients[-2::-1]:
                product = builder.fmul(x, total, flags=("contract",))
                total = builder.fadd(product, kind(float(coefficient)), flags=("contract",))
            return total

        return x(x), generate

    return evaluate


def between(lower, upper):
    """The kernel min(max(x, lower), upper); NaN stays NaN; None means no limit."""

    @intrinsic
    def clamp(typing_context, x):
        def generate(context, builder, signature, values):
            result, kind = values[0], context.get_value_type(signature.return_type)
            for name, limit in (("llvm.maximum", lower), ("llvm.minimum", upper)):
                if limit is not None:
                    function = builder.module.declare_intrinsic(name, [kind], ir.FunctionType(kind, [kind, kind]))
                    result = builder.call(function, [result, kind(float(limit))])
            return result

        return x(x), generate

    return clamp


@intrinsic
def square_root(typing_context, x):
    """The kernel sqrt(x), NaN below 0."""

    def generate(context, builder, signature, values):
        kind = context.get_value_type(x)
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [kind]), values)

    return x(x), generate


def whole_exponent(precision):
    """The kernel (n, first, second): n is the whole number nearest to x / log(2), and first * second = 2^n.

    A single power of two cannot represent the whole range from the smallest subnormal number to the largest number; with two
    multiplications in a row, a result is still rounded only once.
    """
    scalar, integer, fraction_bits = precision.scalar, precision.integer, precision.integer(precision.fraction_bits)
    log2_e, shifter, biases = precision.log2_e, precision.shifter, precision.scalar(2 * precision.bias)

    @inlined
    def split(x):
        shifted = x * log2_e + (shifter + biases)
        # Its bits end with n and two biases; what is above them, the shifts to the left lose.
        bits = scalar(shifted).view(integer)
        half = integer(bits >> 1)
        first, second = integer(half << fraction_bits), integer(integer(bits - half) << fraction_bits)
        return shifted - (shifter + biases), integer(first).view(scalar), integer(second).view(scalar)

    return split


def reduction(precision):
    """The kernel (r, first, second): x = r + n log(2), first * second = 2^n, so that e^x = e^r * first * second."""
    split, ln2_high, ln2_low = whole_exponent(precision), precision.ln2_high, precision.ln2_low

    @inlined
    def reduce(x):
        n, first, second = split(x)
        return (x - n * ln2_high) - n * ln2_low, first, second

    return reduce


def reciprocal_power_of_two(precision):
    """The kernel 1 / scale for a power of two, by negating its exponent."""
    scalar, integer = precision.scalar, precision.integer
    twice_one = integer(2 * precision.bias << precision.fraction_bits)

    @inlined
    def reciprocal(scale):
        return integer(twice_one - scalar(scale).view(integer)).view(scalar)

    return reciprocal


@lanewise(sqrt)
def _sqrt(precision):
    def implementation(x):
        return square_root(x)

    return implementation


@lanewise(exp)
def _exp(precision):
    clamp, reduce = between(precision.smallest, precision.largest), reduction(precision)
    series, one = polynomial(precision.exponential), precision.scalar(1)

    def implementation(x):
        r, first, second = reduce(clamp(x))
        return (one + r * series(r)) * first * second

    return implementation


@lanewise(expm1)
def _expm1(precision):
    """With q = e^r - 1, first ((second - 1 / first) + second q); near 0, that is q."""
    clamp, reduce = between(precision.scalar(-40), precision.largest), reduction(precision)
    series, reciprocal = polynomial(precision.exponential), reciprocal_power_of_two(precision)
    zero = precision.scalar(0)

    def implementation(x):
        r, first, second = reduce(clamp(x))
        result = ((second - reciprocal(first)) + second * (r * series(r))) * first
        return x if x == zero else result

    return implementation


@lanewise(sigmoid)
def _sigmoid(precision):
    """1 / (1 + e^r first second), numerator and denominator divided by `first`, so that neither overflows or loses the 1."""
    clamp, reduce = between(precision.smallest, -precision.smallest), reduction(precision)
    series, reciprocal, one = polynomial(precision.exponential), reciprocal_power_of_two(precision), precision.scalar(1)

    def implementation(x):
        r, first, second = reduce(clamp(-x))
        rest = reciprocal(first)
        return rest / (rest + (one + r * series(r)) * second)

    return implementation


@lanewise(tanh)
def _tanh(precision):
    """With e^2|x| = 2^n (1 + q), (q + (1 - 2^-n)) / (q + (1 + 2^-n)); near 0, that is q / (q + 2)."""
    scalar, integer, fraction_bits = precision.scalar, precision.integer, precision.integer(precision.fraction_bits)
    minus_log2_e, shifter, bias = -precision.log2_e, precision.shifter, scalar(precision.bias)
    clamp, series = between(None, precision.one_limit), polynomial(precision.exponential)
    ln2, one, two = precision.ln2, scalar(1), scalar(2)

    def implementation(x):
        y = two * clamp(abs(x))
        shifted = y * minus_log2_e + (shifter + bias)
        power = integer(scalar(shifted).view(integer) << fraction_bits).view(scalar)
        r = y + (shifted - (shifter + bias)) * ln2
        q = r * series(r)
        return np.copysign((q + (one - power)) / (q + (one + power)), x)

    return implementation


def half_turns(precision):
    """The kernel (r, sign): x = n / 2 + r turns, |r| <= 1/4, and sign = (-1)^n."""
    scalar, integer, shifter = precision.scalar, precision.integer, precision.shifter
    clamp = between(-precision.largest_turns, precision.largest_turns)
    two, half, one = scalar(2), scalar(0.5), scalar(1).view(integer)
    sign_place = integer(8 * integer().itemsize - 1)

    @inlined
    def reduce(x):
        x = clamp(x)
        shifted = two * x + shifter
        is_odd = integer(scalar(shifted).view(integer) << sign_place)
        return x - half * (shifted - shifter), integer(one ^ is_odd).view(scalar)

    return reduce


@lanewise(cos_turns)
def _cos_turns(precision):
    reduce, series = half_turns(precision), polynomial(precision.cosine)

    def implementation(x):
        r, sign = reduce(x)
        return sign * series(r * r)

    return implementation


@lanewise(sin_turns)
def _sin_turns(precision):
    reduce, series = half_turns(precision), polynomial(precision.sine)

    def implementation(x):
        r, sign = reduce(x)
        return sign * r * series(r * r)

    return implementation


def logarithm_defect(precision):
    """The kernel x - log(1 + x), small compared with x: for s = x / (2 + x), log(1 + x) = 2 atanh(s) and x = 2 s + s x."""
    series, two = polynomial(precision.logarithm), precision.scalar(2)

    @inlined
    def defect(x):
        s = x / (two + x)
        square = s * s
        return s * (x - square * series(square))

    return defect


@lanewise(log1p)
def _log1p(precision):
    defect = logarithm_defect(precision)

    def implementation(x):
        return x - defect(x)

    return implementation


@lanewise(log)
def _log(precision):
    """x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2); a subnormal number is first multiplied by a power of two."""
    scalar, integer, fraction_bits = precision.scalar, precision.integer, precision.integer(precision.fraction_bits)
    defect, ln2_high, ln2_low = logarithm_defect(precision), precision.ln2_high, precision.ln2_low
    zero, one, infinity = scalar(0), scalar(1), scalar(np.inf)
    not_a_number, smallest_normal = scalar(np.nan), np.finfo(scalar).tiny
    lift, lifted_by = scalar(2.0**precision.fraction_bits), scalar(precision.fraction_bits)
    sqrt_half, fraction = scalar(np.sqrt(0.5)).view(integer), integer((1 << precision.fraction_bits) - 1)

    def implementation(x):
        subnormal = x < smallest_normal
        offset = integer(scalar(x * lift if subnormal else x).view(integer) - sqrt_half)
        k = scalar(integer(offset >> fraction_bits)) - (lifted_by if subnormal else zero)
        f = integer((offset & fraction) + sqrt_half).view(scalar) - one
        result = (f - (defect(f) - k * ln2_low)) + k * ln2_high
        result = result if x < infinity else x
        result = result if x != zero else -infinity
        return not_a_number if x < zero else result

    return implementation


def gaussian(precision):
    """The kernel (g, first, second), e^(-t^2 / 2) = g * first * second, for t >= 0 up to where it is 0.

    The rounding error of t^2 would be amplified t^2 / 2 times in the result. So t = h + l, where h has half the bits and an
    exact square: t^2 = h^2 + l (t + h).
    """
    scalar, integer = precision.scalar, precision.integer
    upper_bits = integer(-1 << (precision.fraction_bits // 2 + 1))
    split, series = whole_exponent(precision), polynomial(precision.exponential)
    ln2_high, ln2_low = precision.ln2_high, precision.ln2_low
    one, minus_half = scalar(1), scalar(-0.5)

    @inlined
    def exponential(t):
        h = integer(scalar(t).view(integer) & upper_bits).view(scalar)
        x = minus_half * h * h
        n, first, second = split(x)
        r = (x - n * ln2_high) + (minus_half * (t - h) * (t + h) - n * ln2_low)
        return one + r * series(r), first, second

    return exponential


def lower_tail(precision):
    """The kernel Phi(-t) = e^(-t^2 / 2) / (sqrt(2 pi) t + c(t)) for t >= 0 up to where it is 0; c falls from 2 to 0."""
    exponential, sqrt_two_pi = gaussian(precision), precision.scalar(np.sqrt(2 * np.pi))
    numerator, denominator = polynomial(precision.tail_numerator), polynomial(precision.tail_denominator)

    @inlined
    def tail(t):
        g, first, second = exponential(t)
        return g / (sqrt_two_pi * t + numerator(t) / denominator(t)) * first * second

    return tail


@lanewise(normal_distribution)
def _normal_distribution(precision):
    zero, one = precision.scalar(0), precision.scalar(1)
    clamp, lower = between(None, precision.tail_limit), lower_tail(precision)

    def implementation(x):
        tail = lower(clamp(abs(x)))
        return tail if x < zero else one - tail

    return implementation


@lanewise(normal_density)
def _normal_density(precision):
    clamp, exponential = between(None, precision.tail_limit), gaussian(precision)
    inverse_sqrt_two_pi = precision.scalar(INVERSE_SQRT_TWO_PI)

    def implementation(x):
        g, first, second = exponential(clamp(abs(x)))
        return g * inverse_sqrt_two_pi * first * second

    return implementation


@lanewise(erf)
def _erf(precision):
    """For x >= 1, erf(x) = 1 - 2 Phi(-sqrt(2) x)."""
    series, lower, one = polynomial(precision.erf), lower_tail(precision), precision.scalar(1)
    clamp, sqrt_two, two = between(None, precision.one_limit), precision.scalar(np.sqrt(2)), precision.scalar(2)

    def implementation(x):
        magnitude = clamp(abs(x))
        small = x * series(x * x)
        large = np.copysign(one - two * lower(sqrt_two * magnitude), x)
        return small if magnitude < one else large

    return implementation
