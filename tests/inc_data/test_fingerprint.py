from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from inc_data import ArrayDataset, CenterCrop, Compose, DataLoader, Normalize, Resize, TextToIds, fingerprint, preprocessing
from inc_data.fingerprint import describe
from PIL import Image


def test_equal_arrays_have_equal_fingerprints_whatever_their_memory_layout():
    array = np.arange(24.0).reshape(6, 4)
    assert fingerprint(ArrayDataset(array)) == fingerprint(ArrayDataset(np.asfortranarray(array)))


def test_values_dtype_shape_labels_and_transform_all_count():
    array = np.arange(24, dtype=np.int32).reshape(6, 4)
    changed = array.copy()
    changed[-1, -1] += 1
    variants = [
        ArrayDataset(array),
        ArrayDataset(changed),
        ArrayDataset(array.astype(np.uint32)),
        ArrayDataset(array.reshape(6, 2, 2)),
        ArrayDataset(array, np.zeros(6)),
        ArrayDataset({"ids": array}),
        ArrayDataset(array, transform=Resize(2)),
        ArrayDataset(array, transform=Resize(3)),
    ]
    assert len({fingerprint(dataset) for dataset in variants}) == len(variants)


def test_a_block_boundary_does_not_show():
    big = np.arange(1000)
    assert fingerprint(ArrayDataset(big)) == fingerprint(ArrayDataset(big.copy()))
    assert fingerprint(ArrayDataset(big)) != fingerprint(ArrayDataset(np.roll(big, 1)))


def test_any_dataset_is_hashed_item_by_item():
    items = [({"x": np.arange(3), "name": "a"}, 1, None), ({"x": np.arange(3), "name": "b"}, 2, [Image.new("L", (2, 2))])]
    assert fingerprint(items) == fingerprint(list(items))
    assert fingerprint(items) != fingerprint(items[::-1])
    assert fingerprint([("ab", "c")]) != fingerprint([("a", "bc")])
    assert fingerprint([np.array(["ab", "c"])]) != fingerprint([np.array(["ab", "d"])])


def test_items_without_content_cannot_be_hashed():
    with pytest.raises(TypeError, match=r"object has no content(?s:.*)fix:"):
        fingerprint([object()])


def test_a_loader_has_the_fingerprint_of_its_dataset():
    dataset = ArrayDataset(np.arange(10))
    assert DataLoader(dataset, 3, shuffle=True).fingerprint == fingerprint(dataset) == DataLoader(dataset).fingerprint


def test_a_description_is_the_same_in_another_process():
    described = describe(Compose([CenterCrop(4), Normalize(0.5, 0.5), np.ascontiguousarray]))
    normalize = "Normalize(mean=[0.5], std=[0.5], channel_axis=None, rescale=None)"
    assert described == f"Compose(transforms=[CenterCrop(size=[4, 4]), {normalize}, numpy.ascontiguousarray])"
    code = "from inc_data import *\nfrom inc_data.fingerprint import describe\nprint(describe(Compose([CenterCrop(4), lambda x: x])))"
    outputs = {subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout for _ in range(2)}
    assert outputs == {"Compose(transforms=[CenterCrop(size=[4, 4]), __main__.<lambda>])\n"}


def test_the_content_of_a_file_that_a_transform_names_counts_and_its_path_does_not(tmp_path):
    def named(folder, *pieces):
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / "vocab.txt"
        path.write_text("\n".join(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *pieces)))
        recipe = preprocessing("bert-uncased-ids").with_args("TextToIds", vocab_file=str(path))
        return [fingerprint(ArrayDataset(np.array(["a", "b"]), transform=each)) for each in (TextToIds(str(path)), recipe)]

    first, moved, changed = named("one", "a", "b"), named("two", "a", "b"), named("one", "b", "a")
    assert first == moved
    assert len({*first, *changed}) == 4
