"""Time models in OpenVINO on one thread, in turns: CPU seconds per call, one list per model. Needs openvino and numpy.

``python openvino_times.py inputs.npy rounds model.onnx ...``; the answer is one line of JSON with ``cpu`` and ``wall``, each a list per
model.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import openvino

_ROUND_S = 0.25


def main(inputs: str, rounds: int, models: list[str]) -> None:
    """Print the times."""
    batch = np.load(inputs)
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    calls = [_Call(core.compile_model(model, "CPU", settings), batch) for model in models]
    cpu: list[list[float]] = [[] for _ in calls]
    wall: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds):
        order = range(len(calls)) if turn % 2 == 0 else reversed(range(len(calls)))
        for index in order:
            start = time.process_time(), time.perf_counter()
            for _ in range(calls[index].repeats):
                calls[index]()
            cpu[index].append((time.process_time() - start[0]) / calls[index].repeats)
            wall[index].append((time.perf_counter() - start[1]) / calls[index].repeats)
    print(json.dumps({"cpu": cpu, "wall": wall}))


class _Call:
    def __init__(self, compiled: Any, batch: np.ndarray) -> None:
        self._request = compiled.create_infer_request()
        self._batch = batch
        self()
        start = time.perf_counter()
        self()
        self.repeats = max(1, round(_ROUND_S / (time.perf_counter() - start)))

    def __call__(self) -> None:
        self._request.infer({0: self._batch})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
