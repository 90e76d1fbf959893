"""The compiled backend's own elementary functions are right to the last bits over their whole range."""

import mpmath
import numpy as np
import pytest
from numba import njit

from fastnn.backends.numba_backend import vector_math
from fastnn.backends.numba_backend.compilation import FLAGS
from tests.cases import DTYPES

#: Largest error in units in the last place, as the docstrings have it.
ULPS = {"exp": 2, "expm1": 3, "tanh": 4, "log1p": 2}

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_function = pytest.mark.parametrize("name", ULPS)


@pytest.fixture(scope="module")
def compiled():
    """Each function over an array, compiled as the kernels compile it."""

    def over_arrays(function):
        def apply(results, x):
            for i in range(len(x)):
                results[i] = function(x[i])

        return njit(apply, **FLAGS)

    return {name: over_arrays(getattr(vector_math, name)) for name in ULPS}


def evaluate(compiled: dict, name: str, values, dtype: str) -> np.ndarray:
    x = np.asarray(values, dtype)
    results = np.full_like(x, 7)
    compiled[name](results, x)
    return results


def domain(name: str, dtype: str) -> np.ndarray:
    """Points of the function's range, even, geometric, and where the argument's reduction changes."""
    random, information = np.random.default_rng(0), np.finfo(dtype)
    small = np.geomspace(float(information.smallest_subnormal), 1, 400)
    if name == "log1p":
        return np.concatenate([small, random.uniform(0, 1, 1500)]).astype(dtype)
    smallest = float(np.log(information.smallest_subnormal)) - 1
    largest = float(np.nextafter(np.log(information.max), 0, dtype=dtype))
    boundaries = (np.log(2) / 2 * np.arange(-260, 257)).astype(dtype)
    x = np.concatenate(
        [
            small,
            -small,
            random.uniform(smallest, largest, 1500),
            random.uniform(-25, 25, 1000),
            [smallest, largest],
            boundaries,
            np.nextafter(boundaries, np.array(-np.inf, dtype)),
            np.nextafter(boundaries, np.array(np.inf, dtype)),
        ]
    ).astype(dtype)
    return x[(x >= smallest) & (x <= largest)]


def ulps_apart(found: np.ndarray, name: str, x: np.ndarray) -> np.ndarray:
    """Distance from the true values, in units in the last place of these (of the smallest number, where subnormal)."""
    function = getattr(mpmath, name)
    distances = []
    with mpmath.workdps(40):
        for value, argument in zip(found, x, strict=True):
            exact = function(mpmath.mpf(float(argument)))
            unit = float(np.spacing(abs(x.dtype.type(float(exact)))))
            distances.append(float(abs(mpmath.mpf(float(value)) - exact) / unit))
    return np.array(distances)


@every_dtype
@every_function
def test_results_are_right_to_the_last_bits(name, dtype, compiled):
    x = domain(name, dtype)
    distances = ulps_apart(evaluate(compiled, name, x, dtype), name, x)
    worst = distances.argmax()
    assert distances[worst] <= ULPS[name], f"{name}({x[worst]!r}) is {distances[worst]} ulps off"


EXACT = {
    "exp": ((0.0, 1), (-0.0, 1), (np.inf, np.inf), (-np.inf, 0), (1e4, np.inf), (-1e4, 0)),
    "expm1": ((0.0, 0.0), (-0.0, -0.0), (np.inf, np.inf), (-np.inf, -1), (1e4, np.inf), (-1e4, -1)),
    "tanh": ((0.0, 0.0), (-0.0, -0.0), (np.inf, 1), (-np.inf, -1), (1e4, 1), (-1e4, -1), (30.0, 1), (-30.0, -1)),
    "log1p": ((0.0, 0.0),),
}


@every_dtype
@every_function
def test_limits_and_signed_zeros_are_exact(name, dtype, compiled):
    arguments, expected = zip(*EXACT[name], strict=True)
    assert evaluate(compiled, name, arguments, dtype).tobytes() == np.array(expected, dtype).tobytes()


@every_dtype
@every_function
def test_nan_stays_nan(name, dtype, compiled):
    assert np.isnan(evaluate(compiled, name, [np.nan], dtype)).all()


@every_dtype
def test_the_exponential_reaches_subnormal_results_and_overflows_after_the_largest(dtype, compiled):
    information = np.finfo(dtype)
    subnormal, overflowing = evaluate(
        compiled, "exp", [np.log(information.tiny) - 5, np.log(information.max) + 0.01], dtype
    )
    assert 0 < subnormal < information.tiny
    assert overflowing == np.inf
