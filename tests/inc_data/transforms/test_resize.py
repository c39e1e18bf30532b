from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import Resize, ResizeShortSide
from inc_data.transforms.resize import INTERPOLATIONS
from PIL import Image


def triangle(width, new_width):
    """Weights of the antialiased triangle filter (Turkowski 1990): support scaled by the shrink factor, rows sum to 1."""
    scale = width / new_width
    reach = max(scale, 1.0)
    centres = (np.arange(new_width) + 0.5) * scale
    distance = np.abs(np.arange(width) + 0.5 - centres[:, None]) / reach
    weights = np.maximum(0, 1 - distance)
    return weights / weights.sum(axis=1, keepdims=True)


@given(height=st.integers(1, 12), width=st.integers(1, 12), size=st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_bilinear_resizing_is_the_antialiased_triangle_filter(height, width, size):
    image = np.random.default_rng(height * 13 + width).uniform(0, 1, (height, width)).astype(np.float32)
    expected = triangle(height, size[0]) @ image.astype(float) @ triangle(width, size[1]).T
    np.testing.assert_allclose(Resize(size)(image), expected, atol=1e-5)


@pytest.mark.parametrize("interpolation", sorted(INTERPOLATIONS))
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4), (5, 7, 9)])
def test_arrays_and_pillow_images_give_the_same_pixels(interpolation, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    resized = Resize((3, 4), interpolation)(array)
    assert resized.dtype == np.uint8
    assert resized.shape == (3, 4, *shape[2:])
    for channel in range(shape[2] if len(shape) == 3 else 1):
        plane = array if len(shape) == 2 else array[:, :, channel]
        expected = np.asarray(Image.fromarray(plane).resize((4, 3), INTERPOLATIONS[interpolation]))
        assert np.array_equal(resized if len(shape) == 2 else resized[:, :, channel], expected)


def test_a_pillow_image_stays_one():
    assert Resize((3, 4))(Image.new("RGB", (8, 8))).size == (4, 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_keep_their_type(dtype):
    assert Resize(2)(np.ones((3, 3, 2), dtype)).dtype == dtype
    assert (Resize(2)(np.ones((3, 3, 2), dtype)) == 1).all()


@pytest.mark.parametrize(
    ("size", "expected"), [((300, 400), (256, 341)), ((400, 300), (341, 256)), ((256, 256), (256, 256)), ((10, 1), (2560, 256))]
)
def test_the_short_side_gets_the_size_and_the_long_side_is_cut_to_a_whole_number(size, expected):
    # 256 * 400 / 300 = 341.33
    assert ResizeShortSide(256)(np.zeros(size, np.uint8)).shape == expected
    assert ResizeShortSide(256)(Image.new("L", size[::-1])).size == expected[::-1]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"Unknown interpolation 'bilinaer'(?s:.*)did you mean bilinear\?"):
        Resize(4, "bilinaer")
    with pytest.raises(TypeError, match=r"int64 cannot be interpolated(?s:.*)Cast"):
        Resize(4)(np.zeros((3, 3), np.int64))
    with pytest.raises(ValueError, match=r"shape \(3, 32, 32\) is no image with rows and columns first(?s:.*)Transpose"):
        Resize(4)(np.zeros((3, 32, 32), np.uint8))
    with pytest.raises(TypeError, match="Expected an image, got list"):
        ResizeShortSide(4)([[1]])
    with pytest.raises(TypeError, match="size must be an integer"):
        ResizeShortSide((4, 4))
