"""The elementary functions of the compiled backend are accurate to the last bits over their whole range."""

import platform
import re

import mpmath
import numpy as np
import pytest
from numba import config, njit, types
from scipy import special

from fastnn.backends.numba_backend.kernels import vector_math
from fastnn.backends.numba_backend.kernels.compilation import FLAGS
from fastnn.backends.numba_backend.kernels.precision import DOUBLE, SINGLE
from tests.cases import DTYPES

#: Largest error in units in the last place, as stated in the docstrings.
ULPS = {
    "exp": 2,
    "expm1": 3,
    "log": 2,
    "log1p": 2,
    "sqrt": 0.5,
    "sigmoid": 3,
    "tanh": 4,
    "erf": 3,
    "normal_distribution": 4,
    "normal_density": 3,
}

#: The same functions in higher precision, for results in single precision.
IN_DOUBLE = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "erf": special.erf,
    "normal_distribution": special.ndtr,
    "normal_density": lambda x: np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi),
}

#: And in arbitrary precision.
WITH_MANY_DIGITS = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "sqrt": mpmath.sqrt,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "erf": mpmath.erf,
    "normal_distribution": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "normal_density": lambda x: mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi),
}

#: Functions of angles in turns, whose absolute error counts, and those of angles in radians in arbitrary precision.
TURNS = {"cos_turns": mpmath.cos, "sin_turns": mpmath.sin}

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_function = pytest.mark.parametrize("name", ULPS)
compiled_only = pytest.mark.skipif(
    bool(config.DISABLE_JIT), reason="NumPy's and SciPy's own functions stand in where compilation is off"
)


@pytest.fixture(scope="module")
def compiled():
    """Each function over an array, compiled as the kernels compile it."""

    def over_arrays(function):
        def apply(results, x):
            for i in range(len(x)):
                results[i] = function(x[i])

        return njit(apply, **FLAGS)

    return {name: over_arrays(getattr(vector_math, name)) for name in (*ULPS, *TURNS)}


def evaluate(compiled: dict, name: str, values, dtype: str) -> np.ndarray:
    x = np.asarray(values, dtype)
    results = np.full_like(x, 7)
    with np.errstate(all="ignore"):
        compiled[name](results, x)
    return results


def within_domain(name: str, x: np.ndarray) -> np.ndarray:
    """log1p is for [0, 1] only; the others take any number."""
    return x[(x >= 0) & (x <= 1)] if name == "log1p" else x


def boundaries(dtype: str) -> np.ndarray:
    """Branch points of a function, midpoints between multiples of log(2), limits and powers of two, and their neighbours."""
    precision, information = (SINGLE if dtype == "float32" else DOUBLE), np.finfo(dtype)
    steps = np.arange(1, 4 * information.maxexp, 1 if dtype == "float32" else 29)
    points = np.concatenate(
        [
            np.log(2) / 4 * steps,
            np.sqrt(np.log(2) * steps),
            np.sqrt(0.5) * 2.0 ** np.arange(-20, 20),
            [precision.smallest, precision.largest, precision.one_limit, precision.tail_limit, 1, 40, 1 / 3],
            [information.tiny, information.smallest_subnormal, information.max, 0],
            np.log([information.tiny, information.smallest_subnormal, information.max]),
        ]
    ).astype(dtype)
    infinity = np.array(np.inf, dtype)
    with np.errstate(over="ignore"):
        points = np.concatenate([points, np.nextafter(points, -infinity), np.nextafter(points, infinity)])
    return np.concatenate([points, -points])


