"""One call for one batch: each function is its class, made with the same options."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import inc_metrics
import pytest
from inc_metrics import MetricTypeError, MetricValueError, Throughput, f_beta, throughput, token_f1

STATE_ONLY = {"keep_samples", "keep_images", "compare_label"}  # options that one call has no use for
PAIRS: dict[str, str] = {
    "accuracy": "Accuracy",
    "agreement": "Agreement",
    "average_precision": "AveragePrecision",
    "bleu": "BLEU",
    "coco_mean_ap": "CocoMeanAP",
    "confusion_matrix": "ConfusionMatrix",
    "f_beta": "FBeta",
    "glue": "GLUE",
    "log_loss": "LogLoss",
    "loss": "Loss",
    "mae": "MAE",
    "matthews": "Matthews",
    "mean_iou": "MeanIoU",
    "mse": "MSE",
    "pearson": "Pearson",
    "perplexity": "Perplexity",
    "precision": "Precision",
    "r2": "R2",
    "recall": "Recall",
    "rmse": "RMSE",
    "roc_auc": "ROCAUC",
    "rouge_l": "RougeL",
    "spearman": "Spearman",
    "sqnr": "SQNR",
    "squad_exact_match": "SquadExactMatch",
    "squad_f1": "SquadF1",
    "token_f1": "TokenF1",
    "top_k": "TopK",
    "voc_mean_ap": "VocMeanAP",
}


def options(made: Callable[..., Any], *, skip: int) -> dict[str, object]:
    parameters = list(signature(made).parameters.values())[skip:]
    return {parameter.name: parameter.default for parameter in parameters if parameter.name not in STATE_ONLY}


@pytest.mark.parametrize("name", PAIRS)
def test_a_function_has_every_option_of_its_class_with_the_same_default(name: str) -> None:
    own, of_class = options(getattr(inc_metrics, name), skip=2), options(getattr(inc_metrics, PAIRS[name]), skip=0)
    if name == "glue":  # a default task would be a guess in a call
        assert own.pop("task") is not of_class.pop("task")
    assert own == of_class


def test_every_metric_has_its_function() -> None:
    public = {name for name in inc_metrics.__all__ if isinstance(getattr(inc_metrics, name), type)}
    metrics = {name for name in public if isinstance(getattr(getattr(inc_metrics, name), "higher_is_better", None), bool)}
    assert metrics == {*PAIRS.values(), Throughput.__name__}


def test_options_arrive() -> None:
    # Class 0: one of one decision right, one of two found. As positives of the binary task at a threshold of 0.5.
    assert f_beta([0.9, 0.9, 0.1], [0, 1, 0], task="binary", positive=0, threshold=0.5) == pytest.approx(2 / 3)


def test_token_f1_splits_text_into_words_and_refuses_nothing_at_all() -> None:
    assert token_f1("a cat", "the cat") == 0.5
    with pytest.raises(MetricValueError, match="no token on either side"):
        token_f1("", "")


def test_throughput_of_a_run_that_was_timed() -> None:
    assert throughput(30, 1.5) == 20.0
    with pytest.raises(MetricValueError, match=r"elapsed_s is 0"):
        throughput(30, 0)
    with pytest.raises(MetricTypeError, match=r"samples is 2\.5"):
        throughput(2.5, 1.0)  # type: ignore[arg-type]  # the wrong type is the point
    with pytest.raises(MetricValueError, match="samples is 0"):
        throughput(0, 1.0)
