"""Rows gathered until they are complete."""

import numpy as np
import pytest
from inc_metrics import Collect, MetricTypeError, MetricValueError


def test_batches_of_several_outputs_are_joined_and_padding_is_dropped() -> None:
    collect = Collect(5)
    starts, ends = np.arange(12).reshape(6, 2), -np.arange(12).reshape(6, 2)
    collect.add((starts[:4], ends[:4]))
    assert collect.missing == 1
    with pytest.raises(MetricValueError, match="1 of 5 rows are missing"):
        collect.arrays()
    collect.add([starts[4:], ends[4:]])
    assert collect.missing == 0
    np.testing.assert_array_equal(collect.arrays(), [starts[:5], ends[:5]])
    with pytest.raises(MetricValueError, match="All 5 rows have come"):
        collect.add((starts, ends))


def test_a_batch_is_copied() -> None:
    collect, batch = Collect(2), np.zeros(2)
    collect.add(batch)
    batch[:] = 7
    np.testing.assert_array_equal(collect.arrays()[0], [0, 0])


def test_what_does_not_fit_is_refused() -> None:
    collect = Collect(9)
    collect.add(np.zeros((2, 3)))
    for bad in ((np.zeros((2, 4)),), (np.zeros((2, 3)), np.zeros((2, 3))), (np.zeros((2, 3)), np.zeros((1, 3))), (), np.zeros((0, 3)), 1.0):
        with pytest.raises(MetricValueError, match="outputs have shapes"):
            collect.add(bad)
    with pytest.raises(MetricValueError, match="length is 0"):
        Collect(0)
    with pytest.raises(MetricTypeError, match=r"length is 1\.5"):
        Collect(1.5)  # type: ignore[arg-type]  # the wrong type is the point
