"""Model quality metrics on numpy alone: exact, mergeable, fast.

Modules are loaded when one of their names is first used, so that importing the package costs the same however many metrics it has.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inc_metrics.classification.accuracy import Accuracy, accuracy
    from inc_metrics.classification.confusion import ConfusionMatrix, Matthews, confusion_matrix, matthews
    from inc_metrics.classification.decisions import Task
    from inc_metrics.classification.fbeta import Average, FBeta, Precision, Recall, f_beta, precision, recall
    from inc_metrics.classification.log_loss import LogLoss, ScoreKind, log_loss
    from inc_metrics.classification.ranking import ROCAUC, AveragePrecision, RankingAverage, average_precision, roc_auc
    from inc_metrics.classification.topk import TopK, top_k
    from inc_metrics.collected import CollectedScore
    from inc_metrics.confidence.budget import ErrorBudget
    from inc_metrics.confidence.comparison import Method, PairedComparison, compare
    from inc_metrics.confidence.sequential import Sequential, Verdict
    from inc_metrics.detection.boxes import BoxFormat
    from inc_metrics.detection.coco import CocoMeanAP, coco_mean_ap
    from inc_metrics.detection.curve import Interpolation
    from inc_metrics.detection.voc import VocMeanAP, voc_mean_ap
    from inc_metrics.errors import MetricError, MetricTypeError, MetricValueError
    from inc_metrics.fidelity.agreement import Agreement, agreement
    from inc_metrics.fidelity.sqnr import SQNR, sqnr
    from inc_metrics.foreign import ForeignMetric, as_metric
    from inc_metrics.glue_tasks import GLUE, glue
    from inc_metrics.model_loss import Loss, Reduction, loss
    from inc_metrics.postprocess.answers import Candidate, Window, squad_answers, squad_candidates
    from inc_metrics.postprocess.collect import Collect
    from inc_metrics.postprocess.label_shift import LabelShift
    from inc_metrics.protocols import Mergeable, Metric, Resamplable, SampleWise
    from inc_metrics.registry import build, names
    from inc_metrics.regression.correlation import Pearson, Spearman, pearson, spearman
    from inc_metrics.regression.elementwise import MAE, MSE, RMSE, mae, mse, rmse
    from inc_metrics.regression.r2 import R2, r2
    from inc_metrics.sample_rate import Throughput, throughput
    from inc_metrics.segmentation.mean_iou import MeanIoU, mean_iou
    from inc_metrics.text.bleu import BLEU, bleu
    from inc_metrics.text.overlap import TokenF1, token_f1
    from inc_metrics.text.perplexity import Perplexity, perplexity
    from inc_metrics.text.rouge import RougeL, rouge_l
    from inc_metrics.text.squad import SquadExactMatch, SquadF1, SquadVersion, squad_exact_match, squad_f1

__all__ = [
    "BLEU",
    "GLUE",
    "MAE",
    "MSE",
    "R2",
    "RMSE",
    "ROCAUC",
    "SQNR",
    "Accuracy",
    "Agreement",
    "Average",
    "AveragePrecision",
    "BoxFormat",
    "Candidate",
    "CocoMeanAP",
    "Collect",
    "CollectedScore",
    "ConfusionMatrix",
    "ErrorBudget",
    "FBeta",
    "ForeignMetric",
    "Interpolation",
    "LabelShift",
    "LogLoss",
    "Loss",
    "Matthews",
    "MeanIoU",
    "Mergeable",
    "Method",
    "Metric",
    "MetricError",
    "MetricTypeError",
    "MetricValueError",
    "PairedComparison",
    "Pearson",
    "Perplexity",
    "Precision",
    "RankingAverage",
    "Recall",
    "Reduction",
    "Resamplable",
    "RougeL",
    "SampleWise",
    "ScoreKind",
    "Sequential",
    "Spearman",
    "SquadExactMatch",
    "SquadF1",
    "SquadVersion",
    "Task",
    "Throughput",
    "TokenF1",
    "TopK",
    "Verdict",
    "VocMeanAP",
    "Window",
    "accuracy",
    "agreement",
    "as_metric",
    "average_precision",
    "bleu",
    "build",
    "coco_mean_ap",
    "compare",
    "confusion_matrix",
    "f_beta",
    "glue",
    "log_loss",
    "loss",
    "mae",
    "matthews",
    "mean_iou",
    "mse",
    "names",
    "pearson",
    "perplexity",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "rouge_l",
    "spearman",
    "sqnr",
    "squad_answers",
    "squad_candidates",
    "squad_exact_match",
    "squad_f1",
    "throughput",
    "token_f1",
    "top_k",
    "voc_mean_ap",
]

_MODULES = {
    "Accuracy": "classification.accuracy",
    "Agreement": "fidelity.agreement",
    "Average": "classification.fbeta",
    "AveragePrecision": "classification.ranking",
    "BLEU": "text.bleu",
    "BoxFormat": "detection.boxes",
    "Candidate": "postprocess.answers",
    "CocoMeanAP": "detection.coco",
    "Collect": "postprocess.collect",
    "CollectedScore": "collected",
    "ConfusionMatrix": "classification.confusion",
    "ErrorBudget": "confidence.budget",
    "FBeta": "classification.fbeta",
    "ForeignMetric": "foreign",
    "GLUE": "glue_tasks",
    "Interpolation": "detection.curve",
    "LabelShift": "postprocess.label_shift",
    "LogLoss": "classification.log_loss",
    "Loss": "model_loss",
    "MAE": "regression.elementwise",
    "MSE": "regression.elementwise",
    "Matthews": "classification.confusion",
    "MeanIoU": "segmentation.mean_iou",
    "Mergeable": "protocols",
    "Method": "confidence.comparison",
    "Metric": "protocols",
    "MetricError": "errors",
    "MetricTypeError": "errors",
    "MetricValueError": "errors",
    "PairedComparison": "confidence.comparison",
    "Pearson": "regression.correlation",
    "Perplexity": "text.perplexity",
    "Precision": "classification.fbeta",
    "R2": "regression.r2",
    "RMSE": "regression.elementwise",
    "ROCAUC": "classification.ranking",
    "RankingAverage": "classification.ranking",
    "Recall": "classification.fbeta",
    "Reduction": "model_loss",
    "Resamplable": "protocols",
    "RougeL": "text.rouge",
    "SQNR": "fidelity.sqnr",
    "SampleWise": "protocols",
    "ScoreKind": "classification.log_loss",
    "Sequential": "confidence.sequential",
    "Spearman": "regression.correlation",
    "SquadExactMatch": "text.squad",
    "SquadF1": "text.squad",
    "SquadVersion": "text.squad",
    "Task": "classification.decisions",
    "Throughput": "sample_rate",
    "TokenF1": "text.overlap",
    "TopK": "classification.topk",
    "Verdict": "confidence.sequential",
    "VocMeanAP": "detection.voc",
    "Window": "postprocess.answers",
    "accuracy": "classification.accuracy",
    "agreement": "fidelity.agreement",
    "as_metric": "foreign",
    "average_precision": "classification.ranking",
    "bleu": "text.bleu",
    "build": "registry",
    "coco_mean_ap": "detection.coco",
    "compare": "confidence.comparison",
    "confusion_matrix": "classification.confusion",
    "f_beta": "classification.fbeta",
    "glue": "glue_tasks",
    "log_loss": "classification.log_loss",
    "loss": "model_loss",
    "mae": "regression.elementwise",
    "matthews": "classification.confusion",
    "mean_iou": "segmentation.mean_iou",
    "mse": "regression.elementwise",
    "names": "registry",
    "pearson": "regression.correlation",
    "perplexity": "text.perplexity",
    "precision": "classification.fbeta",
    "r2": "regression.r2",
    "recall": "classification.fbeta",
    "rmse": "regression.elementwise",
    "roc_auc": "classification.ranking",
    "rouge_l": "text.rouge",
    "spearman": "regression.correlation",
    "sqnr": "fidelity.sqnr",
    "squad_answers": "postprocess.answers",
    "squad_candidates": "postprocess.answers",
    "squad_exact_match": "text.squad",
    "squad_f1": "text.squad",
    "throughput": "sample_rate",
    "token_f1": "text.overlap",
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
