"""Labels shifted in every form they come in."""

import numpy as np
import pytest
from inc_metrics import LabelShift, MetricTypeError, MetricValueError


def test_arrays_and_nested_lists_keep_their_form() -> None:
    shift = LabelShift(1)
    scores = np.zeros((2, 3))
    predictions, labels = shift((scores, np.array([1, 2])))
    assert predictions is scores
    np.testing.assert_array_equal(labels, [0, 1])
    assert shift((scores, [1, 2]))[1] == [0, 1]
    assert shift((scores, [(1, 2), (3, 4)]))[1] == [(0, 1), (2, 3)]
    nested = shift((scores, [np.array([5]), np.array([6])]))[1]
    assert [array.tolist() for array in nested] == [[4], [5]]
    assert LabelShift()((scores, 3))[1] == 3


def test_what_is_no_sample_is_refused() -> None:
    with pytest.raises(MetricTypeError, match=r"\(predictions, labels\)"):
        LabelShift(1)(np.zeros(3))  # type: ignore[arg-type]  # the wrong type is the point
    with pytest.raises(MetricTypeError, match="label_shift is '1'"):
        LabelShift("1")  # type: ignore[arg-type]  # the wrong type is the point
    with pytest.raises(MetricTypeError, match="labels"):
        LabelShift(1)((0, ["a"]))


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int8, np.bool_])
def test_no_label_wraps_around(kind: type) -> None:
    shifted = LabelShift(1)((0, np.zeros(2, kind)))[1]
    assert shifted.tolist() == [-1, -1]
    assert LabelShift(-100)((0, np.array([127], np.int8)))[1].tolist() == [227]


def test_labels_beyond_what_float64_tells_apart_are_refused() -> None:
    with pytest.raises(MetricValueError, match="18446744073709551615 is too large"):
        LabelShift(1)((0, np.array([2**64 - 1], np.uint64)))
    with pytest.raises(MetricValueError, match="label_shift is 1000"):
        LabelShift(10**30)
