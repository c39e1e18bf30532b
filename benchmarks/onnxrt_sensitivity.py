"""Noise of every operator of a ResNet-50 shape alone on integers, against one inference pass over the same images; on one thread.

Bound: at most 2.5 times. A few operators are probed, spread over the depth of the network, and their CPU time is scaled to all that are
weighted (the others compute on integers only beside these). Pairs of a probe and an inference pass give the interval.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_orchestrate.probes import SAMPLES, Prober
from inc_orchestrate.progress import Progress
from inc_strategy import Probe
from interleaved import summarized
from models import images, resnet50

BOUND = 2.5
PROBED = 6


def main() -> int:
    """Measure, print and return 1 where the bound is not certain to hold."""
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(resnet50())
    feeds = images(SAMPLES)
    capabilities = adaptor.capabilities(handle, adaptor.target(), batches=feeds[:1])
    plan = capabilities.plan()
    statistics = adaptor.observe(handle, feeds[:2], adaptor.wanted(capabilities, (plan,)))
    emitter = adaptor.emitter(handle, statistics, capabilities)
    prober = Prober(adaptor=adaptor, original=handle, emitter=emitter, batches=tuple(feeds), progress=Progress(quiet=True))
    weighted = [op.op for op in capabilities.ops if op.weight_bytes and op.is_quantizable]
    run = adaptor.predictor(handle, threads=1)

    def infer() -> None:
        for feed in feeds:
            run(feed)

    infer()
    emitter.emit(plan)  # quantizes the weights, which calibration is followed by anyway
    ratios, undisturbed = [], []
    for op in weighted[:: max(1, len(weighted) // PROBED)]:
        probe = Probe(kind="mse", plan=plan, ops=(op,), batches=SAMPLES)
        probed, calm = cpu_s(lambda probe=probe: prober.run(0, probe))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        once, also_calm = cpu_s(infer)
        alone = probed - once  # the pass of the float model is made once for all operators
        ratios.append((alone * len(weighted) + once) / once)
        undisturbed.append(calm and also_calm)
    ratio = summarized(np.array(ratios), np.array(undisturbed))
    print(f"{len(weighted)} operators, {SAMPLES} images: {ratio} one inference pass, bound {BOUND}x: {ratio.verdict(BOUND)}")
    return int(ratio.verdict(BOUND) != "holds")


def cpu_s(call: Callable[[], object]) -> tuple[float, bool]:
    """CPU seconds of a call, and whether nothing disturbed it."""
    start = time.process_time(), time.perf_counter()
    call()
    spent, wall = time.process_time() - start[0], time.perf_counter() - start[1]
    return spent, spent >= 0.95 * wall


if __name__ == "__main__":
    sys.exit(main())
