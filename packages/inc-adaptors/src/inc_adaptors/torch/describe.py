"""What can be done with each operator of a module on this route, and why not more."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import attrs
import torch
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.dtypes import INT8, UINT8, IntegerType, PerChannel, Scheme
from inc_config.plan import FLOAT, OpId, OpPlan, RangeSource, TensorPlan
from inc_config.target import Device, Isa, Runtime, Target
from torch import nn

from inc_adaptors.torch.calling import device_of, to_native
from inc_adaptors.torch.flow import CONVOLUTIONS, QUANTIZABLE, Flow, Operator, flow_of, is_plain, operator_type
from inc_adaptors.torch.fold import geometry_of
from inc_adaptors.torch.int8 import Int8Operator
from inc_adaptors.torch.trace import COMPUTE_FUNCTIONS, Step, remember, trace

MINIMUM_WORK = 250_000
"""Multiply-adds per sample below which an operator stays in float, unless all would: one integer call costs 25 to 40 us to set up, in which
fp32 does about this much (one core with AVX512-VNNI and AMX; 8x8 images with 16 channels ran at 0.2 to 0.5 of the fp32 speed)."""

ACTIVATION = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC)
DYNAMIC_ACTIVATION = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC, ranges=RangeSource.DYNAMIC)
# Without VNNI, pairs of 8-bit products are summed in int16: 7-bit weights cannot overflow it.
_SATURATING = (Isa.GENERIC, Isa.AVX2, Isa.AVX512)


def weight_plan(isa: Isa) -> TensorPlan:
    """How weights are stored for an instruction set."""
    dtype = IntegerType(7, signed=True) if isa in _SATURATING else INT8
    return TensorPlan(dtype=dtype, scheme=Scheme.SYMMETRIC, granularity=PerChannel(0))


def capabilities(model: nn.Module, target: Target, batches: Iterable[Any], *, minimum_work: int) -> Capabilities:
    """Every weighted operator in execution order, found by running one batch; then those that did not run.

    Without batches nothing is known of the order, of fusion or of inputs: ``Linear`` modules can be dynamic, the rest stays in float.
    """
    batch = next(iter(batches), None)
    if batch is None:
        return Capabilities(target=target, ops=tuple(_undescribed(model, target)))
    flow = flow_of(model, remember(model, trace(model, to_native(batch, device_of(model)))))
    return Capabilities(target=target, ops=tuple(_described(model, flow, target, minimum_work)))


def _described(model: nn.Module, flow: Flow, target: Target, minimum_work: int) -> Iterable[OpCapability]:
    modules = dict(model.named_modules())
    operators = {id(operator.step): operator for operator in flow.operators}
    worth = any(_work(operator.step, modules[operator.step.path]) >= minimum_work for operator in flow.operators)
    # A model of small operators only is quantized whole: who asks for it wants its size, and the latencies say what it costs.
    options = _Options(flow=flow, target=target, minimum_work=minimum_work if worth else 0)
    ran = set()
    listed = {step.path for step in flow.found.steps if step.is_module}
    for step in flow.found.steps:
        if id(step) in operators:
            yield options.of(operators[id(step)], modules[step.path])
            ran.add(step.path)
        elif step.is_module and _weight_bytes(modules[step.path]):
            yield _in_float(OpId(step.path, step.call_index, step.name), modules[step.path], _unsupported(step.name))
        elif not step.is_module and step.name in COMPUTE_FUNCTIONS and step.path not in listed:
            detail = f"{step.name} is called as a function: no module can take its place"
            scope = f"{step.path}.{step.name}".lstrip(".")
            yield OpCapability(op=OpId(scope, step.call_index, step.name), reason=Reason(ReasonCode.UNSUPPORTED_OPERATOR, detail))
    for path, module in modules.items():
        if isinstance(module, Int8Operator):
            yield _quantized_before(path, module)
        elif isinstance(module, QUANTIZABLE) and path not in ran:
            detail = "not called on the batch" + (", its weight is read by other code" if path in flow.found.read_elsewhere else "")
            yield _in_float(OpId(path, 0, operator_type(module)), module, Reason(ReasonCode.NOT_EXECUTED, detail))


def _undescribed(model: nn.Module, target: Target) -> Iterable[OpCapability]:
    for path, module in model.named_modules():
        if isinstance(module, Int8Operator):
            yield _quantized_before(path, module)
        if not isinstance(module, QUANTIZABLE):
            continue
        op = OpId(path, 0, operator_type(module))
        refused = _refusal(module, target)
        if refused is None and isinstance(module, nn.Linear):
            yield OpCapability(op=op, options=(_dynamic(target), FLOAT), members=(path,), weight_bytes=_weight_bytes(module))
        else:
            yield _in_float(op, module, refused or Reason(ReasonCode.NOT_EXECUTED, "no batch was given to run it with"))


@attrs.frozen(kw_only=True)
class _Options:
    flow: Flow
    target: Target
    minimum_work: int

    def of(self, operator: Operator, module: nn.Module) -> OpCapability:
        """The choices of one operator."""
        work = _work(operator.step, module)
        reason = self._reason(operator, module, work)
        options = (FLOAT,) if reason else self._integer(operator)
        return OpCapability(
            op=operator.op, options=options, reason=reason, members=operator.members, weight_bytes=_weight_bytes(module), work=work
        )

    def _reason(self, operator: Operator, module: nn.Module, work: int) -> Reason | None:
        if operator.step.path in self.flow.found.read_elsewhere:
            return Reason(ReasonCode.DYNAMIC_WEIGHT, "other code reads its weight too")
        if refused := _refusal(module, self.target):
            return refused
        if not operator.step.shape_in or 0 in operator.step.shape_in:
            return Reason(ReasonCode.UNSUPPORTED_OPERATOR, f"it was called on a tensor of shape {operator.step.shape_in}")
        if work < self.minimum_work:
            detail = f"{work} multiply-adds per sample; fp32 is faster below {self.minimum_work} (minimum_work of TorchAdaptor)"
            return Reason(ReasonCode.TOO_SMALL, detail)
        return None

    def _integer(self, operator: Operator) -> tuple[OpPlan, ...]:
        outputs = (ACTIVATION,) if self.flow.consumers(operator) else ()
        weight = weight_plan(self.target.isa)
        static = OpPlan(inputs=(ACTIVATION,), weight=weight, outputs=outputs, compute_dtype=INT8)
        return (static, _dynamic(self.target), FLOAT) if operator.op.type == "Linear" else (static, FLOAT)


def _dynamic(target: Target) -> OpPlan:
    return OpPlan(inputs=(DYNAMIC_ACTIVATION,), weight=weight_plan(target.isa), compute_dtype=INT8)


def _refusal(module: nn.Module, target: Target) -> Reason | None:
    """Why a module can never run on integers here."""
    if target.runtime is not Runtime.TORCH or target.device is not Device.CPU:
        return Reason(ReasonCode.NO_INTEGER_KERNEL, f"this route runs on torch and the CPU, not on {target}")
    if not is_plain(module):
        return Reason(ReasonCode.UNSUPPORTED_OPERATOR, f"{type(module).__name__} has a forward, a parametrization or hooks of its own")
    weight = module._parameters["weight"]
    if weight is None or weight.dtype is not torch.float32 or not weight.is_cpu:
        kind = "missing" if weight is None else f"{str(weight.dtype).removeprefix('torch.')} on {weight.device}"
        return Reason(ReasonCode.NO_INTEGER_KERNEL, f"its weight is {kind}: the kernels take float32 on the CPU")
    if isinstance(module, CONVOLUTIONS) and geometry_of(module) is None:
        return Reason(
            ReasonCode.UNSUPPORTED_OPERATOR, f"padding {module.padding!r} with mode {module.padding_mode!r} has no integer kernel"
        )
    return None


def _unsupported(kind: str) -> Reason:
    return Reason(ReasonCode.UNSUPPORTED_OPERATOR, f"{kind} has no integer kernel on this route")


def _quantized_before(path: str, module: Int8Operator) -> OpCapability:
    reason = Reason(ReasonCode.ALREADY_QUANTIZED, "its weight is int8: quantize the model that it was made from")
    return OpCapability(op=OpId(path, 0, type(module).__name__), reason=reason, members=(path,), weight_bytes=module.weight_codes.numel())


def _in_float(op: OpId, module: nn.Module, reason: Reason) -> OpCapability:
    return OpCapability(op=op, reason=reason, members=(op.scope,), weight_bytes=_weight_bytes(module))


def _weight_bytes(module: nn.Module) -> int:
    """Bytes of the module's own weights of two or more axes."""
    return sum(p.numel() * p.element_size() for p in module._parameters.values() if p is not None and p.ndim > 1)


def _work(step: Step, module: nn.Module) -> int:
    """Multiply-adds per sample of the traced call."""
    weight: Any = module.weight
    samples = step.shape_in[0] if step.shape_in and (isinstance(module, nn.Linear) or len(step.shape_in) == weight.ndim) else 1
    return int(math.prod(step.shape_out) * (weight.numel() // weight.shape[0]) // max(1, samples))
