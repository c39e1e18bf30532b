import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.kernels.quantize import quantize_affine, quantize_affine_numpy
from inc_config.dtypes import INT8, UINT8, IntegerType

law = settings(deadline=None, max_examples=150)
TYPES = st.builds(IntegerType, st.integers(2, 8), signed=st.booleans())
SCALES = st.floats(2.0**-126, 2.0**120, width=32) | st.floats(0.0009765625, 16.0, width=32)
FLOATS = st.floats(width=32) | st.floats(-100.0, 100.0, width=32)


@law
@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=9), elements=FLOATS), SCALES, TYPES, st.data())
def test_the_kernel_equals_its_twin(values: np.ndarray, scale: float, dtype: IntegerType, data: st.DataObject) -> None:
    zero_point = data.draw(st.integers(dtype.qmin, dtype.qmax))
    codes = quantize_affine(values, scale, zero_point, dtype)
    twin = quantize_affine_numpy(values, scale, zero_point, dtype)
    assert codes.dtype == twin.dtype == (np.int8 if dtype.signed else np.uint8)
    assert (codes == twin).all()
    assert codes.min() >= dtype.qmin
    assert codes.max() <= dtype.qmax


@law
@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=9), elements=FLOATS), TYPES, st.data())
def test_the_kernel_equals_its_twin_per_channel(values: np.ndarray, dtype: IntegerType, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-values.ndim, values.ndim - 1))
    channels = values.shape[axis]
    scale = data.draw(hnp.arrays(np.float32, channels, elements=SCALES))
    zero_point = data.draw(hnp.arrays(np.int32, channels, elements=st.integers(dtype.qmin, dtype.qmax)))
    codes = quantize_affine(values, scale, zero_point, dtype, axis=axis)
    assert (codes == quantize_affine_numpy(values, scale, zero_point, dtype, axis=axis)).all()
    alone = quantize_affine(np.take(values, 0, axis), scale[0], zero_point[0], dtype)
    assert (np.take(codes, 0, axis) == alone).all()


def test_halves_go_to_even_and_ends_saturate() -> None:
    # x / scale = 0.5, 1.5, 2.5, -0.5, -1.5 round to 0, 2, 2, 0, -2, then 128 is added; infinities end at the outermost codes, NaN at qmin.
    values = np.array([0.25, 0.75, 1.25, -0.25, -0.75, 1e9, -1e9, np.inf, -np.inf, np.nan], np.float32)
    assert quantize_affine(values, 0.5, 128, UINT8).tolist() == [128, 130, 130, 128, 126, 255, 0, 255, 0, 0]


def test_strided_values_and_a_given_output() -> None:
    values = np.arange(24, dtype=np.float32).reshape(4, 6)[:, ::2]
    out = np.empty(values.shape, np.int8)
    assert quantize_affine(values, 1.0, 0, INT8, out=out) is out
    assert (out == values).all()


@pytest.mark.parametrize("out", [np.empty(4, np.uint8), np.empty(5, np.int8), np.empty(8, np.int8)[::2]])
def test_an_output_that_does_not_fit_is_refused(out: np.ndarray) -> None:
    with pytest.raises(ValueError, match="out: need a contiguous int8 array"):
        quantize_affine(np.zeros(4, np.float32), 1.0, 0, INT8, out=out)
