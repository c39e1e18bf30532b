import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_config import AccuracyCriterion


@pytest.mark.parametrize(
    ("kind", "higher_is_better", "baseline", "limit"),
    [
        ("relative", True, 0.76, 0.7524),  # 0.76 * (1 - 0.01)
        ("relative", False, 2.0, 2.02),  # 2.0 * (1 + 0.01)
        ("absolute", True, 0.76, 0.75),
        ("absolute", False, 2.0, 2.01),
        ("relative", True, -10.0, -10.1),  # a negative score may fall by 1 % of its size
    ],
)
def test_the_limit_is_the_baseline_less_the_allowed_loss(kind, higher_is_better, baseline, limit):
    criterion = AccuracyCriterion(loss=0.01, kind=kind, higher_is_better=higher_is_better)
    assert criterion.limit(baseline) == pytest.approx(limit, abs=1e-12)


values = st.floats(-1e6, 1e6)


@given(baseline=values, loss=st.floats(0, 1), kind=st.sampled_from(["relative", "absolute"]), higher=st.booleans())
def test_the_baseline_and_the_limit_meet_the_criterion_and_nan_never_does(baseline, loss, kind, higher):
    criterion = AccuracyCriterion(loss=loss, kind=kind, higher_is_better=higher)
    limit = criterion.limit(baseline)
    assert criterion.is_met(baseline, baseline)
    assert criterion.is_met(limit, baseline)
    assert not criterion.is_met(math.nan, baseline)
    worse = math.nextafter(limit, -math.inf if higher else math.inf)
    assert not criterion.is_met(worse, baseline)
