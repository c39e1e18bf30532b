"""Write a configuration as the Python that builds it, so that a user can leave YAML behind."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any

from inc_config.brief import changed, is_record
from inc_config.dtypes import StorageType
from inc_config.evaluation import MetricConfig
from inc_config.frozen import thaw
from inc_config.named import Named
from inc_config.patterns import Pattern
from inc_config.pipeline import STEP_KINDS, PipelineConfig

_WIDTH = 100
_INDENT = "    "


def to_python(config: PipelineConfig) -> str:
    """Python code that builds the same pipeline: ``config`` and ``pipeline`` are what it leaves behind."""
    return (
        f"{config_code(config, imports='from inc_orchestrate import Pipeline')}\n"
        "# What no file can hold goes here too: teacher=, train=, calibrate=, evaluate=.\n"
        "pipeline = Pipeline.from_config(config)\n"
    )


def config_code(config: PipelineConfig, *, imports: str = "") -> str:
    """Python code that builds the configuration alone, under the name ``config``; needs inc-config and what ``imports`` says."""
    used: set[str] = set()
    body = _code(config, 0, used)
    lines = [f"from inc_config import {', '.join(sorted(used))}", *([imports] if imports else []), "", f"config = {body}", ""]
    return "\n".join(lines)


def _code(value: Any, depth: int, used: set[str]) -> str:
    """One expression, on one line where it fits."""
    if isinstance(value, tuple):
        return _joined("[", [_code(item, depth + 1, used) for item in value], "]", depth)
    if isinstance(value, Named):
        return _named(value, used)
    if isinstance(value, MetricConfig) and set(changed(value)) == {"metric"}:
        return _named(value.metric, used)
    if is_record(value):
        cls = next((kind for kind in STEP_KINDS.values() if isinstance(value, kind)), type(value))
        used.add(cls.__name__)
        arguments = [f"{name}={_code(item, depth + 1, used)}" for name, item in changed(value, cls).items()]
        return _joined(f"{cls.__name__}(", arguments, ")", depth)
    if isinstance(value, StorageType | Pattern | Path):
        return repr(str(value))
    return repr(value.value) if isinstance(value, enum.Enum) else repr(value)


def _named(value: Named, used: set[str]) -> str:
    if not value.args:
        return repr(value.name)
    used.add("Named")
    return f"Named({value.name!r}, {thaw(value.args)!r})"


def _joined(start: str, parts: list[str], end: str, depth: int) -> str:
    line = start + ", ".join(parts) + end
    if "\n" not in line and len(line) + len(_INDENT) * depth <= _WIDTH:
        return line
    inner = _INDENT * (depth + 1)
    return f"{start}\n" + "".join(f"{inner}{part},\n" for part in parts) + _INDENT * depth + end