def ulps_apart(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance of single precision from the true values, in units in the last place of these.

    Below the normal numbers, the unit is the smallest number; infinity counts as the first number that is too large.
    """
    results, exact = (np.clip(values, -(2.0**128), 2.0**128) for values in (found.astype(np.float64), exact))
    exponents = np.clip(np.frexp(exact)[1] - 1, -126, 127)
    return np.abs(results - exact) / np.ldexp(1.0, exponents - 23)


@compiled_only
@every_function
def test_single_precision_is_right_to_the_last_bits_over_the_whole_range(name, compiled):
    patterns = np.arange(0, 2**32, 4001, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = within_domain(name, np.concatenate([patterns, boundaries("float32")]))
    found = evaluate(compiled, name, x, "float32")
    with np.errstate(all="ignore"):
        exact = IN_DOUBLE[name](x.astype(np.float64))
    numbers = ~np.isnan(exact)
    assert np.array_equal(np.isnan(found), ~numbers)
    distances = ulps_apart(found[numbers], exact[numbers])
    worst = distances.argmax()
    assert distances[worst] <= ULPS[name], f"{name}({x[numbers][worst]!r}) is {distances[worst]} ulps off"


def double_points(name: str) -> np.ndarray:
    """Random over exponents, over the interval in which the result changes, and at the boundaries."""
    random = np.random.default_rng(0)
    signs = random.choice([-1.0, 1.0], 700)
    x = np.concatenate(
        [
            signs[:400] * np.geomspace(5e-324, 1, 400),
            signs * 10 ** random.uniform(-20, 3, 700),
            random.uniform(-3, 3, 500),
            random.uniform(-40, 40, 500),
            random.uniform(-746, 710, 300),
            random.uniform(0, 1, 300),
            boundaries("float64"),
        ]
    )
    x = within_domain(name, x[np.isfinite(x) & (np.abs(x) < 1e4)])
    return x[x > 0] if name in ("log", "sqrt") else x


@compiled_only
@every_function
def test_double_precision_is_right_to_the_last_bits(name, compiled):
    x = double_points(name)
    found = evaluate(compiled, name, x, "float64")
    distances = []
    with mpmath.workdps(40):
        for value, argument in zip(found, x, strict=True):
            exact = WITH_MANY_DIGITS[name](mpmath.mpf(float(argument)))
            if exact > mpmath.mpf(2) ** 1024 * (1 - mpmath.mpf(2) ** -54):
                distances.append(0 if value == np.inf else np.inf)
            else:
                unit = float(np.spacing(min(abs(float(exact)), np.finfo(float).max)))
                distances.append(float(abs(mpmath.mpf(float(value)) - exact) / unit))
    worst = int(np.argmax(distances))
    assert distances[worst] <= ULPS[name], f"{name}({x[worst]!r}) is {distances[worst]} ulps off"


EXACT = {
    "exp": ((0.0, 1), (-0.0, 1), (np.inf, np.inf), (-np.inf, 0), (1e4, np.inf), (-1e4, 0)),
    "expm1": ((0.0, 0.0), (-0.0, -0.0), (np.inf, np.inf), (-np.inf, -1), (1e4, np.inf), (-1e4, -1)),
    "log": ((1.0, 0.0), (0.0, -np.inf), (-0.0, -np.inf), (np.inf, np.inf)),
    "log1p": ((0.0, 0.0),),
    "sqrt": ((0.0, 0.0), (-0.0, -0.0), (4.0, 2.0), (np.inf, np.inf)),
    "sigmoid": ((0.0, 0.5), (-0.0, 0.5), (np.inf, 1), (-np.inf, 0), (1e4, 1), (-1e4, 0)),
    "tanh": ((0.0, 0.0), (-0.0, -0.0), (np.inf, 1), (-np.inf, -1), (1e4, 1), (-1e4, -1), (30.0, 1), (-30.0, -1)),
    "erf": ((0.0, 0.0), (-0.0, -0.0), (np.inf, 1), (-np.inf, -1), (1e4, 1), (-1e4, -1), (7.0, 1), (-7.0, -1)),
    "normal_distribution": ((0.0, 0.5), (-0.0, 0.5), (np.inf, 1), (-np.inf, 0), (1e4, 1), (-1e4, 0)),
    "normal_density": ((np.inf, 0), (-np.inf, 0), (1e4, 0), (-1e4, 0)),
}


@pytest.mark.kernels
@every_dtype
@every_function
def test_limits_and_signed_zeros_are_exact(name, dtype, compiled):
    arguments, expected = zip(*EXACT[name], strict=True)
    assert evaluate(compiled, name, arguments, dtype).tobytes() == np.array(expected, dtype).tobytes()


@pytest.mark.kernels
@every_dtype
@every_function
def test_nan_stays_nan(name, dtype, compiled):
    other = {"float32": np.uint32(0x7FC12345), "float64": np.uint64(0x7FF8123456789ABC)}[dtype].view(dtype)
    assert np.isnan(evaluate(compiled, name, [np.nan, -np.nan, other, -other], dtype)).all()


@pytest.mark.kernels
@every_dtype
@pytest.mark.parametrize("name", ["log", "sqrt"])
def test_there_is_no_logarithm_or_root_of_a_negative_number(name, dtype, compiled):
    smallest = np.finfo(dtype).smallest_subnormal
    assert np.isnan(evaluate(compiled, name, [-smallest, -1.0, -1e30, -np.inf], dtype)).all()


@pytest.mark.kernels
@every_dtype
@pytest.mark.parametrize("name", ["expm1", "tanh", "log1p"])
def test_a_subnormal_number_comes_back_unchanged(name, dtype, compiled):
    x = np.finfo(dtype).smallest_subnormal * np.array([1, 2, 3, 1001], dtype)
    assert evaluate(compiled, name, x, dtype).tobytes() == x.tobytes()


@pytest.mark.kernels
@every_dtype
@pytest.mark.parametrize("name", ["tanh", "erf", "sigmoid", "normal_distribution"])
def test_results_never_go_beyond_one(name, dtype, compiled):
    x = np.linspace(0, 40, 1001 if config.DISABLE_JIT else 1_000_001)
    found = evaluate(compiled, name, np.concatenate([x, -x]), dtype)
    assert np.abs(found).max() == 1


@compiled_only
@every_dtype
@pytest.mark.parametrize("name", ["exp", "sigmoid", "normal_density", "normal_distribution"])
def test_small_results_become_subnormal_before_they_vanish(name, dtype, compiled):
    tiny = np.finfo(dtype).tiny
    x = float(np.log(tiny)) - 5
    x = -np.sqrt(-2 * x) if name.startswith("normal") else x
    assert 0 < evaluate(compiled, name, [x], dtype)[0] < tiny


@pytest.mark.kernels
@every_dtype
def test_the_exponential_overflows_after_the_largest_number(dtype, compiled):
    largest = np.log(np.finfo(dtype).max)
    below, above = evaluate(compiled, "exp", [largest - 0.01, largest + 0.01], dtype)
    assert np.isfinite(below)
    assert above == np.inf


# Angles in turns

every_angle = pytest.mark.parametrize("name", TURNS)


def precision_of(dtype):
    return SINGLE if dtype == "float32" else DOUBLE


def angles(dtype):
    """Angles up to the largest that are valid, and the neighbours of all multiples of an eighth of a turn near 0."""
    largest, random = float(precision_of(dtype).largest_turns), np.random.default_rng(0)
    eighths = (np.arange(-40, 41) / 8).astype(dtype)
    x = np.concatenate(
        [
            random.uniform(-3, 3, 1500),
            random.choice([-1.0, 1.0], 700) * 10 ** random.uniform(-20, np.log10(largest), 700),
            [largest, -largest, np.finfo(dtype).tiny, np.finfo(dtype).smallest_subnormal, 0.0],
        ]
    ).astype(dtype)
    return np.concatenate([x, eighths, np.nextafter(eighths, eighths + 1), np.nextafter(eighths, eighths - 1)])


@compiled_only
@every_dtype
@every_angle
def test_cosines_and_sines_are_within_two_units_of_the_last_place_of_one(name, dtype, compiled):
    x = angles(dtype)
    found, exactly, unit = evaluate(compiled, name, x, dtype), TURNS[name], float(np.finfo(dtype).eps)
    with mpmath.workdps(60):
        exact = [exactly(2 * mpmath.pi * mpmath.mpf(float(angle))) for angle in x]
        errors = [abs(mpmath.mpf(float(value)) - true) / unit for value, true in zip(found, exact, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= 2, f"{name}({x[worst]!r}) is {float(errors[worst])} units off"


@compiled_only
@every_dtype
def test_an_angle_beyond_the_largest_counts_as_a_whole_number_of_turns(dtype, compiled):
    largest = precision_of(dtype).largest_turns
    x = np.array([largest, 1.25 * largest, 1e30, np.finfo(dtype).max, np.inf], dtype)
    for signed in (x, -x):
        assert evaluate(compiled, "cos_turns", signed, dtype).tolist() == [1] * len(x)
        assert evaluate(compiled, "sin_turns", signed, dtype).tolist() == [0] * len(x)


@pytest.mark.kernels
@every_dtype
@every_angle
def test_the_cosine_or_sine_of_nan_is_nan(name, dtype, compiled):
    assert np.isnan(evaluate(compiled, name, [np.nan, -np.nan], dtype)).all()


@compiled_only
@every_dtype
def test_quarters_of_a_turn_are_exact(dtype, compiled):
    quarters = np.arange(-12, 13) / 4
    unit = 2 * float(np.finfo(dtype).eps)
    cosines, sines = (evaluate(compiled, name, quarters, dtype) for name in TURNS)
    np.testing.assert_allclose(cosines, np.array([1, 0, -1, 0])[np.arange(-12, 13) % 4], rtol=0, atol=unit)
    np.testing.assert_allclose(sines, np.array([0, 1, 0, -1])[np.arange(-12, 13) % 4], rtol=0, atol=unit)


@compiled_only
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly")
@every_dtype
@pytest.mark.parametrize("name", [*ULPS, *TURNS])
def test_loops_become_vector_instructions_without_calls(name, dtype, compiled):
    array = types.Array(getattr(types, dtype), 1, "C")
    compiled[name].compile((array, array))
    assembly = compiled[name].inspect_asm((array, array))
    suffix = "ps" if dtype == "float32" else "pd"
    assert re.search(rf"\tv?(mul|sqrt|fn?madd\d+){suffix}\t", assembly)
    assert re.search(rf"\tv?mov[au]{suffix}\t", assembly)
    assert not re.search(r"\b(exp|expm1|log|log1p|tanh|erf|erfc|sqrt|cos|sin)f?\b", assembly)
