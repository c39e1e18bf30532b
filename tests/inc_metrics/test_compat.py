"""The numbers of 1.x by name, beside the modern ones they differ from; derived from 1.x's documented rules by hand."""

import numpy as np
import pytest
from inc_metrics import MetricValueError, build, compat
from inc_metrics.compat import V1BLEU

# Name and arguments of every metric of 1.x, with values other than the defaults where that tells something.
NAMES_OF_1X = {
    "BLEU": {},
    "F1": {},
    "Accuracy": {},
    "Loss": {},
    "MAE": {"compare_label": True},
    "RMSE": {"compare_label": False},
    "MSE": {"compare_label": True},
    "topk": {"k": 5},
    "COCOmAPv2": {"output_index_mapping": {"num_detections": -1, "boxes": 0, "scores": 1, "classes": 2}},
    "mAP": {"iou_thrs": 0.5, "map_points": 0},
    "COCOmAP": {"map_key": "DetectionBoxes_Precision/mAP"},
    "VOCmAP": {"anno_path": None},
    "SquadF1": {},
    "mIOU": {"num_classes": 21},
    "GLUE": {"task": "sts-b"},
    "ROC": {"task": "wide_deep"},
}


@pytest.mark.parametrize("name", sorted(NAMES_OF_1X))
def test_every_name_of_1x_is_built_with_its_arguments(name: str) -> None:
    metric = build(name, **NAMES_OF_1X[name])
    with pytest.raises(ValueError, match=r"(no|No) \w+ was taken in|no result"):
        metric.result()


def test_what_gives_the_old_number_is_one_family() -> None:
    for name in ("accuracy-v1", "bleu-v1", "loss-v1", "squad-f1-v1", "ROC", "mAP", "COCOmAP", "COCOmAPv2", "VOCmAP", "mIOU"):
        kind = type(build(name))
        assert kind.__name__.startswith("V1")
        assert getattr(compat, kind.__name__) is kind


def value(name: str, predictions: object, targets: object) -> float:
    metric = build(name)
    metric.update(predictions, targets)
    return metric.result()


def test_accuracy_compared_binary_predictions_without_a_threshold() -> None:
    assert value("accuracy-v1", [0.9, 1.0, 0.0], [1, 1, 0]) == 2 / 3
    assert value("accuracy", [0.9, 1.0, 0.0], [1, 1, 0]) == 1.0
    assert value("accuracy-v1", [[0, 1, 1], [1, 1, 0]], [[0, 1, 0], [1, 1, 0]]) == 5 / 6
    assert value("accuracy-v1", [[0.1, 0.9], [0.8, 0.2]], [1, 1]) == 0.5
    assert value("accuracy-v1", [[1.0], [0.0]], [1, 1]) == 0.5


def test_roc_was_the_accuracy_of_rounded_scores() -> None:
    scores, truth = [0.9, 0.4, 0.6, 0.1], [1, 1, 0, 0]
    assert value("ROC", scores, truth) == 0.5
    assert value("roc-auc", scores, truth) == 3 / 4
    with pytest.raises(MetricValueError, match="one of dlrm, dien, wide_deep"):
        build("ROC", task="bert")


def test_loss_divided_whatever_came_by_the_number_of_targets() -> None:
    assert value("loss-v1", 3.0, [0, 0, 0]) == 1.0
    assert value("loss-v1", [[1.0, 2.0], [3.0, 6.0]], [0, 0]) == 6.0


def test_squad_f1_averaged_updates() -> None:
    old, new = build("squad-f1-v1"), build("SquadF1")
    for metric in (old, new):
        metric.update({"a": "x", "b": "y", "c": "z"}, {"a": ["x"], "b": ["y"], "c": ["z"]})
        metric.update({"d": "w"}, {"d": ["v"]})
    assert old.result() == 50.0
    assert new.result() == 75.0


def test_bleu_ignored_case_and_left_orders_out_that_no_text_reaches() -> None:
    # Two words: orders 1 and 2 match entirely, 3 and 4 are impossible, and the logarithms of two ones are 0.
    assert value("bleu-v1", ["Hello World"], ["hello world"]) == 100.0
    assert value("BLEU", ["Hello World"], ["hello world"]) == 0.0
    # 4 tokens "a b c !" against "a b d !": 3/4, 1/3, then 1/2 of 2 and 1/4 of 1.
    expected = 100 * (3 / 4 * 1 / 3 * 0.5 / 2 * 0.25 / 1) ** 0.25
    assert value("bleu-v1", ["A b c!"], ["a b d!"]) == pytest.approx(expected, rel=1e-14)
    # No match at all is smoothed as well: 1/2 of 1; modern BLEU is 0.
    assert value("bleu-v1", ["a"], ["b"]) == pytest.approx(100 * 0.5**0.25, rel=1e-14)
    metric = V1BLEU()
    metric.update(["a b"], ["a b c d"])
    # Brevity: exp(1 - 4/2).
    assert metric.result() == pytest.approx(100 * np.exp(-1), rel=1e-14)


def test_compare_label_is_kept_for_whoever_evaluates() -> None:
    assert build("mse", compare_label=False).compare_label is False
    assert build("RMSE").compare_label is True
