"""Benchmarks described in a file: today's configuration, or ``evaluation`` of version 1."""

from __future__ import annotations

from pathlib import Path

import attrs
from inc_config import io
from inc_config.benchmark import BenchmarkConfig
from inc_config.compat import load_v1, translate
from inc_config.errors import ConfigError, Fault
from inc_config.evaluation import EvaluationConfig
from inc_config.pipeline import PipelineConfig
from inc_config.yaml_reader import read_yaml

from inc_bench.instances.job import Judging
from inc_bench.results.writing import read_text


@attrs.frozen(kw_only=True)
class Described:
    """What a file asks for.

    ``calls`` are per instance (0: by time); ``judging`` is how accuracy is measured where the file names a metric, maybe without data;
    ``notes`` say what means something else than in version 1, or is not done here.
    """

    config: BenchmarkConfig
    calls: int
    judging: Judging | None = None
    notes: tuple[str, ...] = ()


def described(path: Path) -> Described:
    """Read a file: a pipeline with a ``benchmark`` or an ``evaluation``, the fields of a benchmark alone, or a file of version 1.

    Raises:
        ConfigError: the file has faults, or describes no benchmark.
        StoreError: it cannot be read.
    """
    text = read_text(path)
    data = read_yaml(text, source=str(path)).data
    keys = set(data) if isinstance(data, dict) else set()
    if "steps" in keys:
        pipeline = io.parse(text, PipelineConfig, source=str(path))
        return _made(pipeline.benchmark, pipeline.evaluation, path, "benchmark")
    if keys <= {field.name for field in attrs.fields(BenchmarkConfig)}:
        return _made(io.parse(text, BenchmarkConfig, source=str(path)), None, path, "benchmark")
    translation = translate(load_v1(path))
    found = _made(translation.config.benchmark, translation.config.evaluation, path, "evaluation.performance")
    notes = [f"{note.text} ({note.path})" for note in translation.notes if note.path.startswith("$.evaluation")]
    # In version 1 iterations were those of the whole run.
    return attrs.evolve(found, calls=found.config.iterations, notes=(*notes, *found.notes))


def _made(config: BenchmarkConfig | None, evaluation: EvaluationConfig | None, path: Path, section: str) -> Described:
    judging = None if evaluation is None else _judging(evaluation)
    if config is None and (judging is None or judging.loader is None):
        fault = Fault(path=f"$.{section}", what="The file describes no benchmark.", fix=f"add {section}")
        raise ConfigError([fault], source=str(path))
    timed = config or BenchmarkConfig()
    notes = [] if config else [f"{path} says nothing of timing ({section}): the defaults are used"]
    if evaluation is not None and len(evaluation.metrics) > 1:
        notes.append(f"of {len(evaluation.metrics)} metrics the first can be measured: {evaluation.metrics[0].metric.name}")
    return Described(config=timed, calls=timed.iterations * timed.rounds, judging=judging, notes=tuple(notes))


def _judging(evaluation: EvaluationConfig) -> Judging:
    first = evaluation.metrics[0]
    return Judging(
        metric=first.metric,
        loader=evaluation.data,
        postprocess=evaluation.postprocess,
        batches=evaluation.batches,
        higher_is_better=first.higher_is_better,
    )
