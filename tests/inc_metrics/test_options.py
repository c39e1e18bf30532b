"""A wrong option is told when the metric is made, in three parts, with its value."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from inc_metrics import (
    BLEU,
    GLUE,
    MAE,
    R2,
    Accuracy,
    Agreement,
    CocoMeanAP,
    Collect,
    ErrorBudget,
    FBeta,
    LogLoss,
    Matthews,
    MeanIoU,
    MetricTypeError,
    MetricValueError,
    Perplexity,
    Precision,
    Sequential,
    Throughput,
    TopK,
    compare,
)

WRONG_KIND: list[tuple[Callable[..., Any], str, Any]] = [
    (Accuracy, "threshold", "x"),
    (Accuracy, "threshold", True),
    (Accuracy, "num_classes", 2.5),
    (Accuracy, "class_axis", None),
    (Accuracy, "keep_samples", 1),
    (Agreement, "threshold", [0.5]),
    (BLEU, "lowercase", "yes"),
    (CocoMeanAP, "thresholds", "x"),
    (Collect, "length", True),
    (ErrorBudget, "used", 1.5),
    (ErrorBudget, "error_rate", None),
    (FBeta, "beta", "1"),
    (FBeta, "positive", "spam"),
    (GLUE, "key", ["f1"]),
    (LogLoss, "class_axis", 1.0),
    (MAE, "compare_label", None),
    (Matthews, "num_classes", True),
    (MeanIoU, "num_classes", "21"),
    (Perplexity, "ignore_index", "pad"),
    (R2, "keep_samples", None),
    (Sequential, "absolute", "1%"),
    (Sequential, "bounds", 1.0),
    (Sequential, "bounds", (0.0, 1.0, 2.0)),
    (Sequential, "population", 1.5),
    (Sequential, "higher_is_better", None),
    (Throughput, "clock", 3),
    (TopK, "k", "5"),
]
WRONG_VALUE: list[tuple[Callable[..., Any], str, Any]] = [
    (Accuracy, "threshold", np.nan),
    (Accuracy, "num_classes", 1),
    (CocoMeanAP, "value", ["map"]),
    (ErrorBudget, "used", -1),
    (ErrorBudget, "error_rate", 1.0),
    (FBeta, "beta", 0),
    (FBeta, "beta", np.inf),
    (MeanIoU, "num_classes", 10**9),
    (Precision, "positive", -1),
    (Sequential, "absolute", np.nan),
    (Sequential, "absolute", 10**30),
    (Throughput, "warmup", -1),
    (TopK, "k", 0),
]


@pytest.mark.parametrize(("make", "option", "value"), WRONG_KIND)
def test_an_option_of_another_kind_is_refused(make: Callable[..., Any], option: str, value: Any) -> None:
    needed = {"absolute": 0.1} if make is Sequential else {}
    with pytest.raises(MetricTypeError, match=r"(?s)where: .*\n  fix: ") as caught:
        make(**{**needed, option: value})
    assert option in caught.value.where


@pytest.mark.parametrize(("make", "option", "value"), WRONG_VALUE)
def test_an_option_out_of_its_range_is_refused(make: Callable[..., Any], option: str, value: Any) -> None:
    with pytest.raises(MetricValueError, match=r"(?s)where: .*\n  fix: "):
        make(**{option: value})


def test_numpy_numbers_are_numbers() -> None:
    TopK(k=np.int64(5))  # type: ignore[arg-type]  # what indexing an array gives
    Sequential(absolute=np.float32(0.5), population=np.int32(7))  # type: ignore[arg-type]  # the same
    assert Accuracy(threshold=np.float64(0.5), num_classes=np.int8(3)) is not None  # type: ignore[arg-type]  # the same


def test_options_of_compare_are_checked_before_anything_is_computed() -> None:
    metric = Accuracy(keep_samples=True)
    for option in ({"confidence": "95%"}, {"seed": None}, {"resamples": 1e3}):
        with pytest.raises(MetricTypeError, match=next(iter(option))):
            compare(metric, metric, **option)  # type: ignore[arg-type]  # the wrong type is the point
