"""From a plan and one calibration to a copy of the user's module with int8 operators; as often as plans are tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np
from inc_config.capabilities import Capabilities
from inc_config.dtypes import FP32, INT8, FloatType, IntegerType, PerChannel, PerTensor, Scheme
from inc_config.errors import CalibrationError, PlanError
from inc_config.frozen import FrozenMap
from inc_config.plan import OpId, OpPlan, QuantizationPlan, RangeSource, TensorKey, TensorPlan
from numpy.typing import NDArray
from torch import nn

from inc_adaptors.handle import ModelHandle
from inc_adaptors.qparams import QParams, activation_qparams, quantize, weight_qparams
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.thresholds import spec_for, statistic_for
from inc_adaptors.torch import half
from inc_adaptors.torch.flow import Flow, flow_of
from inc_adaptors.torch.fold import FoldedLayer, fold, to_tensor
from inc_adaptors.torch.identity import fingerprint
from inc_adaptors.torch.int8 import CallPlan, Int8Operator, Mode
from inc_adaptors.torch.sharing import copied
from inc_adaptors.torch.surgery import Swap, empty_module, fill, swapped_copy
from inc_adaptors.torch.trace import remembered


def wanted(capabilities: Capabilities, plans: Iterable[QuantizationPlan]) -> dict[TensorKey, frozenset[StatisticSpec]]:
    """Input statistics of every operator that a plan quantizes statically (an output handed over takes its consumer's range)."""
    known = {capability.op for capability in capabilities.ops}
    found: dict[TensorKey, frozenset[StatisticSpec]] = {}
    for plan in plans:
        for op, op_plan in plan.ops.items():
            if op in known and op_plan.is_quantized and (tensor := _input_plan(op, op_plan)).ranges is RangeSource.STATIC:
                key = TensorKey(op, "input:0")
                found[key] = found.get(key, frozenset()) | {spec_for(tensor)}
    return found


class TorchEmitter:
    """Emits plans for one handle. Folded weights, their codes and activation ranges are computed once per choice and kept."""

    def __init__(self, handle: ModelHandle, statistics: Statistics, capabilities: Capabilities) -> None:
        self._handle = handle
        self._model: nn.Module = handle.native
        self._statistics = statistics
        self._members = {c.op: c.members for c in capabilities.ops}
        self._quantizable = {c.op for c in capabilities.quantizable}
        self._halves = {(c.op, o.compute_dtype) for c in capabilities.ops for o in c.options if not o.is_quantized}
        self._modules = dict(self._model.named_modules())
        self._ranges: dict[tuple[OpId, TensorPlan], QParams] = {}
        self._folded: dict[str, FoldedLayer] = {}
        self._weights: dict[tuple[str, TensorPlan, float | None], tuple[QParams, NDArray[np.int8]]] = {}
        found = remembered(self._model)
        self._flow = None if found is None else flow_of(self._model, found)
        if statistics.model_fingerprint and statistics.model_fingerprint != fingerprint(self._model):
            raise CalibrationError(
                "The statistics were gathered on another model, or its weights have changed since.",
                where="statistics given to emitter()",
                fix="calibrate again with observe()",
            )

    def emit(self, plan: QuantizationPlan, *, final: bool = False) -> ModelHandle:
        """A new handle with the plan's operators on int8 kernels and the rest as it was.

        An operator whose input was not finite during calibration stays in float, and a note says so.

        Raises:
            PlanError: the plan names operators that the model does not have, or asks for what the kernels cannot do.
            CalibrationError: a static range was not gathered.
        """
        plan, notes = self._supported(plan)
        halves, divided = half.halves_of(plan)
        if halves or divided:
            return self._in_half(plan, halves, divided)
        if not plan.quantized:
            return self._evolved(copied(self._model), plan, (), {}, notes)
        chosen = _Chosen(plan=plan, flow=self._flow, ranges={op: self._range(op, plan.ops[op]) for op in plan.quantized})
        scopes = dict.fromkeys(op.scope for op in plan.quantized)
        made: dict[str, Int8Operator] = {}
        swaps: list[Swap] = []
        qparams: dict[str, QParams] = {}
        for scope in scopes:
            swap, module, used = self._make(scope, chosen)
            made[scope] = module
            swaps.append(swap)
            qparams |= used
        native = swapped_copy(self._model, made, [path for swap in swaps for path in swap.folded])
        return self._evolved(native, plan, tuple(swaps), qparams, notes)

    def _in_half(self, plan: QuantizationPlan, halves: Mapping[str, FloatType], divided: tuple[str, ...]) -> ModelHandle:
        """The model with layers in 16 bits; one that only some calls were to have so stays in fp32."""
        if plan.quantized:
            raise PlanError(
                "The plan has operators on integers and in 16 bits; this route makes models with one of them.",
                where="plan given to emit()",
                fix="put the operators in 16 bits back to fp32",
            )
        notes = (
            f"{len(halves)} layers in 16 bits",
            *(f"{scope} stays in fp32: not all its calls were to be in 16 bits" for scope in divided),
        )
        made = self._evolved(half.half_copy(self._model, halves), plan, (), {}, notes)
        records = (*made.state.surgery, *(half.record(scope, dtype) for scope, dtype in halves.items()))
        return attrs.evolve(made, state=attrs.evolve(made.state, surgery=records))

    def _evolved(
        self, native: nn.Module, plan: QuantizationPlan, swaps: tuple[Swap, ...], qparams: Mapping[str, QParams], notes: tuple[str, ...]
    ) -> ModelHandle:
        state = attrs.evolve(
            self._handle.state,
            plan=plan,
            qparams=FrozenMap({key: (q.scale, q.zero_point) for key, q in qparams.items()}),
            surgery=(*self._handle.state.surgery, *(swap.record() for swap in swaps)),
            notes=(*self._handle.state.notes, *notes),
        )
        return attrs.evolve(self._handle, native=native, state=state)

    def _supported(self, plan: QuantizationPlan) -> tuple[QuantizationPlan, tuple[str, ...]]:
        unknown = [str(op) for op in plan.ops if op not in self._members]
        refused = [str(op) for op in plan.quantized if op in self._members and op not in self._quantizable]
        known = [(op, option) for op, option in plan.ops.items() if op in self._members]
        unoffered = [f"{op} in {option.compute_dtype}" for op, option in known if not self._has(op, option)]
        named = {"unknown": unknown, "without an integer kernel": refused, "without a kernel": unoffered}
        faults = [f"{title}: {', '.join(found)}" for title, found in named.items() if found]
        if faults:
            raise PlanError(
                f"The plan does not fit the model ({'; '.join(faults)}).",
                where="plan given to emit()",
                fix="make the plan from this model's capabilities()",
            )
        broken = [
            op for op in plan.quantized
            if not plan.ops[op].is_dynamic and self._statistics.non_finite.get(TensorKey(op, "input:0"), 0)
        ]  # fmt: skip
        notes = tuple(f"{op} stays in float: its input was not finite during calibration" for op in broken)
        return plan.with_float(broken), notes

    def _has(self, op: OpId, option: OpPlan) -> bool:
        return option.is_quantized or option.compute_dtype is FP32 or (op, option.compute_dtype) in self._halves

    def _range(self, op: OpId, op_plan: OpPlan) -> QParams | None:
        tensor = _input_plan(op, op_plan)
        if tensor.ranges is RangeSource.DYNAMIC:
            return None
        if (op, tensor) not in self._ranges:
            key = TensorKey(op, "input:0")
            self._ranges[op, tensor] = activation_qparams(tensor, statistic_for(self._statistics, key, tensor), str(key))
        return self._ranges[op, tensor]

    def _make(self, scope: str, chosen: _Chosen) -> tuple[Swap, Int8Operator, dict[str, QParams]]:
        calls = [op for op in self._members if op.scope == scope]
        first = next(op for op in calls if op in chosen.ranges)
        members = self._members[first] if len(calls) == 1 else (scope,)
        norm, activation = self._fused(members)
        folded = self._fold(scope, norm)
        weight_plan = _weight_plan(first, chosen.plan.ops[first])
        inputs = [chosen.ranges.get(op) for op in calls]
        scales = [float(q.scale) for q in inputs if q is not None]
        qparams, codes = self._weight(scope, folded, weight_plan, min(scales) if scales else None)
        swap = Swap(
            scope=scope,
            bias=folded.bias is not None,
            activation=activation,
            folded=members[1:],
            calls=tuple(chosen.call(op) for op in calls),
        )
        module = empty_module(self._modules[scope], swap)
        out = len(codes)
        fill(module, weight_codes=to_tensor(codes), weight_scale=to_tensor(np.broadcast_to(qparams.scale, (out,))))
        if folded.bias is not None:
            fill(module, bias_values=to_tensor(folded.bias))
        outputs = [chosen.handed(op) for op in calls]
        for side, found in (("input", inputs), ("output", outputs)):
            fill(module, **{
                f"{side}_scale": to_tensor(np.array([1.0 if q is None else q.scale for q in found], np.float32)),
                f"{side}_zero_point": to_tensor(np.array([0 if q is None else q.zero_point for q in found], np.int32)),
            })  # fmt: skip
        used = {str(TensorKey(op, "input:0")): q for op, q in zip(calls, inputs, strict=True) if q is not None}
        used |= {str(TensorKey(op, "output:0")): q for op, q in zip(calls, outputs, strict=True) if q is not None}
        return swap, module, {**used, str(TensorKey(first, "weight")): qparams}

    def _fused(self, members: tuple[str, ...]) -> tuple[str, str]:
        norm, activation = "", "none"
        for path in members[1:]:
            kind = type(self._modules[path])
            if kind in _ACTIVATIONS:
                activation = _ACTIVATIONS[kind]
            else:
                norm = path
        return norm, activation

    def _fold(self, scope: str, norm: str) -> FoldedLayer:
        if scope not in self._folded:
            self._folded[scope] = fold(self._modules[scope], self._modules[norm] if norm else None)
        return self._folded[scope]

    def _weight(self, scope: str, folded: FoldedLayer, plan: TensorPlan, input_scale: float | None) -> tuple[QParams, NDArray[np.int8]]:
        key = (scope, plan, input_scale)
        if key not in self._weights:
            qparams = weight_qparams(folded.weight, plan, bias=folded.bias, input_scale=input_scale, where=f"{scope}.weight")
            codes: Any = quantize(folded.weight, qparams, plan.dtype, plan.granularity)
            self._weights[key] = (qparams, codes)
        return self._weights[key]


@attrs.frozen(kw_only=True)
class _Chosen:
    """A plan with the input ranges of its quantized operators (None: dynamic) and the model's data flow, if known."""

    plan: QuantizationPlan
    flow: Flow | None
    ranges: Mapping[OpId, QParams | None]

    def call(self, op: OpId) -> CallPlan:
        """What one call does."""
        if op not in self.ranges:
            return CallPlan(mode=Mode.FLOAT)
        mode = Mode.DYNAMIC if self.ranges[op] is None else Mode.STATIC
        operator = self._operator(op)
        free = operator is not None and self.flow is not None and self.flow.layout_is_free(operator, self.ranges)
        return CallPlan(mode=mode, hands_over=self.handed(op) is not None, free_layout=free)

    def handed(self, op: OpId) -> QParams | None:
        """The range of codes handed over: that of the consumers, where all of them are static and agree on it."""
        operator = self._operator(op)
        if operator is None or self.flow is None or op not in self.ranges or not any(self.plan.ops[op].outputs):
            return None
        consumers = self.flow.consumers(operator) or ()
        found = [self.ranges.get(consumer) for consumer in consumers]
        first = found[0] if found else None
        if first is None or any(q is None or q.scale != first.scale or q.zero_point != first.zero_point for q in found):
            return None
        return first

    def _operator(self, op: OpId) -> Any:
        return None if self.flow is None else next((o for o in self.flow.operators if o.op == op), None)


_ACTIVATIONS: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.ReLU6: "relu6"}


def _input_plan(op: OpId, plan: OpPlan) -> TensorPlan:
    """The activation's plan, checked against what the kernels take."""
    tensor = plan.inputs[0] if plan.inputs else None
    if tensor is None or tensor.dtype != IntegerType(8, signed=False) or not isinstance(tensor.granularity, PerTensor):
        raise PlanError(
            f"The input of {op} is planned as {tensor and f'{tensor.dtype} {tensor.granularity}'}; the kernels take uint8 per tensor.",
            where="plan",
            fix="use an option of this operator's capability",
        )
    return tensor


def _weight_plan(op: OpId, plan: OpPlan) -> TensorPlan:
    tensor = plan.weight
    if (
        tensor is None
        or not tensor.dtype.signed
        or tensor.dtype.bits > INT8.bits
        or tensor.scheme is not Scheme.SYMMETRIC
        or tensor.granularity not in (PerTensor(), PerChannel(0))
    ):
        raise PlanError(
            f"The weight of {op} is planned as {tensor and f'{tensor.dtype} {tensor.scheme.value} {tensor.granularity}'}; "
            "the kernels take signed codes of 2 to 8 bits, symmetric, per tensor or per output channel.",
            where="plan",
            fix="use an option of this operator's capability",
        )
    return tensor
