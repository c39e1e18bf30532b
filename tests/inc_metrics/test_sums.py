"""Sums are exact, so neither order nor batching shows."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_metrics import MetricValueError
from inc_metrics.sums import ExactSum

NUMBERS = st.lists(st.floats(min_value=-1e300, max_value=1e300), max_size=30)


@given(NUMBERS)
def test_the_value_is_the_rational_sum_rounded_once(values: list[float]) -> None:
    assert ExactSum().plus(values).value() == float(sum(map(Fraction, values), Fraction(0)))


@given(NUMBERS, NUMBERS, NUMBERS)
def test_merging_in_any_grouping_gives_the_same_bits(a: list[float], b: list[float], c: list[float]) -> None:
    left = ExactSum().plus(a).merged(ExactSum().plus(b)).merged(ExactSum().plus(c))
    right = ExactSum().plus(c).merged(ExactSum().plus(b).plus(a))
    assert left.value() == right.value() == ExactSum().plus([*a, *b, *c]).value()


def test_small_terms_survive_large_ones_that_cancel() -> None:
    assert ExactSum().plus([1e300]).plus([1.0]).plus([-1e300]).value() == 1.0


@pytest.mark.parametrize("rows", [[np.inf], [1.7e308, 1.7e308]])
def test_a_sum_beyond_float64_is_refused(rows: list[float]) -> None:
    with pytest.raises(MetricValueError, match="range of float64"):
        ExactSum().plus_rows(np.array(rows), where="here")


@given(st.integers(257, 40_000), st.integers(-300, 200), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_many_values_are_summed_by_blocks_without_rounding(count: int, exponent: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=count) * 2.0 ** (exponent + rng.integers(-60, 60, count))
    total = ExactSum().plus_rows(values, where="here")
    assert total.value() == math.fsum(values)
    assert total.fraction() == sum(map(Fraction, values.tolist()), Fraction(0))


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e304])
def test_the_ends_of_float64_are_summed_too(scale: float) -> None:
    values = np.full(5_000, scale) * np.resize([1.0, 2.0, -3.0, 1.0], 5_000)
    assert ExactSum().plus_rows(values, where="here").value() == math.fsum(values)
