"""One more int8 model of a ResNet-50-shaped network, against running onnxruntime's own QDQ quantizer on the same ranges.

Bound: the emission alone, of a plan not seen before, is at least 10 times as fast (CPU time of paired runs; the whole 95 % interval lies
above it). The first emission, which also quantizes the weights, and the session are printed beside it.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_bench.intervals import ratio_interval
from inc_config.capabilities import Capabilities
from inc_config.plan import QuantizationPlan
from models import images, resnet50
from onnx import ModelProto

BOUND = 10.0
ROUNDS = 12
RANGE = StatisticSpec("range")


def main() -> int:
    """Measure, print the table and return 1 where the bound is not certain to hold."""
    logging.disable(logging.WARNING)  # the reference warns about a missing pre-processing step that the model has had
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(resnet50())
    capabilities = adaptor.capabilities(handle, adaptor.target())
    keys = adaptor.tensors(handle)
    statistics = adaptor.observe(handle, images(2), {key: frozenset({RANGE}) for key in keys})
    ranges = {name: statistics.values[key][RANGE] for key, name in keys.items()}
    float_model = adaptor.emitter(handle, statistics, capabilities).emit(float_plan(capabilities)).native

    emitter = adaptor.emitter(handle, statistics, capabilities)
    first = cpu_s(lambda: emitter.emit(capabilities.plan()))
    pairs = []
    for plan in other_plans(capabilities):
        ours = cpu_s(partial(emitter.emit, plan))
        quantizer = reference(float_model, ranges, plan)
        pairs.append((cpu_s(quantizer.quantize_model), ours))
    times = np.array(pairs)
    ratio, low, high = ratio_interval(times[:, 0] / times[:, 1], confidence=0.95)
    session = cpu_s(lambda: adaptor.predictor(emitter.emit(capabilities.plan()), threads=1))
    theirs, ours = np.median(times, axis=0)
    print(f"{'one more plan':<44}{'CPU s':>8}")
    print(f"{'onnxruntime QDQ quantizer, same ranges':<44}{theirs:>8.3f}")
    print(f"{'emission from the skeleton':<44}{ours:>8.3f}")
    print(f"{'(first emission, weights quantized)':<44}{first:>8.3f}")
    print(f"{'(emission and session)':<44}{session:>8.3f}")
    print(
        f"\n{ratio:.1f}x [{low:.1f}, {high:.1f}] as fast, bound {BOUND:g}",
        "holds" if low >= BOUND else "missed" if high < BOUND else "inconclusive",
    )
    return 0 if low >= BOUND else 1


def float_plan(capabilities: Capabilities) -> QuantizationPlan:
    """Every operator in float."""
    plan = capabilities.plan()
    return plan.with_float(plan.quantized)


def other_plans(capabilities: Capabilities) -> list[QuantizationPlan]:
    """Plans with a random tenth of the weighted operators in float, each another."""
    rng = np.random.default_rng(0)
    plan = capabilities.plan()
    weighted = [op.op for op in capabilities.ops if op.weight_bytes]
    return [plan.with_float(op for op in weighted if rng.random() < 0.1) for _ in range(ROUNDS)]


def reference(model: ModelProto, ranges: dict[str, Any], plan: QuantizationPlan) -> Any:
    """onnxruntime's quantizer over a fresh copy of the model, ready to run."""
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    copy = ModelProto()
    copy.CopyFrom(model)
    found = {name: (np.float32(r.minimum), np.float32(r.maximum)) for name, r in ranges.items()}
    for node in model.graph.node:  # it asks for the range before a Relu too, and then uses the one behind it
        if node.op_type == "Relu":
            found.setdefault(node.input[0], found[node.output[0]])
    return QDQQuantizer(
        copy,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, found),
        nodes_to_quantize=[],
        nodes_to_exclude=[op.scope for op, op_plan in plan.ops.items() if not op_plan.is_quantized],
        op_types_to_quantize=["Conv", "Gemm", "Add", "MaxPool", "GlobalAveragePool", "Flatten", "Relu"],
        extra_options={},
    )


def cpu_s(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
