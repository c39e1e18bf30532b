"""Instruction sets from the flags of known processors."""

from __future__ import annotations

from pathlib import Path

import pytest
from inc_adaptors import machine
from inc_config.target import Isa, Runtime, Target

# Flags as Linux lists them: Haswell, Alder Lake (AVX-VNNI, no AVX-512), Skylake-X, Cascade Lake, Sapphire Rapids.
HASWELL = "fpu sse4_2 fma avx avx2 bmi2"
ALDER_LAKE = f"{HASWELL} avx_vnni"
SKYLAKE_X = f"{HASWELL} avx512f avx512dq avx512cd avx512bw avx512vl"
CASCADE_LAKE = f"{SKYLAKE_X} avx512_vnni"
SAPPHIRE_RAPIDS = f"{CASCADE_LAKE} avx_vnni avx512_bf16 amx_bf16 amx_tile amx_int8"


@pytest.mark.parametrize(
    ("architecture", "flags", "expected"),
    [
        ("x86_64", "fpu sse4_2 avx", Isa.GENERIC),
        ("x86_64", HASWELL, Isa.AVX2),
        ("x86_64", ALDER_LAKE, Isa.AVX2),
        ("x86_64", SKYLAKE_X, Isa.AVX512),
        ("x86_64", CASCADE_LAKE, Isa.AVX512_VNNI),
        ("AMD64", SAPPHIRE_RAPIDS, Isa.AMX),
        ("aarch64", "", Isa.ARM),
        ("riscv64", "", Isa.GENERIC),
    ],
)
def test_the_widest_integer_instruction_set_is_found(architecture: str, flags: str, expected: Isa) -> None:
    assert machine.isa_of(architecture, frozenset(flags.split())) is expected


def test_fields_are_read_from_the_first_processor() -> None:
    text = "processor\t: 0\nmodel name\t: A: CPU @ 2.0GHz\nflags\t\t: avx2\n\nprocessor\t: 1\nmodel name\t: B\n"
    assert machine.field_of(text, "model name") == "A: CPU @ 2.0GHz"
    assert machine.field_of(text, "absent") == ""


def test_a_system_without_cpuinfo_degrades(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "absent")
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")
    machine._field.cache_clear()
    assert machine.isa() is Isa.GENERIC
    assert machine.cpu_name()
    machine._field.cache_clear()


def test_a_target_of_no_named_instruction_set_is_this_machines() -> None:
    assert machine.resolved(Target(runtime=Runtime.TORCH)).isa is machine.isa()
    assert machine.resolved(Target(runtime=Runtime.TORCH, isa=Isa.AVX2)).isa is Isa.AVX2
