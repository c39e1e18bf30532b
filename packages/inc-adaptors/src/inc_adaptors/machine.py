"""This machine's processor: its name and widest integer instruction set."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import attrs
from inc_config.target import Isa, Target

_CPUINFO = Path("/proc/cpuinfo")

# Widest first. AVX-VNNI without AVX-512 counts as AVX2: engines differ in whether they use it, and what is safe on AVX2
# (weights whose 8-bit products do not saturate) is safe there too, not the other way round.
_BY_FLAGS: tuple[tuple[frozenset[str], Isa], ...] = (
    (frozenset({"amx_tile", "amx_int8"}), Isa.AMX),
    (frozenset({"avx512f", "avx512bw", "avx512vl", "avx512_vnni"}), Isa.AVX512_VNNI),
    (frozenset({"avx512f", "avx512bw", "avx512vl"}), Isa.AVX512),
    (frozenset({"avx2"}), Isa.AVX2),
)


def isa() -> Isa:
    """The widest instruction set here; ``GENERIC`` where the system does not say (anything but Linux on x86-64 and ARM)."""
    return isa_of(platform.machine(), frozenset(_field("flags").split()))


def isa_of(machine: str, flags: frozenset[str]) -> Isa:
    """The widest instruction set of a machine type (``x86_64``, ``aarch64``) with these flags of ``/proc/cpuinfo``."""
    if machine.lower() in ("aarch64", "arm64"):
        return Isa.ARM
    return next((found for needed, found in _BY_FLAGS if needed <= flags), Isa.GENERIC)


def resolved(target: Target) -> Target:
    """The target with the instruction set found here, where it says ``NATIVE``."""
    return attrs.evolve(target, isa=isa()) if target.isa is Isa.NATIVE else target


def cpu_name() -> str:
    """The processor's name, or the machine type where the system does not say."""
    return _field("model name") or platform.processor() or platform.machine() or "unknown processor"


@cache
def _field(name: str) -> str:
    return field_of(_read(), name)


def field_of(cpuinfo: str, name: str) -> str:
    """The first value of a field in the text of ``/proc/cpuinfo``, or ``""``."""
    for line in cpuinfo.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == name:
            return value.strip()
    return ""


def _read() -> str:
    try:
        return _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
