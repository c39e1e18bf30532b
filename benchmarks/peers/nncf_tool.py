"""NNCF's post-training quantization of an ONNX model: its defaults, and its transformer scheme for transformers."""

from __future__ import annotations

import measured
import nncf
import numpy as np
import onnx


def quantize(job: measured.Job, samples: list[np.ndarray], name: str) -> None:
    """Carry out one job."""
    made = nncf.quantize(
        onnx.load(job["model"]),
        nncf.Dataset(samples, lambda sample: {name: sample}),
        subset_size=len(samples),
        model_type=nncf.ModelType.TRANSFORMER if job["family"] == "transformer" else None,
    )
    onnx.save(made, job["output"])


if __name__ == "__main__":
    measured.run(quantize)
