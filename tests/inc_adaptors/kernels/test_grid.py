from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.kernels.grid import MIN_EXPONENT, coarsen, grid_exponent, histogram, histogram_numpy, update_grid, update_grid_numpy

law = settings(deadline=None, max_examples=150)
SIZES = st.integers(0, 700)
FLOATS = (
    st.floats(width=32)
    | st.floats(-8.0, 8.0, width=32)
    | st.sampled_from([float(np.float32(v)) for v in (0.0, -0.0, 1e30, -1e30, 2e30, 1e-45, -1e-45)])
)
ARRAYS = hnp.arrays(np.float32, SIZES, elements=FLOATS)
BINS = st.sampled_from([2, 6, 64, 2048])


def position(value: float, exponent: int, bins: int) -> int:
    """Bin by exact arithmetic: mirror images on both sides of zero."""
    whole = abs(Fraction(value)) // Fraction(2) ** exponent
    return bins + (int(whole) if value >= 0 else -1 - int(whole))


@law
@given(ARRAYS, st.integers(MIN_EXPONENT, 100), BINS)
def test_the_histogram_kernel_equals_its_twin(values: np.ndarray, exponent: int, bins: int) -> None:
    counts, twin = np.ones(2 * bins, np.int64), np.ones(2 * bins, np.int64)
    histogram(values, exponent, counts)
    histogram_numpy(values, exponent, twin)
    assert (counts == twin).all()


@law
@given(ARRAYS, BINS)
def test_the_streaming_kernel_equals_its_twin(values: np.ndarray, bins: int) -> None:
    state, twin = (MIN_EXPONENT, np.inf, -np.inf), (MIN_EXPONENT, np.inf, -np.inf)
    counts, twin_counts = np.zeros(2 * bins, np.int64), np.zeros(2 * bins, np.int64)
    for part in np.array_split(values, 3):
        grown = update_grid(part, counts, *state)
        twin_grown = update_grid_numpy(part, twin_counts, *twin)
        assert grown == twin_grown
        state, twin = grown[:3], twin_grown[:3]
    assert (counts == twin_counts).all()


@law
@given(ARRAYS, BINS)
def test_every_ordinary_value_is_in_the_bin_of_exact_arithmetic(values: np.ndarray, bins: int) -> None:
    counts = np.zeros(2 * bins, np.int64)
    grown = update_grid(values, counts, MIN_EXPONENT, np.inf, -np.inf)
    expected = np.zeros(2 * bins, np.int64)
    for value in values.tolist():
        if abs(value) <= np.float32(1e30):
            expected[position(value, grown.exponent, bins)] += 1
    assert (counts == expected).all()


@law
@given(st.floats(-(2.0**99), 0.0, width=32), st.floats(0.0, 2.0**99, width=32), BINS)
def test_the_width_is_the_smallest_whose_bins_suffice(low: float, high: float, bins: int) -> None:
    exponent = grid_exponent(low, high, bins, MIN_EXPONENT)

    def number(at: int) -> int:
        return position(high, at, 0) - position(low, at, 0) + 1

    assert number(exponent) <= bins
    assert exponent == MIN_EXPONENT or number(exponent - 1) > bins


@pytest.mark.parametrize("bins", [2, 6, 2048])
def test_coarsening_keeps_counts_and_sends_bin_i_to_half_i(bins: int) -> None:
    counts = np.arange(2 * bins, dtype=np.int64)
    expected = np.zeros_like(counts)
    for p, count in enumerate(counts):
        expected[((p - bins) >> 2) + bins] += count
    coarsen(counts, 2)
    assert (counts == expected).all()
    coarsen(counts, 200)
    assert counts[bins - 1] + counts[bins] == counts.sum() == np.arange(2 * bins).sum()


def test_many_blocks_equal_numpy_histogram() -> None:
    # Positive values only: np.histogram closes bins on the left, as ours are on the positive side.
    values = np.abs(np.random.default_rng(1).standard_normal(300_001, dtype=np.float32))
    counts = np.zeros(4096, np.int64)
    grown = update_grid(values, counts, MIN_EXPONENT, np.inf, -np.inf)
    expected, _ = np.histogram(values.astype(np.float64), 2048, (0.0, 2048 * 2.0**grown.exponent))
    assert (counts[2048:] == expected).all()
    assert counts[:2048].sum() == 0
