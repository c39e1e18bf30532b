"""``quantize`` with onnxruntime's configuration objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inc_config.errors import PlanError
from onnx import ModelProto
from onnxruntime.quantization import DynamicQuantConfig, StaticQuantConfig

from inc_adaptors.onnxrt.dropin.dynamic import quantize_dynamic
from inc_adaptors.onnxrt.dropin.static import quantize_static

_SHARED = (
    "op_types_to_quantize", "per_channel", "reduce_range", "weight_type", "nodes_to_quantize", "nodes_to_exclude",
    "use_external_data_format", "extra_options",
)  # fmt: skip
_STATIC = (*_SHARED, "calibration_data_reader", "calibrate_method", "quant_format", "activation_type", "calibration_providers")


def quantize(model_input: str | Path | ModelProto, model_output: str | Path, quant_config: Any) -> None:
    """Quantize as a ``StaticQuantConfig`` or ``DynamicQuantConfig`` says.

    Raises:
        PlanError: another configuration; and as ``quantize_static`` and ``quantize_dynamic``.
    """
    if isinstance(quant_config, StaticQuantConfig):
        quantize_static(model_input, model_output, **{name: getattr(quant_config, name) for name in _STATIC})
    elif isinstance(quant_config, DynamicQuantConfig):
        quantize_dynamic(model_input, model_output, **{name: getattr(quant_config, name) for name in _SHARED})
    else:
        raise PlanError(
            f"A {type(quant_config).__name__} is not offered: weight-only quantization is a plan of its own (inc_config's WeightOnly).",
            where="quant_config",
            fix="give a StaticQuantConfig or a DynamicQuantConfig",
        )
