"""Time models in OpenVINO on one thread, in turns: CPU seconds per call. Needs openvino and numpy.

``python openvino_times.py inputs.npy lives turns model.onnx ...``; the answer is one line of JSON with ``cpu``: by life, by turn, one
figure per model.
"""

from __future__ import annotations

import json
import sys
from functools import partial

import numpy as np
import openvino
from turns import Call, in_turns, on_one_core

_SETTINGS = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}


def main(inputs: str, lives: int, turns: int, models: list[str]) -> None:
    """Print the times."""
    on_one_core()
    batch = np.load(inputs)
    cpu = in_turns([partial(_call, model, batch) for model in models], lives=lives, turns=turns)
    print(json.dumps({"cpu": cpu.tolist()}))


def _call(model: str, batch: np.ndarray) -> Call:
    request = openvino.Core().compile_model(model, "CPU", _SETTINGS).create_infer_request()
    return partial(request.infer, {0: batch})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
