"""What onnxruntime can do with each operator, best option first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import attrs
import numpy as np
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.dtypes import INT8, UINT8, PerChannel, PerTensor, Scheme
from inc_config.plan import FLOAT, MINMAX, OpId, OpPlan, RangeSource, TensorPlan
from inc_config.target import Isa, Runtime, Target

from inc_adaptors.onnxrt.emission.neighbours import PAIRS
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.guard import structural_guard
from inc_adaptors.onnxrt.kinds import CONTRIB_DOMAIN, STANDARD_DOMAINS, Kind
from inc_adaptors.onnxrt.operators import WITHOUT_CONSTANT, Operator
from inc_adaptors.onnxrt.shapes import TensorType
from inc_adaptors.onnxrt.signed import signable, signed, takes_signed
from inc_adaptors.onnxrt.tensors import expected_bytes
from inc_adaptors.onnxrt.work import multiply_adds

ACTIVATION = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC)
"""Activations uint8 asymmetric with weights int8 symmetric (U8S8) is the fastest form on x86; S8S8 and U8U8 fall back to slow kernels."""

SIGNED_ACTIVATION = TensorPlan(dtype=INT8, scheme=Scheme.SYMMETRIC)
"""TensorRT knows no zero points: int8 symmetric on both sides (S8S8). In products of two activations OpenVINO corrects for none."""

DYNAMIC_ACTIVATION = attrs.evolve(ACTIVATION, ranges=RangeSource.DYNAMIC)

SATURATING = frozenset({Isa.AVX2, Isa.AVX512})
"""Without VNNI a pair of U8S8 products is added in 16 bits and may saturate; weights with the threshold ``pairs`` cannot."""

_LEAST_POWER_RATIO = 3162.0
"""35 dB: a table read as codes is no better than that anywhere behind it."""

_TABLE_AXES = 2
_LINE_AXES = 3
_PAD_OPERANDS = 3  # the fourth names axes
_MARKS = frozenset({"Attention", "LayerNormalization", "SkipLayerNormalization", "Softmax"})
_PRODUCTS = (Kind.WEIGHTED, Kind.OWN)
_MATRIX_TYPES = ("Attention", "Gemm", "MatMul")
_CONV_TYPES = ("Conv", "ConvTranspose")
_FUSED_IN_FLOAT = frozenset({"LeakyRelu", "Mul", "Sigmoid"})
_READING = (Kind.READING, Kind.CROSSING)  # whoever makes what they read writes floats where nobody else reads codes

STATIC_CONV = Reason(
    ReasonCode.SLOWER_IN_INTEGER, "static only: dynamic quantization of a convolution is about five times slower than fp32 in onnxruntime"
)

LINE_PAD = Reason(ReasonCode.NO_INTEGER_KERNEL, "OpenVINO fills with a wrong value where it takes a Pad into a convolution over one axis")


def describe(
    graph: Graph, operators: tuple[Operator, ...], types: Mapping[str, TensorType], target: Target, *, samples: int = 1
) -> Capabilities:
    """Every operator with its options, or with a reason.

    A graph is *transformer-like* when matrix products do more than half of its multiply-adds and it has Softmax or LayerNormalization:
    there only the products with constant weights are quantized, since int8 Add, Mul or Softmax between them cost more time and accuracy
    than they save.
    """
    work = {o.op: multiply_adds(graph, types, graph.nodes[o.node], samples=samples) for o in operators if o.node >= 0}
    products_only = is_transformer_like(graph, operators, work)
    closed = dict(structural_guard(graph, operators, target.runtime))
    closed.update(_biases(graph, operators))
    if target.runtime is Runtime.OPENVINO:
        closed.update(_closed_in_openvino(graph, operators))
    operators = tuple(o if o.reason or o.op not in closed else attrs.evolve(o, reason=closed[o.op]) for o in operators)

    open_to_integers = [o for o in operators if o.reason is None and (o.kind in _PRODUCTS or not products_only)]
    read_as_codes = {name for operator in open_to_integers if operator.kind not in _READING for name in operator.inputs.values()}
    signable_names = signable(graph, operators, target)

    def capability(operator: Operator) -> OpCapability:
        options, reason = _options(graph, operator, products_only=products_only, read_as_codes=read_as_codes, target=target)
        if options and target.runtime is Runtime.OPENVINO and _pads_lines(graph, operator):
            options, reason = (), LINE_PAD
        variants = (signed(option, operator, signable_names) for option in options)
        options = tuple(dict.fromkeys((*options, *variants)))
        names = [name for name in (operator.weight, operator.bias, *operator.tables) if name is not None]
        return OpCapability(
            op=operator.op,
            options=(*options, FLOAT),
            reason=reason,
            members=operator.member_names,
            weight_bytes=sum(expected_bytes(graph.initializers[name]) or 0 for name in names),
            work=work.get(operator.op, 0),
        )

    return Capabilities(target=target, ops=tuple(capability(operator) for operator in operators))


def is_transformer_like(graph: Graph, operators: tuple[Operator, ...], work: Mapping[OpId, int]) -> bool:
    """The rule that ``describe`` documents; where the work of one is unknown, all count by their weights' sizes."""

    by_weight = any(o.weight is not None and o.op.type in (*_MATRIX_TYPES, *_CONV_TYPES) and not work.get(o.op) for o in operators)

    def amount(operator: Operator) -> int:
        weight = graph.initializers.get(operator.weight or "")
        return (0 if weight is None else expected_bytes(weight) or 0) if by_weight else work.get(operator.op, 0)

    products = sum(amount(o) for o in operators if o.op.type in _MATRIX_TYPES)
    rest = sum(amount(o) for o in operators if o.op.type in _CONV_TYPES)
    marked = any(node.op_type in _MARKS and node.domain in (*STANDARD_DOMAINS, CONTRIB_DOMAIN) for node in graph.nodes)
    return marked and products > rest


