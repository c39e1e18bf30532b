"""A whole pipeline as one document: its steps in order, the data and trainings they use, and how models are judged and timed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from inc_config.benchmark import BenchmarkConfig
from inc_config.convert import register_tagged
from inc_config.data import LoaderConfig
from inc_config.distillation import DistillConfig, DistillLayersConfig, DistillSelfConfig
from inc_config.evaluation import EvaluationConfig
from inc_config.fields import Choice, strings, texts
from inc_config.pruning import PruneConfig
from inc_config.quantization import MixedPrecisionConfig, QuantizeAwareConfig, QuantizeConfig
from inc_config.training import TrainingConfig

StepConfig = (
    PruneConfig | DistillConfig | DistillLayersConfig | DistillSelfConfig | QuantizeAwareConfig | QuantizeConfig | MixedPrecisionConfig
)

STEP_KINDS: dict[str, type[Any]] = {
    "prune": PruneConfig,
    "distill": DistillConfig,
    "distill-layers": DistillLayersConfig,
    "distill-self": DistillSelfConfig,
    "quantize-aware": QuantizeAwareConfig,
    "quantize": QuantizeConfig,
    "mixed-precision": MixedPrecisionConfig,
}
"""What ``kind`` says in a document, and the class it stands for."""

register_tagged(StepConfig, STEP_KINDS)


class PipelineMode(Choice):
    """``MULTI_SHOT``: every step has its own training, one after the other; ``ONE_SHOT``: training steps share one training."""

    ONE_SHOT = "one-shot"
    MULTI_SHOT = "multi-shot"


def _steps(value: Iterable[StepConfig]) -> tuple[StepConfig, ...]:
    return tuple(value)


@attrs.frozen(kw_only=True)
class ModelConfig:
    """What the document says of the model, which itself is given at run time; ``inputs`` and ``outputs`` are tensor names."""

    name: str = ""
    inputs: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    outputs: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)


@attrs.frozen(kw_only=True)
class PipelineConfig:
    """Steps in order. In a document each step is a mapping with its ``kind`` (prune, distill, quantize, ...) among its fields.
    A document without any step can be written and read; nothing runs it (``not_offered`` says so).

    What is None is given at run time, or not needed: ``training`` serves every step without a training of its own, ``calibration`` are
    quantization's batches, ``evaluation`` judges models, ``confirmation`` judges the delivered one on data that chose nothing,
    ``benchmark`` times models, and ``workspace`` is a folder that makes a run resumable.
    """

    steps: tuple[StepConfig, ...] = attrs.field(converter=_steps)
    mode: PipelineMode = attrs.field(default=PipelineMode.MULTI_SHOT, converter=PipelineMode)
    model: ModelConfig = attrs.field(factory=ModelConfig)
    training: TrainingConfig | None = None
    calibration: LoaderConfig | None = None
    evaluation: EvaluationConfig | None = None
    confirmation: EvaluationConfig | None = None
    benchmark: BenchmarkConfig | None = None
    workspace: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))


def step_kind(step: StepConfig) -> str:
    """The ``kind`` of a step's configuration."""
    return next(kind for kind, cls in STEP_KINDS.items() if isinstance(step, cls))
