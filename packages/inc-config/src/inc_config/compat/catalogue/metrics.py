"""Metrics."""

from __future__ import annotations

from typing import Any

from inc_config.compat.named_shapes import Arguments, Names
from inc_config.compat.values import Leaf, choice, const, flag, number, text, whole, wrong


def _thresholds(value: Any) -> str | float:
    if value == "0.5:0.05:0.95":
        return "0.5:0.05:0.95"
    if isinstance(value, str) or not 0.0 <= number(value) <= 1.0:
        raise wrong(value, "write 0.5:0.05:0.95 or one number from 0 to 1")
    return number(value)


_OUTPUTS = Arguments(
    {"num_detections": whole(), "boxes": whole(), "scores": whole(), "classes": whole()}, required=["boxes", "scores", "classes"]
)
_ANNOTATED: dict[str, Leaf] = {"anno_path": text}
_COMPARED = Arguments({"compare_label": flag})
_NOTHING = Arguments()

METRICS = Names(
    {
        "topk": Arguments({"k": const(1, 5)}, scalar="k"),
        "mAP": Arguments({**_ANNOTATED, "iou_thrs": _thresholds, "map_points": const(0, 11, 101)}),
        "COCOmAP": Arguments({**_ANNOTATED, "map_key": text}),
        "COCOmAPv2": Arguments({**_ANNOTATED, "map_key": text, "output_index_mapping": _OUTPUTS}),
        "VOCmAP": Arguments(_ANNOTATED),
        **dict.fromkeys(("SquadF1", "Accuracy", "Loss", "BLEU", "F1"), _NOTHING),
        **dict.fromkeys(("MSE", "RMSE", "MAE"), _COMPARED),
        "mIOU": Arguments({"num_classes": whole(minimum=1)}),
        "GLUE": Arguments({"task": choice("mrpc", "qqp", "qnli", "rte", "sts-b", "cola", "mnli", "wnli", "sst-2")}),
        "ROC": Arguments({"task": choice("dlrm", "dien", "wide_deep")}),
    },
    "metric",
)
