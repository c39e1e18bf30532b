import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.kernels.mse import Bins, Codes, mse_search, mse_search_numpy, range_error, range_error_numpy

law = settings(deadline=None, max_examples=60)
INT8 = Codes(-128.0, 127.0, 0.0)
UINT8 = Codes(0.0, 255.0, math.nan)
CODES = st.sampled_from([INT8, UINT8, Codes(0.0, 15.0, 8.0), Codes(-2.0, 1.0, 0.0), Codes(-8.0, 7.0, math.nan)])
COUNTS = hnp.arrays(np.int64, st.integers(2, 120), elements=st.just(0) | st.integers(0, 10**6))


@law
@given(COUNTS, st.data(), st.integers(-30, 30), CODES, st.integers(1, 30))
def test_the_search_equals_its_twin(counts: np.ndarray, data: st.DataObject, exponent: int, codes: Codes, steps: int) -> None:
    first = -data.draw(st.integers(0, counts.size))
    width = 2.0**exponent
    bins = Bins(counts, first, width)
    low, high = first * width, (first + counts.size) * width
    assert mse_search(bins, low, high, codes, steps) == mse_search_numpy(bins, low, high, codes, steps)
    assert range_error(bins, low, high, codes) == range_error_numpy(bins, low, high, codes)


def test_the_error_of_two_bins_by_hand() -> None:
    # Codes -2..1 around 0 over [-1, 1]: scale 1. Centres 0.25 and 0.75 (width 0.5): 0.25 -> 0, error 0.25; 0.75 -> 1, error -0.25.
    assert range_error(Bins(np.array([3, 5]), 0, 0.5), -1.0, 1.0, Codes(-2.0, 1.0, 0.0)) == 8 * 0.0625


@pytest.mark.parametrize("codes", [INT8, UINT8])
def test_one_far_outlier_is_cut(codes: Codes) -> None:
    counts = np.zeros(1000, np.int64)
    counts[:20], counts[-1] = 10**6, 1
    low, high = mse_search(Bins(counts, 0, 1.0), 0.0, 1000.0, codes, 100)
    assert low == 0.0
    assert 10.0 <= high < 200.0


def test_an_even_distribution_keeps_its_range() -> None:
    assert mse_search(Bins(np.full(1000, 9), -500, 1.0), -500.0, 500.0, UINT8, 100) == (-500.0, 500.0)
