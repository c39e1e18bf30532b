"""What emissions are put together from: a tensor's nodes and initializers."""

from __future__ import annotations

from collections.abc import Hashable

import attrs
from inc_config.dtypes import Granularity, IntegerType, PerChannel
from onnx import NodeProto, TensorProto, helper, numpy_helper

from inc_adaptors.onnxrt.emission.containers import codes_tensor
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.qparams import QParams


@attrs.frozen(kw_only=True, eq=False)
class Part:
    """Nodes and initializers that make one tensor; ``output`` is its name, ``qparams`` its scale and zero point."""

    nodes: tuple[NodeProto, ...]
    initializers: tuple[TensorProto, ...]
    output: str
    qparams: QParams


def scale_and_zero_point(
    names: Names, wish: str, qparams: QParams, dtype: IntegerType, purpose: Hashable, *, packed: bool = False
) -> tuple[TensorProto, TensorProto]:
    """Scale and zero point as initializers."""
    return (
        numpy_helper.from_array(qparams.scale, names.of(f"{wish}_scale", purpose)),
        codes_tensor(qparams.zero_point, names.of(f"{wish}_zero_point", purpose), dtype, packed=packed),
    )


def dequantize_node(inputs: list[str], output: str, name: str, granularity: Granularity) -> NodeProto:
    """A DequantizeLinear, along the axis of ``granularity`` where it has one."""
    node = helper.make_node("DequantizeLinear", inputs, [output], name=name)
    if isinstance(granularity, PerChannel):
        node.attribute.append(helper.make_attribute("axis", granularity.axis))
    return node
