"""Benchmarks described in a file: today's configuration, or ``evaluation.performance`` of version 1."""

from __future__ import annotations

from pathlib import Path

import attrs
from inc_config import io
from inc_config.benchmark import BenchmarkConfig
from inc_config.compat import load_v1, translate
from inc_config.errors import ConfigError, Fault
from inc_config.pipeline import PipelineConfig
from inc_config.yaml_reader import read_yaml

from inc_bench.results.writing import read_text


@attrs.frozen(kw_only=True)
class Described:
    """What a file asks for; ``calls`` per instance (0: by time); ``notes`` say what of version 1 means something else."""

    config: BenchmarkConfig
    calls: int
    notes: tuple[str, ...] = ()


def described(path: Path) -> Described:
    """Read a file: a pipeline with a ``benchmark``, the fields of a benchmark alone, or a file of version 1.

    Raises:
        ConfigError: the file has faults, or describes no benchmark.
        StoreError: it cannot be read.
    """
    text = read_text(path)
    data = read_yaml(text, source=str(path)).data
    keys = set(data) if isinstance(data, dict) else set()
    if "steps" in keys:
        return _today(io.parse(text, PipelineConfig, source=str(path)).benchmark, path)
    if keys <= {field.name for field in attrs.fields(BenchmarkConfig)}:
        return _today(io.parse(text, BenchmarkConfig, source=str(path)), path)
    translation = translate(load_v1(path))
    found = _there(translation.config.benchmark, path, "evaluation.performance")
    notes = [f"{note.text} ({note.path})" for note in translation.notes if note.path.startswith("$.evaluation.performance")]
    # In version 1 iterations were those of the whole run.
    return Described(config=found, calls=found.iterations, notes=tuple(notes))


def _today(config: BenchmarkConfig | None, path: Path) -> Described:
    found = _there(config, path, "benchmark")
    return Described(config=found, calls=found.iterations * found.rounds)


def _there(config: BenchmarkConfig | None, path: Path, section: str) -> BenchmarkConfig:
    if config is None:
        raise ConfigError([Fault(path=f"$.{section}", what="The file describes no benchmark.", fix=f"add {section}")], source=str(path))
    return config
