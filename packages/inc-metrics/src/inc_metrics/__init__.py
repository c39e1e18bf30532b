"""Model quality metrics on numpy alone: exact, mergeable, fast.

Modules are loaded when one of their names is first used, so that importing the package costs the same however many metrics it has.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inc_metrics.classification.accuracy import Accuracy, accuracy
    from inc_metrics.classification.decisions import Task
    from inc_metrics.classification.topk import TopK, top_k
    from inc_metrics.collected import CollectedScore
    from inc_metrics.detection.coco import CocoMeanAP, coco_mean_ap
    from inc_metrics.detection.voc import VocMeanAP, voc_mean_ap
    from inc_metrics.errors import MetricError, MetricTypeError, MetricValueError
    from inc_metrics.fidelity.agreement import Agreement, agreement
    from inc_metrics.fidelity.sqnr import SQNR, sqnr
    from inc_metrics.foreign import ForeignMetric, as_metric
    from inc_metrics.protocols import Mergeable, Metric, Resamplable, SampleWise
    from inc_metrics.registry import build, names
    from inc_metrics.regression.elementwise import MAE, MSE, RMSE, mae, mse, rmse
    from inc_metrics.segmentation.mean_iou import MeanIoU, mean_iou

__all__ = [
    "MAE",
    "MSE",
    "RMSE",
    "SQNR",
    "Accuracy",
    "Agreement",
    "CocoMeanAP",
    "CollectedScore",
    "ForeignMetric",
    "MeanIoU",
    "Mergeable",
    "Metric",
    "MetricError",
    "MetricTypeError",
    "MetricValueError",
    "Resamplable",
    "SampleWise",
    "Task",
    "TopK",
    "VocMeanAP",
    "accuracy",
    "agreement",
    "as_metric",
    "build",
    "coco_mean_ap",
    "mae",
    "mean_iou",
    "mse",
    "names",
    "rmse",
    "sqnr",
    "top_k",
    "voc_mean_ap",
]

_MODULES = {
    "MAE": "regression.elementwise",
    "MSE": "regression.elementwise",
    "RMSE": "regression.elementwise",
    "SQNR": "fidelity.sqnr",
    "Accuracy": "classification.accuracy",
    "Agreement": "fidelity.agreement",
    "CocoMeanAP": "detection.coco",
    "CollectedScore": "collected",
    "ForeignMetric": "foreign",
    "MeanIoU": "segmentation.mean_iou",
    "Mergeable": "protocols",
    "Metric": "protocols",
    "MetricError": "errors",
    "MetricTypeError": "errors",
    "MetricValueError": "errors",
    "Resamplable": "protocols",
    "SampleWise": "protocols",
    "Task": "classification.decisions",
    "TopK": "classification.topk",
    "VocMeanAP": "detection.voc",
    "accuracy": "classification.accuracy",
    "agreement": "fidelity.agreement",
    "as_metric": "foreign",
    "build": "registry",
    "coco_mean_ap": "detection.coco",
    "mae": "regression.elementwise",
    "mean_iou": "segmentation.mean_iou",
    "mse": "regression.elementwise",
    "names": "registry",
    "rmse": "regression.elementwise",
    "sqnr": "fidelity.sqnr",
    "top_k": "classification.topk",
    "voc_mean_ap": "detection.voc",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
