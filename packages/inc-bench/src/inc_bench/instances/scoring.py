"""Judge a model on labelled data, as the "accuracy" mode of version 1 did: one process, every sample."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import inc_metrics
from inc_adaptors.batches import predicting
from inc_config.errors import DataError, EvaluationError
from inc_config.frozen import thaw

from inc_bench.instances.inputs import fixed_size, labelled_batches
from inc_bench.instances.job import Judging
from inc_bench.instances.opening import Opened
from inc_bench.instances.reading import transforms_of

ENDLESS = ("dummy_v2", "sparse_dummy_v2")
ENDLESS_BATCHES = 10
"""Batches that are judged of data that never ends, as version 1 did."""

BATCH_SIZE = 32
"""Samples predicted at once; a model with a fixed batch size is given that."""


def check_metric(judging: Judging) -> bool:
    """Whether higher is better.

    Raises:
        MetricValueError, MetricTypeError: no such metric, or an option it does not have.
    """
    metric = inc_metrics.build(judging.metric.name, **thaw(judging.metric.args))
    return metric.higher_is_better if judging.higher_is_better is None else judging.higher_is_better


def score(opened: Opened, judging: Judging, *, on_batch: Callable[[float], object] = lambda _: None) -> float:
    """The metric's value over all samples; over a few batches of data that never ends.

    Raises:
        EvaluationError: a plain function has no outputs to judge, the metric is unknown, or it refuses the outputs.
        DataError: the data has no labels or does not fit.
    """
    adaptor, handle = opened.adaptor, opened.handle
    if adaptor is None or handle is None:
        raise EvaluationError("A plain function has no outputs to judge.", where="accuracy", fix="name a model, or leave --metric out")
    predict = predicting(adaptor.predictor(handle), handle.signature)
    step = fixed_size(handle.signature) or (judging.loader.batch_size if judging.loader else BATCH_SIZE)
    endless = judging.loader is not None and judging.loader.dataset.name.lower() in ENDLESS
    batches = judging.batches or (ENDLESS_BATCHES if endless else None)
    postprocess = transforms_of(judging.postprocess, where="evaluation.postprocess")
    data = judging.data or judging.loader
    if data is None:
        raise DataError("There is no labelled data.", where="accuracy", fix="give --data")
    try:
        judge = inc_metrics.build(judging.metric.name, **thaw(judging.metric.args))
        for inputs, labels in itertools.islice(labelled_batches(data, handle.signature, batch_size=step), batches):
            outputs = predict(inputs)
            predicted: Any = outputs[0] if len(outputs) == 1 else tuple(outputs)
            judge.update(*((predicted, labels) if postprocess is None else postprocess.apply_pair(predicted, labels)))
            on_batch(time.perf_counter())
        return float(judge.result())
    except (inc_metrics.MetricValueError, inc_metrics.MetricTypeError) as error:
        raise EvaluationError(str(error).splitlines()[0], where=f"metric {judging.metric.name!r}", fix=_fix(error)) from error


def _fix(error: Exception) -> str:
    _, _, fix = str(error).partition("fix:")
    return fix.strip() or "choose a metric that fits the model's outputs and the labels"
