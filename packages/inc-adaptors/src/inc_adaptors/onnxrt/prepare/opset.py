"""Upgrade operator sets 11 and 12, which have no per-channel DequantizeLinear, to 13."""

from __future__ import annotations

import onnx
from inc_config.errors import ModelError
from onnx import ModelProto

from inc_adaptors.onnxrt.prepare.names import name_nodes
from inc_adaptors.onnxrt.tensors import opset_of, without_weights

QDQ_OPSET = 13


def upgrade(model: ModelProto) -> ModelProto:
    """The model itself from operator set 13 on, else its structure in operator set 13, with large initializers as inputs (node names stay).

    Raises:
        ModelError: onnx cannot convert the model.
    """
    if opset_of(model) >= QDQ_OPSET or not opset_of(model):
        return model
    skeleton = without_weights(model)
    name_nodes(skeleton.graph.node)
    try:
        converted: ModelProto = onnx.version_converter.convert_version(skeleton, QDQ_OPSET)
    except RuntimeError as error:
        raise ModelError(
            f"The model uses operator set {opset_of(model)} and cannot be upgraded to {QDQ_OPSET}: {str(error).strip()[:300]}",
            where="the model given",
            fix=f"export it with operator set {QDQ_OPSET} or newer",
        ) from error
    return converted
