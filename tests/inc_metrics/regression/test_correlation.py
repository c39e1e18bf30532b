"""Correlations against scipy and exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from inc_metrics import MetricValueError, pearson, spearman
from inc_metrics.regression.moments import PairMoments, exact_product

VALUES = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=40)


@given(VALUES)
def test_both_equal_scipy_with_many_ties(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array(side, float) for side in zip(*pairs, strict=True))
    if min(len(set(left)), len(set(right))) == 1:
        for function in (pearson, spearman):
            with pytest.raises(MetricValueError, match="constant"):
                function(left, right)
        return
    assert pearson(left, right) == pytest.approx(scipy.stats.pearsonr(left, right)[0], abs=1e-14)
    assert spearman(left, right) == pytest.approx(scipy.stats.spearmanr(left, right)[0], abs=1e-14)


def test_a_large_common_offset_costs_no_digit() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 100, 50).astype(float), rng.integers(0, 100, 50).astype(float)
    assert pearson(left + 1e12, right - 1e12) == pearson(left, right)  # whole numbers: the shift is exact


@given(st.lists(st.tuples(*[st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100)] * 2), min_size=1, max_size=20))
def test_products_and_moments_are_exact(pairs: list[tuple[float, float]]) -> None:
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    product, error = exact_product(left, right)
    for row, (x, y) in enumerate(pairs):
        assert Fraction(product[row]) + Fraction(error[row]) == Fraction(x) * Fraction(y)
    moments = PairMoments("here")
    moments.add(left, right)
    sums = [sum(map(Fraction, side), Fraction(0)) for side in zip(*pairs, strict=True)]
    expected = sum((Fraction(x) * Fraction(y) for x, y in pairs), Fraction(0)) - sums[0] * sums[1] / len(pairs)
    assert moments.spread("x", "y") == expected


def test_what_has_no_correlation_is_refused() -> None:
    with pytest.raises(MetricValueError, match="targets are constant"):
        pearson([1.0, 2.0], [3.0, 3.0])
    with pytest.raises(MetricValueError, match="squares to beyond float64"):
        pearson([1e200, 1.0], [1.0, 2.0])
    with pytest.raises(MetricValueError, match="differ by less than squares"):
        pearson([1e-200, 2e-200], [1.0, 2.0])
    with pytest.raises(MetricValueError, match="one value per sample"):
        spearman(np.zeros((4, 2)), np.zeros((4, 2)))
    with pytest.raises(MetricValueError, match="1 of 2 values are NaN"):
        pearson([np.nan, 1.0], [1.0, 2.0])
