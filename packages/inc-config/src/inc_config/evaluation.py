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
    """Labelled data and metrics.

    The first metric is judged; with weights the weighted mean (a metric without one counts 1), with ``every`` each of them.
    ``data`` None: given at run time. ``postprocess`` are transforms of outputs and labels, ``batches`` None reads all data.
    """

    metrics: tuple[MetricConfig, ...] = attrs.field(converter=_metrics)
    data: LoaderConfig | None = None
    postprocess: tuple[Named, ...] = attrs.field(default=(), converter=as_names)
    batches: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    every: bool = attrs.field(default=False, validator=flag)

    def __attrs_post_init__(self) -> None:
        if not self.metrics:
            raise FieldError("metrics is empty.", field="metrics", fix="name at least one metric, such as accuracy")
        if self.every and self.weights is not None:
            raise FieldError("Metrics have weights, and every one is to be judged.", field="every", fix="leave out the weights, or every")
        if self.weights is not None and not any(self.weights):
            raise FieldError("All weights are 0.", field="metrics", fix="give at least one metric a weight above 0")

    @property
    def weights(self) -> tuple[float, ...] | None:
        """One weight per metric, or None where none has any."""
        if all(item.weight is None for item in self.metrics):
            return None
        return tuple(1.0 if item.weight is None else item.weight for item in self.metrics)
