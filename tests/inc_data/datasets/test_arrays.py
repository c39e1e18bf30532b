from __future__ import annotations

import numpy as np
import pytest
from inc_data import ArrayDataset, Rescale


def test_items_are_pairs_with_labels_and_bare_inputs_without():
    array = np.arange(6).reshape(3, 2)
    assert ArrayDataset(array)[1].tolist() == [2, 3]
    image, label = ArrayDataset(array, [7, 8, 9])[2]
    assert (image.tolist(), label) == ([4, 5], 9)
    assert len(ArrayDataset(array)) == 3
    assert [item.tolist() for item in ArrayDataset(array)] == array.tolist()


def test_tuples_and_dicts_of_arrays_keep_their_structure():
    dataset = ArrayDataset({"ids": np.arange(4), "more": (np.zeros((4, 2)), [1, 2, 3, 4])}, labels=(np.arange(4), np.ones(4)))
    inputs, labels = dataset[3]
    assert inputs["ids"] == 3
    assert inputs["more"][0].shape == (2,)
    assert inputs["more"][1] == 4
    assert labels == (3, 1.0)


def test_a_transform_sees_the_image_and_keeps_the_label():
    dataset = ArrayDataset(np.full((2, 3), 255, np.uint8), [5, 6], transform=Rescale())
    image, label = dataset[1]
    assert image.tolist() == [1.0, 1.0, 1.0]
    assert label == 6
    plain = ArrayDataset(np.arange(3), [5, 6, 7], transform=lambda image: image * 10)
    assert plain[2] == (20, 7)
    assert plain.batch_reader() is None
    assert ArrayDataset(np.arange(3), transform=lambda image: image * 10)[1] == 10


@pytest.mark.parametrize(
    ("inputs", "labels", "kind", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4), ValueError, "inputs has 3, labels has 4"),
        ({"a": np.zeros(3), "b": np.zeros(2)}, None, ValueError, r"inputs\['a'\] has 3, inputs\['b'\] has 2"),
        (np.zeros((0, 2)), None, ValueError, r"no rows(?s:.*)where: inputs"),
        (np.zeros(3), np.float32(1), ValueError, r"no rows(?s:.*)where: labels"),
        ((), None, ValueError, "no rows"),
        ([[1, 2], [3]], None, ValueError, "rows differ in shape"),
        (np.array([None, 1]), None, TypeError, "Python objects"),
    ],
)
def test_arrays_that_are_no_rows_are_refused(inputs, labels, kind, message):
    with pytest.raises(kind, match=message):
        ArrayDataset(inputs, labels)
