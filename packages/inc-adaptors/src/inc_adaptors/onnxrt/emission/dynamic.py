"""Matrix products whose activation range is found from each batch."""

from __future__ import annotations

from onnx import NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.emission.names import Names


def dynamic_nodes(names: Names, label: str, *, source: str, codes: str, scale: str, bias: str | None, output: str) -> list[NodeProto]:
    """Nodes of ``output = source @ weight + bias`` on integers, in the form that onnxruntime fuses into one kernel.

    Args:
        names: where new names come from.
        label: name of the float node.
        source: the float activation; products that share it share its DynamicQuantizeLinear.
        codes: int8 weight of shape (inside, outside).
        scale: its scales, shape () or (outside,).
        bias: float bias of shape (outside,), or None.
        output: the tensor to make.
    """
    quantized, input_scale, zero_point = (names.of(f"{source}_dynamic_{part}") for part in ("codes", "scale", "zero_point"))
    accumulated, real, scales, product = (names.of(f"{label}/{part}") for part in ("int32", "real", "scales", "product"))
    made = [
        helper.make_node("DynamicQuantizeLinear", [source], [quantized, input_scale, zero_point], name=names.of(f"{source}_dynamic")),
        helper.make_node("MatMulInteger", [quantized, codes, zero_point], [accumulated], name=names.of(f"{label}/matmul_integer")),
        helper.make_node("Cast", [accumulated], [real], name=names.of(f"{label}/cast"), to=TensorProto.FLOAT),
        helper.make_node("Mul", [input_scale, scale], [scales], name=names.of(f"{label}/scale")),
        helper.make_node("Mul", [real, scales], [product if bias else output], name=names.of(f"{label}/rescale")),
    ]
    if bias:
        made.append(helper.make_node("Add", [product, bias], [output], name=names.of(f"{label}/bias")))
    return made
