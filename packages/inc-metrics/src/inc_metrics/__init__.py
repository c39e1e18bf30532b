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
    from inc_metrics.errors import MetricError, MetricTypeError, MetricValueError
    from inc_metrics.fidelity.agreement import Agreement, agreement
    from inc_metrics.fidelity.sqnr import SQNR, sqnr
    from inc_metrics.foreign import ForeignMetric, as_metric
    from inc_metrics.protocols import Mergeable, Metric, Resamplable, SampleWise
    from inc_metrics.registry import build, names
    from inc_metrics.regression.elementwise import MAE, MSE, RMSE, mae, mse, rmse

__all__ = [
    "MAE",
    "MSE",
    "RMSE",
    "SQNR",
    "Accuracy",
    "Agreement",
    "CollectedScore",
    "ForeignMetric",
    "Mergeable",
    "Metric",
    "MetricError",
    "MetricTypeError",
    "MetricValueError",
    "Resamplable",
    "SampleWise",
    "Task",
    "TopK",
    "accuracy",
    "agreement",
    "as_metric",
    "build",
    "mae",
    "mse",
    "names",
    "rmse",
    "sqnr",
    "top_k",
]

_MODULES = {
    "MAE": "regression.elementwise",
    "MSE": "regression.elementwise",
    "RMSE": "regression.elementwise",
    "SQNR": "fidelity.sqnr",
    "Accuracy": "classification.accuracy",
    "Agreement": "fidelity.agreement",
    "CollectedScore": "collected",
    "ForeignMetric": "foreign",
    "Mergeable": "protocols",
    "Metric": "protocols",
    "MetricError": "errors",
    "MetricTypeError": "errors",
    "MetricValueError": "errors",
    "Resamplable": "protocols",
    "SampleWise": "protocols",
    "Task": "classification.decisions",
    "TopK": "classification.topk",
    "accuracy": "classification.accuracy",
    "agreement": "fidelity.agreement",
    "as_metric": "foreign",
    "build": "registry",
    "mae": "regression.elementwise",
    "mse": "regression.elementwise",
    "names": "registry",
    "rmse": "regression.elementwise",
    "sqnr": "fidelity.sqnr",
    "top_k": "classification.topk",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
