"""Labels that do not belong to the model are found before they make a criterion that anything meets."""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config.errors import DataError
from inc_metrics import Accuracy, Metric

from inc_orchestrate.evaluation import Evaluation, MetricEvaluator

CLASSIFYING = frozenset({"accuracy", "topk"})


def check_labels(adaptor: Adaptor, handle: ModelHandle, loader: Any, *, labels: Any, metric: Metric, where: str) -> None:
    """Refuse data on which the original model itself is hardly better than chance.

    A model that is wrong everywhere loses nothing by quantization: the criterion would hold and mean nothing.

    Args:
        adaptor: runs the model.
        handle: the original.
        loader: a few batches of inputs and labels.
        labels: labels of all of the data.
        metric: what will be judged; only metrics of classification are checked.
        where: for the message.

    Raises:
        DataError: the share of right answers is below twice that of always giving the same class (or half).
    """
    known = np.asarray(labels)
    if metric.name not in CLASSIFYING or known.ndim != 1 or known.dtype.kind not in "iu":
        return
    classes = len(np.unique(known))
    found = MetricEvaluator(Evaluation(loader, Accuracy())).evaluate(adaptor, handle)
    if classes < 2 or found.value >= min(0.5, 2.0 / classes):
        return
    raise DataError(
        f"The original model is right for {found.value:.1%} of {found.samples} samples in {classes} classes, hardly better than chance: "
        "preprocessing or labels are not the model's.",
        where=where,
        fix="check --preprocess and --image-mode, and that class number i of the model is folder (or label) i in sorted order; "
        "--label-free judges by agreement with the original instead",
    )
