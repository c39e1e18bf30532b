"""Upgrade operator sets 11 and 12, which have no per-channel DequantizeLinear, to 13."""

from __future__ import annotations

import onnx
from inc_config.errors import ModelError
from onnx import ModelProto

from inc_adaptors.onnxrt.prepare.names import name_nodes
from inc_adaptors.onnxrt.tensors import LARGE_BYTES, expected_bytes, opset_of, without_weights

QDQ_OPSET = 13


def upgrade(model: ModelProto) -> ModelProto:
    """The model itself from operator set 13 on, else a copy in operator set 13 (node names stay).

    Raises:
        ModelError: onnx cannot convert the model.
    """
    if opset_of(model) >= QDQ_OPSET or not opset_of(model):
        return model
    try:
        converted = onnx.version_converter.convert_version(without_weights(model), QDQ_OPSET)
    except RuntimeError as error:
        raise ModelError(
            f"The model uses operator set {opset_of(model)} and cannot be upgraded to {QDQ_OPSET}: {str(error).strip()[:300]}",
            where="the model given",
            fix=f"export it with operator set {QDQ_OPSET} or newer",
        ) from error
    large = {t.name: t for t in model.graph.initializer if (expected_bytes(t) or 0) > LARGE_BYTES}
    declared = {value.name for value in model.graph.input}
    kept = [value for value in converted.graph.input if value.name not in large or value.name in declared]
    del converted.graph.input[:]
    converted.graph.input.extend(kept)
    converted.graph.initializer.extend(large.values())
    return name_nodes(converted)
