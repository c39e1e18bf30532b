from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_adaptors.torch.kernels import Window, dequantize, max_pool, quantize, quantize_numpy
from torch.nn import functional

FLOATS = arrays.arrays(np.float32, st.integers(0, 300), elements=st.floats(-1e6, 1e6, width=32))


@given(values=FLOATS, scale=st.floats(2**-20, 2**20, width=32), zero_point=st.integers(0, 255))
def test_codes_equal_those_of_the_numpy_twin(values: np.ndarray, scale: float, zero_point: int) -> None:
    assert np.array_equal(quantize(torch.from_numpy(values), scale, zero_point).numpy(), quantize_numpy(values, scale, zero_point))


@given(scale=st.floats(2**-100, 2**100, width=32), zero_point=st.integers(0, 255))
def test_zero_becomes_the_zero_point_and_comes_back_as_zero(scale: float, zero_point: int) -> None:
    codes = quantize(torch.zeros(1), scale, zero_point)
    assert int(codes) == zero_point
    assert float(dequantize(codes, scale, zero_point)) == 0.0


@given(values=FLOATS, zero_point=st.integers(0, 255))
def test_what_lies_inside_the_range_comes_back_within_half_a_step(values: np.ndarray, zero_point: int) -> None:
    scale = 0.5
    inside = np.clip(values, -zero_point * scale, (255 - zero_point) * scale)
    back = dequantize(quantize(torch.from_numpy(inside), scale, zero_point), scale, zero_point).numpy()
    assert np.abs(back - inside).max(initial=0.0) <= scale / 2


def test_values_at_the_rim_are_clipped_and_nan_is_the_lowest_code() -> None:
    values = torch.tensor([-torch.inf, torch.inf, torch.nan, 1e30, -1e30])
    assert quantize(values, 0.1, 7).tolist() == [0, 255, 0, 255, 0]


def test_codes_lie_in_memory_as_the_values_do() -> None:
    plain = torch.randn(2, 3, 4, 5)
    for values in (plain, plain.contiguous(memory_format=torch.channels_last), plain.transpose(1, 3), plain[:, ::2], plain.bfloat16()):
        codes = quantize(values, 0.02, 128)
        assert np.array_equal(codes.numpy(), quantize_numpy(values.float().numpy(), 0.02, 128))
    assert quantize(plain.contiguous(memory_format=torch.channels_last), 1.0, 0).is_contiguous(memory_format=torch.channels_last)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    size = draw(st.integers(1, 3))
    pad = draw(st.integers(0, size // 2))
    dilation = draw(st.integers(1, 2)) if size < 3 else 1
    stride = draw(st.integers(1, 4))
    return Window((size, size), (stride, stride), (pad, pad), (dilation, dilation), draw(st.booleans()))


@settings(deadline=None)
@given(height=st.integers(3, 11), width=st.integers(3, 11), window=windows(), seed=st.integers(0, 100))
def test_pooling_codes_equals_torchs_pooling_of_their_values(height: int, width: int, window: Window, seed: int) -> None:
    codes = torch.randint(0, 256, (1, 2, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    expected = functional.max_pool2d(codes.float(), window.size, window.stride, window.padding, window.dilation, window.ceil)
    assert torch.equal(max_pool(codes, window).float(), expected)
