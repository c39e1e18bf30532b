import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.kernels.extent import MASK_MAGNITUDE, channel_extent, channel_extent_numpy, extent, extent_numpy

law = settings(deadline=None, max_examples=150)
FLOATS = st.floats(width=32) | st.sampled_from([float(np.float32(v)) for v in (0.0, -0.0, 1e30, -1e30, 1.1e30, -3.4e38, 1e-45, -1e-45)])
ARRAYS = hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=4, max_side=20), elements=FLOATS)


@law
@given(ARRAYS)
def test_the_kernel_equals_its_twin(values: np.ndarray) -> None:
    assert extent(values) == extent_numpy(values)


@law
@given(ARRAYS, st.data())
def test_the_channel_kernel_equals_its_twin(values: np.ndarray, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-values.ndim, values.ndim - 1))
    low, high, *left_out = channel_extent(values, axis)
    twin_low, twin_high, *twin_left_out = channel_extent_numpy(values, axis)
    assert low.tobytes() == twin_low.tobytes()
    assert high.tobytes() == twin_high.tobytes()
    assert left_out == twin_left_out


@law
@given(ARRAYS)
def test_the_range_is_that_of_the_ordinary_values(values: np.ndarray) -> None:
    flat = values.ravel().tolist()
    ordinary = [v for v in flat if abs(v) <= np.float32(MASK_MAGNITUDE)]  # false for NaN
    found = extent(values)
    assert (found.minimum, found.maximum) == (min(ordinary, default=np.inf), max(ordinary, default=-np.inf))
    assert found.non_finite == sum(not np.isfinite(v) for v in flat)
    assert found.masked == len(flat) - len(ordinary) - found.non_finite


@pytest.mark.parametrize("size", [1, 15, 16, 17, 4095, 4096, 4097, 100_000])
def test_any_length_is_read_to_its_end(size: int) -> None:
    values = np.zeros(size, np.float32)
    values[0], values[-1] = -2.0, 3.0
    assert extent(values)[:2] == (-2.0 if size > 1 else 3.0, 3.0)


def test_zero_is_never_negative() -> None:
    found = extent(np.array([-0.0, -0.0], np.float32))
    assert not np.signbit([found.minimum, found.maximum]).any()


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_short_and_long_rows_of_a_channel_agree(axis: int) -> None:
    values = np.random.default_rng(0).standard_normal((5, 40, 33), dtype=np.float32)
    others = tuple(i for i in range(3) if i != axis % 3)
    low, high, *_ = channel_extent(values, axis)
    assert (low == values.min(axis=others)).all()
    assert (high == values.max(axis=others)).all()
