"""Judge a model on labelled data, as the "accuracy" mode of version 1 did: one process, every sample."""

from __future__ import annotations

import time
from collections.abc import Callable

import inc_metrics
from inc_config.errors import EvaluationError

from inc_bench.instances.inputs import labelled_batches
from inc_bench.instances.opening import Opened

BATCH_SIZE = 32
"""Samples predicted at once; a model with a fixed batch size is given that."""


def score(opened: Opened, metric: str, data: str, *, on_batch: Callable[[float], object] = lambda _: None) -> float:
    """The metric's value over all samples.

    Raises:
        EvaluationError: a plain function has no outputs to judge, the metric is unknown, or it refuses the outputs.
        DataError: the data has no labels or does not fit.
    """
    adaptor, handle = opened.adaptor, opened.handle
    if adaptor is None or handle is None:
        raise EvaluationError("A plain function has no outputs to judge.", where="accuracy", fix="name a model, or leave --metric out")
    sizes = {spec.shape[0] for spec in handle.signature.inputs if spec.shape}
    fixed = next((size for size in sizes if size), None)
    try:
        judge = inc_metrics.build(metric)
        for inputs, labels in labelled_batches(data, handle.signature, batch_size=fixed or BATCH_SIZE):
            outputs = adaptor.predict(handle, inputs)
            judge.update(outputs[0] if len(outputs) == 1 else outputs, labels)
            on_batch(time.perf_counter())
        return float(judge.result())
    except (inc_metrics.MetricValueError, inc_metrics.MetricTypeError) as error:
        raise EvaluationError(str(error).splitlines()[0], where=f"metric {metric!r}", fix=_fix(error)) from error


def _fix(error: Exception) -> str:
    _, _, fix = str(error).partition("fix:")
    return fix.strip() or "choose a metric that fits the model's outputs and the labels"
