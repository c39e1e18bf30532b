"""Model quality metrics on numpy alone: exact, mergeable, fast."""

from inc_metrics.classification.accuracy import Accuracy, Task, accuracy
from inc_metrics.classification.topk import TopK, top_k
from inc_metrics.collected import CollectedScore
from inc_metrics.errors import MetricError, MetricTypeError, MetricValueError
from inc_metrics.fidelity.agreement import Agreement, agreement
from inc_metrics.fidelity.sqnr import SQNR, sqnr
from inc_metrics.foreign import ForeignMetric, as_metric
from inc_metrics.protocols import Mergeable, Metric, SampleWise
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
