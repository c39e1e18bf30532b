"""onnxruntime's own static quantizer with everything it does not ask for left as it is."""

from __future__ import annotations

import measured
import numpy as np
from onnxruntime.quantization import quantize_static
from onnxruntime_tool import Reader


def quantize(job: measured.Job, samples: list[np.ndarray], name: str) -> None:
    """Carry out one job."""
    quantize_static(job["model"], job["output"], Reader(samples, name))


if __name__ == "__main__":
    measured.run(quantize)
