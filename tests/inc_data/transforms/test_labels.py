from __future__ import annotations

import numpy as np
import pytest
from inc_data import Collect, LabelShift, ShiftRescale, build_transform


def test_labels_of_every_form_are_shifted():
    shift = LabelShift(1)
    assert shift(("x", 5)) == ("x", 4)
    assert shift(("x", [1, 2]))[1] == [0, 1]
    assert shift(("x", [(1, 2), (3, 4)]))[1] == [(0, 1), (2, 3)]
    assert shift(("x", np.array([1, 2])))[1].tolist() == [0, 1]
    assert [part.tolist() for part in shift(("x", [np.array([1]), np.array([2])]))[1]] == [[0], [1]]
    with pytest.raises(TypeError, match="of type str cannot be shifted"):
        shift(("x", "dog"))
    with pytest.raises(TypeError, match="label_shift must be an integer"):
        LabelShift("1")


def test_shift_rescale():
    image, label = ShiftRescale()((np.array([[0, 255]], np.uint8), 5))
    assert image.tolist() == [[-1.0, 1.0]]
    assert label == 4


@pytest.mark.parametrize("name", ["Collect", "ModelZooCollect"])
def test_logits_are_gathered_over_batches_and_padding_is_left_out(name):
    logits = np.arange(24.0).reshape(4, 3, 2)
    collect = build_transform(name, length=3)
    ids, starts, _ = collect((logits[:2], "label"))[0]
    assert (ids, len(starts)) == ([1000000000, 1000000001], 2)
    (ids, starts, ends), label = collect((logits[2:], "label"))
    assert label == "label"
    assert ids == [1000000000, 1000000001, 1000000002]
    assert np.array_equal(starts, logits[:3, :, 0])
    assert np.array_equal(ends, logits[:3, :, 1])


def test_start_and_end_may_come_apart():
    start, end = np.zeros((2, 3)), np.ones((2, 3))
    for prediction in ((start, end), [np.arange(2), start, end]):
        _, starts, ends = Collect()((prediction, None))[0]
        assert np.array_equal(starts, start)
        assert np.array_equal(ends, end)
    with pytest.raises(ValueError, match="are no start and end"):
        Collect()((np.zeros((2, 3)), None))


def test_a_shift_may_be_numpys_integer():
    assert LabelShift(np.int64(1)) == LabelShift(1)
    assert LabelShift(np.int64(1)).apply_pair(None, 3) == (None, 2)
