"""Typed configuration, plans and capabilities: everything a user can ask for, as frozen data."""

from inc_config.benchmark import BenchmarkConfig
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.convert import from_json, structure, to_json, unstructure
from inc_config.distillation import DistillConfig, SoftTargetLoss
from inc_config.dtypes import (
    BF16,
    FP16,
    FP32,
    INT8,
    UINT8,
    DType,
    FloatType,
    Granularity,
    IntegerType,
    PerChannel,
    PerGroup,
    PerTensor,
    Scheme,
)
from inc_config.errors import ConfigError, Fault, IncError
from inc_config.frozen import FrozenMap
from inc_config.io import dump, load, to_yaml
from inc_config.named import Named
from inc_config.pipeline import PipelineConfig, PipelineMode, StepConfig
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan, RangeSource, TensorKey, TensorPlan
from inc_config.pruning import BlockPattern, NofMPattern, Pattern, PruneConfig, PruneOverride, Reduction, ScheduleKind, Scope
from inc_config.quantization import Approach, Baseline, QuantizeConfig
from inc_config.target import Device, Isa, Runtime, Target
from inc_config.tuning import AccuracyCriterion, ExitPolicy, LossKind, Objective, ObjectiveKind, TuningConfig

__all__ = [
    "BF16", "FLOAT", "FP16", "FP32", "INT8", "UINT8", "AccuracyCriterion", "Approach", "Baseline", "BenchmarkConfig", "BlockPattern",
    "Capabilities", "ConfigError", "DType", "Device", "DistillConfig", "ExitPolicy", "Fault", "FloatType", "FrozenMap", "Granularity",
    "IncError", "IntegerType", "Isa", "LossKind", "Named", "NofMPattern", "Objective", "ObjectiveKind", "OpCapability", "OpId",
    "OpPlan", "Pattern", "PerChannel", "PerGroup", "PerTensor", "PipelineConfig", "PipelineMode", "PruneConfig", "PruneOverride",
    "QuantizationPlan", "QuantizeConfig", "RangeSource", "Reason", "ReasonCode", "Reduction", "Runtime", "ScheduleKind", "Scheme",
    "Scope", "SoftTargetLoss", "StepConfig", "Target", "TensorKey", "TensorPlan", "TuningConfig", "dump", "from_json", "load",
    "structure", "to_json", "to_yaml", "unstructure",
]  # fmt: skip
