"""Refuse plans that onnxruntime has no kernels for, all faults together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inc_config.capabilities import Capabilities, Reason
from inc_config.dtypes import FP32, UINT8, PerChannel, PerTensor, Scheme
from inc_config.errors import PlanError
from inc_config.plan import OpId, OpPlan, QuantizationPlan, TensorPlan
from inc_config.target import Runtime

from inc_adaptors.onnxrt.emission.given import is_explicit
from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.manner import Manner
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator

_BYTE = 8
_ACTIVATION_BITS = (8, 16)
_DYNAMIC = frozenset({"Conv", "MatMul"})  # convolutions and products of two activations: they run, slowly


def check_plan(layout: Layout, capabilities: Capabilities, plan: QuantizationPlan) -> None:
    """Compare a plan with what its operators can do.

    Raises:
        PlanError: an unknown operator, one that must stay in float, or types, schemes or granularities without a kernel.
    """
    literal, runtime = Manner.of(plan).literal, plan.target.runtime
    closed = {c.op: c.reason for c in capabilities.ops if not c.is_quantizable}
    halves = {(c.op, option.compute_dtype) for c in capabilities.ops for option in c.options if not option.is_quantized}
    faults = [fault for op, op_plan in plan.ops.items() for fault in _faults(layout, closed, op, op_plan, runtime, literal=literal)]
    faults += [
        f"{op}: compute type {p.compute_dtype}"
        for op, p in plan.ops.items()
        if not p.is_quantized and op in layout.by_op and (op, p.compute_dtype) not in halves and p.compute_dtype is not FP32
    ]
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        raise PlanError(
            f"The plan does not fit the model: {shown}.",
            where="quantization plan",
            fix="derive it from the model's own capabilities, or put these operators in float",
        )


def _faults(
    layout: Layout, closed: Mapping[OpId, Reason | None], op: OpId, plan: OpPlan, runtime: Runtime, *, literal: bool
) -> Iterator[str]:
    operator = layout.by_op.get(op)
    if operator is None:
        yield f"the model has no operator {op} of type {op.type}"
        return
    if not plan.is_quantized:
        return
    if op in closed or operator.kind is Kind.FLOAT:
        yield f"{op} stays in float ({closed.get(op) or operator.reason})"
        return
    yield from _type_faults(operator, plan, literal=literal)
    yield from _missing(operator, plan, runtime, literal=literal)
    if operator.kind is Kind.CROSSING and plan.is_dynamic and not literal:
        yield f"{op}: dynamic ranges (a product of two activations has static kernels)"
    if operator.kind in (Kind.WEIGHTED, Kind.OWN):
        yield from _weight_faults(operator, plan.weight, dynamic=plan.is_dynamic)
    if op.type == "LSTM" and operator.kind is Kind.OWN and any(plan.inputs) and not plan.is_dynamic:
        yield f"{op}: static ranges (its kernel finds them at run time)"


def _type_faults(operator: Operator, plan: OpPlan, *, literal: bool) -> Iterator[str]:
    op = operator.op
    for position, tensor in enumerate((*plan.inputs, *plan.outputs)):
        if tensor is None:
            continue
        constant = operator.kind is not Kind.WEIGHTED and position < len(plan.inputs)  # of an operand that is one; its type is free
        if tensor.dtype.bits not in _ACTIVATION_BITS and not constant:
            yield f"{op}: activations as {tensor.dtype} (8 bits per tensor have kernels, 16 bits run between pairs)"
        if not isinstance(tensor.granularity, PerTensor) and not (constant and isinstance(tensor.granularity, PerChannel)):
            yield f"{op}: activations {tensor.granularity} (8 bits per tensor have kernels)"
    if plan.is_dynamic and any(tensor is not None and tensor.dtype != UINT8 for tensor in plan.inputs):
        yield f"{op}: dynamic activations other than uint8"
    if plan.is_dynamic and not (operator.can_return_float(Runtime.ONNXRUNTIME) or (literal and op.type in _DYNAMIC)):
        yield f"{op}: dynamic ranges (MatMul and Gemm have kernels)"


def _missing(operator: Operator, plan: OpPlan, runtime: Runtime, *, literal: bool) -> Iterator[str]:
    op = operator.op
    for position in operator.inputs:
        if position >= len(plan.inputs) or (plan.inputs[position] is None and not (literal and operator.kind is not Kind.WEIGHTED)):
            yield f"{op}: no plan for its input {position}"
    if literal:
        return
    needs_output = not operator.can_return_float(runtime) and not plan.is_dynamic
    if needs_output and (not plan.outputs or plan.outputs[0] is None):
        yield f"{op}: no plan for its output, and its kernel returns codes"


def _weight_faults(operator: Operator, weight: TensorPlan | None, *, dynamic: bool) -> Iterator[str]:
    op = operator.op
    if weight is None:
        yield f"{op}: no plan for its weight"
        return
    if weight.dtype.signed and weight.dtype.bits <= _BYTE and weight.scheme is not Scheme.SYMMETRIC and not is_explicit(weight):
        yield f"{op}: weight as {weight.dtype} {weight.scheme.value} (signed symmetric has kernels)"
    if dynamic and weight.dtype.bits > _BYTE:
        yield f"{op}: dynamic with a weight of {weight.dtype} (8 bits have kernels)"
    if weight.granularity not in (PerTensor(), PerChannel(operator.channel_axis or 0)):
        yield f"{op}: weight {weight.granularity} (per tensor or along axis {operator.channel_axis})"
