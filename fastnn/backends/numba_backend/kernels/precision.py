"""The constants used by `vector_math`, for each floating-point type."""

from math import factorial, pi

import numpy as np
from numba.core import types


class Precision:
    """The constants of one floating-point type.

    Attributes
    ----------
    log2_e, ln2 : scalar
        1 / log(2) and log(2).
    ln2_high, ln2_low : scalar
        Their sum is log(2). `ln2_high` has enough trailing zeros that its product with any exponent is exact.
    shifter : scalar
        A number whose last bit has value 1: adding it to x rounds x to an integer, found in the last bits of the sum.
    smallest, largest : scalar
        Below the first, e^x is 0; above the second, infinity.
    one_limit, tail_limit : scalar
        Above the first, tanh and erf are 1; below minus the second, the normal distribution is 0.
    exponential : tuple
        (e^r - 1) / r in powers of r, |r| <= log(2) / 2.
    logarithm : tuple
        (2 atanh(s) - 2 s) / s^3 in powers of s^2, 0 <= s <= 1/3.
    erf : tuple
        erf(x) / x in powers of x^2, 0 <= x <= 1.
    cosine, sine : tuple
        cos(2 pi r) and sin(2 pi r) / r in powers of r^2, |r| <= 1/4: Taylor series.
    largest_turns : scalar
        Above it, the distance between neighbouring numbers is so large that angles in turns have lost their meaning.
    tail_numerator, tail_denominator : tuple
        Their quotient is e^(-t^2 / 2) / Phi(-t) - sqrt(2 pi) t, each in powers of t, 0 <= t <= tail_limit.
    """

    def __init__(
        self,
        scalar,
        integer,
        *,
        ln2_high,
        ln2_low,
        smallest,
        largest,
        tail_limit,
        n_terms,
        exponential,
        logarithm,
        erf,
        tail_numerator,
        tail_denominator,
    ):
        self.scalar, self.integer = scalar, integer
        information = np.finfo(scalar)
        self.fraction_bits, self.bias = int(information.nmant), 1 - int(information.minexp)
        self.shifter = scalar(1.5 * 2**self.fraction_bits)
        self.log2_e, self.ln2 = scalar(1.4426950408889634), scalar(np.log(2))
        self.ln2_high, self.ln2_low = scalar(ln2_high), scalar(ln2_low)
        self.smallest, self.largest = scalar(smallest), scalar(largest)
        self.one_limit, self.tail_limit = scalar(self.fraction_bits // 2), scalar(tail_limit)
        self.exponential, self.logarithm, self.erf = exponential, logarithm, erf
        self.tail_numerator, self.tail_denominator = tail_numerator, tail_denominator
        self.cosine = tuple((-1) ** k * (2 * pi) ** (2 * k) / factorial(2 * k) for k in range(n_terms))
        self.sine = tuple((-1) ** k * (2 * pi) ** (2 * k + 1) / factorial(2 * k + 1) for k in range(n_terms))
        self.largest_turns = scalar(2 ** (self.fraction_bits - 3))


SINGLE = Precision(
    np.float32,
    np.int32,
    ln2_high=0.693359375,
    ln2_low=-2.12194440054690581e-4,
    smallest=-104,
    largest=89,
    tail_limit=14.5,
    n_terms=7,
    exponential=(1.0, 0.49999997, 0.16666505, 0.041667137, 0.008369157, 0.0013888879),
    logarithm=(0.6666642, 0.40021527, 0.28001803, 0.28012007),
    erf=(1.1283791, -0.37612325, 0.1128018, -0.026711311, 0.0049175504, -0.00056314183),
    tail_numerator=(1.75, 0.7998626, 0.20018074, 0.020969262, 2.197923e-06),
    tail_denominator=(0.875, 0.7984316, 0.344185, 0.079102546, 0.008405094),
)
DOUBLE = Precision(
    np.float64,
    np.int64,
    ln2_high=0.693147180369123816490,
    ln2_low=1.90821492927058770002e-10,
    smallest=-746,
    largest=710,
    tail_limit=38.7,
    n_terms=12,
    exponential=(
        1.0,
        0.5000000000000006,
        0.16666666666666563,
        0.04166666666657299,
        0.00833333333339843,
        0.0013888888932579967,
        0.00019841269706556792,
        2.4801504194203554e-05,
        2.755741519303198e-06,
        2.7626432734535263e-07,
        2.5052116907456657e-08,
    ),
    logarithm=(
        0.666666666666777,
        0.39999999996049707,
        0.2857142905799703,
        0.22222192904681537,
        0.1818281407092997,
        0.15364295564688965,
        0.13586313744306275,
        0.09902824135048409,
        0.17739751120403546,
    ),
    erf=(
        1.1283791670955126,
        -0.3761263890318352,
        0.11283791670944185,
        -0.026866170643111472,
        0.0052239776061185,
        -0.0008548325929315061,
        0.0001205529357690547,
        -1.492471230195925e-05,
        1.6447131569462463e-06,
        -1.620631373779328e-07,
        1.3710980284690286e-08,
        -7.77946823913688e-10,
    ),
    tail_numerator=(
        1.75,
        2.16677178227209,
        1.3719394027249356,
        0.5639227592129825,
        0.1634250889161011,
        0.03437085186875005,
        0.0052318973685455995,
        0.0005564834275693201,
        3.773445999296444e-05,
        1.2576248515169413e-06,
    ),
    tail_denominator=(
        0.875,
        1.4818867705846,
        1.2413224649078758,
        0.6658185197716494,
        0.25108625684702424,
        0.06928127343840183,
        0.014152986450445765,
        0.0021173327757927425,
        0.0002230082077132509,
        1.5053871511643415e-05,
        5.017197261934818e-07,
    ),
)
PRECISIONS = {types.float32: SINGLE, types.float64: DOUBLE}
INVERSE_SQRT_TWO_PI = 0.3989422804014327
