"""Tensors that joins double until no memory holds them, found before a session would work them out."""

from __future__ import annotations

import math

from inc_config.errors import ModelError
from onnx import ModelProto

_MOST_VALUES = 1 << 32
"""Values of one tensor: 16 GiB of fp32, which no model that is quantized on a processor has."""

_KEEPING = frozenset({"Cast", "Identity", "Neg", "Relu", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_JOINING = "Concat"


def check_growth(model: ModelProto) -> None:
    """Follow sizes through Concat and what keeps them; an axis of unknown length counts once.

    Raises:
        ModelError: a tensor would have more than 2^32 values.
    """
    sizes = {tensor.name: math.prod(max(axis, 0) for axis in tensor.dims) for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name not in sizes and value.type.HasField("tensor_type"):
            sizes[value.name] = math.prod(max(axis.dim_value, 1) for axis in value.type.tensor_type.shape.dim)
    for node in model.graph.node:
        if node.op_type == _JOINING:
            made = sum(sizes.get(name, 1) for name in node.input)
        elif node.op_type in _KEEPING and node.input:
            made = sizes.get(node.input[0], 1)
        else:
            continue
        if made > _MOST_VALUES:
            raise ModelError(
                f"{node.op_type} {node.name or node.output[0]!r} would make a tensor of {made:,} values.",
                where="the model given",
                fix="save, export or download the model again",
            )
        sizes.update(dict.fromkeys(node.output, made))
