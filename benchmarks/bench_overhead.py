"""What measuring costs: a timed loop against a bare one around the same call, and a bound ONNX model against a raw session.

Bounds: what inc-bench reports for a call of 1 ms is at most 1.02 times what a bare loop takes; a bound ONNX model is within 3 % of a raw
``session.run`` loop. Rounds of both alternate and make pairs; CPU time is compared, since both are single-threaded, and pairs with a round
below 0.95 CPU/wall are thrown away. A bound holds when the whole 95 % interval lies within.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnxruntime
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_bench.comparison import Comparison, paired
from inc_bench.instances.driving import Progress, drive
from inc_bench.instances.job import Closed
from inc_bench.results.statistics import cpu_seconds
from onnx import ModelProto, TensorProto, helper, numpy_helper

PAIRS = 120
CALLS = 25
OVERHEAD = 1.02
RAW = 0.03

Call = Callable[[], object]
Round = Callable[[], tuple[float, float]]
"""Runs ``CALLS`` calls: seconds of CPU and on the wall."""


def main() -> int:
    """Measure, print, and return 1 where a bound is not certain to hold."""
    onnx_call, raw_call = sessions()
    missed = 0
    for name, found, low_bound, high_bound in (
        ("a timed loop over a bare one", compared(timed(work), bare(work)), 0.0, OVERHEAD),
        ("a bound ONNX model over a raw session", compared(timed(onnx_call), bare(raw_call)), 1 - RAW, 1 + RAW),
    ):
        holds = not found.noisy and found.low >= low_bound and found.high <= high_bound
        missed += not holds
        verdict = "holds" if holds else "missed" if not found.noisy and found.low > high_bound else "inconclusive"
        print(
            f"{name:<40}{found.ratio:.4f}x [{found.low:.4f}, {found.high:.4f}]  bound {high_bound:g}  {verdict}"
            f"{' (noisy machine)' if found.noisy else ''}; {found.rounds} pairs, {found.candidate_s * 1e3:.3f} ms of CPU per call"
        )
    return int(missed > 0)


def work() -> int:
    """About a millisecond of arithmetic."""
    total = 0
    for value in range(45_000):
        total += value
    return total


def bare(call: Call) -> Round:
    """What anyone would write."""

    def run() -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(CALLS):
            call()
        return time.process_time() - cpu, time.perf_counter() - wall

    return run


def timed(call: Call) -> Round:
    """What an instance does, and the times that the result is made of; the start is now.

    A run is cut into 15 parts, whatever its length; a round here is one part, an eighth of what one has in a run of 3 s.
    """

    def run() -> tuple[float, float]:
        progress = Progress()
        progress.stop.set()
        return cpu_seconds(drive(call, Closed(calls=CALLS, rounds=1), start=time.perf_counter(), progress=progress))

    return run


def compared(first: Round, second: Round) -> Comparison:
    """CPU time of the first over that of the second."""
    for round_ in (first, second):
        round_()

    def take(which: int) -> tuple[float, float]:
        cpu_s, wall_s = (first, second)[which]()
        return cpu_s / CALLS, cpu_s / wall_s

    return paired(take, rounds=PAIRS, on_cpu=True, confidence=0.95)


def sessions() -> tuple[Call, Call]:
    """The same model through the adaptor and through a session of its own, on the same input and one thread."""
    model = conv_model(layers=8, channels=32, size=32)  # about a millisecond
    adaptor = OnnxrtAdaptor()
    inputs = np.random.default_rng(0).standard_normal((1, 32, 32, 32)).astype(np.float32)
    (call,) = adaptor.bind(adaptor.open(model), [inputs], threads=1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return call, lambda: session.run(None, {"x": inputs})


def conv_model(*, layers: int, channels: int, size: int) -> ModelProto:
    """Convolutions of 3 x 3 one after the other, on one image of ``size`` x ``size``; its input is ``x``."""
    rng = np.random.default_rng(0)
    shape = [1, channels, size, size]
    weights = [
        numpy_helper.from_array(rng.standard_normal((channels, channels, 3, 3)).astype(np.float32) * 0.05, f"w{i}") for i in range(layers)
    ]
    nodes = [helper.make_node("Conv", [f"t{i}" if i else "x", f"w{i}"], [f"t{i + 1}"], pads=[1] * 4) for i in range(layers)]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(f"t{layers}", TensorProto.FLOAT, shape)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if __name__ == "__main__":
    raise SystemExit(main())
