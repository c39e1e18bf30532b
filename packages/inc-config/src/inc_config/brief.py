"""Configurations as short as they can be written: what equals its default is left out."""

from __future__ import annotations

from typing import Any

import attrs

from inc_config.convert import unstructure
from inc_config.evaluation import MetricConfig
from inc_config.pipeline import STEP_KINDS, PipelineConfig, step_kind


def brief(config: PipelineConfig) -> dict[str, Any]:
    """Plain data that reads back as ``config``, without defaults; the steps stand first."""
    rest = {name: _brief(value) for name, value in changed(config).items() if name != "steps"}
    return {"steps": [_step(step) for step in config.steps], **rest}


def changed(config: Any, kind: type[Any] | None = None) -> dict[str, Any]:
    """Fields of ``kind`` (default: the object's own class) that differ from their defaults, or have none, by name."""
    return {
        field.name: getattr(config, field.name)
        for field in attrs.fields(kind or type(config))
        if field.default is attrs.NOTHING or getattr(config, field.name) != default_of(field)
    }


def default_of(field: attrs.Attribute[Any]) -> Any:
    """A field's default as the class stores it."""
    factory = getattr(field.default, "factory", None)
    return factory() if factory is not None else field.default


def is_record(value: Any) -> bool:
    """Whether a value is written field by field (names, patterns and types are written as words)."""
    return attrs.has(type(value)) and all(field.kw_only for field in attrs.fields(type(value)))


def _step(step: Any) -> Any:
    kind = step_kind(step)
    fields = {name: _brief(value) for name, value in changed(step, STEP_KINDS[kind]).items()}
    return {"kind": kind, **fields} if fields else kind


def _brief(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_brief(item) for item in value]
    if is_record(value) and not isinstance(value, MetricConfig):
        return {name: _brief(item) for name, item in changed(value).items()}
    return unstructure(value)
