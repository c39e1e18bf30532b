"""onnxruntime's own static quantizer, as advised for x86: pre-processed, uint8 activations, int8 weights per channel."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import measured
import numpy as np
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

_METHODS = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile, "entropy": CalibrationMethod.Entropy}
_BINS = 2048  # for entropy, as many as for percentile: with its 128, of which 128 levels are made, there is one candidate, the whole range


class Reader(CalibrationDataReader):
    """One sample after the other."""

    def __init__(self, samples: list[np.ndarray], name: str) -> None:
        self._rest = iter(samples)
        self._name = name

    def get_next(self) -> dict[str, np.ndarray] | None:
        """As onnxruntime asks."""
        sample = next(self._rest, None)
        return None if sample is None else {self._name: sample}


def quantize(job: measured.Job, samples: list[np.ndarray], name: str) -> None:
    """Carry out one job."""
    prepared = f"{job['output']}.prepared"
    quant_pre_process(job["model"], prepared, skip_symbolic_shape=True)
    extra: dict[str, Any] = {}
    if job["method"] == "entropy":
        extra = {"CalibTensorRangeSymmetric": True}
        _set_bins()
    quantize_static(
        prepared,
        job["output"],
        Reader(samples, name),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm"] if job["family"] == "transformer" else None,
        calibrate_method=_METHODS[job["method"]],
        extra_options=extra,
    )
    Path(prepared).unlink()


def _set_bins() -> None:
    """``quantize_static`` takes no number of bins, though the calibrator it makes does."""
    module = importlib.import_module("onnxruntime.quantization.quantize")
    make = module.create_calibrator

    def with_bins(*args: Any, extra_options: dict[str, Any], **options: Any) -> Any:
        return make(*args, extra_options={**extra_options, "num_bins": _BINS}, **options)

    module.create_calibrator = with_bins


if __name__ == "__main__":
    measured.run(quantize)
