from __future__ import annotations

import json
import os

import numpy as np
import pytest
from inc_data import Recipe, Step, preprocessing, recipe_names
from PIL import Image


def photo(width, height):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def short_side_256_middle_224(image):
    """The reference by pillow's own calls: 300x400 (h x w) becomes 256x341, and loses 16 rows and 58 columns at the front."""
    assert image.size == (400, 300)
    resized = image.resize((341, 256), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((58, 16, 58 + 224, 16 + 224)), np.float64)


def test_imagenet_is_resize_crop_scale_normalize_and_channels_first():
    image = photo(400, 300)
    result = preprocessing("imagenet")(image)
    expected = (short_side_256_middle_224(image) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert result.dtype == np.float32
    assert result.shape == (3, 224, 224)
    np.testing.assert_allclose(result, expected.transpose(2, 0, 1), atol=2e-6)


def test_imagenet_tf_is_minus_one_to_one_and_channels_last():
    image = photo(400, 300)
    result = preprocessing("imagenet-tf")(image)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, short_side_256_middle_224(image) / 127.5 - 1, atol=1e-6)


def test_unit_keeps_the_size_of_grey_images_too():
    grey = Image.fromarray(np.array([[0, 51, 255]], np.uint8))
    assert preprocessing("unit")(grey).tolist() == [[[0.0, pytest.approx(0.2), 1.0]]]
    assert preprocessing("unit-nhwc")(grey).shape == (1, 3, 1)


@pytest.mark.parametrize("name", sorted(set(recipe_names()) - {"bert-uncased-ids"}))
def test_a_recipe_survives_json_and_files_and_keeps_labels(name, tmp_path):
    recipe = preprocessing(name)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    recipe.save(tmp_path / "recipe.json")
    again = preprocessing(tmp_path / "recipe.json")
    assert again == recipe
    assert hash(again) == hash(recipe)
    assert preprocessing(str(tmp_path / "recipe.json")) == recipe
    image, label = again((photo(300, 300), "cat"))
    assert label == "cat"
    assert np.array_equal(image, recipe(photo(300, 300)))


def test_a_recipe_reads_as_its_steps():
    assert str(Recipe((Step("CenterCrop", (("size", 2),)), Step("ToArray")))) == "CenterCrop(size=2) > ToArray()"


def test_an_unknown_recipe_suggests_the_closest():
    with pytest.raises(ValueError, match=r"Unknown preprocessing 'imagnet'(?s:.*)did you mean imagenet\?(?s:.*)\.json"):
        preprocessing("imagnet")


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", ValueError, "The file is no JSON"),
        ("[" * 100000, ValueError, "The file is no JSON"),
        ('{"name": "Resize"}', ValueError, "Expected a list of steps, got dict"),
        ("[]", ValueError, "Expected a list of steps"),
        ('["Resize"]', ValueError, r"Expected a step, got 'Resize'(?s:.*)\$\[0\] in .*mine\.json"),
        ('[{"name": "ToArray", "arg": {}}]', ValueError, "Unknown key 'arg'"),
        ('[{"name": "ToArray"}, {"name": "resize", "args": {"size": 3}}]', ValueError, r"did you mean Resize\?"),
        ('[{"name": "Resize", "args": {"size": {"h": 3}}}]', ValueError, r"cannot be an argument(?s:.*)\$\[0\].*args\.size"),
        ('[{"name": "Resize", "args": {"size": 0}}]', ValueError, "size must be at least 1, got 0"),
        ('[{"name": "Resize", "args": {}}]', TypeError, "missing a required argument: 'size'"),
        ('[{"name": "Rescale", "args": {"divisor": NaN}}]', ValueError, "NaN is not a number of JSON"),
    ],
)
def test_a_file_that_is_no_recipe_is_an_error_that_names_the_place(tmp_path, text, kind, message):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(kind, match=message):
        preprocessing(path)


def test_a_refused_step_is_named_with_its_position_and_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('[{"name": "ToArray"}, {"name": "Resize", "args": {"size": 0}}]')
    with pytest.raises(ValueError, match="size must be") as caught:
        preprocessing(path)
    assert caught.value.__notes__ == ["in step 1 (Resize) of the recipe", f"in {path}"]


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"cannot be read: No such file(?s:.*)gone\.json"):
        preprocessing(tmp_path / "gone.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        preprocessing(tmp_path / "binary.json")
    (tmp_path / "huge.json").write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(ValueError, match="too many for a recipe"):
        preprocessing(tmp_path / "huge.json")


def test_bert_uncased_ids_takes_its_vocabulary_along(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\nworld\n##s\n")
    recipe = preprocessing("bert-uncased-ids").with_args("TextToIds", vocab_file=str(vocabulary), max_length=8)
    expected = {
        "input_ids": [2, 4, 5, 6, 1, 3, 0, 0],
        "attention_mask": [1, 1, 1, 1, 1, 1, 0, 0],
        "token_type_ids": [0] * 8,
    }
    assert {key: value.tolist() for key, value in recipe("Hello worlds!").items()} == expected
    pair = recipe(["hello", "hello"])
    assert pair["token_type_ids"].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    recipe.save(tmp_path / "here" / "preprocessing.json")
    vocabulary.unlink()
    (tmp_path / "here").rename(tmp_path / "there")
    again = preprocessing(tmp_path / "there" / "preprocessing.json")
    assert {key: value.tolist() for key, value in again("Hello worlds!").items()} == expected
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"vocabulary cannot be read(?s:.*)vocab\.txt"):
        preprocessing("bert-uncased-ids")("hello")
    with pytest.raises(ValueError, match=r"names a file that does not exist(?s:.*)with_args"):
        preprocessing("bert-uncased-ids").save(tmp_path / "x.json")
    with pytest.raises(ValueError, match=r"no step 'TextToId'(?s:.*)did you mean TextToIds"):
        recipe.with_args("TextToId", max_length=3)
    with pytest.raises(TypeError, match="Expected a text or a list of two"):
        again(3)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "recipe.json")
    with pytest.raises(ValueError, match="does not lead to a file"):
        preprocessing(tmp_path / "recipe.json")
