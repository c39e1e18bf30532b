"""One set of roles over PyTorch and ONNX Runtime: calibrate once, emit many real int8 models.

Importing this loads no framework and compiles nothing.
"""

from inc_adaptors.batches import as_batches, split
from inc_adaptors.detect import AdaptorSpec, adaptor_for, adaptor_named
from inc_adaptors.handle import CompressionState, ModelHandle, Signature, SurgeryRecord, TensorSpec
from inc_adaptors.hooks import ComposedHooks, NoHooks, TrainingHooks, compose
from inc_adaptors.machine import cpu_name, isa
from inc_adaptors.roles import (
    AccessesWeights,
    Adaptor,
    BlockLayout,
    ChecksTraining,
    Describes,
    Distills,
    Emitter,
    Exports,
    NamesTraining,
    Observes,
    Quantizes,
    SavedModel,
    Stores,
    Trains,
    WeightInfo,
    Weights,
    require,
)
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.store import check_writable, load, save

__all__ = [
    "AccessesWeights", "Adaptor", "AdaptorSpec", "BlockLayout", "ChecksTraining", "ComposedHooks", "CompressionState", "Describes",
    "Distills", "Emitter", "Exports", "ModelHandle", "NamesTraining", "NoHooks", "Observes", "Quantizes", "SavedModel", "Signature",
    "Statistic", "StatisticSpec", "Statistics", "Stores", "SurgeryRecord", "TensorSpec", "TrainingHooks", "Trains", "WeightInfo",
    "Weights", "adaptor_for", "adaptor_named", "as_batches", "check_writable", "compose", "cpu_name", "isa", "load", "require", "save",
    "split",
]  # fmt: skip
