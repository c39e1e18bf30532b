from __future__ import annotations

import numpy as np
import pytest
from inc_data import build_transform
from inc_data.transforms.sampling import sampled
from PIL import Image


def image(height=20, width=30):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_bilinear_imagenet():
    # 20 x 30 at 0.875: margins int(1.25) = 1 and int(1.875) = 1.
    middle = sampled(image()[1:19, 1:29], 8, 8) / 255
    expected = ((middle - 0.5) * 2 - [0.1, 0.2, 0.3]) * 3
    found = build_transform("BilinearImagenet", height=8, width=8, mean_value=[0.1, 0.2, 0.3], scale=3.0)(image())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(
        build_transform("BilinearImagenet", height=8, width=8)(Image.fromarray(image())), (middle - 0.5) * 2, atol=1e-5
    )
    # Floats are 0..1 already.
    unit = image().astype(np.float32) / np.float32(255)
    np.testing.assert_allclose(build_transform("BilinearImagenet", height=8, width=8)(unit), (middle - 0.5) * 2, atol=1e-5)


def test_resize_crop_imagenet_as_for_tensorflow():
    # 20 x 30 to 10 x 15; the middle 8 x 8 starts at row 1, column 3.
    resized = sampled(image(), 10, 15)[1:9, 3:11]
    build = {"height": 8, "width": 8, "resize_side": 10, "mean_value": [1.0, 2.0, 3.0], "scale": 0.5}
    np.testing.assert_allclose(build_transform("ResizeCropImagenet", **build)(image()), (resized - [1, 2, 3]) * 0.5, atol=1e-4)
    bgr = build_transform("ResizeCropImagenet", **build, subpixels="BGR", data_format="channels_first")(image())
    np.testing.assert_allclose(bgr, ((resized[:, :, ::-1] - [1, 2, 3]) * 0.5).transpose(2, 0, 1), atol=1e-4)


def test_resize_crop_imagenet_as_for_onnx():
    resized = sampled(image(), 10, 15)[1:9, 3:11] / 255
    args = {"height": 8, "width": 8, "resize_side": 10, "mean_value": [0.485, 0.456, 0.406], "std_value": [0.229, 0.224, 0.225]}
    expected = ((resized - args["mean_value"]) / args["std_value"]).transpose(2, 0, 1)
    np.testing.assert_allclose(build_transform("ResizeCropImagenet", **args)(image()), expected, atol=1e-5)


def test_resize_crop_imagenet_draws_crops_and_flips_from_its_seed():
    args = {"height": 8, "width": 8, "resize_side": 10, "random_crop": True, "random_flip_left_right": True}
    resized = sampled(image(), 10, 15)
    views = [resized[r : r + 8, c : c + 8] for r in range(3) for c in range(8)]
    known = {view.tobytes() for part in views for view in (part, part[:, ::-1])}
    transform, twin = (build_transform("ResizeCropImagenet", **args, seed=3) for _ in range(2))
    found = [transform(image()) for _ in range(30)]
    assert {each.tobytes() for each in found} <= known
    assert len({each.tobytes() for each in found}) > 10
    assert all(np.array_equal(a, twin(image())) for a in found)


def test_resize_with_aspect_ratio():
    # 7 / 87.5 % = 8; 30 / 20 * 8 = 12.
    transform = build_transform("ResizeWithAspectRatio", height=7, width=7)
    assert transform(image()).shape == (8, 12, 3)
    assert transform(image().transpose(1, 0, 2)).shape == (12, 8, 3)
    assert np.array_equal(transform(image()), np.rint(sampled(image(), 8, 12, method="area")).astype(np.uint8))
    cubic = build_transform("ResizeWithAspectRatio", height=7, width=7, inter_pol=2)
    assert cubic == build_transform("ResizeWithAspectRatio", height=7, width=7, inter_pol="bicubic")
    assert cubic(np.tile(np.array([0, 255], np.uint8).repeat(8), (16, 1))).max() == 255  # overshoot is held at the ends


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("BilinearImagenet", {"central_fraction": 0}, "central_fraction is a share"),
        ("BilinearImagenet", {"mean_value": 3}, "mean_value must be a list"),
        ("ResizeCropImagenet", {"resize_method": "bilinaer"}, r"did you mean bilinear\?"),
        ("ResizeCropImagenet", {"data_format": "NCHW"}, "one of channels_first, channels_last"),
        ("ResizeCropImagenet", {"subpixels": "GBR"}, "one of BGR, RGB"),
        ("ResizeWithAspectRatio", {"scale": 0}, "scale is a percentage"),
        ("ResizeWithAspectRatio", {"inter_pol": 9}, "Unknown method 9"),
    ],
)
def test_bad_options_are_refused(name, args, message):
    with pytest.raises((ValueError, TypeError), match=message):
        build_transform(name, **{"height": 8, "width": 8, **args})


def test_an_image_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="no room for 12x12"):
        build_transform("ResizeCropImagenet", height=12, width=12, resize_side=10)(image())
    with pytest.raises(ValueError, match="2 means do not fit an image of 3 channels"):
        build_transform("BilinearImagenet", height=4, width=4, mean_value=[0.0, 0.0])(image())
