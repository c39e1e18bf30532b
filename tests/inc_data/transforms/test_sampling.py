from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data.transforms.sampling import METHODS, sampled


def bilinear(image, height, width):
    """Four neighbours of each centre, edges repeated, written as loops."""
    rows, columns = image.shape
    out = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * rows / height - 0.5, 0), rows - 1)
            x = min(max((j + 0.5) * columns / width - 0.5, 0), columns - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, rows - 1), min(x0 + 1, columns - 1)
            top = image[y0, x0] * (1 - (x - x0)) + image[y0, x1] * (x - x0)
            bottom = image[y1, x0] * (1 - (x - x0)) + image[y1, x1] * (x - x0)
            out[i, j] = top * (1 - (y - y0)) + bottom * (y - y0)
    return out


def area(image, height, width):
    """Repeat every pixel until both grids fit, then take means of blocks."""
    rows, columns = image.shape
    fine = np.repeat(np.repeat(image, height, axis=0), width, axis=1)
    return fine.reshape(height, rows, width, columns).mean(axis=(1, 3))


sizes = st.integers(1, 9)


@given(rows=sizes, columns=sizes, height=sizes, width=sizes)
def test_bilinear_and_area_are_what_their_definitions_say(rows, columns, height, width):
    image = np.random.default_rng(rows * 10 + columns).uniform(0, 255, (rows, columns, 1)).astype(np.float32)
    np.testing.assert_allclose(sampled(image, height, width)[:, :, 0], bilinear(image[:, :, 0], height, width), atol=1e-3)
    np.testing.assert_allclose(sampled(image, height, width, method="area")[:, :, 0], area(image[:, :, 0], height, width), atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
@given(rows=sizes, columns=sizes, height=sizes, width=sizes)
def test_an_even_image_stays_even(method, rows, columns, height, width):
    np.testing.assert_allclose(sampled(np.full((rows, columns, 2), 7.0), height, width, method=method), 7.0, rtol=1e-5)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("gaussian", "mitchellcubic")])
def test_interpolating_methods_keep_an_image_of_the_same_size(method):
    image = np.random.default_rng(0).uniform(0, 1, (5, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(sampled(image, 5, 6, method=method), image, atol=1e-6)


def test_weights_worked_out_by_hand():
    row = np.array([0.0, 0, 0, 1, 0, 0, 0, 0])[:, np.newaxis, np.newaxis]
    # 8 to 4: centres at 0.5, 2.5, 4.5, 6.5; pixel 3 is 0.5 from the second and 1.5 from the third.
    # Keys (a = -1/2): f(0.5) = 0.5625, f(1.5) = -0.0625.
    np.testing.assert_allclose(sampled(row, 4, 1, method="bicubic")[:, 0, 0], [0, 0.5625, -0.0625, 0], atol=1e-6)
    # Mitchell: f(0.5) = (7/8 - 3 + 16/3) / 6 = 0.534722, f(1.5) = (-63/8 + 27 - 30 + 32/3) / 6 = -0.034722.
    np.testing.assert_allclose(sampled(row, 4, 1, method="mitchellcubic")[1:3, 0, 0], [0.534722, -0.034722], atol=1e-6)
    # Gaussian: e^-0.5 against its neighbours at 0.5, 0.5 (1.5 is cut off): a half.
    np.testing.assert_allclose(sampled(row, 4, 1, method="gaussian")[:, 0, 0], [0, 0.5, 0, 0], atol=1e-6)
    # Nearest: floor((i + 0.5) * 2) = 1, 3, 5, 7.
    assert sampled(row, 4, 1, method="nearest")[:, 0, 0].tolist() == [0, 1, 0, 0]
