"""What every tool's script shares: the job it is given, one thread, and the cost it reports. Needs onnxruntime, onnx and numpy only.

A job is a JSON file: ``model`` (path), ``samples`` (an .npy file of inputs, one sample per row), ``output`` (path), ``method`` (minmax,
percentile or entropy) and ``family`` (cnn or transformer). The answer is one line of JSON: CPU seconds of the whole quantization from
model file to model file (``cpu_s``), of plain inference of the same samples one by one (``inference_s``), and the process's peak memory
in MB (``peak_mb``).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

Job = dict[str, Any]


def run(quantize: Callable[[Job, list[np.ndarray], str], None]) -> None:
    """Carry out the job named on the command line: ``quantize`` gets it, its samples of one row each, and the model's input name."""
    job: Job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    one_thread()
    array = np.load(job["samples"], mmap_mode="r")
    samples = [np.ascontiguousarray(array[i : i + 1]) for i in range(len(array))]
    session = onnxruntime.InferenceSession(job["model"], providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    inference = 0.0
    if job["measure"]:
        session.run(None, {name: samples[0]})
        inference = cpu_s(partial(_infer, session, samples, name))
    del session
    with Quiet():
        spent = cpu_s(lambda: quantize(job, samples, name))
    print(json.dumps({"cpu_s": spent, "inference_s": inference, "peak_mb": peak_mb()}))


def _infer(session: Any, samples: list[np.ndarray], name: str) -> None:
    for sample in samples:
        session.run(None, {name: sample})


def cpu_s(call: Callable[[], object]) -> float:
    """CPU seconds of this process during a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def peak_mb() -> float:
    """Peak resident memory of this process alone."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1000.0


def one_thread() -> None:
    """Make every session of this process single-threaded, also those that a tool makes: their workers would spin."""
    plain = onnxruntime.InferenceSession.__init__

    def init(self: Any, model: Any, sess_options: Any = None, *args: Any, **options: Any) -> None:
        sess_options = sess_options or onnxruntime.SessionOptions()
        sess_options.intra_op_num_threads = sess_options.inter_op_num_threads = 1
        plain(self, model, sess_options, *args, **options)

    onnxruntime.InferenceSession.__init__ = init


class Quiet:
    """Send what tools print to standard error, so that the answer stands alone."""

    def __enter__(self) -> None:
        sys.stdout.flush()
        self._kept = os.dup(1)
        os.dup2(2, 1)

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        os.dup2(self._kept, 1)
        os.close(self._kept)
