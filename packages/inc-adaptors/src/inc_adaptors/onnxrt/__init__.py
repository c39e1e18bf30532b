"""The ONNX Runtime adaptor's declaration; the adaptor itself is loaded when a model needs it."""

from __future__ import annotations

from inc_adaptors.detect import AdaptorSpec
from inc_adaptors.onnxrt.magic import looks_like_onnx

ADAPTOR_SPEC = AdaptorSpec(
    name="onnxrt",
    lineage=(("onnx", "ModelProto"),),
    suffixes=(".onnx",),
    looks_right=looks_like_onnx,
    extra="onnxrt",
    load="inc_adaptors.onnxrt.adaptor:OnnxrtAdaptor",
)
