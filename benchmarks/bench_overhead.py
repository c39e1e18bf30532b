"""What measuring costs: a timed loop against a bare one around the same call, and a bound ONNX model against a raw session.

Bounds: a call of 1 ms at most 1.02 times the CPU time when timed; a bound ONNX model within 3 % of a raw ``session.run`` loop. Rounds of
both alternate and make pairs; CPU time is compared, since both are single-threaded. A bound holds when the whole 95 % interval lies within.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import onnxruntime
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_bench.instances.driving import Progress, drive
from inc_bench.instances.job import Closed
from inc_bench.intervals import ratio_interval
from onnx import ModelProto, TensorProto, helper, numpy_helper

PAIRS = 25
CALLS = 60
OVERHEAD = 1.02
RAW = 0.03

Call = Callable[[], object]


def main() -> int:
    """Measure, print, and return 1 where a bound is not certain to hold."""
    onnx_call, raw_call = sessions()
    timed_alone = ratios(lambda: bare(work), lambda: timed(work))
    bound = ratios(lambda: bare(raw_call), lambda: timed(onnx_call))
    missed = 0
    for name, found, low_bound, high_bound in (
        ("a timed loop over a bare one", timed_alone, 0.0, OVERHEAD),
        ("a bound ONNX model over a raw session", bound, 1 - RAW, 1 + RAW),
    ):
        ratio, low, high = ratio_interval(found, confidence=0.95)
        holds = low >= low_bound and high <= high_bound
        missed += not holds
        verdict = "holds" if holds else "missed" if low > high_bound else "inconclusive"
        print(f"{name:<40}{ratio:.4f}x [{low:.4f}, {high:.4f}]  bound {high_bound:g}  {verdict}")
    return int(missed > 0)


def work() -> int:
    """About a millisecond of arithmetic."""
    total = 0
    for value in range(25_000):
        total += value
    return total


def bare(call: Call) -> None:
    """What anyone would write."""
    for _ in range(CALLS):
        call()


def timed(call: Call) -> None:
    """What an instance does; the start is now."""
    progress = Progress()
    progress.stop.set()
    drive(call, Closed(calls=CALLS), start=time.perf_counter(), progress=progress)


def ratios(first: Call, second: Call) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """CPU time of the second over the first per pair; the order alternates."""
    bare_s, timed_s = [], []
    for turn in range(PAIRS + 1):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            start = time.process_time()
            (first, second)[which]()
            (bare_s, timed_s)[which].append(time.process_time() - start)
    print(f"  {median(bare_s) / CALLS * 1e3:.3f} ms of CPU per call")
    return np.array(timed_s[1:]) / np.array(bare_s[1:])  # the first pair warms up


def sessions() -> tuple[Call, Call]:
    """The same model through the adaptor and through a session of its own, on the same input and one thread."""
    model = conv_model()
    adaptor = OnnxrtAdaptor()
    inputs = np.random.default_rng(0).standard_normal((1, 32, 32, 32)).astype(np.float32)
    (call,) = adaptor.bind(adaptor.open(model), [inputs], threads=1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return call, lambda: session.run(None, {"x": inputs})


def conv_model() -> ModelProto:
    """Three convolutions of 32 channels on 32 x 32: about a millisecond."""
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.standard_normal((32, 32, 3, 3)).astype(np.float32) * 0.05, f"w{i}") for i in range(3)]
    nodes = [helper.make_node("Conv", [f"t{i}" if i else "x", f"w{i}"], [f"t{i + 1}"], pads=[1] * 4) for i in range(3)]
    shape = [1, 32, 32, 32]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("t3", TensorProto.FLOAT, shape)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if __name__ == "__main__":
    raise SystemExit(main())
