from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.kernels.percentile import percentile_position, percentile_position_numpy

law = settings(deadline=None, max_examples=150)
COUNTS = hnp.arrays(np.int64, st.integers(1, 60), elements=st.just(0) | st.integers(0, 10**9))


@law
@given(COUNTS, st.floats(0.0, 1.0))
def test_the_kernel_equals_its_twin(counts: np.ndarray, fraction: float) -> None:
    assert percentile_position(counts, fraction) == percentile_position_numpy(counts, fraction)


@law
@given(COUNTS, st.integers(1, 64))
def test_the_wanted_share_of_counts_lies_below(counts: np.ndarray, eighths: int) -> None:
    position = percentile_position(counts, eighths / 64)
    whole = int(position)
    below = Fraction(int(counts[:whole].sum())) + (Fraction(position) - whole) * int(counts[whole] if whole < counts.size else 0)
    assert abs(below - Fraction(eighths, 64) * int(counts.sum())) <= Fraction(int(counts.sum()), 10**12)


def test_empty_bins_on_the_way_are_passed_over() -> None:
    # 4 of 8 values lie in bin 1 and the rest in bin 4: half is reached at the end of bin 1, three quarters in the middle of bin 4.
    counts = np.array([0, 4, 0, 0, 4, 0])
    assert percentile_position(counts, 0.5) == 2.0
    assert percentile_position(counts, 0.75) == 4.5
    assert percentile_position(counts, 1.0) == 5.0
    assert percentile_position(np.zeros(3, np.int64), 0.5) == 0.0
