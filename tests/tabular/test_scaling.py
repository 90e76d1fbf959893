"""Robust scaling and smooth clipping against scikit-learn, high precision and their definition."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import RobustScaler

from fastnn.tabular import RobustScaling, smooth_clip
from fastnn.tabular.scaling import robust_statistics, statistics_of_counts

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


def test_scaling_is_scikit_learns_where_the_quartiles_differ():
    X = np.random.default_rng(0).standard_cauchy((101, 5)) * 10.0 ** np.arange(-2, 3)
    expected = RobustScaler(quantile_range=(25, 75)).fit_transform(X)
    np.testing.assert_allclose(RobustScaling.fit(X).scale(X), expected, rtol=1e-12, atol=1e-12)


def test_missing_values_are_left_out_as_by_scikit_learn():
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[::7] = np.nan
    expected = RobustScaler(quantile_range=(25, 75)).fit_transform(X)
    np.testing.assert_allclose(RobustScaling.fit(X).scale(X), np.nan_to_num(expected, nan=0.0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("column", "median", "scale"),
    [
        ([1, 2, 3, 4, 5], 3, 2),
        ([0, 0, 0, 0, 0, 0, 1, 4], 0, 0.25),  # between two values
        ([0, 0, 0, 0, 0, 0, 0, 4], 0, 2),  # half the range
        ([7, 7, 7, 7, 7, -1], 7, 4),
        ([1, 2, np.nan, 3, np.inf, 4, 5, -np.inf], 3, 2),
    ],
)
def test_medians_and_scales(column, median, scale):
    found_median, factor = robust_statistics(np.array(column, float))
    assert found_median == median
    assert 1 / factor == pytest.approx(scale, rel=1e-15)


@pytest.mark.parametrize("column", [[5, 5, 5], [5, np.nan, 5], [np.nan, np.nan], [5, np.inf, 5], [np.inf, -np.inf]])
def test_columns_without_different_finite_values_become_zero(column):
    X = np.array(column, float)[:, None]
    scaling = RobustScaling.fit(X)
    assert scaling.factors == [0]
    np.testing.assert_array_equal(scaling.transform(np.array([[0.0], [1e300], [np.inf], [np.nan]])), 0)


def test_scaling_is_exact_to_the_last_digits():
    X = np.random.default_rng(0).normal(size=(21, 1))
    with mpmath.workdps(50):
        cells = sorted(mpmath.mpf(x) for x in X[:, 0])
        scaled = [(mpmath.mpf(x) - cells[10]) / (cells[15] - cells[5]) for x in X[:, 0]]
        expected = [float(z / mpmath.sqrt(1 + (z / 3) ** 2)) for z in scaled]
    np.testing.assert_allclose(RobustScaling.fit(X).transform(X)[:, 0], expected, rtol=4e-16, atol=1e-16)


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-8, 0.5, 3.0, 17.0, 1e6, 1e12, 1e155, 1.7e308])
@pytest.mark.parametrize("sign", [1, -1])
def test_smooth_clipping_in_high_precision(x, sign):
    with mpmath.workdps(400):
        z = mpmath.mpf(sign * x)
        expected = float(z / mpmath.sqrt(1 + (z / 3) ** 2))
    assert smooth_clip(sign * x) == pytest.approx(expected, rel=4e-16, abs=0)


def test_infinity_is_clipped_to_the_limit_and_missing_stays_missing():
    np.testing.assert_array_equal(smooth_clip([np.inf, -np.inf, np.nan]), [3, -3, np.nan])
    assert smooth_clip(np.inf, limit=2.0) == 2
    scaling = RobustScaling.fit(np.arange(5.0)[:, None])
    np.testing.assert_array_equal(scaling.transform([[np.inf], [-np.inf], [np.nan]]), [[3], [-3], [0]])


@pytest.mark.parametrize("size", [1e308, 1e-310, 5e-324])
def test_extreme_columns_stay_finite(size):
    X = np.linspace(-1.7, 1.7, 9)[:, None] * size
    encoded = RobustScaling.fit(X).transform(X)
    assert np.isfinite(encoded).all()
    assert (np.abs(encoded) <= 3).all()
    assert (np.diff(encoded[:, 0]) >= 0).all()


@settings(deadline=None)
@given(
    st.lists(st.tuples(FINITE, st.integers(0, 7)), min_size=1, max_size=5).filter(lambda each: sum(n for _, n in each))
)
def test_statistics_of_counts_are_those_of_the_values(value_counts):
    counts = dict(sorted(value_counts))
    if not sum(counts.values()):
        return
    column = np.repeat(list(counts), list(counts.values()))
    found, expected = statistics_of_counts(list(counts), list(counts.values())), robust_statistics(column)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(st.lists(FINITE, min_size=2, max_size=30), st.floats(0.1, 10), FINITE)
def test_clipped_values_keep_their_order_and_do_not_depend_on_the_unit(column, unit, origin):
    X = np.sort(np.round(column, 3))[:, None]
    clipped = RobustScaling.fit(X).transform(X)
    assert (np.diff(clipped[:, 0]) >= 0).all()
    assert (np.abs(clipped) <= 3).all()
    power = 2.0 ** np.round(np.log2(unit))
    np.testing.assert_array_equal(RobustScaling.fit(X * power).transform(X * power), clipped)


def test_only_matrices_have_columns():
    with pytest.raises(ValueError, match=r"X must be two-dimensional, .* got shape \(3,\)"):
        RobustScaling.fit(np.ones(3))
