"""What a measurement was taken on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import attrs
import psutil
from inc_adaptors.machine import cpu_name, isa
from inc_config.target import Isa

RECORDED = ("numpy", "torch", "onnxruntime", "openvino", "tensorflow", "inc-adaptors", "inc-bench")


@attrs.frozen(kw_only=True)
class Environment:
    """Processor, system load and library versions (None: not installed)."""

    cpu: str
    isa: Isa
    cores: int
    load: float
    python: str
    versions: dict[str, str | None]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def environment() -> Environment:
    """Record this machine; ``load`` is the one-minute load average."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Environment(
        cpu=cpu_name(),
        isa=isa(),
        cores=allowed,
        load=psutil.getloadavg()[0],
        python=platform.python_version(),
        versions={name: _version(name) for name in RECORDED},
    )
