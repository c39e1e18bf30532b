"""16-bit options of a model's operators, where the target has kernels that were measured to pay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import numpy as np
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.dtypes import FP16, FloatType
from inc_config.plan import FLOAT, OpId, OpPlan

from inc_adaptors.onnxrt.analysis import Analysis
from inc_adaptors.onnxrt.half.calls import Call, call_of
from inc_adaptors.onnxrt.half.measuring import Found, HalfKernels
from inc_adaptors.onnxrt.half.weights import LARGEST_FP16
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.shapes import TensorType

HEAVY = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum", "LSTM", "GRU", "RNN"})
"""Operators that are worth a cast on each side. Others compute in 16 bits only on what already is in 16 bits."""

FASTER = 1.05
"""An operator is faster when fp32 takes so many times as long: less is within what two measurements differ by."""

_CLOSED = frozenset({ReasonCode.EXCLUDED_BY_USER, ReasonCode.EXCLUDED_BY_RECIPE, ReasonCode.IN_SUBGRAPH, ReasonCode.UNKNOWN_DOMAIN})


def half_options(
    analysis: Analysis,
    types: Mapping[str, TensorType],
    capabilities: Capabilities,
    precisions: Iterable[FloatType],
    kernels: HalfKernels,
    *,
    smaller: bool = False,
) -> Capabilities:
    """Put 16-bit options before float.

    A heavy operator gets one where it is faster in 16 bits with a cast on each side (``smaller``: wherever there is a kernel); a light
    one where the kernel is not slower and everything that it reads may be in that type already. What cannot be offered is the reason of
    an operator that has none yet.
    """
    judge = _Judge(analysis, types, capabilities, tuple(precisions), kernels, smaller=smaller)
    return attrs.evolve(capabilities, ops=tuple(judge.judged(capability) for capability in capabilities.ops))


class _Judge:
    def __init__(
        self,
        analysis: Analysis,
        types: Mapping[str, TensorType],
        capabilities: Capabilities,
        precisions: tuple[FloatType, ...],
        kernels: HalfKernels,
        *,
        smaller: bool,
    ) -> None:
        self._analysis = analysis
        self._types = types
        self._target = capabilities.target
        self._precisions = precisions
        self._kernels = kernels
        self._smaller = smaller
        self._half: dict[FloatType, set[str]] = {dtype: set() for dtype in precisions}  # tensors that may be in it

    def judged(self, capability: OpCapability) -> OpCapability:
        """One operator, after those that it reads from."""
        operator = self._analysis.layout.by_op.get(capability.op)
        if operator is None or operator.node < 0 or (capability.reason is not None and capability.reason.code in _CLOSED):
            return capability
        call = call_of(self._analysis.graph, self._types, operator)
        if isinstance(call, Reason):
            return _with(capability, (), call)
        answers = [(dtype, *self._answer(operator, call, dtype)) for dtype in self._precisions]
        good = sorted(((found.speedup or 0.0, dtype) for dtype, found, reason in answers if reason is None), key=lambda item: -item[0])
        for _, dtype in good:
            self._half[dtype].update(operator.outputs)
        reasons = [reason for _, _, reason in answers if reason is not None]
        return _with(capability, tuple(OpPlan(compute_dtype=dtype) for _, dtype in good), _joined(reasons))

    def _answer(self, operator: Operator, call: Call, dtype: FloatType) -> tuple[Found, Reason | None]:
        """What the target does with it, and why it is not offered."""
        heavy = call.type in HEAVY
        absent = Found(has_kernel=False)
        if not heavy and not self._reads_half(operator, call, dtype):
            detail = "it reads nothing in 16 bits, and casts would cost more than it saves"
            return absent, Reason(ReasonCode.SLOWER_IN_HALF, detail)
        found = self._kernels.ask(call, dtype, self._target)
        if not found.has_kernel:
            return found, Reason(ReasonCode.NO_HALF_KERNEL, found.why)
        ratio = (found.speedup if heavy else found.inner) or 0.0
        if ratio < (FASTER if heavy else 1.0 / FASTER) and not self._smaller:
            return found, Reason(ReasonCode.SLOWER_IN_HALF, _pace(call, dtype, ratio))
        if dtype is FP16 and (name := self._too_large(operator, call)):
            return found, Reason(ReasonCode.HALF_OVERFLOW, f"{name} has values beyond {LARGEST_FP16:.0f}")
        return found, None

    def _reads_half(self, operator: Operator, call: Call, dtype: FloatType) -> bool:
        node = self._analysis.graph.nodes[operator.node]
        read = [node.input[position] for position in call.ports.inputs if node.input[position] not in call.constants]
        return bool(read) and all(name in self._half[dtype] for name in read)

    def _too_large(self, operator: Operator, call: Call) -> str:
        """A constant that fp16 cannot hold; empty where there is none."""
        node = self._analysis.graph.nodes[operator.node]
        for position in call.ports.inputs:
            values = self._analysis.graph.constant(node.input[position])
            if values is not None and values.size and np.abs(values).max() > LARGEST_FP16:
                return str(node.input[position])
        return ""


def without_overflow(capabilities: Capabilities, largest: Mapping[OpId, float]) -> Capabilities:
    """Take fp16 away from operators whose inputs or outputs went beyond it; ``largest`` is the greatest magnitude seen at each."""

    def judged(capability: OpCapability) -> OpCapability:
        seen = largest.get(capability.op, 0.0)
        kept = tuple(option for option in capability.options if option.compute_dtype is not FP16)
        if seen <= LARGEST_FP16 or kept == capability.options:
            return capability
        reason = Reason(ReasonCode.HALF_OVERFLOW, f"values of up to {seen:.3g} during calibration; fp16 ends at {LARGEST_FP16:.0f}")
        return attrs.evolve(capability, options=kept, reason=capability.reason or (reason if kept == (FLOAT,) else None))

    return attrs.evolve(capabilities, ops=tuple(judged(capability) for capability in capabilities.ops))


def _with(capability: OpCapability, halves: tuple[OpPlan, ...], reason: Reason | None) -> OpCapability:
    integers = tuple(option for option in capability.options if option.is_quantized)
    kept = capability.reason if capability.reason is not None or halves or integers else reason
    return attrs.evolve(capability, options=(*integers, *halves, FLOAT), reason=kept)


def _joined(reasons: list[Reason]) -> Reason | None:
    """One reason of several types' reasons: the code of the first, and what each says."""
    return Reason(reasons[0].code, "; ".join(dict.fromkeys(reason.detail for reason in reasons))) if reasons else None


def _pace(call: Call, dtype: FloatType, ratio: float) -> str:
    if ratio <= 0.0:
        return f"{dtype} {call.type} was not timed"
    return f"{dtype} {call.type} " + (f"{1.0 / ratio:.1f}x slower than fp32 here" if ratio < 1.0 else f"only {ratio:.2f}x as fast as fp32")
