from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from inc_data import Cast, Normalize, Rescale, build_transform
from PIL import Image


def test_levels_become_exact_fractions():
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(Rescale()(levels), levels.astype(np.float32) / np.float32(255))
    assert Rescale(127.5, -1.0)(np.array([0, 255], np.uint8)).tolist() == [-1.0, 1.0]
    assert Rescale()(Image.new("L", (2, 3), 255)).tolist() == [[[1.0], [1.0]]] * 3


@given(arrays(np.float32, (3, 4, 2), elements=st.floats(-10, 10, width=32)))
def test_normalizing_is_undone_by_its_inverse_on_either_layout(image):
    forward = Normalize([0.5, -1.0], [2.0, 0.25])
    back = Normalize([-0.25, 4.0], [0.5, 4.0])  # x = y * std + mean = (y - (-mean / std)) / (1 / std)
    np.testing.assert_allclose(back(forward(image)), image, atol=1e-5)
    channels_first = Normalize([0.5, -1.0], [2.0, 0.25], channel_axis=0)(image.transpose(2, 0, 1))
    assert np.array_equal(channels_first.transpose(1, 2, 0), forward(image))


def test_golden_values_of_normalize():
    pixels = np.array([[[10, 20, 30]]], np.uint8)
    # (10 - 8) / 2, (20 - 20) / 4, (30 - 50) / 5
    assert Normalize((8, 20, 50), (2, 4, 5))(pixels).tolist() == [[[1.0, 0.0, -4.0]]]
    assert Normalize(10.0, 5.0)(pixels).tolist() == [[[0.0, 2.0, 4.0]]]


@pytest.mark.parametrize(
    ("given_type", "result"), [("uint8", "float32"), ("int64", "float32"), ("float16", "float16"), ("float64", "float64")]
)
def test_the_result_is_float32_or_the_images_own_float_type(given_type, result):
    image = np.ones((2, 2, 3), given_type)
    before = image.copy()
    assert Rescale(2.0, 1.0)(image).dtype == result
    assert Normalize([1, 1, 1], [2, 2, 2])(image).dtype == result
    assert np.array_equal(image, before)


def test_cast_cuts_fractions_and_refuses_what_does_not_fit():
    assert Cast("uint8")(np.array([0.9, 254.9])).tolist() == [0, 254]
    assert Cast("int8")(np.array([5], np.uint8)).dtype == np.int8
    assert Cast(np.float32) == Cast("float32") == Cast()
    for values in ([256.0], [-1.0], [np.nan]):
        with pytest.raises(ValueError, match=r"do not fit uint8 \(0 to 255\)"):
            Cast("uint8")(np.array(values))


@pytest.mark.parametrize(
    ("build", "kind", "message"),
    [
        (lambda: Rescale(0.0), ValueError, "divisor must not be 0"),
        (lambda: Rescale(offset=float("nan")), ValueError, "offset must be finite, got nan"),
        (lambda: Normalize([0.5], [0.0]), ValueError, "std must be at least 1e-06"),
        (lambda: Normalize("a", 1), TypeError, "mean must be a number, got 'a'"),
        (lambda: Normalize([], [1]), ValueError, "mean holds no number"),
        (lambda: Rescale("a"), TypeError, "divisor must be a number, got 'a'"),
        (lambda: Normalize(0.5, 0.5, channel_axis=0.5), TypeError, "channel_axis must be an integer"),
        (lambda: Cast("bfloat17"), ValueError, "Unknown dtype 'bfloat17'"),
        (lambda: Cast("str"), ValueError, "Unknown dtype 'str'"),
        (
            lambda: Normalize([1, 2, 3], 1, channel_axis=-1)(np.zeros((3, 4, 4))),
            ValueError,
            r"3 numbers do not fit an image of shape \(3, 4, 4\)(?s:.*)channel_axis=0",
        ),
        (lambda: Normalize([1, 2], 1, channel_axis=3)(np.zeros((2, 2, 2))), ValueError, "channels on axis 3"),
    ],
)
def test_options_that_cannot_be_are_refused(build, kind, message):
    with pytest.raises(kind, match=message):
        build()


def test_the_channel_axis_is_found_where_only_one_fits():
    first, last = np.zeros((3, 5, 5)), np.zeros((5, 5, 3))
    for image, axis in ((first, 0), (last, -1)):
        found = Normalize([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])(image)
        assert np.array_equal(found, Normalize([1.0, 2.0, 3.0], 1.0, channel_axis=axis)(image))


def test_rescale_follows_normalize_in_1x_and_stands_alone_in_keras():
    # ((10 - 4) / 2) / 3 - 0.5 = 0.5
    assert build_transform("Normalize", mean=[4.0], std=[2.0], rescale=[3.0, 0.5])(np.array([10.0])) == 0.5
    assert build_transform("KerasRescale", rescale=[127.5, 1.0])(np.array([0.0, 255.0])).tolist() == [-1, 1]
    assert build_transform("KerasRescale")(np.array([5])).tolist() == [5]
    with pytest.raises(ValueError, match="rescale must be two numbers"):
        build_transform("KerasRescale", rescale=[0.0, 1.0])


def test_quantized_input_cuts_the_fraction_and_holds_the_ends():
    values = np.array([-3.0, -0.019, 0.0, 0.019, 0.5, 3.0], np.float32)
    # 0.019 * 100 = 1.9
    assert build_transform("QuantizedInput", dtype="int8", scale=100.0)(values).tolist() == [-128, -1, 0, 1, 50, 127]
    assert build_transform("QuantizedInput", dtype="uint8", scale=100.0)(values).tolist() == [0, 126, 128, 129, 178, 255]
    assert build_transform("QuantizedInput", dtype="uint8")(values) is values
    with pytest.raises(ValueError, match="Unknown dtype 'int4'"):
        build_transform("QuantizedInput", dtype="int4")
