"""``quantize_static``, ``quantize_dynamic`` and ``quantize`` with the signatures of ``onnxruntime.quantization``, on this adaptor's engine.

Every documented argument is honoured or refused with a reason, before any data is read. What is asked for is done: pairs stand where the
tool puts them, with the tool's scales, and the range guard is not applied. ``inc_orchestrate`` is the way that guards, tunes and proves.
"""

from inc_adaptors.onnxrt.dropin.configured import quantize
from inc_adaptors.onnxrt.dropin.dynamic import quantize_dynamic
from inc_adaptors.onnxrt.dropin.static import quantize_static

__all__ = ["quantize", "quantize_dynamic", "quantize_static"]