def _biases(graph: Graph, operators: tuple[Operator, ...]) -> Iterator[tuple[OpId, Reason]]:
    """Every Add of a vector that alone reads a MatMul with a constant weight: the kernel adds it before anything is rounded."""
    consumers = graph.consumers()
    products = {o.outputs[0]: o.op for o in operators if o.kind is Kind.WEIGHTED and o.op.type == "MatMul" and o.activation is None}
    for operator in operators:
        if operator.kind is Kind.COMPUTING and operator.op.type == "Add" and any(_is_vector(graph, n) for n in operator.inputs.values()):
            source = next((name for name in operator.inputs.values() if name in products and len(consumers[name]) == 1), None)
            if source is not None and source not in graph.pinned:
                yield operator.op, Reason(ReasonCode.SLOWER_IN_INTEGER, f"it is the bias of {products[source]}, which adds it in floats")


def _is_vector(graph: Graph, name: str) -> bool:
    tensor = graph.initializers.get(name)
    return tensor is not None and len(tensor.dims) > 0 and all(size == 1 for size in tensor.dims[:-1])


def _closed_in_openvino(graph: Graph, operators: tuple[Operator, ...]) -> Iterator[tuple[OpId, Reason]]:
    """Operators that onnxruntime has integer kernels for and OpenVINO has not, or not right ones."""
    for operator in operators:
        if operator.kind is not Kind.COMPUTING:
            continue
        if operator.op.type in _FUSED_IN_FLOAT:
            detail = f"OpenVINO makes {operator.op.type} in float a part of its neighbours"
            yield operator.op, Reason(ReasonCode.SLOWER_IN_INTEGER, detail)
        elif _takes_rows_of_constants(graph, operator):
            detail = f"OpenVINO reads past the 8-bit constant that {operator.op.type} takes row by row"
            yield operator.op, Reason(ReasonCode.NO_INTEGER_KERNEL, detail)


def _options(
    graph: Graph, operator: Operator, *, products_only: bool, read_as_codes: Collection[str], target: Target
) -> tuple[tuple[OpPlan, ...], Reason | None]:
    if operator.reason is not None:
        return (), operator.reason
    activation = SIGNED_ACTIVATION if target.runtime is Runtime.TENSORRT else ACTIVATION
    if operator.kind is Kind.WEIGHTED:
        writes_codes = not operator.can_return_float(target.runtime) or operator.outputs[0] in read_as_codes
        options = _weighted(operator, target, activation, (activation,) if writes_codes else ())
        return options, STATIC_CONV if operator.op.type == "Conv" else None
    if operator.kind is Kind.OWN:
        return own_options(graph, operator, target)
    if operator.kind in _READING:
        return _reading(operator, activation, target)
    if products_only:
        detail = f"transformer-like model: 8-bit {operator.op.type} between matrix products costs more than it saves"
        return (), Reason(ReasonCode.SLOWER_IN_INTEGER, detail)
    count = max(operator.inputs) + 1
    return (OpPlan(inputs=(activation,) * count, outputs=(activation,) * len(operator.outputs), compute_dtype=INT8),), None


def _reading(operator: Operator, activation: TensorPlan, target: Target) -> tuple[tuple[OpPlan, ...], Reason | None]:
    if operator.kind is Kind.READING:
        return (OpPlan(inputs=(activation,), compute_dtype=INT8),), None
    if not takes_signed(target):
        return (), WITHOUT_CONSTANT
    return (OpPlan(inputs=(SIGNED_ACTIVATION, SIGNED_ACTIVATION), compute_dtype=INT8),), None


def _pads_lines(graph: Graph, operator: Operator) -> bool:
    """Whether a Pad may be one of a tensor of three axes: behind it OpenVINO 2026.4 answers with 3 to 12 dB, of other tensors rightly."""
    if operator.op.type != "Pad":
        return False
    amounts = graph.initializers.get(graph.nodes[operator.node].input[1])
    return amounts is None or list(amounts.dims) == [2 * _LINE_AXES] or len(graph.nodes[operator.node].input) > _PAD_OPERANDS


