"""Typed configuration, plans and capabilities: everything a user can ask for, as frozen data."""

from inc_config.benchmark import BenchmarkConfig
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.constrain import constrain
from inc_config.constraints import OpConstraint, TensorConstraint, Unfit
from inc_config.convert import from_json, structure, to_json, unstructure
from inc_config.data import LastBatch, LoaderConfig
from inc_config.distillation import (
    DistillConfig,
    DistillLayersConfig,
    DistillSelfConfig,
    FeatureLoss,
    LayerMapping,
    OutputPair,
    SelfLevel,
    SelfLoss,
    SoftTargetLoss,
)
from inc_config.dtypes import (
    BF16,
    FP16,
    FP32,
    INT8,
    UINT8,
    DType,
    FloatType,
    Granularity,
    GranularityKind,
    IntegerType,
    PerChannel,
    PerGroup,
    PerTensor,
    Scheme,
    StorageType,
    TableType,
)
from inc_config.errors import ConfigError, Fault, IncError
from inc_config.evaluation import EvaluationConfig, MetricConfig
from inc_config.frozen import FrozenMap
from inc_config.io import dump, load, to_yaml
from inc_config.named import Named
from inc_config.offered import not_offered
from inc_config.patterns import BlockPattern, ChannelPattern, HeadPattern, NofMPattern, Pattern
from inc_config.pipeline import ModelConfig, PipelineConfig, PipelineMode, StepConfig
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan, RangeSource, TensorKey, TensorPlan
from inc_config.pruning import EpochWindow, PruneConfig, PruneOverride, Reduction, Regularization, Regularizer, ScheduleKind, Scope
from inc_config.python_code import to_python
from inc_config.quantization import (
    Approach,
    Baseline,
    Domain,
    GraphFormat,
    MixedPrecisionConfig,
    QuantizeAwareConfig,
    QuantizeConfig,
)
from inc_config.recipes import AlphaSearch, GraphLevel, Recipes, SharedCriterion, SmoothQuant
from inc_config.schema import json_schema
from inc_config.target import Device, Isa, Runtime, Target
from inc_config.training import TrainingConfig
from inc_config.tuning import (
    AccuracyCriterion,
    DiagnosisConfig,
    ExitPolicy,
    Inspected,
    LossKind,
    Objective,
    ObjectiveKind,
    TuningConfig,
)
from inc_config.weight_only import WeightOnlyConfig

__all__ = [
    "BF16", "FLOAT", "FP16", "FP32", "INT8", "UINT8", "AccuracyCriterion", "AlphaSearch", "Approach", "Baseline", "BenchmarkConfig",
    "BlockPattern", "Capabilities", "ChannelPattern", "ConfigError", "DType", "Device", "DiagnosisConfig", "DistillConfig",
    "DistillLayersConfig", "DistillSelfConfig", "Domain", "EpochWindow", "EvaluationConfig", "ExitPolicy", "Fault", "FeatureLoss",
    "FloatType", "FrozenMap", "Granularity", "GranularityKind", "GraphFormat", "GraphLevel", "HeadPattern", "IncError", "Inspected",
    "IntegerType", "Isa", "LastBatch", "LayerMapping", "LoaderConfig", "LossKind", "MetricConfig", "MixedPrecisionConfig", "ModelConfig",
    "Named", "NofMPattern", "Objective", "ObjectiveKind", "OpCapability", "OpConstraint", "OpId", "OpPlan", "OutputPair",
    "Pattern", "PerChannel", "PerGroup", "PerTensor", "PipelineConfig", "PipelineMode", "PruneConfig", "PruneOverride",
    "QuantizationPlan", "QuantizeAwareConfig", "QuantizeConfig", "RangeSource", "Reason", "ReasonCode", "Recipes", "Reduction",
    "Regularization", "Regularizer", "Runtime", "ScheduleKind", "Scheme", "Scope", "SelfLevel", "SelfLoss", "SharedCriterion",
    "SmoothQuant", "SoftTargetLoss", "StepConfig", "StorageType", "TableType", "Target", "TensorConstraint", "TensorKey", "TensorPlan",
    "TrainingConfig", "TuningConfig", "Unfit", "WeightOnlyConfig", "constrain", "dump", "from_json", "json_schema", "load",
    "not_offered", "structure", "to_json", "to_python", "to_yaml", "unstructure",
]  # fmt: skip
