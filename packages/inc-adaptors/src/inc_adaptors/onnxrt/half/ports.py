"""Which inputs and outputs of a node change their type together when it computes in 16 bits."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import onnx
from inc_config.dtypes import BF16, FP16, FloatType
from onnx import NodeProto, TensorProto

ELEMENT = {BF16: int(TensorProto.BFLOAT16), FP16: int(TensorProto.FLOAT16)}
"""ONNX's numbers of the 16-bit types."""

_HALF = "tensor(float16)"
_VARIADIC = onnx.defs.OpSchema.FormalParameterOption.Variadic


@attrs.frozen
class Ports:
    """Positions of the inputs and outputs that share the type of a node's first output."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def ports_of(node: NodeProto, opset: int) -> Ports | None:
    """The ports of a standard operator; None where its schema knows no 16-bit form of its first output."""
    try:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        return None
    kind = schema.outputs[0].type_str if schema.outputs else ""
    allowed = next((c.allowed_type_strs for c in schema.type_constraints if c.type_param_str == kind), ())
    if _HALF not in allowed:
        return None
    inputs, outputs = _matching(schema.inputs, list(node.input), kind), _matching(schema.outputs, list(node.output), kind)
    return Ports(inputs, outputs) if inputs else None


def element_of(dtype: FloatType) -> int:
    """ONNX's number of a 16-bit type."""
    return ELEMENT[dtype]


def _matching(parameters: Sequence[onnx.defs.OpSchema.FormalParameter], names: list[str], kind: str) -> tuple[int, ...]:
    """Positions of named tensors whose parameter has the type variable ``kind``; the last parameter may stand for several."""
    found = []
    for position, name in enumerate(names):
        parameter = parameters[min(position, len(parameters) - 1)]
        repeats = position < len(parameters) or parameter.option == _VARIADIC
        if name and repeats and parameter.type_str == kind:
            found.append(position)
    return tuple(found)
