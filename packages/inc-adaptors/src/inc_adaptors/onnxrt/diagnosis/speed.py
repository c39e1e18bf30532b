"""Times of the same operators in two models, and why some got slower."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from onnx import ModelProto, NodeProto

from inc_adaptors.diagnosis import SLOWER
from inc_adaptors.onnxrt.diagnosis.unpack import plain_name
from inc_adaptors.roles import OperatorTime

SMALL = 2_000_000
"""Multiply-adds below which the conversions around an integer kernel take longer than what it saves (8 x 8 inputs, 64 channels)."""

_DECORATION = re.compile(r"(_token_\d+|_nchwc|/duplicated.*)$")
_FOLLOWS = frozenset({"Relu", "Clip", "BatchNormalization", "LeakyRelu", "Sigmoid", "Tanh"})
_CONVERTING = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Transpose", "ReorderInput", "ReorderOutput"})
_FUSIONS = frozenset(
    {
        "Attention", "BiasGelu", "BiasSoftmax", "EmbedLayerNormalization", "FastGelu", "Gelu", "LayerNormalization", "MultiHeadAttention",
        "QuickGelu", "SimplifiedLayerNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization",
    }
)  # fmt: skip


def times_by_operator(model: ModelProto, times: tuple[OperatorTime, ...]) -> dict[str, tuple[float, OperatorTime]]:
    """Seconds of each node that ran, by the name it has in ``model``; what was fused behind an operator counts to it."""
    by_name = {plain_name(node.name): node for node in model.graph.node if node.name}
    by_result = {name: node for node in model.graph.node for name in node.output if name}
    found: dict[str, tuple[float, OperatorTime]] = {}
    for time in times:
        if time.type in _CONVERTING:
            continue
        base = plain_name(_DECORATION.sub("", time.name))
        node = by_name.get(base) or by_result.get(base)
        owner = base if node is None else _owner(node, by_result, time.type)
        before = found.get(owner)
        found[owner] = (time.seconds, time) if before is None else (before[0] + time.seconds, before[1])
    return found


def overhead_s(times: tuple[OperatorTime, ...]) -> float:
    """Seconds of operators that only convert between floats and codes or between layouts."""
    return sum(time.seconds for time in times if time.type in _CONVERTING)


def why_slower(ran: OperatorTime, coded: NodeProto, readers: Mapping[str, list[NodeProto]], work: int) -> str:
    """The likeliest reason that an operator takes longer than in float."""
    if ran.dtype == "float32" and ran.type in {"Conv", "MatMul", "Gemm", "FusedConv", "FusedMatMul", coded.op_type}:
        after = [node.op_type for node in readers.get(coded.output[0], [])]
        if after and set(after) != {"QuantizeLinear"}:
            return f"not fused, it runs in float between conversions: {after[0]} stands between it and QuantizeLinear"
        return "not fused, it runs in float between conversions"
    if ran.dtype == "int8":
        return "int8 activations: the kernels for them are slow, uint8 activations with int8 weights are fast"
    if 0 < work < SMALL:
        return f"too small for integers to pay: {work:,} multiply-adds"
    return "its integer kernel takes longer"


def findings(float_times: tuple[OperatorTime, ...], times: tuple[OperatorTime, ...]) -> tuple[str, ...]:
    """What the executed graphs say of the whole model."""
    before, after = (Counter(time.type for time in found) for found in (float_times, times))
    found = [
        f"missing fusion: {before[kind] - after[kind]} of {before[kind]} {kind} that the float model runs are gone"
        for kind in sorted(_FUSIONS)
        if after[kind] < before[kind]
    ]
    if after["BatchNormalization"]:
        count = after["BatchNormalization"]
        found.append(f"missing fusion: {count} BatchNormalization not folded into convolutions; fold them before quantizing")
    conversions = after["QuantizeLinear"] + after["DequantizeLinear"]
    if conversions:
        share = sum(t.share for t in times if t.type in {"QuantizeLinear", "DequantizeLinear"})
        found.append(f"{conversions} QuantizeLinear and DequantizeLinear run by themselves, {share:.0%} of the time")
    if after["DynamicQuantizeLinear"] and after["ConvInteger"]:
        found.append("convolutions with dynamic ranges are several times slower than float; quantize them statically or not at all")
    return tuple(found)


def is_slower(float_s: float | None, quantized_s: float | None) -> bool:
    """Whether a pair of times says so beyond its noise."""
    return bool(float_s and quantized_s is not None and quantized_s > SLOWER * float_s)


def _owner(node: NodeProto, by_result: Mapping[str, NodeProto], ran: str) -> str:
    """The operator whose kernel did ``node``'s work: an activation is fused into what it follows, unless it ran as itself."""
    while node.op_type in _FOLLOWS and ran != node.op_type and node.input[0] in by_result:
        node = by_result[node.input[0]]
    return plain_name(node.name) or str(node.output[0])
