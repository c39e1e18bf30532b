"""How models are judged: data, metrics with weights and directions, and what happens to outputs before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from inc_config.data import LoaderConfig, as_names
from inc_config.fields import FieldError, as_float, flag, number, optional, whole
from inc_config.named import Named, as_named


@attrs.frozen(kw_only=True)
class MetricConfig:
    """A metric by name; ``weight`` counts among several metrics, ``higher_is_better`` None takes the metric's own direction."""

    metric: Named = attrs.field(converter=as_named)
    weight: float | None = attrs.field(default=None, converter=attrs.converters.optional(as_float), validator=optional(number(minimum=0.0)))
    higher_is_better: bool | None = attrs.field(default=None, validator=optional(flag))


def as_metric(value: str | Named | MetricConfig | Mapping[str, Any]) -> MetricConfig:
    """Accept a metric's name, a ``Named`` or a ``MetricConfig`` (a converter of items)."""
    return value if isinstance(value, MetricConfig) else MetricConfig(metric=as_named(value))


def _metrics(value: str | Named | MetricConfig | Iterable[Any]) -> tuple[MetricConfig, ...]:
    return (as_metric(value),) if isinstance(value, str | Named | MetricConfig) else tuple(as_metric(item) for item in value)


@attrs.frozen(kw_only=True)
class EvaluationConfig:
    """Labelled data and metrics; the first metric is judged unless weights say otherwise.

    ``data`` None: given at run time. ``postprocess`` are transforms of outputs and labels, ``batches`` None reads all data.
    """

    metrics: tuple[MetricConfig, ...] = attrs.field(converter=_metrics)
    data: LoaderConfig | None = None
    postprocess: tuple[Named, ...] = attrs.field(default=(), converter=as_names)
    batches: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))

    def __attrs_post_init__(self) -> None:
        if not self.metrics:
            raise FieldError("metrics is empty.", field="metrics", fix="name at least one metric, such as accuracy")
