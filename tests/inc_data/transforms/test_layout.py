from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import ToArray, Transpose
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
