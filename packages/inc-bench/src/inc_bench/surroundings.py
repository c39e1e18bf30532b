"""What a measurement was taken on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs
import psutil
from inc_adaptors.machine import cpu_name, isa
from inc_config.target import Isa

from inc_bench.machine.files import text_of
from inc_bench.machine.topology import read_topology

RECORDED = ("numpy", "torch", "torchao", "onnxruntime", "onnx", "openvino", "tensorflow", "mxnet", "inc-adaptors", "inc-bench")


STEERING = ("OMP_", "MKL_", "KMP_", "OPENBLAS_", "ORT_", "ONEDNN_", "DNNL_", "TF_NUM_", "LD_PRELOAD", "MALLOC_")
"""Beginnings of the names of variables that change how fast numerical libraries are."""

VECTOR = ("sse4", "avx", "fma", "f16c", "amx", "neon", "asimd", "sve", "i8mm", "bf16")


@attrs.frozen(kw_only=True)
class Environment:
    """What a measurement was taken on.

    ``cores`` are the processors this process may use, ``load`` the one-minute load average, ``topology`` cores and limits in words,
    ``flags`` the processor's vector and matrix instructions, ``governor`` how its clock is set, ``versions`` of libraries (None: not
    installed), ``settings`` the environment variables that steer numerical libraries.
    """

    cpu: str
    isa: Isa
    cores: int
    load: float
    python: str
    versions: dict[str, str | None]
    topology: str = ""
    flags: tuple[str, ...] = ()
    governor: str | None = None
    system: str = ""
    memory_bytes: int = 0
    settings: dict[str, str] = attrs.field(factory=dict)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def environment(settings: Mapping[str, str] | None = None) -> Environment:
    """Record this machine; ``settings`` are those of instances, on top of this process' own."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Environment(
        cpu=cpu_name(),
        isa=isa(),
        cores=allowed,
        load=psutil.getloadavg()[0],
        python=platform.python_version(),
        versions={name: _version(name) for name in RECORDED},
        topology=str(read_topology()),
        flags=_flags(),
        governor=text_of(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        memory_bytes=psutil.virtual_memory().total,
        settings={key: value for key, value in os.environ.items() if key.startswith(STEERING)} | dict(settings or {}),
    )


def _flags() -> tuple[str, ...]:
    for line in (text_of(Path("/proc/cpuinfo")) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return tuple(sorted(flag for flag in value.split() if flag.startswith(VECTOR)))
    return ()
