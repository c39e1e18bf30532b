from __future__ import annotations

import io

import numpy as np
import pytest
from inc_data import DecodeImage, EncodeJpeg, ToPILImage, ToTensor
from PIL import Image


def smooth():
    return np.linspace(0, 255, 64 * 3).reshape(8, 8, 3).astype(np.uint8)


def test_jpeg_there_and_back():
    content = EncodeJpeg()(smooth())
    buffer = io.BytesIO()
    Image.fromarray(smooth()).save(buffer, "JPEG", quality=95)
    assert content == buffer.getvalue()
    assert np.array_equal(DecodeImage()(content), np.asarray(Image.open(io.BytesIO(content))))
    with pytest.raises(ValueError, match="cannot be decoded"):
        DecodeImage()(content[:40])
    with pytest.raises(TypeError, match="Expected bytes"):
        DecodeImage()(smooth())


def test_tensors_and_pictures():
    tensor = ToTensor()(Image.fromarray(smooth()))
    assert (tensor.shape, tensor.dtype) == ((3, 8, 8), np.float32)
    assert tensor[1, 2, 3] == smooth()[2, 3, 1] / np.float32(255)
    assert ToTensor()(np.ones((2, 3), np.float32)).tolist() == [[[1, 1, 1], [1, 1, 1]]]
    assert np.array_equal(np.asarray(ToPILImage()(smooth())), smooth())
    assert ToPILImage()(smooth()[:, :, :1]).mode == "L"
    # The fraction is cut off: a level may come back one lower.
    assert np.abs(np.asarray(ToPILImage()(tensor)).astype(int) - smooth()).max() <= 1
    with pytest.raises(TypeError, match="no picture"):
        ToPILImage()(np.zeros((2, 2, 2), np.uint8))


def test_a_quality_that_jpeg_does_not_have_is_refused():
    with pytest.raises(ValueError, match="quality must be at most 100, got 101"):
        EncodeJpeg(101)
