from __future__ import annotations

import numpy as np
import pytest
from inc_data import ArrayDataset, LabelBalance, build_filter, filtered


class Counting(ArrayDataset):
    read = 0

    def __getitem__(self, index):
        self.read += 1
        return super().__getitem__(index)


def test_items_are_kept_by_image_and_label():
    data = ArrayDataset(np.arange(6), np.arange(6) % 3)
    part = filtered(data, lambda image, label: label == 1 and image > 2)
    assert [part[n] for n in range(len(part))] == [(4, 1)]
    with pytest.raises(ValueError, match="keeps no item"):
        filtered(data, lambda image, label: False)
    with pytest.raises(TypeError, match="no pair"):
        filtered([1, 2], lambda image, label: True)


def test_a_filter_of_labels_reads_no_item_where_labels_are_known():
    data = Counting(np.zeros((3, 1)), np.array([[[1], [2]], [[1], [1]], [[3], [3]]]))
    # 1.x's labels are (boxes, ...): here one and the same number of boxes each.
    assert filtered(data, LabelBalance(1)).indices.tolist() == [0, 1, 2]
    assert data.read == 0
    with pytest.raises(ValueError, match="size must be at least 1"):
        LabelBalance(0)


def test_the_names_of_1x_resolve():
    for name in ("LabelBalance", "LabelBalanceCOCORaw", "LabelBalanceCOCORecord"):
        assert build_filter(name, size=2) == LabelBalance(2)
    with pytest.raises(ValueError, match=r"did you mean LabelBalance\?"):
        build_filter("LabelBalanced")
    with pytest.raises(TypeError, match="no argument 'count'"):
        build_filter("LabelBalance", count=2)
