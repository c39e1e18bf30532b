"""``quantize_dynamic`` with the signature of ``onnxruntime.quantization``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from inc_config.dtypes import INT8, UINT8, Scheme
from inc_config.errors import PlanError
from inc_config.plan import OpPlan, QuantizationPlan, RangeSource, TensorPlan
from onnx import ModelProto
from onnxruntime.quantization import QuantType

from inc_adaptors.onnxrt.dropin.arguments import names_of, read_options
from inc_adaptors.onnxrt.dropin.bodies import quantize_bodies
from inc_adaptors.onnxrt.dropin.overrides import read_overrides
from inc_adaptors.onnxrt.dropin.source import TARGET, Source, nothing_left
from inc_adaptors.onnxrt.dropin.tensors import Formats, spelled_out
from inc_adaptors.onnxrt.dropin.types import integer_type
from inc_adaptors.onnxrt.dropin.walk import selector
from inc_adaptors.onnxrt.dropin.writing import write_model
from inc_adaptors.onnxrt.emission.manner import LITERAL
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator

TYPES = frozenset({"Attention", "Conv", "EmbedLayerNormalization", "Gather", "LSTM", "MatMul"})
"""What is quantized by default, by the tool too."""

_LOG = logging.getLogger(__name__)

_ACTIVATION = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC, ranges=RangeSource.DYNAMIC)
_BYTE = 8


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
    """Quantize with ranges found from each batch; arguments as onnxruntime documents them.

    Convolutions on integers with dynamic ranges are several times slower than in float: where nobody asked for them by their type, the log
    says so.

    Raises:
        PlanError, ModelError, CalibrationError, StoreError: as ``quantize_static``.
    """
    options = read_options(extra_options, dynamic=True)
    weight = integer_type(weight_type, "weight_type")
    if weight.bits != _BYTE:
        raise PlanError(
            f"weight_type={weight_type} is not offered: integer operators with dynamic ranges have 8 bits.",
            where="weight_type",
            fix="give QInt8 or QUInt8",
        )
    nodes, excluded = names_of(nodes_to_quantize, "nodes_to_quantize"), names_of(nodes_to_exclude, "nodes_to_exclude")
    types = names_of(op_types_to_quantize, "op_types_to_quantize") or TYPES
    source = Source.of(model_input)
    source.check_nodes(nodes | excluded)
    is_selected = selector(types=types | {"Gemm"} if "MatMul" in types else types, nodes=nodes, excluded=excluded)
    formats = Formats(
        activation=UINT8,
        weight=weight,
        options=options,
        overrides=read_overrides(options.overrides, *source.float_tensors()),
        per_channel=per_channel,
        reduced=reduce_range,
        offsets_per_channel=True,
    )
    made = _quantized(source, formats, is_selected)
    if options.subgraphs:
        whole = ModelProto()
        whole.CopyFrom(source.handle.native if made is None else made)
        bodies = quantize_bodies(whole, source.types, lambda body: _quantized(Source.alone(body), formats, is_selected))
        made = whole if bodies else made
    if made is None:
        raise nothing_left(source)
    slow = sum(node.op_type == "ConvInteger" for node in made.graph.node)
    if slow and not op_types_to_quantize:
        _LOG.warning(
            "%d convolutions find their ranges at run time, several times slower than float: use quantize_static for them, or "
            "leave Conv out of op_types_to_quantize.",
            slow,
        )
    write_model(made, Path(model_output), beside=use_external_data_format)


def _quantized(source: Source, formats: Formats, is_selected: Callable[[Operator], bool]) -> ModelProto | None:
    """The quantized form of a graph, None where nothing in it is selected."""
    chosen = list(_chosen(source, formats, [operator for operator in source.operators if operator.node >= 0 and is_selected(operator)]))
    if not chosen:
        return None
    plan = QuantizationPlan(target=TARGET, ops={operator.op: plan for operator, plan in chosen}, recipes={LITERAL: True})
    made: ModelProto = source.emit(plan, {operator.op: operator for operator, _ in chosen}, final=False).native
    return made


def _chosen(source: Source, formats: Formats, operators: Sequence[Operator]) -> Iterator[tuple[Operator, OpPlan]]:
    """Every operator that can be quantized, with its plan."""
    for operator in operators:
        kind = operator.op.type
        if operator.kind is Kind.WEIGHTED and operator.weight is not None:
            of_weight = formats if kind != "Conv" else attrs.evolve(formats, offsets_per_channel=False)
            weight = of_weight.constant_plan(operator.weight, is_weight=True, axis=operator.channel_axis)
            yield operator, OpPlan(inputs=(_ACTIVATION,), weight=weight, compute_dtype=INT8)
        elif kind == "Gather" and _reads_floats(source, operator, constant=True):
            table = source.graph.nodes[operator.node].input[0]
            values = np.asarray(source.graph.constant(table), np.float32)
            codes = spelled_out(attrs.evolve(formats, reduced=False).constant_plan(table, is_weight=False, axis=None), values, table)
            generic = attrs.evolve(operator, kind=Kind.COMPUTING, inputs={0: table}, reason=None)
            yield generic, OpPlan(inputs=(codes,), outputs=(codes,), compute_dtype=INT8)
        elif operator.kind is Kind.OWN:
            yield operator, _own(operator, formats)
        elif kind == "MatMul" and not formats.options.constant_weights_only and _reads_floats(source, operator, constant=False):
            node = source.graph.nodes[operator.node]
            generic = attrs.evolve(operator, kind=Kind.COMPUTING, inputs=dict(enumerate(node.input)), reason=None)
            yield generic, OpPlan(inputs=(_ACTIVATION, _ACTIVATION), compute_dtype=INT8)


def _own(operator: Operator, formats: Formats) -> OpPlan:
    """Of an operator that becomes onnxruntime's own: Attention reads codes, tables are unsigned."""
    if operator.op.type == "EmbedLayerNormalization":
        return OpPlan(weight=TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC), compute_dtype=INT8)
    signed = attrs.evolve(formats, weight=INT8) if operator.op.type == "LSTM" else formats  # the tool knows no other LSTM
    weight = signed.constant_plan(operator.weight or "", is_weight=True, axis=operator.channel_axis)
    return OpPlan(inputs=(_ACTIVATION,), weight=weight, compute_dtype=INT8)


def _reads_floats(source: Source, operator: Operator, *, constant: bool) -> bool:
    """Whether an operator reads a float table (``constant``), or two float activations."""
    activations, constants = source.float_tensors()
    inputs = source.graph.nodes[operator.node].input
    return inputs[0] in constants if constant else all(name in activations for name in inputs)
