"""The ONNX Runtime adaptor's declaration; the adaptor itself is loaded when a model needs it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inc_adaptors.detect import AdaptorSpec
from inc_adaptors.onnxrt.magic import looks_like_onnx

if TYPE_CHECKING:
    from inc_adaptors.onnxrt.dropin import quantize, quantize_dynamic, quantize_static

__all__ = ["ADAPTOR_SPEC", "quantize", "quantize_dynamic", "quantize_static"]

ADAPTOR_SPEC = AdaptorSpec(
    name="onnxrt",
    lineage=(("onnx", "ModelProto"),),
    suffixes=(".onnx",),
    looks_right=looks_like_onnx,
    extra="onnxrt",
    load="inc_adaptors.onnxrt.adaptor:OnnxrtAdaptor",
)


def __getattr__(name: str) -> Any:
    """``quantize``, ``quantize_static`` and ``quantize_dynamic`` load onnxruntime when they are asked for."""
    if name in {"quantize", "quantize_dynamic", "quantize_static"}:
        return getattr(import_module("inc_adaptors.onnxrt.dropin"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
