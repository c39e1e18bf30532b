from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import AlignImageChannel, ToArray, Transpose, build_transform
from PIL import Image


@given(st.permutations(range(3)))
def test_a_transpose_is_undone_by_the_inverse_permutation(perm):
    image = np.arange(24).reshape(2, 3, 4)
    moved = Transpose(perm)(image)
    assert moved.shape == tuple(image.shape[axis] for axis in perm)
    assert moved.flags.c_contiguous
    assert np.array_equal(Transpose([perm.index(axis) for axis in range(3)])(moved), image)


def test_rows_columns_channels_become_channels_rows_columns():
    image = Image.new("RGB", (4, 2), (1, 2, 3))
    assert Transpose((2, 0, 1))(image)[:, 0, 0].tolist() == [1, 2, 3]
    assert Transpose((2, 0, 1)) == Transpose([2, 0, 1])


def test_pillow_images_become_arrays_with_a_channel_axis():
    assert ToArray()(Image.new("RGB", (4, 2))).shape == (2, 4, 3)
    assert ToArray()((Image.new("L", (4, 2)), 1))[0].shape == (2, 4, 1)


def test_arrays_made_from_images_can_be_written():
    array = ToArray()(Image.new("RGB", (4, 2)))
    array[0, 0, 0] = 9
    assert array[0, 0, 0] == 9


@pytest.mark.parametrize("perm", [(0, 0, 1), (1, 2, 3), (), "210", 3, (0, 1.0)])
def test_a_permutation_names_every_axis_once(perm):
    with pytest.raises(ValueError, match="perm must name every axis from 0 once"):
        Transpose(perm)


def test_a_permutation_must_fit_the_image():
    with pytest.raises(ValueError, match=r"shape \(2, 2\) has 2 axes, perm \(2, 0, 1\) names 3"):
        Transpose((2, 0, 1))(np.zeros((2, 2)))


def test_channels_are_repeated_cut_or_converted():
    grey, colour = np.array([[1, 2]], np.uint8), np.arange(8, dtype=np.uint8).reshape(1, 2, 4)
    assert AlignImageChannel()(grey).tolist() == [[[1, 1, 1], [2, 2, 2]]]
    assert AlignImageChannel(1)(colour).tolist() == [[[0], [4]]]
    assert AlignImageChannel(3)(colour).shape == (1, 2, 3)
    assert AlignImageChannel(3)(Image.new("L", (2, 2))).mode == "RGB"
    # ITU-R 601 luma: 255 * 0.299 = 76.2
    assert AlignImageChannel(1)(Image.new("RGB", (1, 1), (255, 0, 0))).getpixel((0, 0)) == 76
    with pytest.raises(ValueError, match="cannot be given 4 channels"):
        AlignImageChannel(4)(colour[:, :, :3])
    with pytest.raises(ValueError, match="dim is 1, 2, 3 or 4"):
        AlignImageChannel(5)


def test_the_names_of_1x_for_layouts():
    pixels = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(build_transform("TransposeLastChannel")(pixels), pixels.transpose(2, 0, 1))
    assert build_transform("ToNDArray")(Image.new("RGB", (3, 2))).shape == (2, 3, 3)