def _takes_rows_of_constants(graph: Graph, operator: Operator) -> bool:
    """Whether a constant of several rows is an operand: OpenVINO 2026.4 fuses it into a matrix product, and gives garbage on one thread."""
    held = [graph.initializers[name] for name in operator.inputs.values() if name in graph.initializers]
    return any(len(tensor.dims) == _TABLE_AXES and tensor.dims[0] > 1 for tensor in held)


def _weighted(operator: Operator, target: Target, activation: TensorPlan, outputs: tuple[TensorPlan, ...]) -> tuple[OpPlan, ...]:
    weights = weight_plans(operator, target)
    static = [OpPlan(inputs=(activation,), weight=w, outputs=outputs, compute_dtype=INT8) for w in weights]
    if operator.op.type == "Conv" or target.runtime is Runtime.TENSORRT:
        return tuple(static)
    return (*static, OpPlan(inputs=(DYNAMIC_ACTIVATION,), weight=weights[0], compute_dtype=INT8))


def weight_plans(operator: Operator, target: Target) -> list[TensorPlan]:
    """How a weight may be stored: per channel, per tensor; where pairs of products may saturate, with scales that keep them from it."""
    isa = Isa.GENERIC if target.runtime is Runtime.TENSORRT else target.isa  # nothing of it runs on the processor
    threshold = PAIRS if isa in SATURATING else MINMAX
    per_tensor = TensorPlan(dtype=INT8, scheme=Scheme.SYMMETRIC, granularity=PerTensor(), threshold=threshold)
    return [attrs.evolve(per_tensor, granularity=PerChannel(operator.channel_axis or 0)), per_tensor]


def own_options(graph: Graph, operator: Operator, target: Target) -> tuple[tuple[OpPlan, ...], Reason | None]:
    """Options of operators that become onnxruntime's own integer operators; tables are no products, and nothing of them saturates.

    The kernel of an LSTM finds ranges by itself: its two options, without and with dynamic ranges in their plan, are one for whoever asks
    for static or for dynamic quantization.
    """
    if target.runtime is not Runtime.ONNXRUNTIME:
        return (), Reason(ReasonCode.NO_INTEGER_KERNEL, f"the integer {operator.op.type} is onnxruntime's own")
    if operator.op.type == "EmbedLayerNormalization":
        return (OpPlan(weight=TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC), compute_dtype=INT8),), None
    if operator.op.type == "Gather":
        return _lookup_options(graph, operator)
    if operator.op.type == "LSTM":
        weight = weight_plans(operator, target)[0]
        return tuple(OpPlan(inputs=inputs, weight=weight, compute_dtype=INT8) for inputs in ((), (DYNAMIC_ACTIVATION,))), None
    return _weighted(operator, target, ACTIVATION, ()), None


def _lookup_options(graph: Graph, operator: Operator) -> tuple[tuple[OpPlan, ...], Reason | None]:
    """One scale for a table where that keeps its values; else one per column, which takes a little longer to read."""
    values = np.asarray(graph.constant(operator.weight or ""), np.float32)
    plans = []
    for granularity, limits in ((PerTensor(), np.abs(values).max(initial=0.0)), (PerChannel(1), np.abs(values).max(axis=0, initial=0.0))):
        noise = float(np.mean(np.square(limits / 127.0))) / 12.0
        if noise == 0.0 or float(np.square(values).mean(dtype=np.float64)) / noise >= _LEAST_POWER_RATIO:
            plans.append(OpPlan(weight=TensorPlan(granularity=granularity), compute_dtype=INT8))
    if plans:
        return tuple(plans), None
    return (), Reason(ReasonCode.RANGE_GUARD, "8 bits do not keep the table's values: less than 35 dB")


def with_alternatives(capabilities: Capabilities) -> Capabilities:
    """Every integer option again with int8 activations and with uint8 weights: kernels that onnxruntime has, and that are slower.

    int8 activations go with int8 weights only. TensorRT has no other type than its own.
    """
    if capabilities.target.runtime is not Runtime.ONNXRUNTIME:
        return capabilities

    def extended(capability: OpCapability) -> OpCapability:
        integers = [option for option in capability.options if option.is_quantized]
        others = [option for option in capability.options if not option.is_quantized]
        made = [made for option in integers for made in _alternatives(option)]
        return attrs.evolve(capability, options=tuple(dict.fromkeys((*integers, *made, *others))))

    return attrs.evolve(capabilities, ops=tuple(extended(capability) for capability in capabilities.ops))


def _alternatives(option: OpPlan) -> Iterator[OpPlan]:
    if option.weight is not None and option.inputs and option.weight.dtype.signed:
        unsigned = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC)
        yield attrs.evolve(option, weight=unsigned)
    if option.inputs and not option.is_dynamic:
        for scheme in (Scheme.ASYMMETRIC, Scheme.SYMMETRIC):
            yield attrs.evolve(option, inputs=_signed(option.inputs, scheme), outputs=_signed(option.outputs, scheme))


def _signed(tensors: tuple[TensorPlan | None, ...], scheme: Scheme) -> tuple[TensorPlan | None, ...]:
    return tuple(tensor if tensor is None else attrs.evolve(tensor, dtype=INT8, scheme=scheme) for tensor in tensors)
