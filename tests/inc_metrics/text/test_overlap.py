"""F1 of shared tokens."""

import numpy as np
import pytest
from inc_metrics import MetricTypeError, MetricValueError, TokenF1


def value(predictions: object, targets: object) -> float:
    metric = TokenF1()
    metric.update(predictions, targets)
    return metric.result()


def test_tokens_count_as_often_as_they_occur() -> None:
    # "a a b" against "a b b c": a and b in common, 2/3 and 2/4, so F1 = 4/7.
    assert value(["a", "a", "b"], ["a", "b", "b", "c"]) == pytest.approx(4 / 7, rel=1e-15)
    assert value("a a b", "a b b c") == value(["a", "a", "b"], ["a", "b", "b", "c"])
    assert value(np.array([1, 1, 2]), [1, 2, 2, 3]) == pytest.approx(4 / 7, rel=1e-15)
    assert value(["x"], ["y"]) == 0.0


def test_a_list_of_sequences_is_a_batch() -> None:
    assert value([["a"], ["b", "c"]], [["a"], ["b"]]) == (1 + 2 / 3) / 2
    assert value(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [5, 6]])) == 0.5


def test_what_has_no_tokens_is_refused() -> None:
    with pytest.raises(MetricValueError, match="1 predictions, 2 targets"):
        value([["a"]], [["a"], ["b"]])
    with pytest.raises(MetricValueError, match="no token on either side"):
        value([["a"], []], [["a"], []])
    with pytest.raises(MetricTypeError, match="A token is None"):
        value([["a", None]], [["a"]])
    with pytest.raises(MetricTypeError, match="single number"):
        value(np.int64(3), [3])
