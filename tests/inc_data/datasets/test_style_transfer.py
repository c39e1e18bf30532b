from __future__ import annotations

import numpy as np
import pytest
from inc_data import build_dataset, fingerprint
from PIL import Image


@pytest.fixture
def folders(tmp_path):
    for folder, names in (("content", "ab"), ("style", "xyz")):
        (tmp_path / folder).mkdir()
        for name in names:
            pixels = np.full((20, 30, 3), ord(name), np.uint8)
            pixels[:2] = pixels[-2:] = 0  # a frame that the crop takes away
            pixels[:, :3] = pixels[:, -3:] = 0
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")
    return tmp_path / "content", tmp_path / "style"


def test_every_content_with_every_style_cropped_resized_and_scaled(folders):
    data = build_dataset(
        "style_transfer", content_folder=str(folders[0]), style_folder=str(folders[1]), resize_shape=[8, 12], image_format="png"
    )
    assert len(data) == 6
    for index, (content, style) in enumerate(("ax", "ay", "az", "bx", "by", "bz")):
        (first, second), label = data[index]
        assert label == 0
        assert first.shape == second.shape == (8, 12, 3)
        assert np.array_equal(first, np.full((8, 12, 3), np.float32(ord(content)) / np.float32(255)))
        assert np.array_equal(second, np.full((8, 12, 3), np.float32(ord(style)) / np.float32(255)))
    with pytest.raises(IndexError, match="no item 6"):
        data[6]
    assert len(fingerprint(data)) == 64


def test_bad_input_is_refused(folders):
    with pytest.raises(ValueError, match=r"no images \*\.jpg(?s:.*)content"):
        build_dataset("style_transfer", content_folder=str(folders[0]), style_folder=str(folders[1]))
    with pytest.raises(ValueError, match="below one half"):
        build_dataset("style_transfer", content_folder=str(folders[0]), style_folder=str(folders[1]), image_format="png", crop_ratio=0.5)
