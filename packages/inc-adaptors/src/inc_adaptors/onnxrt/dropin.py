"""``quantize_static`` and ``quantize_dynamic`` with the signatures of ``onnxruntime.quantization``, on the engine of this adaptor.

Every documented argument is honoured or refused with a reason, before any data is read. The range guard is not applied: what is asked
for is done. ``inc_orchestrate`` is the way that guards, tunes and proves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import onnx
from inc_config.capabilities import Capabilities, OpCapability
from inc_config.dtypes import INT8, UINT8, IntegerType, PerTensor, Scheme
from inc_config.errors import DataError, ModelError, PlanError, StoreError
from inc_config.files import atomic_write
from inc_config.named import Named
from inc_config.plan import FLOAT, OpPlan, QuantizationPlan, TensorPlan
from inc_config.recipes import Recipes, SmoothQuant
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType

from inc_adaptors.batches import as_batches
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.tensors import weights_bytes
from inc_adaptors.statistics.store import Statistics

_TARGET = Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)  # 8-bit weights; reduce_range asks for 7
_ACTIVATIONS = {QuantType.QInt8: INT8, QuantType.QUInt8: UINT8}
_THRESHOLDS = {
    CalibrationMethod.MinMax: Named("minmax"),
    CalibrationMethod.Entropy: Named("kl"),
    CalibrationMethod.Percentile: Named("percentile", {"percentile": 99.999}),
}
_ONE_FILE_BYTES = 2_000_000_000  # of protobuf's 2 GiB

_OFF: Mapping[str, str] = {
    "AddQDQPairToWeight": "weights are stored as integers; a pair around a float weight would keep the model as large as it was",
    "CalibMovingAverage": "ranges are those of all calibration data",
    "DedicatedQDQPair": "readers of one tensor share its pair, as onnxruntime's kernels want",
    "EnableSubgraph": "subgraphs are left as they are",
    "ForceQuantizeNoInputCheck": "operators that pass codes on are quantized where codes reach them",
    "QDQDisableWeightAdjustForInt32Bias": "a bias that overflows int32 makes wrong results",
    "UseQDQContribOps": "standard operators are written",
}
"""Options that may only be False, and why."""

_EMPTY: Mapping[str, str] = {
    "MinimumRealRange": "ranges are not widened",
    "OpTypesToExcludeOutputQuantization": "a convolution's integer kernel returns codes; leave its type out of op_types_to_quantize",
    "QDQOpTypePerChannelSupportToAxis": "the axis is that of the output channels",
    "TensorQuantOverrides": "write a plan (inc_adaptors' emitter takes one per operator)",
}
"""Options that may only be empty, and why."""

_NO_EFFECT = frozenset({"CalibMaxIntermediateOutputs", "CalibMovingAverageConstant", "CalibStridedMinMax", "DefaultTensorType"})
"""How onnxruntime bounds the memory of its calibration (ours does not grow, and the ranges are the same), and what it takes for the type
of a tensor that it cannot tell (which stays in float here)."""

_STATIC = frozenset(
    {"ActivationSymmetric", "CalibTensorRangeSymmetric", "QDQKeepRemovableActivations", "SmoothQuant", "SmoothQuantAlpha",
     "SmoothQuantFolding"}
)  # fmt: skip
_BOTH = frozenset({"MatMulConstBOnly", "WeightSymmetric"})


def quantize_static(  # noqa: PLR0917  (the signature is onnxruntime's)
    model_input: str | Path | ModelProto,
    model_output: str | Path,
    calibration_data_reader: CalibrationDataReader | None = None,
    quant_format: QuantFormat = QuantFormat.QDQ,
    op_types_to_quantize: Sequence[str] | None = None,
    per_channel: bool = False,
    reduce_range: bool = False,
    activation_type: QuantType = QuantType.QInt8,
    weight_type: QuantType = QuantType.QInt8,
    nodes_to_quantize: Sequence[str] | None = None,
    nodes_to_exclude: Sequence[str] | None = None,
    use_external_data_format: bool = False,
    calibrate_method: CalibrationMethod = CalibrationMethod.MinMax,
    calibration_providers: Sequence[str] | None = None,
    extra_options: Mapping[str, Any] | None = None,
    calibration_cache_path: str | Path | None = None,
) -> None:
    """Quantize with ranges from calibration; arguments as onnxruntime documents them.

    Raises:
        PlanError: an argument that is refused, with the reason; or nothing is left to quantize.
        DataError: no reader, or data that do not fit the model.
        ModelError: the model cannot be read or run.
        StoreError: the result cannot be written.
    """
    options = dict(extra_options or {})
    _check(options, _STATIC | _BOTH, weight_type)
    _only(quant_format is QuantFormat.QDQ, "quant_format", quant_format, "QuantFormat.QDQ, which runs on the same integer kernels")
    _only(activation_type in _ACTIVATIONS, "activation_type", activation_type, "QUInt8 (fast) or QInt8")
    _only(calibrate_method in _THRESHOLDS, "calibrate_method", calibrate_method, "MinMax, Entropy or Percentile")
    _only(calibration_providers in (None, ["CPUExecutionProvider"]), "calibration_providers", calibration_providers, "the CPU alone")
    _only(calibration_cache_path is None, "calibration_cache_path", calibration_cache_path, "none; Statistics.save keeps a calibration")
    if calibration_data_reader is None:
        raise DataError("Static quantization needs calibration data.", where="calibration_data_reader", fix="give a CalibrationDataReader")
    symmetric = bool(options.get("ActivationSymmetric") or options.get("CalibTensorRangeSymmetric"))
    activation = TensorPlan(
        dtype=_ACTIVATIONS[activation_type],
        scheme=Scheme.SYMMETRIC if symmetric else Scheme.ASYMMETRIC,
        threshold=_THRESHOLDS[calibrate_method],
    )

    def chosen(option: OpPlan) -> OpPlan | None:
        if not option.is_quantized or option.is_dynamic:
            return None
        return attrs.evolve(
            option,
            inputs=tuple(None if tensor is None else activation for tensor in option.inputs),
            outputs=tuple(None if tensor is None else activation for tensor in option.outputs),
            weight=_weight(option.weight, per_channel=per_channel, reduce_range=reduce_range),
        )

    adaptor = OnnxrtAdaptor()
    handle = adaptor.open(model_input)
    found = adaptor.capabilities(handle, _TARGET)
    selected = _selected(found, op_types_to_quantize, nodes_to_quantize, nodes_to_exclude)
    plan = _plan(selected, chosen, _recipes(options))
    statistics = adaptor.observe(handle, as_batches(calibration_data_reader), adaptor.wanted(found, (plan,)))
    made = adaptor.emitter(handle, statistics, found).emit(plan, final=not options.get("QDQKeepRemovableActivations", False))
    _write(made, Path(model_output), beside=use_external_data_format)


def quantize_dynamic(  # noqa: PLR0917  (the signature is onnxruntime's)
    model_input: str | Path | ModelProto,
    model_output: str | Path,
    op_types_to_quantize: Sequence[str] | None = None,
    per_channel: bool = False,
    reduce_range: bool = False,
    weight_type: QuantType = QuantType.QInt8,
    nodes_to_quantize: Sequence[str] | None = None,
    nodes_to_exclude: Sequence[str] | None = None,
    use_external_data_format: bool = False,
    extra_options: Mapping[str, Any] | None = None,
) -> None:
    """Quantize matrix products with ranges found from each batch; arguments as onnxruntime documents them.

    Convolutions stay in float: on integers with dynamic ranges they are several times slower.

    Raises:
        PlanError, ModelError, StoreError: as ``quantize_static``.
    """
    options = dict(extra_options or {})
    _check(options, _BOTH, weight_type)

    def chosen(option: OpPlan) -> OpPlan | None:
        if not option.is_dynamic:
            return None
        return attrs.evolve(option, weight=_weight(option.weight, per_channel=per_channel, reduce_range=reduce_range))

    adaptor = OnnxrtAdaptor()
    handle = adaptor.open(model_input)
    found = adaptor.capabilities(handle, _TARGET)
    plan = _plan(_selected(found, op_types_to_quantize, nodes_to_quantize, nodes_to_exclude), chosen, Recipes())
    made = adaptor.emitter(handle, Statistics(values={}, samples=0), found).emit(plan, final=True)
    _write(made, Path(model_output), beside=use_external_data_format)


def _only(fine: bool, name: str, value: object, allowed: str) -> None:
    if not fine:
        raise PlanError(f"{name}={value} is not offered.", where=name, fix=f"give {allowed}")


def _check(options: Mapping[str, Any], known: Collection[str], weight_type: QuantType) -> None:
    _only(weight_type is QuantType.QInt8, "weight_type", weight_type, "QInt8: kernels for uint8 weights are slower, other types have none")
    for name, value in options.items():
        where = f"extra_options[{name!r}]"
        if name in _OFF or name in _EMPTY:
            if value:
                raise PlanError(f"{name}={value!r} is not offered: {_OFF.get(name) or _EMPTY[name]}.", where=where, fix="leave it out")
        elif name not in known and name not in _NO_EFFECT:
            raise PlanError(f"Unknown option {name!r}.", where=where, fix=f"one of {', '.join(sorted({*known, *_NO_EFFECT}))}")
    _only(options.get("WeightSymmetric", True) is not False, "WeightSymmetric", False, "True: integer kernels want weights without offset")
    _only(options.get("MatMulConstBOnly", True) is not False, "MatMulConstBOnly", False, "True: products of two activations stay in float")


def _recipes(options: Mapping[str, Any]) -> Recipes:
    if not options.get("SmoothQuant"):
        return Recipes()
    folding = bool(options.get("SmoothQuantFolding", True))
    return Recipes(smooth_quant=SmoothQuant(alphas=float(options.get("SmoothQuantAlpha", 0.5)), folding=folding))


def _weight(plan: TensorPlan | None, *, per_channel: bool, reduce_range: bool) -> TensorPlan | None:
    if plan is None:
        return None
    dtype = IntegerType(7, signed=True) if reduce_range else INT8
    return attrs.evolve(plan, dtype=dtype, granularity=plan.granularity if per_channel else PerTensor())


def _selected(
    capabilities: Capabilities, types: Sequence[str] | None, nodes: Sequence[str] | None, excluded: Sequence[str] | None
) -> Capabilities:
    names = {c.op.scope for c in capabilities.ops}
    unknown = sorted({*(nodes or ()), *(excluded or ())} - names)
    if unknown:
        raise PlanError(
            f"The model has no node {', '.join(map(repr, unknown[:5]))}.",
            where="nodes_to_quantize, nodes_to_exclude",
            fix="give node names",
        )

    def judged(capability: OpCapability) -> OpCapability:
        op = capability.op
        wanted = (not types or op.type in types) and (not nodes or op.scope in nodes) and op.scope not in (excluded or ())
        return capability if wanted else attrs.evolve(capability, options=(FLOAT,))

    return attrs.evolve(capabilities, ops=tuple(judged(capability) for capability in capabilities.ops))


def _plan(capabilities: Capabilities, chosen: Callable[[OpPlan], OpPlan | None], recipes: Recipes) -> QuantizationPlan:
    ops = {c.op: next((made for option in c.options if (made := chosen(option)) is not None), FLOAT) for c in capabilities.ops}
    plan = QuantizationPlan(target=capabilities.target, ops=ops, recipes=recipes.changed)
    if not plan.quantized:
        reasons = "; ".join(f"{c.op} ({c.op.type}): {c.reason or 'not selected'}" for c in capabilities.ops[:8])
        raise PlanError(f"Nothing is left to quantize: {reasons}.", where="the model and the arguments", fix="select other operators")
    return plan


def _write(made: ModelHandle, path: Path, *, beside: bool) -> None:
    model: ModelProto = made.native
    if not beside and weights_bytes(model) > _ONE_FILE_BYTES:
        raise ModelError("The quantized model is too large for one file.", where=str(path), fix="give use_external_data_format=True")
    try:
        if beside:
            onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024)
        else:
            atomic_write(path, model.SerializeToString())
    except OSError as error:
        raise StoreError(
            f"The model cannot be written: {error.strerror or error}.", where=str(path), fix="give a path you may write"
        ) from error
