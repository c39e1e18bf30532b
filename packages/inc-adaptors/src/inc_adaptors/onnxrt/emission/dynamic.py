"""Operators whose activation range is found from each batch."""

from __future__ import annotations

import attrs
from onnx import NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.emission.names import Names


@attrs.frozen(kw_only=True)
class DynamicOperand:
    """Names of codes, scale and zero point; an empty ``zero_point`` is 0."""

    codes: str
    scale: str
    zero_point: str = ""


def dynamic_operand(names: Names, source: str) -> tuple[NodeProto, DynamicOperand]:
    """The node that quantizes a float activation to uint8 by its own range; operators that read one activation share it."""
    codes, scale, zero_point = (names.of(f"{source}_dynamic_{part}") for part in ("codes", "scale", "zero_point"))
    node = helper.make_node("DynamicQuantizeLinear", [source], [codes, scale, zero_point], name=names.of(f"{source}_dynamic"))
    return node, DynamicOperand(codes=codes, scale=scale, zero_point=zero_point)


def dynamic_nodes(
    names: Names, node: NodeProto, left: DynamicOperand, right: DynamicOperand, *, bias: str | None, output: str
) -> list[NodeProto]:
    """Nodes of ``output = left x right + bias`` on integers, in the form that onnxruntime fuses into one kernel where it has one.

    Args:
        names: where new names come from.
        node: the float Conv, MatMul or Gemm.
        left: the activation.
        right: the weight, laid out as the integer operator takes it, or another activation; its scale broadcasts against the result.
        bias: float bias that broadcasts against the result, or None.
        output: the tensor to make.
    """
    label = node.name
    kind = "ConvInteger" if node.op_type == "Conv" else "MatMulInteger"
    accumulated, real, scales, product = (names.of(f"{label}/{part}") for part in ("int32", "real", "scales", "product"))
    operands = [left.codes, right.codes, left.zero_point, *([right.zero_point] if right.zero_point else [])]
    integer = helper.make_node(kind, operands, [accumulated], name=names.of(f"{label}/{kind.lower()}"))
    if node.op_type == "Conv":
        integer.attribute.extend(node.attribute)
    made = [
        integer,
        helper.make_node("Cast", [accumulated], [real], name=names.of(f"{label}/cast"), to=TensorProto.FLOAT),
        helper.make_node("Mul", [left.scale, right.scale], [scales], name=names.of(f"{label}/scale")),
        helper.make_node("Mul", [real, scales], [product if bias else output], name=names.of(f"{label}/rescale")),
    ]
    if bias:
        made.append(helper.make_node("Add", [product, bias], [output], name=names.of(f"{label}/bias")))
    return made
