"""Operators that onnxruntime has an integer operator of its own for, not by way of Q/DQ pairs: Attention, LSTM and lookups in tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
from inc_config.capabilities import Reason, ReasonCode
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.kinds import CONTRIB_DOMAIN, STANDARD_DOMAINS, Kind
from inc_adaptors.onnxrt.operator import Operator
from inc_adaptors.onnxrt.shapes import TensorType

_ATTENTION_ATTRIBUTES = frozenset({"num_heads", "unidirectional", "mask_filter_value", "scale"})
_MASK = 3
_EMBED_INPUTS = 8  # the ninth, position ids, has no place in the integer operator
_TABLE_AXES = 2


def recognize(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, plain: Operator) -> Operator | None:
    """The operator with its weights, or with the reason why the integer form does not fit; None where there is no such form at all."""
    domain = "" if node.domain in STANDARD_DOMAINS else node.domain
    finder = _FINDERS.get((domain, node.op_type))
    return None if finder is None else finder(graph, types, node, plain)


def _attention(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, plain: Operator) -> Operator:
    unknown = sorted({item.name for item in node.attribute} - _ATTENTION_ATTRIBUTES)
    later = [name for name in node.input[_MASK + 1 :] if name]
    if unknown or later or len(node.input) < _MASK or any(node.output[1:]):
        what = f"attribute {unknown[0]}" if unknown else "a past, a bias of scores, or no bias"
        return _without(plain, f"QAttention takes no {what}")
    return _weighted(graph, types, node, plain, weights=(1,), axis=1)


def _lstm(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, plain: Operator) -> Operator:
    if attribute(node, "layout", 0):
        return _without(plain, "DynamicQuantizeLSTM takes sequences first (layout 0)")
    found = _weighted(graph, types, node, plain, weights=(1, 2), axis=1)
    return attrs.evolve(found, inputs={})  # its kernel reads floats


def _weighted(
    graph: Graph, types: Mapping[str, TensorType], node: NodeProto, plain: Operator, *, weights: tuple[int, ...], axis: int
) -> Operator:
    held = [graph.initializers.get(node.input[position]) for position in weights]
    if any(tensor is None for tensor in held):
        return attrs.evolve(plain, reason=Reason(ReasonCode.DYNAMIC_WEIGHT, "a weight is no constant"))
    kind = types.get(node.input[0])
    if any(tensor is not None and tensor.data_type != TensorProto.FLOAT for tensor in held) or kind is None or not kind.is_float32:
        return _without(plain, "integer kernels replace float32 weights and inputs only")
    first, *rest = (node.input[position] for position in weights)
    return attrs.evolve(plain, kind=Kind.OWN, inputs={0: node.input[0]}, weight=first, tables=tuple(rest), channel_axis=axis)


def _embedding(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, plain: Operator) -> Operator:
    del types
    tables = [name for name in node.input[2:7] if name]
    if any(node.input[_EMBED_INPUTS:]) or any(node.output[2:]):
        return _without(plain, "QEmbedLayerNormalization takes no position ids and gives no sum")
    if any(name not in graph.initializers or graph.initializers[name].data_type != TensorProto.FLOAT for name in tables):
        return _without(plain, "a table is no float32 constant")
    return attrs.evolve(plain, kind=Kind.OWN, weight=tables[0], tables=tuple(tables[1:]))


def _lookup(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, plain: Operator) -> Operator | None:
    """A Gather of rows of a constant table; any other Gather moves data."""
    del types
    table = graph.initializers.get(node.input[0])
    if table is None or node.input[1] in graph.initializers:
        return None
    if table.data_type != TensorProto.FLOAT or len(table.dims) != _TABLE_AXES or attribute(node, "axis", 0) != 0:
        return None
    return attrs.evolve(plain, kind=Kind.OWN, weight=node.input[0], channel_axis=1)


def _without(plain: Operator, detail: str) -> Operator:
    return attrs.evolve(plain, reason=Reason(ReasonCode.UNSUPPORTED_OPERATOR, detail))


_Finder = Callable[[Graph, Mapping[str, TensorType], NodeProto, Operator], Operator | None]
_FINDERS: Mapping[tuple[str, str], _Finder] = {
    (CONTRIB_DOMAIN, "Attention"): _attention,
    ("", "LSTM"): _lstm,
    (CONTRIB_DOMAIN, "EmbedLayerNormalization"): _embedding,
    ("", "Gather"): _lookup,
}
