from __future__ import annotations

import warnings

import numpy as np
import pytest
from inc_data.images import as_array, open_image
from PIL import Image


def test_an_image_is_converted_to_the_mode_asked_for(tmp_path, save_image):
    path = save_image(tmp_path / "a.png", level=200)
    assert np.asarray(open_image(path))[0, 0].tolist() == [200, 0, 0]
    # ITU-R 601 luma of pure red 200: 0.299 * 200 = 59.8
    assert np.asarray(open_image(path, mode="L"))[0, 0] == 60


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 40], ids=["empty", "text", "header only"])
def test_a_corrupt_image_is_an_error_that_names_the_file(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be decoded(?s:.*)broken\.png(?s:.*)fix:"):
        open_image(path)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_a_truncated_image_of_any_format_is_an_error_that_names_the_file(tmp_path, form):
    path = tmp_path / f"cut.{form.lower()}"
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format=form)
    whole = path.read_bytes()
    assert open_image(path).size == (64, 64)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be decoded"):
        open_image(path)


@pytest.mark.parametrize("pixels", [11, 5], ids=["a little over pillow's limit", "beyond twice the limit"])
def test_an_image_bomb_is_an_error_before_it_is_decoded(tmp_path, save_image, monkeypatch, pixels):
    path = save_image(tmp_path / "bomb.png")  # 4 x 3 = 12 pixels
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels)
    with pytest.raises(ValueError, match=r"too large(?s:.*)bomb\.png(?s:.*)MAX_IMAGE_PIXELS"):
        open_image(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_bomb_is_an_error_where_pillow_would_only_warn(tmp_path, save_image, monkeypatch):
    path = save_image(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 11)
    with pytest.raises(ValueError, match="4x3 = 12 pixels, the limit is 11"):
        open_image(path)


def test_an_image_of_16_bits_is_refused_rather_than_clipped(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((2, 2), 40000, np.uint16)).save(path)
    with pytest.raises(ValueError, match="more than 8 bits"):
        open_image(path)
    assert as_array(open_image(path, mode="I;16"))[0, 0, 0] == 40000


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path):
    path = tmp_path / "palette.png"
    image = Image.new("P", (2, 2))
    image.putpalette([10, 20, 30] + [0] * 765)
    image.save(path, transparency=bytes([128] + [255] * 255))
    assert open_image(path).getpixel((0, 0)) == (10, 20, 30)


def test_a_decoder_that_starts_another_program_is_never_used(tmp_path):
    path = tmp_path / "postscript.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n")
    with pytest.raises(ValueError, match="cannot be decoded"):
        open_image(path)


def test_a_grey_image_has_a_channel_axis_and_arrays_pass_unchanged():
    assert as_array(Image.new("L", (5, 2))).shape == (2, 5, 1)
    array = np.zeros((2, 5))
    assert as_array(array) is array
    with pytest.raises(TypeError, match="Expected an image, got list"):
        as_array([1, 2])


def test_damage_that_pillow_only_warns_of_is_our_error_where_warnings_are_errors(tmp_path):
    path = tmp_path / "a.tif"
    Image.new("RGB", (8, 8)).save(path)
    path.write_bytes(path.read_bytes()[:40])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"cannot be decoded(?s:.*)a\.tif"):
            open_image(path)
