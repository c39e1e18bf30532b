"""From ``evaluation`` to how models are judged and timed."""

from __future__ import annotations

from typing import Any

from inc_config.benchmark import BenchmarkConfig
from inc_config.compat.document.evaluation import V1Accuracy, V1Configs, V1Performance
from inc_config.compat.translate.data import loader_of, postprocess_of
from inc_config.compat.translate.remarks import Remarks
from inc_config.evaluation import EvaluationConfig, MetricConfig
from inc_config.named import Named

METRICS = {
    "Accuracy": "accuracy-v1",
    "BLEU": "bleu-v1",
    "Loss": "loss-v1",
    "SquadF1": "squad-f1-v1",
    "F1": "f1",
    "MAE": "mae",
    "MSE": "mse",
    "RMSE": "rmse",
    "GLUE": "glue",
    "ROC": "roc",
}
"""Today's metric with the numbers of the 1.x one; the others kept their names."""


_CONFIGS = {
    "cores_per_instance": "cores_per_instance",
    "num_of_instance": "instances",
    "inter_num_of_threads": "inter_op_threads",
    "intra_num_of_threads": "threads",
    "kmp_blocktime": "kmp_blocktime",
    "kmp_affinity": "kmp_affinity",
}
"""Fields of a benchmark by 1.x key."""


def evaluation_of(accuracy: V1Accuracy | None, path: str, remarks: Remarks) -> EvaluationConfig | None:
    """Metrics and data; None where the file names no metric."""
    if accuracy is None:
        return None
    if accuracy.configs is not None:
        remarks.dropped(f"{path}.configs", "Evaluations use all cores; threads are set by the environment.")
    metrics = _metrics(accuracy, path, remarks)
    if not metrics:
        given = " and evaluation_loader" if accuracy.dataloader is None else "; its dataloader is left out"
        remarks.manual(path, f"It names no metric: give evaluate in code{given}.", "$.evaluation")
        return None
    if accuracy.dataloader is None:
        remarks.manual(path, "It has no dataloader: give evaluation_loader in code.", "$.evaluation.data")
    remarks.comes_from(path, "$.evaluation")
    batches = accuracy.iteration if accuracy.iteration is not None and accuracy.iteration > 0 else None
    return EvaluationConfig(
        metrics=metrics,
        data=loader_of(accuracy.dataloader, f"{path}.dataloader", "$.evaluation.data", remarks),
        postprocess=postprocess_of(accuracy.postprocess, f"{path}.postprocess", "$.evaluation.postprocess", remarks),
        batches=batches,
    )


def metric_of(named: Named) -> Named:
    """Today's metric."""
    return Named(METRICS.get(named.name, named.name), named.args)


def _metrics(accuracy: V1Accuracy, path: str, remarks: Remarks) -> tuple[MetricConfig, ...]:
    several = accuracy.multi_metrics
    if accuracy.metric is not None:
        if several is not None:
            remarks.dropped(f"{path}.multi_metrics", "'metric' counts, as before.")
        if len(accuracy.metric) > 1:
            text = f"{accuracy.metric[0].name} is judged, the first of several; the others are reported."
            remarks.changed(f"{path}.metric", text, "$.evaluation.metrics")
        _remember(accuracy.metric, f"{path}.metric", remarks)
        return tuple(MetricConfig(metric=metric_of(named)) for named in accuracy.metric)
    if several is None:
        return ()
    weights = several.weight or (None,) * len(several.metrics)
    directions = several.higher_is_better or (None,) * len(several.metrics)
    if several.weight is None and len(several.metrics) > 1:
        text = "The first metric is judged and the others are reported; in 1.x each had to meet the criterion."
        remarks.changed(f"{path}.multi_metrics", text, "$.evaluation.metrics")
    _remember(several.metrics, f"{path}.multi_metrics", remarks)
    return tuple(
        MetricConfig(metric=metric_of(named), weight=weight, higher_is_better=higher)
        for named, weight, higher in zip(several.metrics, weights, directions, strict=True)
    )


def _remember(metrics: tuple[Named, ...], path: str, remarks: Remarks) -> None:
    for index, named in enumerate(metrics):
        remarks.comes_from(f"{path}.{named.name}", f"$.evaluation.metrics[{index}]")


def benchmark_of(performance: V1Performance | None, path: str, remarks: Remarks) -> BenchmarkConfig | None:
    """How the model is timed."""
    if performance is None:
        return None
    remarks.comes_from(path, "$.benchmark")
    for name, today in _CONFIGS.items():
        remarks.comes_from(f"{path}.configs.{name}", f"$.benchmark.{today}")
    remarks.drop_given(performance, path, ("postprocess",), "Only the model itself is timed.")
    iterations = max(0, performance.iteration or 0)
    given: dict[str, Any] = {} if performance.warmup is None else {"warmup": performance.warmup}
    loader = loader_of(performance.dataloader, f"{path}.dataloader", "$.benchmark.data", remarks)
    return BenchmarkConfig(
        iterations=iterations, data=loader, batch_size=loader.batch_size if loader else 1, **given, **_configs(performance.configs)
    )


def _configs(configs: V1Configs | None) -> dict[str, Any]:
    if configs is None:
        return {}
    made = {today: value for name, today in _CONFIGS.items() if (value := getattr(configs, name)) is not None}
    threads = configs.intra_num_of_threads or configs.cores_per_instance
    return made if threads is None else {**made, "threads": threads}
